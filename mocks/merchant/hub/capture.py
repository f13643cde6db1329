"""Late capture: an authorised payment is captured when everything that will ship has shipped, and the rest released."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from mocks.merchant.clients.gateway import PaymentState
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.policy.composition import payable
from mocks.merchant.policy.money import quantum, to_minor_units
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.payment import record_payment, taken
from mocks.merchant.storefront.progress import move_payment
from mocks.merchant.storefront.refund import refund_share

_READY = (
    "SELECT o.* FROM orders o WHERE o.payment_status = 'authorised' AND o.status IN ('shipped', 'delivered')"
    " AND EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.status = 'requires_capture')"
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
            total -= refund_share(payable(line, body["tax_included"]), line["quantity"], cancelled, step)
    return total


def amount_due(connection: sqlite3.Connection, order: sqlite3.Row) -> Decimal:
    """Return what is to be captured of an order's authorised payments: what it costs, less what is paid already."""
    rows = connection.execute(
        "SELECT captured FROM payments WHERE order_id = ? AND status = 'succeeded'", (order["id"],)
    ).fetchall()
    return max(amount_to_capture(order) - sum((Decimal(row["captured"]) for row in rows), Decimal(0)), Decimal(0))


def _capture(shop: Shop, order: sqlite3.Row) -> int:
    captured = 0
    due = amount_due(shop.database.read(), order)
    for payment in shop.database.all(
        "SELECT * FROM payments WHERE order_id = ? AND status = 'requires_capture'", order["id"]
    ):
        gateway = shop.gateway(payment["gateway"])
        authorised = to_minor_units(Decimal(payment["amount"]), payment["currency"], gateway.name)
        wanted = to_minor_units(due, payment["currency"], gateway.name)
        units = capture_units(authorised, wanted)
        state = gateway.capture(taken(payment), units, f"capture-{payment['id']}")
        with shop.database.write() as connection:
            known = connection.execute("SELECT status FROM payments WHERE id = ?", (payment["id"],)).fetchone()
            if known["status"] == "requires_capture":  # the gateway's own word may have come first
                _record(connection, shop, order, payment, state)
        shop.log.write("captured", order=order["number"], gateway=gateway.name, units=units, of=authorised)
        captured += 1
    return captured


def _record(
    connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, payment: sqlite3.Row, state: PaymentState
) -> None:
    if state.status == "capturing":
        connection.execute("UPDATE payments SET status = 'capturing' WHERE id = ?", (payment["id"],))
        return
    record_payment(connection, shop, {"id": payment["checkout_id"], "order_id": order["id"]}, state, payment["kind"])
    if state.status == "succeeded":
        move_payment(connection, shop, order["id"], "paid", "captured")
