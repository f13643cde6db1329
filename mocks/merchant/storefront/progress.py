"""An order's way through its states, and the history it leaves. Below everything that sends orders anywhere."""

from __future__ import annotations

import sqlite3

from mocks.merchant.errors import Refusal
from mocks.merchant.policy.states import may_move, may_pay_move
from mocks.merchant.shop import Shop

Row = sqlite3.Row


def find_order(connection: sqlite3.Connection, order_id: str) -> Row:
    """Return an order. Raises `Refusal` 404."""
    row: Row | None = connection.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
    if row is None:
        raise Refusal(404, "unknown_order", f"There is no order '{order_id}'.")
    return row


def record(connection: sqlite3.Connection, order_id: str, at: str, field: str, value: str, cause: str) -> None:
    """Append one line to an order's history."""
    connection.execute(
        "INSERT INTO history (order_id, at, field, value, cause) VALUES (?, ?, ?, ?, ?)",
        (order_id, at, field, value, cause),
    )


def move(connection: sqlite3.Connection, shop: Shop, order_id: str, new: str, cause: str) -> bool:
    """Bring an order into a status if the state machine allows it; return whether it moved."""
    row = find_order(connection, order_id)
    if not may_move(row["status"], new):
        return False
    now = shop.now_iso()
    connection.execute("UPDATE orders SET status = ?, updated_at = ? WHERE id = ?", (new, now, order_id))
    record(connection, order_id, now, "status", new, cause)
    return True


def move_payment(connection: sqlite3.Connection, shop: Shop, order_id: str, new: str, cause: str) -> bool:
    """Bring an order's payment status forward if the state machine allows it; return whether it moved."""
    row = find_order(connection, order_id)
    if row["payment_status"] == new or not may_pay_move(row["payment_status"], new):
        return False
    now = shop.now_iso()
    connection.execute("UPDATE orders SET payment_status = ?, updated_at = ? WHERE id = ?", (new, now, order_id))
    record(connection, order_id, now, "payment_status", new, cause)
    return True
