"""The outbox to the ERP: entries written with the order, pushed with back-off, confirmed by polling, never lost.

States: queued → sending (committed before the call, so that a crash is known) → sent → confirmed; cancelled; dead (the
dead letters an operator replays).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import pack, unpack
from mocks.merchant.hub import erp
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

_BATCH = 50


@seam("outbox")
def is_dead(attempts: int, most: int, error: Exception) -> bool:
    """Say whether an entry is given up: its content cannot be booked, or it failed too often."""
    if isinstance(error, ValueError) or (isinstance(error, Refused) and not error.is_temporary):
        return True
    return attempts >= most


@seam("outbox")
def backoff_s(attempts: int, steps: Sequence[int]) -> int:
    """Return the simulated seconds until the next try after that many failed ones."""
    return steps[min(attempts, len(steps)) - 1]


@seam("outbox")
def still_wanted(order_status: str) -> bool:
    """Say whether an order's document is still to be pushed: not when the order was cancelled meanwhile."""
    return order_status != "cancelled"


@seam("batch")
def after_poison(entry_id: int, error: Exception) -> bool:
    """Say whether the rest of the batch goes on after one entry failed."""
    return True


@seam("batch")
def may_overtake(failing_entry: int) -> bool:
    """Say whether entries behind one that keeps failing are pushed before it."""
    return True


def enqueue_order(connection: sqlite3.Connection, shop: Shop, row: sqlite3.Row) -> None:
    """Write the outbox entries of an order, one for each document it becomes, inside the caller's transaction."""
    body = unpack(row["body"])
    for part in erp.order_parts(
        shop.catalogue, row["number"], body["lines"], split=shop.settings["split_by_warehouse"]
    ):
        enqueue(connection, shop, "order", row["id"], part["reference"], part)


def enqueue(
    connection: sqlite3.Connection, shop: Shop, kind: str, order_id: str, part: str, body: Mapping[str, Any]
) -> None:
    """Write one entry; a second one of the same kind, order and part is not written."""
    now = shop.now_iso()
    connection.execute(
        "INSERT OR IGNORE INTO outbox (kind, order_id, part, state, due_at, created_at, body)"
        " VALUES (?, ?, ?, 'queued', ?, ?, ?)",
        (kind, order_id, part, now, now, pack(dict(body))),
    )
    shop.outbox_wake.set()


def push_due(shop: Shop) -> int:
    """Push every entry that is due; return how many were handled."""
    done = 0
    while rows := _due(shop):
        for row in rows:
            done += 1
            if not _push_one(shop, row):
                return done
    return done


def next_push(shop: Shop) -> str | None:
    """Return when the next entry is due, or None."""
    row = shop.database.one("SELECT MIN(due_at) AS due FROM outbox WHERE state IN ('queued', 'sending')")
    return row["due"] if row else None


def confirm_sent(shop: Shop) -> int:
    """Poll the ERP for the documents it has not approved yet; return how many were looked at."""
    rows = shop.database.all("SELECT * FROM outbox WHERE kind = 'order' AND state = 'sent' ORDER BY id")
    for start in range(0, len(rows), 20):
        chunk = rows[start : start + 20]
        try:
            found = erp.find_erp_orders(shop.sap, [row["part"] for row in chunk], shop.settings["page_size"])
        except (Unreachable, Refused) as error:
            shop.log.write("approval_poll_failed", error=str(error))
            return start
        for row in chunk:
            erp.settle_sent(shop, row, found.get(row["part"]))
    return len(rows)


def recover(shop: Shop) -> None:
    """Make entries a crash interrupted due again; the push then looks the document up before it posts."""
    with shop.database.write() as connection:
        connection.execute("UPDATE outbox SET state = 'queued', due_at = ? WHERE state = 'sending'", (shop.now_iso(),))


def replay(shop: Shop, entry_id: int) -> bool:
    """Queue a dead letter again; return whether there was one."""
    with shop.database.write() as connection:
        changed = connection.execute(
            "UPDATE outbox SET state = 'queued', tries = 0, due_at = ? WHERE id = ? AND state = 'dead'",
            (shop.now_iso(), entry_id),
        )
    shop.outbox_wake.set()
    return changed.rowcount == 1


def dead_letters(shop: Shop) -> list[dict[str, Any]]:
    """Return the entries that were given up, with the reason."""
    rows = shop.database.all(
        "SELECT id, kind, order_id, part, attempts, error, created_at FROM outbox WHERE state = 'dead'"
    )
    return [dict(row) for row in rows]


def _due(shop: Shop) -> list[sqlite3.Row]:
    failing = shop.database.one("SELECT MIN(id) AS id FROM outbox WHERE state = 'queued' AND tries > 0")
    if failing is not None and failing["id"] is not None and not may_overtake(failing["id"]):
        return shop.database.all(
            "SELECT * FROM outbox WHERE state = 'queued' AND due_at <= ? AND id <= ? ORDER BY id LIMIT ?",
            shop.now_iso(),
            failing["id"],
            _BATCH,
        )
    return shop.database.all(
        "SELECT * FROM outbox WHERE state = 'queued' AND due_at <= ? ORDER BY due_at, id LIMIT ?",
        shop.now_iso(),
        _BATCH,
    )


def _push_one(shop: Shop, row: sqlite3.Row) -> bool:
    """Push one entry; return whether the batch goes on."""
    with shop.database.write() as connection:
        order = connection.execute("SELECT * FROM orders WHERE id = ?", (row["order_id"],)).fetchone()
        wanted = row["kind"] != "order" or still_wanted(order["status"])
        if not wanted and row["attempts"] == 0:
            connection.execute("UPDATE outbox SET state = 'cancelled', due_at = NULL WHERE id = ?", (row["id"],))
            return True
        taken = connection.execute(
            "UPDATE outbox SET state = 'sending', attempts = attempts + 1, tries = tries + 1"
            " WHERE id = ? AND state = 'queued'",
            (row["id"],),
        )
        if taken.rowcount == 0:
            return True
    try:
        if wanted:
            erp.carry_out(shop, order, row)
        else:  # an earlier try may have arrived though its answer was lost
            erp.withdraw(shop, row)
    except (Unreachable, Refused, ValueError) as error:
        _failed(shop, row, error)
        return after_poison(row["id"], error)
    return True


def _failed(shop: Shop, row: sqlite3.Row, error: Exception) -> None:
    tries = row["tries"] + 1
    dead = is_dead(tries, shop.settings["outbox_max_attempts"], error)
    due = None if dead else shop.later_iso(backoff_s(tries, shop.settings["outbox_backoff_s"]))
    with shop.database.write() as connection:
        connection.execute(
            "UPDATE outbox SET state = ?, due_at = ?, error = ? WHERE id = ?",
            ("dead" if dead else "queued", due, str(error)[:500], row["id"]),
        )
    shop.log.write("outbox_failed", entry=row["id"], kind=row["kind"], part=row["part"], dead=dead, error=str(error))
