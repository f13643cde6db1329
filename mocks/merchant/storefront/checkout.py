"""Checkout: one cart becomes one order, whatever is repeated, lost or killed on the way.

The snapshot, the reservation and the order number are committed before the gateway is asked; the gateway is asked
outside any transaction, with one idempotency key; its answer is settled in one transaction that makes the order.
A checkout left in between is finished by `reconcile`, a webhook or the customer's next try, whoever comes first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import Declined, PaymentState
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.stock import release_reservation, reservation_expiry, reserve, shelf_needs
from mocks.merchant.ids import digest, next_id, next_number
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import completion
from mocks.merchant.storefront.assortment import refuse_off_sale
from mocks.merchant.storefront.cart import load_cart
from mocks.merchant.storefront.catalogue import unit_weight_g
from mocks.merchant.storefront.coupon import claim_coupon, find_coupon, give_back_coupon
from mocks.merchant.storefront.credit import hold_credit, release_credit
from mocks.merchant.storefront.gift_card import hold_gift_card, release_gift_card
from mocks.merchant.storefront.order import order_view
from mocks.merchant.storefront.payment import (
    AT_GATEWAY,
    gateway_of,
    held_method,
    methods_for,
    refuse_unsupported,
    start_payment,
)
from mocks.merchant.storefront.pricing import quote_cart
from mocks.merchant.storefront.progress import find_order

_KINDS = (*AT_GATEWAY, "gift_card", "invoice")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API answers to a checkout."""

    status: int
    body: dict[str, Any]


@seam("checkout")
def resumable(status: str) -> bool:
    """Say whether a cart's earlier checkout is taken up again instead of beginning another one."""
    return status in ("paying", "requires_action", "declined", "ordered")


@seam("cart")
def cart_is_free(status: str) -> bool:
    """Say whether a cart may begin a checkout: no other submit of it is being paid."""
    return status == "open"


@seam("fraud")
def too_many_attempts(recent: int, limit: int) -> bool:
    """Say whether a card payment is refused because too many were declined within the last minute."""
    return recent >= limit


@seam("checkout")
def unknown_outcome() -> str:
    """Return what a customer is told when the gateway did not answer in time: processing."""
    return "processing"


@seam("checkout")
def order_number(number: int) -> str:
    """Return the order number customers and other systems see."""
    return f"A{number}"


def checkout(shop: Shop, cart_id: str, content: Mapping[str, Any]) -> Reply:
    """Turn a cart into an order, paid as the request says; or say why not, or where the customer has to go."""
    payment = _payment(shop, content)
    with shop.database.write() as connection:
        known = _open_checkout(connection, cart_id)
        if known is None or (known["status"] == "declined" and payment["kind"] in AT_GATEWAY):
            begun = _begin(connection, shop, cart_id, payment, known)
        else:
            begun = None
    if begun is not None:
        return pay(shop, *begun)
    assert known is not None
    row, body = known, unpack(known["body"])
    if row["status"] == "requires_action":
        return _action_reply(row, body)
    if row["status"] == "ordered":
        return order_reply(shop, row["order_id"], body, 200)
    if row["status"] == "declined":
        raise Refusal(409, "payment_declined", "The payment was declined; choose another way to pay.")
    raise Refusal(409, "checkout_in_progress", "This cart is being paid; ask again in a moment.", checkout=row["id"])


def remember_request(shop: Shop, key: str, request_digest: str) -> None:
    """Bind an idempotency key to its request. Raises `Refusal` 409 for another request under the same key."""
    with shop.database.write() as connection:
        connection.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", (key, request_digest, shop.now_iso()))
        known = connection.execute("SELECT digest FROM replies WHERE key = ?", (key,)).fetchone()
    if known["digest"] != request_digest:
        raise Refusal(409, "key_reused", "This Idempotency-Key was used for another request.")


