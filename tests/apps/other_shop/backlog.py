"""Work to be done later, kept in the database: what is queued in a transaction is done if and only if it commits."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.apps.other_shop.database import as_instant

SETTLE, EXPIRE, BOOK, SHIP, REFUND, WITHDRAW = (
    "bezahlen",
    "verfallen",
    "verbuchen",
    "versenden",
    "erstatten",
    "widerrufen",
)
LONGEST_TRY = 20
LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do for an order; attempts count this one."""

    id: int
    kind: str
    order_number: str
    attempts: int

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier attempt may have reached the vendor."""
        return self.attempts > 1


def queue(connection: sqlite3.Connection, kind: str, number: str, due: datetime) -> None:
    """Have something done for an order, not before `due`."""
    connection.execute(
        "INSERT INTO jobs (kind, order_number, state, attempts, due) VALUES (?, ?, 'wartet', 0, ?)",
        (kind, number, as_instant(due)),
    )


def strike(connection: sqlite3.Connection, kind: str, number: str) -> None:
    """Take back what was queued for an order, if it still waits."""
    connection.execute(
        "UPDATE jobs SET state = 'fertig' WHERE kind = ? AND order_number = ? AND state = 'wartet'", (kind, number)
    )


def claim(connection: sqlite3.Connection, now: datetime, *, lease_s: float) -> Job | None:
    """Return the job due longest and count the attempt; if the process dies, it is due again after the lease."""
    row = connection.execute(
        "UPDATE jobs SET attempts = attempts + 1, due = ? WHERE id = (SELECT id FROM jobs WHERE state = 'wartet' AND"
        " due <= ? ORDER BY due, id LIMIT 1) RETURNING id, kind, order_number, attempts",
        (as_instant(now + timedelta(seconds=lease_s)), as_instant(now)),
    ).fetchone()
    return Job(*row) if row else None


def resume(connection: sqlite3.Connection, now: datetime) -> None:
    """Make due at once what a process was at when it died; nobody else works on this file."""
    connection.execute(
        "UPDATE jobs SET due = ? WHERE state = 'wartet' AND attempts > 0 AND due > ?",
        (as_instant(now), as_instant(now)),
    )


def finish(connection: sqlite3.Connection, job: Job) -> None:
    """Strike a job off."""
    connection.execute("UPDATE jobs SET state = 'fertig', last_error = NULL WHERE id = ?", (job.id,))


def give_up(connection: sqlite3.Connection, job: Job, error: str) -> None:
    """Leave a job for people: asking again changes nothing."""
    connection.execute("UPDATE jobs SET state = 'aufgegeben', last_error = ? WHERE id = ?", (error, job.id))


def put_off(
    connection: sqlite3.Connection, job: Job, error: str, now: datetime, *, retry_s: float, least_s: float
) -> None:
    """Try a job again later: twice as late each time, never before the vendor's own wish of `least_s`."""
    if job.attempts >= LONGEST_TRY:
        give_up(connection, job, error)
        return
    wait_s = max(min(retry_s * 2 ** (job.attempts - 1), max(LONGEST_WAIT_S, retry_s)), least_s)
    connection.execute(
        "UPDATE jobs SET due = ?, last_error = ? WHERE id = ?",
        (as_instant(now + timedelta(seconds=wait_s)), error, job.id),
    )


def open_jobs(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Return the jobs that wait or were given up, oldest first."""
    return connection.execute("SELECT * FROM jobs WHERE state <> 'fertig' ORDER BY id").fetchall()
