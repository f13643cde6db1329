"""Leases in the store: a SKU, a customer or a coupon that one case has for itself, across processes and machines.

Every case takes and gives back its own: each is one transaction of few statements, and no statement is built twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import leases as _leases
from assay.store.schema import us

_here = _leases.c.environment == sa.bindparam("here")
_THEIRS = sa.delete(_leases).where(_here, _leases.c.holder.in_(sa.bindparam("holders", expanding=True)))
_NAMED = sa.delete(_leases).where(_here, _leases.c.name.in_(sa.bindparam("names", expanding=True)))

_HOLDERS = sa.select(_leases.c.holder).where(_here, _leases.c.name.in_(sa.bindparam("names", expanding=True)))


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
    take = database.statement("lease", _take)
    row = {"environment": environment, "holder": holder, "until_us": us(until), "now_us": us(now)}
    taken: list[str] = []
    with database.writing() as connection:
        # Who wants all takes them in one order: two that want the same never wait for each other for ever.
        for name in wanted if count else sorted(wanted):
            # One statement is one question and its answer: two processes cannot both be told yes.
            taken += connection.execute(take, {**row, "name": name}).scalars()
            if len(taken) == needed:
                return tuple(name for name in wanted if name in taken)
        if taken:
            connection.execute(_NAMED, {"here": environment, "names": taken})
    return ()


def holders(database: Database, environment: str, names: Sequence[str]) -> frozenset[str]:
    """Return who has leased any of these names."""
    with database.reading() as connection:
        return frozenset(connection.execute(_HOLDERS, {"here": environment, "names": list(names)}).scalars())


def release(database: Database, environment: str, holders: Sequence[str]) -> None:
    """Give back whatever these holders have leased."""
    with database.writing() as connection:
        connection.execute(_THEIRS, {"here": environment, "holders": list(holders)})


def _take(database: Database) -> Any:
    """Return the INSERT that takes and returns a name nobody holds, or whose holder's time is over."""
    columns = ("environment", "name", "holder", "until_us")
    insert = database.insert(_leases).values({name: sa.bindparam(name) for name in columns})
    return insert.on_conflict_do_update(
        index_elements=["environment", "name"],
        set_={"holder": insert.excluded.holder, "until_us": insert.excluded.until_us},
        where=_leases.c.until_us <= sa.bindparam("now_us"),
    ).returning(_leases.c.name)
