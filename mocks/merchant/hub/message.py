"""Customer messages: an outbox one can read, each kind written once for its occasion."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant.database import unpack
from mocks.merchant.policy.format import format_amount
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

_TEXTS = {
    "order_confirmed": ("Your order {number}", "Thank you, {name}. We received your order {number} over {total}."),
    "payment_pending": (
        "Your order {number} awaits payment",
        "Your bank confirms the debit of {total} within some days.",
    ),
    "payment_failed": (
        "Payment for {number} failed",
        "The payment of {total} for {number} was refused; the order is cancelled.",
    ),
    "order_held": ("We are checking your order {number}", "Your order {number} over {total} is being checked."),
    "order_edited": ("Your order {number} was changed", "The new total of {number} is {total}."),
    "order_cancelled": ("Your order {number} is cancelled", "Order {number} was cancelled; what you paid is returned."),
    "shipped": ("Your order {number} is on its way", "Parcel {tracking} of order {number} was handed to {carrier}."),
    "delivered": ("Your order {number} has arrived", "Parcel {tracking} of order {number} was delivered."),
    "refunded": ("Refund for {number}", "We returned {amount} for order {number}."),
    "return_received": ("Your return for {number}", "Your return for order {number} has arrived."),
}


@seam("messages")
def message_key(order_id: str, kind: str, occasion: str) -> str:
    """Return the key under which a message is written once: order, kind and, for refunds and parcels, the occasion."""
    return f"{order_id}:{kind}:{occasion}"


@seam("messages")
def message_kinds(kind: str) -> tuple[str, ...]:
    """Return the messages written at an occasion of this kind."""
    return (kind,)


def write_message(
    connection: sqlite3.Connection, shop: Shop, row: sqlite3.Row, kind: str, *, occasion: str = "", **values: Any
) -> None:
    """Write a message to the customer of an order, once for its key, inside the caller's transaction."""
    body: Mapping[str, Any] = unpack(row["body"])
    total = format_amount(row["total"], row["currency"], body["customer"].get("language") or "en")
    fields = {"number": row["number"], "name": body["customer"]["name"], "total": total, **values}
    for each in message_kinds(kind):
        subject, text = _TEXTS[each]
        connection.execute(
            "INSERT OR IGNORE INTO messages (order_id, kind, key, recipient, subject, text, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                row["id"], each, message_key(row["id"], each, occasion), body["customer"]["email"],
                subject.format(**fields), text.format(**fields), shop.now_iso(),
            ),
        )  # fmt: skip


def messages_view(shop: Shop, order_id: str) -> list[dict[str, Any]]:
    """Return what was written to the customer of an order, oldest first."""
    rows = shop.database.all(
        "SELECT kind, recipient, subject, text, at FROM messages WHERE order_id = ? ORDER BY id", order_id
    )
    return [dict(row) for row in rows]
