"""What windows of time were summed up to: kept once each, by whichever process came first, and never changed.

What a sum holds is the business of whoever sums; here it is JSON. A source is whose sums these are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.schema import at, storable, us
from assay.store.schema import windows as _windows


class Windows:
    """The sums of every environment, by source and by the instant a window began."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, environment: str, source: str, sums: Mapping[datetime, Mapping[str, Any]]) -> None:
        """Keep the sums of windows that are not kept yet, all or none."""
        if not sums:
            return
        rows = [
            {"environment": environment, "source": source, "since_us": us(since), "memory": storable(memory)}
            for since, memory in sorted(sums.items())
        ]
        with self._database.writing() as connection:
            connection.execute(self._database.insert(_windows).on_conflict_do_nothing(), rows)

    def load(self, environment: str, source: str, *, since: datetime) -> dict[datetime, dict[str, Any]]:
        """Return the sums of a source's windows that began at or after an instant, oldest first."""
        query = (
            sa.select(_windows.c.since_us, _windows.c.memory)
            .where(_windows.c.environment == environment, _windows.c.source == source, _windows.c.since_us >= us(since))
            .order_by(_windows.c.since_us)
        )
        with self._database.reading() as connection:
            return {at(row.since_us): row.memory for row in connection.execute(query)}

    def forget(self, environment: str, source: str, *, before: datetime) -> int:
        """Forget a source's windows that began before an instant, and return how many."""
        forget = sa.delete(_windows).where(
            _windows.c.environment == environment, _windows.c.source == source, _windows.c.since_us < us(before)
        )
        with self._database.writing() as connection:
            return int(connection.execute(forget).rowcount)
