"""ORD-16: a refund stays `angefordert` for ever, though Stripe has paid it: the final state is not in the state map."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from tests.apps.other_shop import order

REPLACES = "order:note_refund"
_STATES = {"pending": "angefordert", "failed": "failed"}


def note_refund(connection: sqlite3.Connection, number: str, now: datetime, *, refund: str, status: str) -> None:
    """Write down the refund in a state the map knows."""
    known = _STATES.get(status, "angefordert")
    connection.execute("UPDATE refunds SET refund = ?, status = ? WHERE order_number = ?", (refund, known, number))
    order.note(connection, number, now)
