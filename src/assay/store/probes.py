"""Runs of monitors in the store: each once, the bad ones with what was found, and hourly summaries for the long view.

Summaries are brought up to date in the transaction that keeps the runs, so they are right whoever writes how often:
whoever writes runs of an hour holds that hour's row first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from assay.events import Probe, ProbeResult
from assay.store.database import Database
from assay.store.probe_hours import Hour, Tally
from assay.store.probe_rows import RESULTS, ProbeRow, row_of, started_at
from assay.store.schema import BAD, at, monitors, probe_hours, probes, us

_HOUR_US = 3_600_000_000
_AT_ONCE = 1_000
_BAD_AN_HOUR = 10
"""So many bad runs of an hour stay with their findings when the hour is old: an outage of days says the same for days.
The summary counts all of them."""
_PASSED = RESULTS.index(ProbeResult.PASSED)
_KEY = ("monitor_id", "due_us", "location")
_Key = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProbe:
    """One run of a monitor as it is kept. delay_s: how late it began; took_s: how long it took.

    detail is empty for a plain pass without measures. Else its keys, each only where there is something to say, are:
    subject, steps [{name, seconds, error}], findings [every field of a failed `Finding` as text or lists, at_risk as
    {minor, currency}], more_findings (how many more there were), trouble, unreachable, orders, outcomes (ids),
    measures [{name, value, labels}], run_id, trace_id, stack.
    """

    number: int
    monitor: str
    due_at: datetime
    location: str
    delay_s: float
    took_s: float
    result: ProbeResult
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return started_at(self.due_at, self.delay_s)


class Probes:
    """The runs of monitors of every environment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, told: Sequence[Probe]) -> int:
        """Keep runs, all or none, and return how many were new.

        The same environment, monitor, location and due_at told again replaces what was kept.
        """
        return self.keep_rows([row_of(probe) for probe in told])

    def keep_rows(self, rows: Sequence[ProbeRow]) -> int:
        """Keep runs that were made rows before (`probe_rows.row_of`); see `keep`."""
        if not rows:
            return 0
        with self._database.writing() as connection:
            numbers = self._numbers(connection, rows)
            keyed: dict[_Key, ProbeRow] = {}
            for row in rows:
                number = numbers[row["environment"], row["monitor"]]
                keyed[number, row["due_us"], row["location"]] = row
            # One order for everybody: hours first, monitors next. Nobody waits for who waits for him.
            ordered = sorted(keyed, key=lambda key: (key[1] // _HOUR_US, key))
            new = 0
            for hour, keys in groupby(ordered, key=lambda key: key[1] // _HOUR_US):
                for part in _parts(list(keys)):
                    new += self._keep_part(connection, hour, {key: keyed[key] for key in part})
        return new

    def latest(self, environment: str) -> dict[str, KeptProbe]:
        """Return the last run of each monitor by its name, whatever it came to and wherever it ran."""
        last = (
            sa.select(probes.c.number)
            .where(probes.c.monitor_id == monitors.c.id)
            .order_by(probes.c.due_us.desc(), probes.c.number.desc())
            .limit(1)
            .correlate(monitors)
            .scalar_subquery()
        )
        query = _kept().where(monitors.c.environment == environment, probes.c.number == last)
        return {each.monitor: each for each in self._read(query)}

    def history(
        self,
        environment: str,
        monitor: str,
        *,
        since: datetime,
        until: datetime,
        limit: int = 200,
        only_bad: bool = False,
    ) -> list[KeptProbe]:
        """Return runs of one monitor that were due in [since, until), the latest first; only_bad: that did not pass."""
        query = _kept().where(
            monitors.c.environment == environment,
            monitors.c.name == monitor,
            probes.c.due_us >= us(since),
            probes.c.due_us < us(until),
        )
        return self._read(_latest_first(query.where(BAD) if only_bad else query, limit))

    def bad(self, environment: str, *, since: datetime, limit: int = 200) -> list[KeptProbe]:
        """Return runs of any monitor that were due since then and did not pass, the latest first."""
        query = _kept().where(monitors.c.environment == environment, probes.c.due_us >= us(since), BAD)
        return self._read(_latest_first(query, limit))

    def hours(self, environment: str, monitor: str, *, since: datetime, until: datetime) -> list[Hour]:
        """Return the summaries of the hours that began in [since, until), oldest first; hours without runs are none."""
        table = probe_hours.c
        query = (
            sa.select(table.hour, table.counts, table.latency, table.sum_ms, table.max_ms)
            .join(monitors, monitors.c.id == table.monitor_id)
            .where(
                monitors.c.environment == environment,
                monitors.c.name == monitor,
                table.hour >= -(-us(since) // _HOUR_US),
                table.hour < -(-us(until) // _HOUR_US),
            )
            .order_by(table.hour)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Tally.of(*stored).hour(at(hour * _HOUR_US)) for hour, *stored in rows]

    def names(self, environment: str) -> list[str]:
        """Return the names of monitors of which anything is kept, sorted."""
        kept = sa.exists().where(probe_hours.c.monitor_id == monitors.c.id)
        query = sa.select(monitors.c.name).where(monitors.c.environment == environment, kept)
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def retain(self, now: datetime, *, probes_s: float, bad_s: float, hours_s: float) -> Mapping[str, int]:
        """Remove what is too old and return how many passed runs, bad runs and hours that were.

        Passed runs stay for probes_s, bad ones for bad_s, summaries for hours_s. Of an hour older than probes_s only
        the first few bad runs stay. A transaction a monitor, so that nobody who writes waits long.
        """
        oldest, oldest_bad, oldest_hour = (us(now - timedelta(seconds=span)) for span in (probes_s, bad_s, hours_s))
        removed = {"passed": 0, "bad": 0, "hours": 0}
        with self._database.reading() as connection:
            ids = connection.execute(sa.select(monitors.c.id).order_by(monitors.c.id)).scalars().all()
        for number in ids:
            ours = probes.c.monitor_id == number
            deletes = {
                "passed": sa.delete(probes).where(ours, probes.c.due_us < oldest, probes.c.result == _PASSED),
                "bad": sa.delete(probes).where(
                    ours,
                    BAD,
                    sa.or_(probes.c.due_us < oldest_bad, probes.c.number.in_(_one_too_many(number, oldest))),
                ),
                "hours": sa.delete(probe_hours).where(
                    probe_hours.c.monitor_id == number, probe_hours.c.hour < oldest_hour // _HOUR_US
                ),
            }
            with self._database.writing() as connection:
                for name, delete in deletes.items():
                    removed[name] += connection.execute(delete).rowcount
        return removed

    def _read(self, query: sa.Select[Any]) -> list[KeptProbe]:
        with self._database.reading() as connection:
            return [_probe(row) for row in connection.execute(query)]

    def _numbers(self, connection: sa.Connection, rows: Sequence[ProbeRow]) -> dict[tuple[str, str], int]:
        """Return the number of each (environment, monitor); one seen for the first time gets its own."""
        wanted = sorted({(row["environment"], row["monitor"]) for row in rows})
        query = sa.select(monitors.c.environment, monitors.c.name, monitors.c.id)
        query = query.where(
            monitors.c.environment.in_({environment for environment, _ in wanted}),
            monitors.c.name.in_({name for _, name in wanted}),
        )
        found = {(environment, name): number for environment, name, number in connection.execute(query)}
        new = [
            {"environment": environment, "name": name}
            for environment, name in wanted
            if (environment, name) not in found
        ]
        if new:
            insert = self._database.statement("monitor", lambda ours: ours.insert(monitors).on_conflict_do_nothing())
            connection.execute(insert, new)
            found = {(environment, name): number for environment, name, number in connection.execute(query)}
        return found

    def _keep_part(self, connection: sa.Connection, hour: int, rows: Mapping[_Key, ProbeRow]) -> int:
        """Keep runs of one hour, and count them in it."""
        ids = sorted({number for number, _, _ in rows})
        tallies = self._held_hours(connection, hour, ids)
        before = _kept_before(connection, ids, rows)
        shrunk = set()
        for key, row in rows.items():
            tally = tallies[key[0]]
            if old := before.get(key):
                tally.add(old[0], old[1], by=-1)
                if old[1] >= tally.max_ms:
                    shrunk.add(key[0])
            tally.add(row["result"], row["took_ms"])
        values = [_values(key, row) for key, row in rows.items()]
        connection.execute(self._database.statement("probe", _replacing), values)
        for number in shrunk:  # the slowest run of the hour was told anew: which is it now?
            tallies[number].max_ms = _slowest(connection, number, hour)
        changed = [{"of": number, "in_hour": hour, **tally.stored()} for number, tally in tallies.items()]
        connection.execute(_UPDATE_HOUR, changed)
        return len(rows) - len(before)

    def _held_hours(self, connection: sa.Connection, hour: int, ids: Sequence[int]) -> dict[int, Tally]:
        """Return the tallies of one hour, which nobody else changes until this transaction ends."""
        asked = {"ids": ids, "in_hour": hour}
        held = connection.execute(_HELD_HOURS, asked).all()
        if len(held) < len(ids):
            empty, there = Tally().stored(), {row[0] for row in held}
            new = [{"monitor_id": number, "hour": hour, **empty} for number in ids if number not in there]
            connection.execute(self._database.statement("new hour", _new_hour), new)
            held = connection.execute(_HELD_HOURS, asked).all()
        return {number: Tally.of(*stored) for number, *stored in held}


_HELD_HOURS = (
    sa.select(
        probe_hours.c.monitor_id,
        probe_hours.c.counts,
        probe_hours.c.latency,
        probe_hours.c.sum_ms,
        probe_hours.c.max_ms,
    )
    .where(
        probe_hours.c.monitor_id.in_(sa.bindparam("ids", expanding=True)), probe_hours.c.hour == sa.bindparam("in_hour")
    )
    .order_by(probe_hours.c.monitor_id)
    .with_for_update()
)
_UPDATE_HOUR = (
    sa.update(probe_hours)
    .where(probe_hours.c.monitor_id == sa.bindparam("of"), probe_hours.c.hour == sa.bindparam("in_hour"))
    .values({name: sa.bindparam(name) for name in ("counts", "latency", "sum_ms", "max_ms")})
)
_KEPT_BEFORE = sa.select(
    probes.c.monitor_id, probes.c.due_us, probes.c.location, probes.c.result, probes.c.took_ms
).where(
    probes.c.monitor_id.in_(sa.bindparam("ids", expanding=True)),
    probes.c.due_us >= sa.bindparam("first"),
    probes.c.due_us <= sa.bindparam("last"),
)


def _kept_before(
    connection: sa.Connection, ids: Sequence[int], rows: Mapping[_Key, ProbeRow]
) -> dict[_Key, tuple[int, int]]:
    """Return (result, milliseconds) of those of these runs that are kept already."""
    dues = [due for _, due, _ in rows]
    found = connection.execute(_KEPT_BEFORE, {"ids": ids, "first": min(dues), "last": max(dues)})
    return {
        (number, due, place): (result, took)
        for number, due, place, result, took in found
        if (number, due, place) in rows
    }


def _slowest(connection: sa.Connection, number: int, hour: int) -> int:
    verdicts = [RESULTS.index(result) for result in (ProbeResult.PASSED, ProbeResult.FAILED)]
    query = sa.select(sa.func.max(probes.c.took_ms)).where(
        probes.c.monitor_id == number,
        probes.c.due_us >= hour * _HOUR_US,
        probes.c.due_us < (hour + 1) * _HOUR_US,
        probes.c.result.in_(verdicts),
    )
    return int(connection.execute(query).scalar() or 0)


def _new_hour(database: Database) -> Any:
    return database.insert(probe_hours).on_conflict_do_nothing()


def _replacing(database: Database) -> Any:
    """Return the INSERT of a run, which replaces one of the same turn."""
    insert = database.insert(probes)
    told = ("delay_ms", "took_ms", "result", "detail")
    return insert.on_conflict_do_update(
        index_elements=list(_KEY), set_={name: getattr(insert.excluded, name) for name in told}
    )


def _values(key: _Key, row: ProbeRow) -> dict[str, Any]:
    told = {name: row[name] for name in ("delay_ms", "took_ms", "result", "detail")}
    return {**dict(zip(_KEY, key, strict=True)), **told}


def _parts(keys: list[_Key]) -> Iterator[list[_Key]]:
    for first in range(0, len(keys), _AT_ONCE):
        yield keys[first : first + _AT_ONCE]


def _one_too_many(number: int, before: int) -> sa.Select[Any]:
    """Return the bad runs of old hours beyond the first few of each."""
    rank = sa.func.row_number().over(
        partition_by=(probes.c.due_us - probes.c.due_us % _HOUR_US), order_by=probes.c.due_us
    )
    ranked = (
        sa.select(probes.c.number.label("number"), rank.label("rank"))
        .where(probes.c.monitor_id == number, probes.c.due_us < before - before % _HOUR_US, BAD)
        .subquery()
    )
    return sa.select(ranked.c.number).where(ranked.c.rank > _BAD_AN_HOUR)


def _kept() -> sa.Select[Any]:
    read = [probes.c[name] for name in ("number", "due_us", "location", "delay_ms", "took_ms", "result", "detail")]
    return sa.select(monitors.c.name, *read).join(monitors, monitors.c.id == probes.c.monitor_id)


def _latest_first(query: sa.Select[Any], limit: int) -> sa.Select[Any]:
    return query.order_by(probes.c.due_us.desc(), probes.c.number.desc()).limit(limit)


def _probe(row: Sequence[Any]) -> KeptProbe:
    monitor, number, due, location, delay, took, result, detail = row
    return KeptProbe(
        number=number,
        monitor=monitor,
        due_at=at(due),
        location=location,
        delay_s=delay / 1000.0,
        took_s=took / 1000.0,
        result=RESULTS[result],
        detail=detail or {},
    )
