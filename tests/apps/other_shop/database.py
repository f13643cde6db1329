"""The shop's SQLite file: its tables, and transactions that see each other one after the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.apps.other_shop.catalogue import ARTICLES

_TABLES = """
CREATE TABLE IF NOT EXISTS counters (year INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS carts (id TEXT PRIMARY KEY, currency TEXT NOT NULL, order_number TEXT);
CREATE TABLE IF NOT EXISTS cart_lines (
    cart TEXT NOT NULL REFERENCES carts, sku TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (cart, sku));
CREATE TABLE IF NOT EXISTS orders (
    number TEXT PRIMARY KEY, state TEXT NOT NULL, currency TEXT NOT NULL, total TEXT NOT NULL, tax TEXT NOT NULL,
    email TEXT NOT NULL, name TEXT NOT NULL, street TEXT NOT NULL, zip TEXT NOT NULL, city TEXT NOT NULL,
    country TEXT NOT NULL, phone TEXT NOT NULL, created_at TEXT NOT NULL, changed_at TEXT NOT NULL,
    paid_at TEXT, booked_at TEXT, shipped_at TEXT, cancelled_at TEXT, cancel_reason TEXT,
    sap_document TEXT, sap_rejected_at TEXT, shipment TEXT, tracking_number TEXT, label_voided_at TEXT, problem TEXT);
CREATE INDEX IF NOT EXISTS orders_by_time ON orders (created_at, number);
CREATE TABLE IF NOT EXISTS lines (
    order_number TEXT NOT NULL REFERENCES orders, position INTEGER NOT NULL, sku TEXT NOT NULL, title TEXT NOT NULL,
    quantity INTEGER NOT NULL, unit_price TEXT NOT NULL, unit_tax TEXT NOT NULL, tax_percent TEXT NOT NULL,
    PRIMARY KEY (order_number, position));
CREATE TABLE IF NOT EXISTS payments (
    order_number TEXT PRIMARY KEY REFERENCES orders, key TEXT NOT NULL, method TEXT NOT NULL, status TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, intent TEXT, client_secret TEXT);
CREATE TABLE IF NOT EXISTS refunds (
    order_number TEXT PRIMARY KEY REFERENCES orders, key TEXT NOT NULL, status TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, refund TEXT);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, order_number TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, due TEXT NOT NULL, last_error TEXT);
CREATE INDEX IF NOT EXISTS jobs_by_due ON jobs (state, due);
CREATE TABLE IF NOT EXISTS notices (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS notices_by_due ON notices (state, due);
CREATE TABLE IF NOT EXISTS labels (
    order_number TEXT PRIMARY KEY REFERENCES orders, format TEXT NOT NULL, image BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stripe_events (id TEXT PRIMARY KEY);
"""


class Database:
    """The file; every transaction opens it anew, so that threads never share a connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # One connection stays open: SQLite would fold the write-ahead log into the file whenever the last one closes.
        self._anchor = sqlite3.connect(path, check_same_thread=False)
        self._anchor.execute("PRAGMA journal_mode = WAL")
        self.close = self._anchor.close
        with self.transaction() as connection:
            connection.executescript(_TABLES)
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO stock VALUES (?, ?, 0)",
                [(each.sku, each.first_stock) for each in ARTICLES.values()],
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that is alone in writing; commit at the end, roll back on an exception."""
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            if connection.in_transaction:
                connection.execute("COMMIT")
        finally:
            connection.close()


def as_instant(moment: datetime) -> str:
    """Return an instant as the tables and the API write it: UTC, microseconds, sortable as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
