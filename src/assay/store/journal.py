"""The edge's journal in the store: every call once, and the spans in which nobody listened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from assay.records import Call
from assay.store.database import Database
from assay.store.schema import at, storable, us
from assay.store.schema import calls as _calls
from assay.store.schema import gaps as _gaps

_FIELDS = [name for name in Call.__slots__ if name != "at"]
_AT_ONCE = 500
"""How many ids are asked for by one statement."""


def add_calls(database: Database, environment: str, calls: Iterable[Call]) -> int:
    """Keep calls that are not kept yet (by id) and return how many were new."""
    rows = {call.id: _row(environment, call) for call in calls}
    if not rows:
        return 0
    insert = database.insert(_calls).on_conflict_do_nothing(index_elements=[_calls.c.id]).returning(_calls.c.id)
    with database.writing() as connection:
        return len(connection.execute(insert, list(rows.values())).all())


def calls(
    database: Database,
    environment: str,
    since: datetime | None,
    until: datetime | None,
    but: Collection[str] = (),
) -> list[Call]:
    """Return calls of [since, until), oldest first, without those of these ids, whose bodies are not even read."""
    query = sa.select(_calls.c.id if but else _calls).where(_calls.c.environment == environment)
    if since is not None:
        query = query.where(_calls.c.at_us >= us(since))
    if until is not None:
        query = query.where(_calls.c.at_us < us(until))
    with database.reading() as connection:
        found = connection.execute(query.order_by(_calls.c.at_us))
        if not but:
            return [_call(row) for row in found.mappings()]
        wanted = [id for id in found.scalars() if id not in but]
        rows: list[Call] = []
        for first in range(0, len(wanted), _AT_ONCE):
            some = sa.select(_calls).where(_calls.c.id.in_(wanted[first : first + _AT_ONCE])).order_by(_calls.c.at_us)
            rows += [_call(row) for row in connection.execute(some).mappings()]
        return rows


def lots(
    database: Database, environment: str, since: datetime | None, until: datetime | None, size: int
) -> Iterator[list[Call]]:
    """Return calls of [since, until), oldest first, so many at a time: a long journal does not fit into memory."""
    after = (us(since) if since is not None else 0, "")
    while True:
        query = sa.select(_calls).where(
            _calls.c.environment == environment, sa.tuple_(_calls.c.at_us, _calls.c.id) > sa.tuple_(*after)
        )
        if until is not None:
            query = query.where(_calls.c.at_us < us(until))
        with database.reading() as connection:
            rows = connection.execute(query.order_by(_calls.c.at_us, _calls.c.id).limit(size)).mappings().all()
        if not rows:
            return
        after = (rows[-1]["at_us"], rows[-1]["id"])
        yield [_call(row) for row in rows]


def summary(database: Database, environment: str) -> Sequence[tuple[str, int, int, int]]:
    """Return (system, calls, calls answered 400 or worse, calls refused) by system."""
    failed = sa.func.sum(sa.case((_calls.c.status >= 400, 1), else_=0))
    refused = sa.func.sum(sa.case((_calls.c.refused, 1), else_=0))
    query = (
        sa.select(_calls.c.system, sa.func.count(), failed, refused)
        .where(_calls.c.environment == environment)
        .group_by(_calls.c.system)
        .order_by(_calls.c.system)
    )
    with database.reading() as connection:
        return [(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in connection.execute(query)]


class CalledHost(NamedTuple):
    """One host the platform called: how often, how many of that were answered 400 or worse or refused, and when."""

    host: str
    system: str
    calls: int
    failed: int
    refused: int
    first: datetime
    last: datetime


def hosts(database: Database, environment: str, since: datetime | None) -> list[CalledHost]:
    """Return every host the platform called, by host and system; webhooks into the platform are left out."""
    failed = sa.func.sum(sa.case((_calls.c.status >= 400, 1), else_=0))
    refused = sa.func.sum(sa.case((_calls.c.refused, 1), else_=0))
    query = (
        sa.select(
            _calls.c.host, _calls.c.system, sa.func.count(), failed, refused,
            sa.func.min(_calls.c.at_us), sa.func.max(_calls.c.at_us),
        )
        .where(_calls.c.environment == environment, _calls.c.way != "reverse")
        .group_by(_calls.c.host, _calls.c.system)
        .order_by(_calls.c.host, _calls.c.system)
    )  # fmt: skip
    if since is not None:
        query = query.where(_calls.c.at_us >= us(since))
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return [
        CalledHost(str(row[0]), str(row[1]), int(row[2]), int(row[3]), int(row[4]), at(int(row[5])), at(int(row[6])))
        for row in rows
    ]


def add_gap(database: Database, environment: str, since: datetime, until: datetime) -> None:
    """Remember a span in which the journal was not listening."""
    row = {"environment": environment, "from_us": us(since), "until_us": us(until)}
    with database.writing() as connection:
        connection.execute(sa.insert(_gaps).values(**row))


def gaps(database: Database, environment: str) -> list[tuple[datetime, datetime]]:
    """Return the spans in which the journal was not listening, oldest first."""
    query = sa.select(_gaps).where(_gaps.c.environment == environment).order_by(_gaps.c.from_us)
    with database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [(at(row["from_us"]), at(row["until_us"])) for row in rows]


def _row(environment: str, call: Call) -> dict[str, Any]:
    fields = {name: storable(getattr(call, name)) for name in _FIELDS}
    return {"environment": environment, "at_us": us(call.at), **fields}


def _call(row: Any) -> Call:
    return Call(at=at(row["at_us"]), **{name: row[name] for name in _FIELDS})
