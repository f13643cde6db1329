"""What leaves the store again: an environment that is forgotten, results that are too old."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from assay.errors import UsageError
from assay.store.database import Database
from assay.store.intents import CLOSED
from assay.store.schema import (
    PARTS,
    alerts,
    calls,
    deliveries,
    gaps,
    intents,
    learned,
    leases,
    monitors,
    outcomes,
    probe_hours,
    probes,
    runs,
    silences,
    spendings,
    turns,
    us,
    windows,
)


def forget(database: Database, environment: str) -> None:
    """Remove everything of one environment but what is still to be undone."""
    with database.writing() as connection:
        _remove_outcomes(connection, outcomes.c.environment == environment)
        ours = sa.select(monitors.c.id).where(monitors.c.environment == environment)
        for part in (probes, probe_hours):
            connection.execute(sa.delete(part).where(part.c.monitor_id.in_(ours)))
        # The kill switch stays: whoever threw it meant it, and forgetting is no decision to go on.
        kept = (calls, gaps, runs, leases, spendings, turns, monitors, alerts, silences, deliveries, learned, windows)
        for table in kept:
            connection.execute(sa.delete(table).where(table.c.environment == environment))
        done = (intents.c.environment == environment, intents.c.state.in_(CLOSED))
        connection.execute(sa.delete(intents).where(*done))


def prune(database: Database, keep_days: int, now: datetime, environment: str | None = None) -> Mapping[str, int]:
    """Remove what is older than so many days, of one environment or of all; return the number of rows by table.

    What was learned stays: whoever learned it forgets it in time, and a shorter memory would know no season.
    """
    if keep_days < 0:
        raise UsageError("nothing can be kept for less than no time", expected="0 days or more", seen=f"{keep_days}")
    oldest = us(now - timedelta(days=keep_days))

    def ours(table: sa.Table) -> Any:
        return sa.true() if environment is None else table.c.environment == environment

    with database.writing() as connection:
        old_runs = sa.select(runs.c.id).where(runs.c.started_us < oldest)
        old = sa.or_(outcomes.c.started_us < oldest, outcomes.c.run_id.in_(old_runs))
        removed = _remove_outcomes(connection, sa.and_(old, ours(outcomes)))
        for table, condition in (
            (runs, runs.c.started_us < oldest),
            (calls, calls.c.at_us < oldest),
            (gaps, gaps.c.until_us < oldest),
            (leases, leases.c.until_us < oldest),
            (spendings, spendings.c.at_us < oldest),
            (intents, sa.and_(intents.c.changed_us < oldest, intents.c.state.in_(CLOSED))),
        ):
            removed[table.name] = connection.execute(sa.delete(table).where(condition, ours(table))).rowcount
    return removed


def _remove_outcomes(connection: sa.Connection, condition: Any) -> dict[str, int]:
    removed = {}
    chosen = sa.select(outcomes.c.id).where(condition)
    for part in PARTS:
        removed[part.name] = connection.execute(sa.delete(part).where(part.c.outcome_id.in_(chosen))).rowcount
    removed[outcomes.name] = connection.execute(sa.delete(outcomes).where(condition)).rowcount
    return removed
