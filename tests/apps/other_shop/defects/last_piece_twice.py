"""STK-01: two buyers get the last piece, stock falls below 0: the shelf is looked at, not what is promised."""

from __future__ import annotations

import sqlite3

from tests.apps.other_shop.stock import read_level
from tests.apps.other_shop.trouble import Refusal

REPLACES = "stock:reserve"


def reserve(connection: sqlite3.Connection, sku: str, quantity: int) -> None:
    """Promise pieces that lie on the shelf, whoever else was promised them."""
    left = read_level(connection, sku).on_hand
    if left < quantity:
        raise Refusal("OUT_OF_STOCK", f"{sku}: {quantity} wanted, {left} left", sku=sku, available=left)
    connection.execute("UPDATE stock SET reserved = reserved + ? WHERE sku = ?", (quantity, sku))
