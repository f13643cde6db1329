"""Operations of the shop's own people: dead letters, held orders, returns received, labels bought again, movements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mocks.merchant.api.handling import Call
from mocks.merchant.api.orders import require_operator
from mocks.merchant.api.worth import worth_of
from mocks.merchant.database import pack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub import outbox, shipping
from mocks.merchant.ids import next_id
from mocks.merchant.policy.money import plain
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import refund, returns
from mocks.merchant.storefront.checkout import Reply
from mocks.merchant.storefront.gift_card import seed_gift_cards
from mocks.merchant.storefront.order import confirm, money, order_view
from mocks.merchant.storefront.progress import find_order, move_payment, record


def list_dead_letters(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the outbox entries that were given up and the labels that wait for a person."""
    require_operator(shop, call)
    labels = shop.database.all("SELECT id, order_id, delivery, error FROM shipments WHERE state = 'failed'")
    return {"outbox": outbox.dead_letters(shop), "labels": [dict(row) for row in labels]}


def replay_dead_letter(shop: Shop, call: Call) -> dict[str, Any]:
    """Queue a dead letter again."""
    require_operator(shop, call)
    number = call.params["id"]
    if not number.isdecimal() or not outbox.replay(shop, int(number[:15])):
        raise Refusal(404, "unknown_entry", f"There is no dead letter '{number}'.")
    return {"id": int(number), "state": "queued"}


def list_held(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the orders that wait for approval or review."""
    require_operator(shop, call)
    rows = shop.database.all("SELECT id, number, hold, placed_at FROM orders WHERE hold IS NOT NULL ORDER BY placed_at")
    return {"orders": [dict(row) for row in rows]}


def release(shop: Shop, call: Call) -> dict[str, Any]:
    """Approve an order or end its review: it goes on to the ERP."""
    require_operator(shop, call)
    with shop.database.write() as connection:
        order = find_order(connection, call.params["id"])
        if order["hold"] is None:
            raise Refusal(409, "not_held", f"Order {order['number']} is not held.")
        connection.execute("UPDATE orders SET hold = NULL WHERE id = ?", (order["id"],))
        record(connection, order["id"], shop.now_iso(), "hold", "released", order["hold"])
        confirm(connection, shop, order["id"], f"{order['hold']} ended")
    return order_view(shop, find_order(shop.database.read(), order["id"]))


def invoice_paid(shop: Shop, call: Call) -> dict[str, Any]:
    """Record that an order on invoice was paid by bank transfer, in full."""
    require_operator(shop, call)
    with shop.database.write() as connection:
        order = find_order(connection, call.params["id"])
        if not move_payment(connection, shop, order["id"], "paid", "bank transfer"):
            raise Refusal(409, "not_open", f"Order {order['number']} is {order['payment_status']}.")
        connection.execute(
            "INSERT INTO payments VALUES (?, ?, ?, 'bank', ?, 'invoice', 'succeeded', ?, ?, ?, ?, ?)",
            (
                next_id(connection, "pay", shop.config.seed), order["id"], order["checkout_id"],
                f"bank-{order['number']}", order["currency"], order["total"], order["total"],
                plain(Decimal(0), order["currency"]), pack({}),
            ),
        )  # fmt: skip
    return order_view(shop, find_order(shop.database.read(), order["id"]))


def receive_return(shop: Shop, call: Call) -> dict[str, Any]:
    """Take in a return and refund it."""
    require_operator(shop, call)
    received = returns.receive_return(shop, call.params["id"])
    for refund_id in received["refunds"]:
        refund.carry_out(shop, refund_id)
    return received


def buy_label_again(shop: Shop, call: Call) -> dict[str, Any]:
    """Void the labels of an order's parcels that have not moved and buy new ones."""
    require_operator(shop, call)
    count = shipping.void_label(shop, call.params["id"], buy_again=True)
    if count == 0:
        raise Refusal(409, "no_label", "The order has no label that can be voided.")
    return {"voided": count}


def issue_gift_card(shop: Shop, call: Call) -> Reply:
    """Make a gift card of a value in one currency."""
    require_operator(shop, call)
    amount, currency = worth_of(shop, call.json(), "value")
    code = f"GIFT-{shop.new_secret()}"
    with shop.database.write() as connection:
        seed_gift_cards(connection, [{"code": code, "currency": currency, "balance": plain(amount, currency)}])
    return Reply(201, {"code": code, "balance": money(plain(amount, currency), currency)})


def list_movements(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the stock movements of a SKU, oldest first, and its live reservations."""
    require_operator(shop, call)
    sku = call.params["sku"]
    shop.catalogue.product(sku)
    movements = shop.database.all("SELECT kind, quantity, reference, at FROM movements WHERE sku = ? ORDER BY id", sku)
    live = shop.database.all(
        "SELECT quantity, holder, state, expires_at, at FROM reservations"
        " WHERE sku = ? AND state IN ('open', 'committed')",
        sku,
    )
    return {"sku": sku, "movements": [dict(row) for row in movements], "reservations": [dict(row) for row in live]}


def list_jobs(shop: Shop, call: Call) -> dict[str, Any]:
    """Return when each interval job last ran and runs next."""
    require_operator(shop, call)
    return {"jobs": [dict(row) for row in shop.database.all("SELECT name, last_at, next_at FROM jobs ORDER BY name")]}
