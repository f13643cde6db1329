"""What live answers were learned to be, a row for each operation and status: several monitors add to the same row.

What stands in a row is the business of whoever learns; here it is JSON. A row is read and written under its lock, so
that nothing one process learned is lost to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import at, storable, us
from assay.store.schema import learned as _learned


class LearnedKey(NamedTuple):
    """Which answers a row is about; operation is at most 255 letters long."""

    system: str
    operation: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedRow:
    """One row as it is kept."""

    key: LearnedKey
    memory: Mapping[str, Any]
    changed_at: datetime


Memory = dict[str, Any]


class Learned:
    """What was learned of every environment's systems."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change(
        self,
        environment: str,
        keys: Iterable[LearnedKey],
        change: Callable[[LearnedKey, Memory], Memory],
        *,
        now: datetime,
    ) -> None:
        """Give each row (an empty one where there is none) to `change` and keep what it returns, all or none.

        No other process changes these rows meanwhile.
        """
        insert = self._database.insert(_learned).on_conflict_do_nothing()
        with self._database.writing() as connection:
            for key in sorted(set(keys)):  # in one order: nobody waits for who waits for him
                mine = {"environment": environment, **key._asdict()}
                connection.execute(insert.values(**mine, memory={}, changed_us=us(now)))
                this = [_learned.c[name] == value for name, value in mine.items()]
                before = connection.execute(sa.select(_learned.c.memory).where(*this).with_for_update()).scalar_one()
                after = storable(change(key, dict(before)))
                connection.execute(sa.update(_learned).where(*this).values(memory=after, changed_us=us(now)))

    def keys(self, environment: str) -> frozenset[LearnedKey]:
        """Return which rows an environment has."""
        query = sa.select(_learned.c.system, _learned.c.operation, _learned.c.status)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(_learned.c.environment == environment)).all()
        return frozenset(LearnedKey(*row) for row in rows)

    def load(self, environment: str, system: str | None = None) -> list[LearnedRow]:
        """Return the rows of an environment, or of one system of it, in the order of their keys."""
        query = sa.select(_learned).where(_learned.c.environment == environment)
        if system is not None:
            query = query.where(_learned.c.system == system)
        ordered = query.order_by(_learned.c.system, _learned.c.operation, _learned.c.status)
        with self._database.reading() as connection:
            rows = connection.execute(ordered).all()
        return [
            LearnedRow(
                key=LearnedKey(row.system, row.operation, row.status), memory=row.memory, changed_at=at(row.changed_us)
            )
            for row in rows
        ]

    def forget(self, environment: str, system: str) -> int:
        """Forget what was learned of a system, and return of how many operations."""
        forget = sa.delete(_learned).where(_learned.c.environment == environment, _learned.c.system == system)
        with self._database.writing(durable=True) as connection:
            return int(connection.execute(forget).rowcount)
