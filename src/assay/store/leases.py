"""Leases in the store: a SKU, a customer or a coupon that one case has for itself, across processes and machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import leases as _leases
from assay.store.schema import us


def lease(
    database: Database,
    environment: str,
    names: Sequence[str],
    *,
    holder: str,
    now: datetime,
    until: datetime,
    count: int,
) -> tuple[str, ...]:
    """Take `count` free ones of these names (0: all of them) in their order, or none of them."""
    wanted = tuple(dict.fromkeys(names))
    needed = count or len(wanted)
    mine = sa.and_(_leases.c.environment == environment, _leases.c.name.in_(wanted))
    insert = database.insert(_leases).on_conflict_do_nothing().returning(_leases.c.name)
    with database.writing() as connection, connection.begin_nested() as attempt:
        connection.execute(sa.delete(_leases).where(mine, _leases.c.until_us <= us(now)))
        taken: list[str] = []
        for name in wanted:
            row = {"environment": environment, "name": name, "holder": holder, "until_us": us(until)}
            # One insert is one question and its answer: two processes cannot both be told yes.
            taken += connection.execute(insert, row).scalars()
            if len(taken) == needed:
                return tuple(taken)
        attempt.rollback()
    return ()


def release(database: Database, environment: str, holder: str) -> None:
    """Give back whatever that holder has leased."""
    theirs = (_leases.c.environment == environment, _leases.c.holder == holder)
    with database.writing() as connection:
        connection.execute(sa.delete(_leases).where(*theirs))
