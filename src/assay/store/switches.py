"""The kill switch in the store: one for each environment, seen by every process that shares the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import at, storable, us
from assay.store.schema import switches as _switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Whether it is thrown, who changed it last, and when."""

    thrown: bool
    by: str
    changed_at: datetime


class Switches:
    """The kill switches of every environment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, environment: str) -> Switch | None:
        """Return an environment's switch, or None where nobody ever touched it."""
        query = sa.select(_switches.c.thrown, _switches.c.by, _switches.c.changed_us)
        with self._database.reading() as connection:
            row = connection.execute(query.where(_switches.c.environment == environment)).first()
        return None if row is None else Switch(thrown=row.thrown, by=row.by, changed_at=at(row.changed_us))

    def change(self, environment: str, *, thrown: bool, by: str, now: datetime) -> None:
        """Throw it or put it back; on disk when this returns."""
        change = self._database.statement("switch", _change)
        row = {"environment": environment, "thrown": thrown, "by": storable(by), "changed_us": us(now)}
        with self._database.writing(durable=True) as connection:
            connection.execute(change, row)


def _change(database: Database) -> Any:
    insert = database.insert(_switches)
    told = ("thrown", "by", "changed_us")
    return insert.on_conflict_do_update(
        index_elements=["environment"], set_={name: getattr(insert.excluded, name) for name in told}
    )