def pay(shop: Shop, row: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """Carry out the payment of a checkout that is being paid, and settle it."""
    if Decimal(body["due"]) == 0 or body["payment"]["kind"] not in AT_GATEWAY:
        with shop.database.write() as connection:
            completion.complete_without_gateway(connection, shop, row, body)
        return order_reply(shop, row["order_id"], body, 201)
    try:
        attempt = start_payment(shop, row, body)
    except Unreachable:
        # Whether the money was taken is unknown: the reservation stays, `reconcile` asks again with the same key.
        if unknown_outcome() == "failed":
            raise Refusal(402, "payment_declined", "The payment failed.", checkout=row["id"]) from None
        return _processing(row, body)
    except (Refused, ValueError) as error:
        if isinstance(error, Refused) and (error.is_temporary or error.status in (0, 409)):
            return _processing(row, body)
        abandon(shop, row, "refused by the gateway")
        raise Refusal(502, "payment_unavailable", f"The payment could not be made: {error}") from error
    return settle(shop, row["id"], attempt.state, declined=attempt.declined, message=attempt.message)


def methods_of(shop: Shop, cart_id: str) -> list[dict[str, str | None]]:
    """Return the ways a cart can be paid as it is now."""
    with shop.database.write() as connection:
        _, cart = load_cart(connection, cart_id)
        coupon = find_coupon(connection, cart["coupon"]) if cart["coupon"] else None
    return methods_for(shop, cart["currency"], quote_cart(shop, cart, coupon).total)


def settle(
    shop: Shop,
    checkout_id: str,
    state: PaymentState | None,
    *,
    declined: str | None = None,
    message: str | None = None,
) -> Reply:
    """Take over what the gateway says of a checkout's payment; safe to repeat and to run twice at once."""
    with shop.database.write() as connection:
        row, body = load_checkout(connection, checkout_id)
        outcome = completion.outcome_of(state.status if state else "", declined)
        if row["status"] != "ordered":
            if outcome == "completed" and state is not None:
                completion.complete(connection, shop, row, body, state)
            elif outcome == "action" and row["status"] in ("paying", "requires_action"):
                _remember(connection, shop, row, body, "requires_action", state)
            elif row["status"] in ("paying", "requires_action", "declined"):
                _remember(connection, shop, row, body, "declined", state)
                attempt = (_attempt_key(body["customer"]), shop.now_iso())
                connection.execute("INSERT INTO attempts (key, at) VALUES (?, ?)", attempt)
                _give_back(connection, row, shop.now_iso(), reason="payment failed")
        row, body = load_checkout(connection, checkout_id)
    if row["status"] == "ordered":
        return order_reply(shop, row["order_id"], body, 201)
    if row["status"] == "requires_action":
        return _action_reply(row, body)
    code = declined or "payment_failed"
    raise Refusal(402, "payment_declined", message or "The payment was declined.", reason=code, checkout=row["id"])


def come_back(shop: Shop, row: Mapping[str, Any], body: dict[str, Any], query: Mapping[str, str]) -> Reply:
    """Take up a checkout whose customer comes back from the bank or the gateway's page with this query."""
    gateway = shop.gateway(body["intent_at"])
    if not gateway.confirms_again and row["status"] != "requires_action":
        # Nothing is taken any more for a checkout that is over, whatever the customer agreed to.
        raise Refusal(402, "payment_declined", "This checkout is over; begin again.", checkout=row["id"])
    if not gateway.can_be_asked and query.get("redirectResult"):
        kept = {"redirectResult": query["redirectResult"]}
        with shop.database.write() as connection:
            connection.execute(
                "UPDATE checkouts SET body = json_set(body, '$.brought_back', json(?)) WHERE id = ?",
                (pack(kept), row["id"]),
            )
    try:
        if query.get("cancelled") and gateway.can_be_asked:
            state = gateway.retrieve(body["intent"])
            if state.status == "requires_action":
                return settle(shop, row["id"], state, declined="cancelled", message="The customer did not pay.")
        state = gateway.returned(body["intent"], query, manual=bool(body["payment"].get("manual")))
    except Declined as declined:
        return settle(shop, row["id"], declined.state, declined=declined.code, message=declined.message)
    except Unreachable:
        return _processing(row, body)
    return settle(shop, row["id"], state, declined=outcome_of_return(state.status))


@seam("3DS")
def outcome_of_return(intent_status: str) -> str | None:
    """Return why a payment counts as declined when the browser comes back, or None: what the gateway says decides."""
    return "authentication_failed" if intent_status in ("requires_payment_method", "canceled") else None


def abandon(shop: Shop, row: Mapping[str, Any], reason: str) -> None:
    """Give up a checkout that took no money: reservation, coupon and gift card go back, the cart opens again."""
    with shop.database.write() as connection:
        current, _ = load_checkout(connection, row["id"])
        if current["status"] in ("ordered", "abandoned"):
            return
        connection.execute("UPDATE checkouts SET status = 'abandoned', due_at = NULL WHERE id = ?", (row["id"],))
        if current["status"] != "superseded":  # one that was superseded gave everything back, its cart is another's now
            _give_back(connection, current, shop.now_iso(), reason=reason)


def load_checkout(connection: sqlite3.Connection, checkout_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a checkout and its content. Raises `Refusal` 404."""
    row = connection.execute("SELECT * FROM checkouts WHERE id = ?", (checkout_id,)).fetchone()
    if row is None:
        raise Refusal(404, "unknown_checkout", f"There is no checkout '{checkout_id}'.")
    return dict(row), unpack(row["body"])


def order_reply(shop: Shop, order_id: str, body: Mapping[str, Any], status: int) -> Reply:
    """Return the order with the key its buyer reads it by."""
    view = order_view(shop, find_order(shop.database.read(), order_id))
    return Reply(status, {**view, "access_key": body["access_key"]})


def _payment(shop: Shop, content: Mapping[str, Any]) -> dict[str, Any]:
    payment = content.get("payment")
    if not isinstance(payment, Mapping) or payment.get("kind") not in _KINDS:
        raise Refusal(
            422, "invalid", f"'payment.kind' must be one of {', '.join(_KINDS)}.", field="payment.kind", seen=payment
        )
    kind = payment["kind"]
    if kind not in shop.settings["payment_methods"]:
        raise Refusal(
            422, "invalid", f"'{kind}' is not offered.", field="payment.kind", offered=shop.settings["payment_methods"]
        )
    gateway, method = None, None
    if kind in AT_GATEWAY:
        given = payment.get("payment_method")
        gateway = gateway_of(kind, given)
        method = held_method(shop, gateway, given) if gateway != "paypal" else None
    chosen = {
        "kind": kind,
        "gateway": gateway,
        "payment_method": method,
        "gift_card": payment.get("gift_card"),
        "manual": kind in ("card", "paypal") and shop.settings["capture"] == "on_shipment",
    }
    if kind == "gift_card" and not isinstance(chosen["gift_card"], str):
        raise Refusal(422, "invalid", "'payment.gift_card' must be a code.", field="payment.gift_card")
    return chosen


def _open_checkout(connection: sqlite3.Connection, cart_id: str) -> dict[str, Any] | None:
    row = connection.execute(
        "SELECT * FROM checkouts WHERE cart_id = ? AND status != 'abandoned' ORDER BY rowid DESC LIMIT 1", (cart_id,)
    ).fetchone()
    if row is None or not resumable(row["status"]):
        return None
    return dict(row)


def _begin(
    connection: sqlite3.Connection,
    shop: Shop,
    cart_id: str,
    payment: dict[str, Any],
    declined: Mapping[str, Any] | None,
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Commit the snapshot of a cart as a checkout that is being paid; take up a declined one if nothing changed."""
    status, cart = load_cart(connection, cart_id)
    if not cart_is_free(status):
        raise Refusal(409, "cart_ordered", "This cart is being paid or is an order already.")
    _ready(cart)
    refuse_off_sale(shop, [line["sku"] for line in cart["lines"]])
    if payment["kind"] == "invoice" and not cart["customer"].get("company"):
        raise Refusal(422, "invalid", "Only companies buy on invoice: set 'company'.", field="customer.company")
    _limit_attempts(connection, shop, cart, payment)
    if payment["gateway"]:
        refuse_unsupported(shop, payment["kind"], payment["gateway"], cart["currency"])
    coupon = find_coupon(connection, cart["coupon"], even_used_up=declined is not None) if cart["coupon"] else None
    quote = quote_cart(shop, cart, coupon).body
    if declined is not None:
        old = unpack(declined["body"])
        if old["quote"] == quote and old["customer"] == cart["customer"] and old["address"] == cart["address"]:
            return _again(connection, shop, cart, payment, declined, old)
        connection.execute(
            "UPDATE checkouts SET status = 'superseded', due_at = ? WHERE id = ?", (shop.now_iso(), declined["id"])
        )
    return _fresh(connection, shop, cart, payment, quote)


def _fresh(
    connection: sqlite3.Connection, shop: Shop, cart: dict[str, Any], payment: dict[str, Any], quote: dict[str, Any]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    seed, access_key = shop.config.seed, shop.new_secret()
    row = {
        "id": next_id(connection, "chk", seed),
        "cart_id": cart["id"],
        "order_id": next_id(connection, "ord", seed),
        "number": order_number(next_number(connection, "order", 100001)),
        "status": "paying",
    }
    weights = ((shop.catalogue.product(line["sku"]), line["quantity"]) for line in cart["lines"])
    body = {
        "quote": quote,
        "customer": cart["customer"],
        "address": cart["address"],
        "channel": cart["channel"],
        "customer_id": cart["customer_id"],
        "payment": payment,
        "attempt": 1,
        "access_key": access_key,
        "access_hash": digest(access_key),
        "weight_g": sum(unit_weight_g(shop.catalogue, product) * quantity for product, quantity in weights),
        "due": quote["total"],
    }
    connection.execute(
        "INSERT INTO checkouts VALUES (?, ?, 'paying', ?, ?, NULL, ?, ?, ?)",
        (row["id"], cart["id"], row["order_id"], row["number"], None, shop.now_iso(), pack(body)),
    )
    _claim(connection, shop, row, body)
    return row, body


def _again(
    connection: sqlite3.Connection,
    shop: Shop,
    cart: dict[str, Any],
    payment: dict[str, Any],
    declined: Mapping[str, Any],
    body: dict[str, Any],
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    body |= {"payment": payment, "attempt": body["attempt"] + 1, "due": body["quote"]["total"]}
    connection.execute("UPDATE checkouts SET status = 'paying' WHERE id = ?", (declined["id"],))
    _claim(connection, shop, declined, body)
    return {**declined, "status": "paying"}, body


def _claim(connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any], body: dict[str, Any]) -> None:
    """Reserve stock, coupon, gift card and credit for a checkout and close its cart, all or nothing."""
    expires = reservation_expiry(shop.later_iso(shop.settings["reservation_ttl_s"]))
    reserve(connection, shop, shelf_needs(shop, body["quote"]["lines"]), row["id"], expires)
    if body["quote"]["coupon"]:
        claim_coupon(connection, body["quote"]["coupon"], row["id"], shop.now_iso())
    if body["payment"].get("gift_card"):
        hold_gift_card(connection, body)
    hold_credit(connection, shop, row, body)
    due = shop.later_iso(shop.settings["reconcile_after_s"])
    connection.execute("UPDATE checkouts SET body = ?, due_at = ? WHERE id = ?", (pack(body), due, row["id"]))
    connection.execute("UPDATE carts SET status = 'paying' WHERE id = ?", (row["cart_id"],))


def _give_back(connection: sqlite3.Connection, row: Mapping[str, Any], at: str, *, reason: str) -> None:
    release_reservation(connection, row["id"], reason)
    give_back_coupon(connection, row["id"])
    body = unpack(row["body"])
    release_gift_card(connection, row["id"], body)
    release_credit(connection, row, body, at)
    connection.execute("UPDATE carts SET status = 'open' WHERE id = ? AND status = 'paying'", (row["cart_id"],))


def _remember(
    connection: sqlite3.Connection,
    shop: Shop,
    row: Mapping[str, Any],
    body: dict[str, Any],
    status: str,
    state: PaymentState | None,
) -> None:
    """Note where a checkout stands that is not an order yet."""
    if state is not None and state.reference:
        body["intent"], body["intent_at"] = state.reference, state.gateway
    body["redirect"] = state.redirect if state else None
    lapses = reservation_expiry(shop.later_iso(shop.settings["reservation_ttl_s"]))
    due = lapses if status == "requires_action" else None
    connection.execute(
        "UPDATE checkouts SET status = ?, intent = ?, due_at = ?, body = ? WHERE id = ?",
        (status, body.get("intent"), due, pack(body), row["id"]),
    )


def _ready(cart: Mapping[str, Any]) -> None:
    if not cart["lines"]:
        raise Refusal(422, "empty_cart", "The cart holds nothing.")
    if cart["customer"] is None or cart["address"] is None:
        raise Refusal(422, "no_customer", "Say first who buys and where it goes: PUT /api/carts/{id}/customer.")


def _limit_attempts(
    connection: sqlite3.Connection, shop: Shop, cart: Mapping[str, Any], payment: Mapping[str, Any]
) -> None:
    if payment["kind"] != "card":
        return
    key = _attempt_key(cart["customer"])
    recent = connection.execute(
        "SELECT COUNT(*) FROM attempts WHERE key = ? AND at > ?", (key, shop.later_iso(-60))
    ).fetchone()[0]
    if too_many_attempts(recent, shop.settings["card_attempts_per_minute"]):
        raise Refusal(429, "too_many_attempts", "Too many payments were declined; wait a minute.")


def _attempt_key(customer: Mapping[str, Any]) -> str:
    return f"card:{customer['email'].lower()}"


def _reference(row: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, str]:
    return {"id": row["order_id"], "number": row["number"], "access_key": body["access_key"]}


def _processing(row: Mapping[str, Any], body: Mapping[str, Any]) -> Reply:
    return Reply(202, {"status": "processing", "checkout": row["id"], "order": _reference(row, body)})


def _action_reply(row: Mapping[str, Any], body: Mapping[str, Any]) -> Reply:
    return Reply(
        202,
        {
            "status": "requires_action",
            "checkout": row["id"],
            "redirect_url": body["redirect"],
            "order": _reference(row, body),
        },
    )
