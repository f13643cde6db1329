"""Intents in the store: what was about to be created in a real system, and whether it was taken back since.

Every write here is on disk when it returns, so that neither a killed process nor a power cut hides what was created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import at, storable, us
from assay.store.schema import intents as _intents

OPEN, LEAKED = "open", "leaked"
UNDONE, ABSENT, KEPT = "undone", "absent", "kept"
CLOSED = (UNDONE, ABSENT, KEPT)
"""States in which nothing is left to do: taken back, never created, or kept on purpose in a simulation."""
_INSTANTS = {"created_us": "created_at", "until_us": "until", "changed_us": "changed_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIntent:
    """One thing a flow created or was about to create. `ref` is None where the answer never came.

    state: open, undone, absent (it was never created), kept (in a simulated system, which is thrown away) or leaked (it
    cannot be taken back; `note` says why).
    holder: the process that is busy with it until `until` at the latest.
    """

    number: int
    environment: str
    run_id: str
    scope: str
    system: str
    kind: str
    marker: str
    verb: str
    arguments: Mapping[str, Any]
    created_at: datetime
    holder: str
    until: datetime
    ref: str | None
    state: str
    note: str
    changed_at: datetime


class Intents:
    """The ledger's rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, created_at: datetime, until: datetime, **fields: Any) -> int:
        """Keep an intent before its call is made and return its number."""
        row = {name: storable(value) for name, value in fields.items()}
        row |= {"created_us": us(created_at), "changed_us": us(created_at), "until_us": us(until)}
        insert = sa.insert(_intents).values(**row, state=OPEN, note="").returning(_intents.c.number)
        with self._database.writing(durable=True) as connection:
            return int(connection.execute(insert).scalar_one())

    def note_ref(self, number: int, ref: str) -> None:
        """Keep the reference under which the system holds what was created."""
        self._change(number, ref=storable(ref))

    def settle(self, number: int, state: str, note: str, now: datetime) -> None:
        """Keep what became of an intent."""
        self._change(number, state=state, note=storable(note), changed_us=us(now))

    def unsettled(
        self, environment: str, *, run_id: str | None = None, scope: str | None = None
    ) -> Sequence[StoredIntent]:
        """Return the intents that are open or leaked, the latest first."""
        query = sa.select(_intents).where(_intents.c.environment == environment, _intents.c.state.not_in(CLOSED))
        if run_id is not None:
            query = query.where(_intents.c.run_id == run_id)
        if scope is not None:
            query = query.where(_intents.c.scope == scope)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_intents.c.number.desc())).mappings().all()
        return [_intent(row) for row in rows]

    def _change(self, number: int, **fields: Any) -> None:
        with self._database.writing(durable=True) as connection:
            connection.execute(sa.update(_intents).where(_intents.c.number == number).values(**fields))


def _intent(row: sa.RowMapping) -> StoredIntent:
    fields: dict[str, Any] = {
        _INSTANTS.get(name, name): at(value) if name in _INSTANTS else value for name, value in row.items()
    }
    return StoredIntent(**fields)
