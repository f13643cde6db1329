"""Returns: asked for by the customer, received by the warehouse, refunded once."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant.database import pack, unpack
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.stock import record_movement
from mocks.merchant.ids import next_id
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.cart import text
from mocks.merchant.storefront.catalogue import components
from mocks.merchant.storefront.progress import find_order
from mocks.merchant.storefront.refund import refunded_lines, request_refund

_RETURNABLE = ("partially_shipped", "shipped", "delivered")


@seam("refunds")
def return_currency(order_currency: str, store_currency: str) -> str:
    """Return the currency a return is shown and credited in."""
    return order_currency


def request_return(shop: Shop, order: sqlite3.Row, content: Mapping[str, Any]) -> dict[str, Any]:
    """Register a return of shipped lines and return it. Raises `Refusal` for what cannot come back."""
    if order["status"] not in _RETURNABLE:
        raise Refusal(409, "not_shipped", f"Order {order['number']} is {order['status']}; nothing can come back yet.")
    reason, wanted = text(content, "reason", most=200), content.get("lines")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(entry, Mapping) for entry in wanted):
        raise Refusal(422, "invalid", "'lines' must be [{'line': id, 'quantity': n}].", field="lines", seen=wanted)
    by_id = {line["id"]: line for line in unpack(order["body"])["lines"]}
    with shop.database.write() as connection:
        known = returned_lines(connection, order["id"])
        refunded = refunded_lines(connection, order["id"])
        lines: dict[str, int] = {}
        for entry in wanted:
            name, part = str(entry.get("line")), entry.get("quantity")
            possible = by_id[name]["quantity"] - max(known.get(name, 0), refunded.get(name, 0)) if name in by_id else 0
            if not isinstance(part, int) or isinstance(part, bool) or not 0 < part <= possible:
                raise Refusal(409, "not_returnable", f"{possible} of line '{name}' can come back.", seen=dict(entry))
            lines[name] = part
        body = {
            "lines": lines,
            "reason": reason,
            "currency": return_currency(order["currency"], shop.catalogue.base_currency),
        }
        made = next_id(connection, "ret", shop.config.seed)
        connection.execute(
            "INSERT INTO returns VALUES (?, ?, 'requested', ?, ?)", (made, order["id"], shop.now_iso(), pack(body))
        )
    return {"id": made, "order": order["id"], "status": "requested", **body}


def receive_return(shop: Shop, return_id: str) -> dict[str, Any]:
    """Take in a return: refund its lines and, where the shop restocks by itself, put them on the shelf; once."""
    with shop.database.write() as connection:
        row = connection.execute("SELECT * FROM returns WHERE id = ?", (return_id,)).fetchone()
        if row is None:
            raise Refusal(404, "unknown_return", f"There is no return '{return_id}'.")
        body, order = unpack(row["body"]), find_order(connection, row["order_id"])
        if row["status"] == "requested":
            connection.execute("UPDATE returns SET status = 'received' WHERE id = ?", (return_id,))
            if shop.settings["restock_returns"]:
                _restock(connection, shop, order, body["lines"], return_id)
            write_message(connection, shop, order, "return_received", occasion=return_id)
    request = {
        "lines": [{"line": line, "quantity": quantity} for line, quantity in body["lines"].items()],
        "reason": f"return {return_id}",
    }
    refunds = request_refund(shop, order, request, return_id)
    return {"id": return_id, "order": order["id"], "status": "received", "refunds": refunds, **body}


def returned_lines(connection: sqlite3.Connection, order_id: str) -> dict[str, int]:
    """Return how many of each line have come back or are announced."""
    counted: dict[str, int] = {}
    for row in connection.execute("SELECT body FROM returns WHERE order_id = ?", (order_id,)).fetchall():
        for line, quantity in unpack(row["body"])["lines"].items():
            counted[line] = counted.get(line, 0) + quantity
    return counted


def _restock(
    connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, lines: Mapping[str, int], return_id: str
) -> None:
    now = shop.now_iso()
    by_id = {line["id"]: line for line in unpack(order["body"])["lines"]}
    for line, quantity in lines.items():
        for sku, number in components(shop.catalogue.product(by_id[line]["sku"]), quantity).items():
            connection.execute(
                "UPDATE stock SET on_hand = on_hand + ?, changed_at = ? WHERE sku = ?", (number, now, sku)
            )
            record_movement(connection, sku, "restock", number, return_id, now)
