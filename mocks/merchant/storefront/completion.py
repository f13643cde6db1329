"""Completion: the one place where a paid checkout becomes an order, whoever reports the payment first."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import PaymentState
from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.stock import commit_reservation, holds, reserve, shelf_needs
from mocks.merchant.ids import next_id
from mocks.merchant.policy.money import plain
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.credit import record_credit
from mocks.merchant.storefront.order import confirm, insert_order
from mocks.merchant.storefront.payment import payment_status_of, record_payment
from mocks.merchant.storefront.progress import find_order, move

_DONE = ("succeeded", "requires_capture", "processing")


@seam("completion")
def outcome_of(intent_status: str, declined: str | None) -> str:
    """Return what an intent means for its checkout: completed, action (the customer has to authenticate) or failed."""
    if declined is None and intent_status in _DONE:
        return "completed"
    return "action" if declined is None and intent_status == "requires_action" else "failed"


@seam("completion")
def order_lines_at_completion(snapshot: list[dict[str, Any]], cart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lines an order gets: those the payment was made for, whatever the cart holds by now."""
    return snapshot


@seam("completion")
def before_order_is_written(number: str) -> None:
    """Do what has to be done between a payment and the writing of its order: nothing that could fail."""


@seam("fraud")
def review_hold(total_base: Decimal, limit: Decimal | None, postcode_check: str | None, check_postcode: bool) -> bool:
    """Say whether an order is held for review: worth at least the limit, or the card's postcode does not match."""
    if limit is not None and total_base >= limit:
        return True
    return check_postcode and postcode_check == "fail"


@seam("checkout")
def approval_hold(total_base: Decimal, limit: Decimal, switched_on: bool) -> bool:
    """Say whether a company's order on invoice waits for approval."""
    return switched_on and total_base >= limit


def complete(
    connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: dict[str, Any], state: PaymentState
) -> None:
    """Make the order of a checkout paid, authorised or pending at the gateway, inside the caller's transaction."""
    before_order_is_written(row["number"])
    in_stock = _take_stock(connection, shop, row, body)
    payment_status = payment_status_of(state.status)
    hold = _hold_for(shop, body, state)
    order_id = _insert(connection, shop, row, body, payment_status, hold)
    record_payment(connection, shop, row, state, body["payment"]["kind"])
    _close(connection, row, state.reference)
    order = find_order(connection, order_id)
    if not in_stock:
        from mocks.merchant.storefront.cancel import cancel_in  # cancelling builds on completed orders

        cancel_in(connection, shop, order, "sold out before the payment arrived")
    elif payment_status == "pending":
        write_message(connection, shop, order, "payment_pending")
    elif hold:
        write_message(connection, shop, order, "order_held")
    else:
        confirm(connection, shop, order_id, "payment")


def complete_without_gateway(
    connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: dict[str, Any]
) -> None:
    """Make the order of a checkout paid by gift card alone, or on invoice by a company."""
    current = connection.execute("SELECT status FROM checkouts WHERE id = ?", (row["id"],)).fetchone()
    if current["status"] == "ordered":
        return
    on_invoice = body["payment"]["kind"] == "invoice"
    commit_reservation(connection, row["id"])
    waits = on_invoice and approval_hold(
        _base_total(body), Decimal(shop.settings["approval_from"]), shop.settings["b2b_approval"]
    )
    hold = "approval" if waits else None
    order_id = _insert(connection, shop, row, body, "pending" if on_invoice else "paid", hold)
    _close(connection, row, None)
    if hold:
        write_message(connection, shop, find_order(connection, order_id), "order_held")
    else:
        confirm(connection, shop, order_id, "order on invoice" if on_invoice else "payment")


def payment_arrived(connection: sqlite3.Connection, shop: Shop, order_id: str, cause: str) -> None:
    """Release an order whose pending payment has succeeded."""
    order = find_order(connection, order_id)
    if order["hold"] is None and order["status"] == "pending":
        confirm(connection, shop, order_id, cause)


def _insert(
    connection: sqlite3.Connection,
    shop: Shop,
    row: Mapping[str, Any],
    body: dict[str, Any],
    payment_status: str,
    hold: str | None,
) -> str:
    cart = connection.execute("SELECT body FROM carts WHERE id = ?", (row["cart_id"],)).fetchone()
    lines = order_lines_at_completion(body["quote"]["lines"], unpack(cart["body"]))
    content = {**body, "quote": {**body["quote"], "lines": lines}}
    order_id = insert_order(connection, shop, row, content, status="pending", payment_status=payment_status, hold=hold)
    if hold:
        move(connection, shop, order_id, "held", hold)
    if body.get("gift"):
        _record_gift(connection, shop, row, body)
    record_credit(connection, shop, row, body)
    return order_id


def _take_stock(connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Commit the reservation, taking the stock again where it lapsed meanwhile; say whether it was there."""
    if not holds(connection, row["id"]):
        connection.execute("SAVEPOINT again")
        try:
            reserve(connection, shop, shelf_needs(shop, body["quote"]["lines"]), row["id"], None)
        except Refusal:
            connection.execute("ROLLBACK TO again")
            return False
        finally:
            connection.execute("RELEASE again")
    commit_reservation(connection, row["id"])
    return True


def _hold_for(shop: Shop, body: Mapping[str, Any], state: PaymentState) -> str | None:
    limit = shop.settings["review_from"]
    is_held = review_hold(
        _base_total(body),
        Decimal(limit) if limit else None,
        state.postcode_check,
        shop.settings["review_postcode_check"],
    )
    return "review" if is_held else None


def _base_total(body: Mapping[str, Any]) -> Decimal:
    rate = body["quote"]["rate"]["rate"]
    total = Decimal(body["quote"]["total"])
    return total / Decimal(rate) if rate else total


def _record_gift(connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    gift, currency = body["gift"], body["quote"]["currency"]
    connection.execute(
        "INSERT INTO payments VALUES (?, ?, ?, 'gift_card', ?, 'gift_card', 'succeeded', ?, ?, ?, ?, ?)",
        (
            next_id(connection, "pay", shop.config.seed), row["order_id"], row["id"], f"gift-{row['id']}", currency,
            gift["amount"], gift["amount"], plain(Decimal(0), currency), pack({"code_ending": gift["code"][-4:]}),
        ),
    )  # fmt: skip


def _close(connection: sqlite3.Connection, row: Mapping[str, Any], intent: str | None) -> None:
    connection.execute(
        "UPDATE checkouts SET status = 'ordered', due_at = NULL, intent = ? WHERE id = ?", (intent, row["id"])
    )
    connection.execute("UPDATE carts SET status = 'ordered' WHERE id = ?", (row["cart_id"],))
