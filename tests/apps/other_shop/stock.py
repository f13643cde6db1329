"""Pieces on the shelf and pieces promised: what is promised cannot be sold again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from tests.apps.other_shop.trouble import Refusal


@dataclass(frozen=True, slots=True)
class Level:
    """Pieces of one article: on the shelf, and how many of those are promised to orders."""

    sku: str
    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        """Pieces that can still be sold."""
        return self.on_hand - self.reserved


def reserve(connection: sqlite3.Connection, sku: str, quantity: int) -> None:
    """Promise pieces to an order, or refuse if fewer are available."""
    done = connection.execute(
        "UPDATE stock SET reserved = reserved + ? WHERE sku = ? AND on_hand - reserved >= ?", (quantity, sku, quantity)
    )
    if done.rowcount == 0:
        left = read_level(connection, sku).available
        raise Refusal("OUT_OF_STOCK", f"{sku}: {quantity} wanted, {left} left", sku=sku, available=left)


def release(connection: sqlite3.Connection, sku: str, quantity: int) -> None:
    """Take a promise back: the pieces can be sold again."""
    connection.execute("UPDATE stock SET reserved = reserved - ? WHERE sku = ?", (quantity, sku))


def hand_out(connection: sqlite3.Connection, sku: str, quantity: int) -> None:
    """Let promised pieces leave the shelf."""
    connection.execute(
        "UPDATE stock SET on_hand = on_hand - ?, reserved = reserved - ? WHERE sku = ?", (quantity, quantity, sku)
    )


def take_back(connection: sqlite3.Connection, sku: str, quantity: int) -> None:
    """Put pieces back on the shelf, free to be sold."""
    connection.execute("UPDATE stock SET on_hand = on_hand + ? WHERE sku = ?", (quantity, sku))


def count(connection: sqlite3.Connection, sku: str, on_hand: int) -> Level:
    """Write down what a stocktaking found on the shelf; promises stay."""
    reserved = read_level(connection, sku).reserved
    if on_hand < reserved:
        raise Refusal(
            "BAD_INPUT", f"onHand: expected at least the {reserved} pieces promised to orders, seen {on_hand}"
        )
    connection.execute("UPDATE stock SET on_hand = ? WHERE sku = ?", (on_hand, sku))
    return Level(sku, on_hand, reserved)


def read_level(connection: sqlite3.Connection, sku: str) -> Level:
    """Return the pieces of one article."""
    row = connection.execute("SELECT sku, on_hand, reserved FROM stock WHERE sku = ?", (sku,)).fetchone()
    if row is None:
        raise Refusal("UNKNOWN_ARTICLE", f"sku: no article {sku!r}; the query articles lists them", sku=sku)
    return Level(*row)


def read_levels(connection: sqlite3.Connection) -> Iterable[Level]:
    """Return the pieces of all articles, by number."""
    return [Level(*row) for row in connection.execute("SELECT sku, on_hand, reserved FROM stock ORDER BY sku")]
