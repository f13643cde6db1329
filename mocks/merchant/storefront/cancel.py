"""Cancelling: an order that has not shipped is stopped everywhere, and what was paid goes back."""

from __future__ import annotations

import sqlite3

from mocks.merchant.database import unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.outbox import enqueue
from mocks.merchant.hub.stock import release_reservation
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.progress import find_order, move
from mocks.merchant.storefront.refund import return_everything


def cancel_order(shop: Shop, order_id: str, cause: str) -> None:
    """Cancel an order. Raises `Refusal` 409 once a parcel has left; cancelling twice changes nothing."""
    with shop.database.write() as connection:
        cancel_in(connection, shop, find_order(connection, order_id), cause)


def cancel_in(connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, cause: str) -> None:
    """Cancel an order inside the caller's transaction: stock, ERP document, money and message, each once."""
    if order["status"] == "cancelled":
        return
    if not move(connection, shop, order["id"], "cancelled", cause):
        raise Refusal(
            409, "too_late", f"Order {order['number']} is {order['status']} and cannot be cancelled any more."
        )
    connection.execute("UPDATE orders SET hold = NULL WHERE id = ?", (order["id"],))
    release_reservation(connection, order["checkout_id"], "order cancelled")
    for entry in connection.execute(
        "SELECT part FROM outbox WHERE kind = 'order' AND order_id = ? AND state IN ('sending', 'sent', 'confirmed')",
        (order["id"],),
    ).fetchall():
        enqueue(connection, shop, "cancel", order["id"], entry["part"], {"reference": entry["part"]})
    return_everything(connection, shop, find_order(connection, order["id"]), cause)
    write_message(connection, shop, order, "order_cancelled")


def cancelled_lines(order: sqlite3.Row) -> dict[str, int]:
    """Return how many of each line were cancelled before shipping."""
    return dict(unpack(order["body"])["cancelled_lines"])
