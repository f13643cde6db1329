"""What a gateway tells of a payment, by event or when asked: a checkout is completed, its order follows, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import PaymentState
from mocks.merchant.hub.capture import amount_due, capture_units
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.stock import release_reservation
from mocks.merchant.policy.money import to_minor_units
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import checkout, completion
from mocks.merchant.storefront.payment import expected_units, matches_order, payment_status_of, record_payment
from mocks.merchant.storefront.progress import find_order, move, move_payment, record
from mocks.merchant.storefront.refund import return_everything

_TAKEN = ("succeeded", "requires_capture", "processing")


def payment_seen(shop: Shop, checkout_id: str, state: PaymentState) -> str:
    """Bring a checkout and its order to where its payment stands; late news of a lower state changes nothing."""
    row, body = checkout.load_checkout(shop.database.read(), checkout_id)
    if state.purpose:
        return "extra charge"
    ordered = row["status"] == "ordered"
    told = [state.units, state.received] if state.status == "succeeded" and not ordered else [state.units]
    expected, currency = expected_units(body, state.gateway), body["quote"]["currency"]
    if state.status in _TAKEN and not all(matches_order(units, state.currency, expected, currency) for units in told):
        shop.log.write("amount_differs", checkout=checkout_id, payment=state.reference, alarm=True)
        return "amount differs"
    if not ordered:
        if state.status in _TAKEN:
            checkout.settle(shop, checkout_id, state)
            return "completed"
        return "noted"
    return _order_follows(shop, row, state)


def _order_follows(shop: Shop, row: Mapping[str, Any], state: PaymentState) -> str:
    with shop.database.write() as connection:
        order = find_order(connection, row["order_id"])
        payment = connection.execute("SELECT * FROM payments WHERE reference = ?", (state.reference,)).fetchone()
        if payment is None or is_old_news(payment["status"], state.status):
            return "known"
        if payment["status"] == "capturing" and state.status == "requires_capture":
            return "known"
        matches = _is_due(connection, order, payment, state)
        record_payment(connection, shop, row, state, payment["kind"])
        if not matches:
            _park(connection, shop, order, state)
            return "amount differs"
        new = payment_status_of(state.status)
        if new == "paid" and order["status"] == "cancelled":
            return_everything(connection, shop, order, "paid after the order was cancelled")
            move_payment(connection, shop, order["id"], "paid", "event")
            return "returned"
        if not move_payment(connection, shop, order["id"], new, "event"):
            return "late"
        if new in ("paid", "authorised"):
            completion.payment_arrived(connection, shop, order["id"], "payment arrived")
        elif new in ("failed", "voided") and order["status"] == "pending":
            _payment_failed(shop, row, order["id"])
    return new


@seam("events in")
def is_old_news(payment_status: str, intent_status: str) -> bool:
    """Say whether an event tells nothing new of a payment: it is final already, or stands there already."""
    return payment_status in ("succeeded", "canceled") or payment_status == intent_status


@seam("stock and bundles")
def stock_after_failed_debit(order_id: str) -> bool:
    """Say whether the stock of an order whose debit bounced is given back."""
    return True


def _is_due(connection: sqlite3.Connection, order: sqlite3.Row, payment: sqlite3.Row, state: PaymentState) -> bool:
    """Say whether what was captured of an authorisation is what the shop had to capture."""
    if state.status != "succeeded" or payment["status"] not in ("requires_capture", "capturing"):
        return True
    currency, gateway = payment["currency"], payment["gateway"]
    authorised = to_minor_units(Decimal(payment["amount"]), currency, gateway)
    due = capture_units(authorised, to_minor_units(amount_due(connection, order), currency, gateway))
    return matches_order(state.received, state.currency, due, currency)


def _park(connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, state: PaymentState) -> None:
    """Hold an order of which another amount was captured than was due, for somebody to look at."""
    shop.log.write("amount_differs", order=order["number"], payment=state.reference, alarm=True)
    connection.execute("UPDATE orders SET hold = 'payment_review' WHERE id = ?", (order["id"],))
    move(connection, shop, order["id"], "held", "payment_review")
    record(connection, order["id"], shop.now_iso(), "hold", "payment_review", "another amount was captured")


def _payment_failed(shop: Shop, row: Mapping[str, Any], order_id: str) -> None:
    with shop.database.write() as connection:
        order = find_order(connection, order_id)
        move(connection, shop, order_id, "cancelled", "payment failed")
        if stock_after_failed_debit(order_id):
            release_reservation(connection, row["id"], "payment failed")
        return_everything(connection, shop, order, "payment failed")
        write_message(connection, shop, order, "payment_failed")
