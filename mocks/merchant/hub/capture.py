"""Late capture: an authorised payment is captured when everything that will ship has shipped, and the rest released."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.policy.money import quantum, to_minor_units
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.payment import record_payment
from mocks.merchant.storefront.progress import move_payment
from mocks.merchant.storefront.refund import refund_share

_READY = (
    "SELECT o.* FROM orders o WHERE o.payment_status = 'authorised' AND o.status IN ('shipped', 'delivered')"
    " ORDER BY o.placed_at"
)


@seam("payments")
def capture_units(authorised: int, wanted: int) -> int:
    """Return how much of an authorisation is captured, in smallest units: what shipped, at most all of it."""
    return min(authorised, wanted)


def has_ready(shop: Shop) -> bool:
    """Say whether an authorised order has shipped."""
    return shop.database.one(f"{_READY} LIMIT 1") is not None


def capture_shipped(shop: Shop) -> int:
    """Capture what is due; return how many orders were captured."""
    done = 0
    for order in shop.database.all(_READY):
        try:
            done += _capture(shop, order)
        except (Unreachable, Refused) as error:
            shop.log.write("capture_failed", order=order["number"], error=str(error))
    return done


def amount_to_capture(order: sqlite3.Row) -> Decimal:
    """Return what an order costs without its cancelled lines; shipping is charged once something ships."""
    body = unpack(order["body"])
    total, step = Decimal(order["total"]), quantum(order["currency"])
    for line in body["lines"]:
        cancelled = body["cancelled_lines"].get(line["id"], 0)
        if cancelled:
            total -= refund_share(Decimal(line["total"]), line["quantity"], cancelled, step)
    return total


def _capture(shop: Shop, order: sqlite3.Row) -> int:
    captured = 0
    others = sum(
        (
            Decimal(row["captured"])
            for row in shop.database.all(
                "SELECT captured FROM payments WHERE order_id = ? AND status = 'succeeded'", order["id"]
            )
        ),
        Decimal(0),
    )
    due = amount_to_capture(order) - others
    for payment in shop.database.all(
        "SELECT * FROM payments WHERE order_id = ? AND status = 'requires_capture'", order["id"]
    ):
        authorised = to_minor_units(Decimal(payment["amount"]), order["currency"], "stripe")
        wanted = to_minor_units(max(due, Decimal(0)), order["currency"], "stripe")
        units = capture_units(authorised, wanted)
        intent = shop.stripe.capture_intent(payment["reference"], units, f"capture-{payment['id']}")
        with shop.database.write() as connection:
            checkout = {"id": payment["checkout_id"], "order_id": order["id"]}
            record_payment(connection, shop, checkout, intent, payment["kind"])
            if intent["status"] == "succeeded":
                move_payment(connection, shop, order["id"], "paid", "captured")
        shop.log.write("captured", order=order["number"], units=units, of=authorised)
        captured += 1
    return captured
