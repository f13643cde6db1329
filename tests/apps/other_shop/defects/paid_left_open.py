"""ORD-07: a paid order is back at `offen`: it is saved a second time as it was read before the payment."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from tests.apps.other_shop import backlog, order

REPLACES = "payment:accept"


def accept(connection: sqlite3.Connection, bought: order.Order, now: datetime) -> None:
    """Make an order paid, then save the stale copy over it."""
    if bought.state != order.OPEN:
        return
    order.advance(connection, bought.number, now, before=[order.OPEN], after=order.PAID)
    backlog.queue(connection, backlog.BOOK, bought.number, now)
    connection.execute("UPDATE orders SET state = ?, paid_at = NULL WHERE number = ?", (bought.state, bought.number))
    order.note(connection, bought.number, now)
