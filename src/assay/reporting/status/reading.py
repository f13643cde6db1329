"""What one request reads: from the store, and from memory where the store is away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from assay.errors import InfrastructureError
from assay.monitor import matches
from assay.reporting.status.live import newest_first
from assay.reporting.status.runs import Run, kept_run
from assay.reporting.status.source import StatusSource

if TYPE_CHECKING:
    from assay.store import Store, StoredIntent
    from assay.store.alerts import Delivery
    from assay.store.probe_hours import Hour

_T = TypeVar("_T")
_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLine:
    """One silence that holds: whom it keeps quiet (names, with * for any letters), why, who asked, until when."""

    number: int
    monitors: tuple[str, ...]
    reason: str
    by: str
    created_at: datetime
    until: datetime


class Reading:
    """One request's view. `away_since` says since when the store does not answer, and `away_why` what it said."""

    def __init__(self, source: StatusSource) -> None:
        self.source = source
        self.now = source.now()
        self.away_since = source.store_away_since()
        self.away_why = ""

    def latest(self) -> dict[str, Run]:
        """Return the last run of each monitor, by whichever process of this environment."""
        heard = self.source.recent.latest()
        kept = self._ask(lambda store: store.probes.latest(self.source.environment)) or {}
        found = {name: kept_run(each) for name, each in kept.items()}
        for name, run in heard.items():
            if name not in found or found[name].due_at < run.due_at:
                found[name] = run
        return found

    def last(self, monitor: str) -> Run | None:
        """Return the last run of one monitor."""
        heard = self.source.recent.latest().get(monitor)
        kept = next(iter(self.runs(monitor, since=self.now - _KEPT, limit=1)), None)
        return kept if heard is None or (kept is not None and kept.due_at >= heard.due_at) else heard

    def runs(
        self, monitor: str, *, since: datetime, until: datetime | None = None, limit: int = 50, only_bad: bool = False
    ) -> list[Run]:
        """Return runs of a monitor due in [since, until), the latest first."""
        until = until or self.now + timedelta(days=1)
        kept = self._ask(
            lambda store: store.probes.history(
                self.source.environment, monitor, since=since, until=until, limit=limit, only_bad=only_bad
            )
        )
        if kept is not None:
            return newest_first(map(kept_run, kept))[:limit]
        heard = self.source.recent.runs(monitor, since=since)
        return [run for run in heard if run.due_at < until and not (only_bad and run.result == "passed")][:limit]

    def bad(self, *, since: datetime, limit: int = 200) -> list[Run]:
        """Return runs of all monitors that did not pass, the latest first."""
        kept = self._ask(lambda store: store.probes.bad(self.source.environment, since=since, limit=limit))
        if kept is not None:
            return newest_first(map(kept_run, kept))
        return [run for run in self.source.recent.runs(since=since) if run.result != "passed"][:limit]

    def hours(self, monitor: str, *, since: datetime, until: datetime) -> Sequence[Hour]:
        """Return the hourly summaries of a monitor, oldest first; none while the store is away."""
        read = self._ask(lambda store: store.probes.hours(self.source.environment, monitor, since=since, until=until))
        return sorted(read or (), key=lambda hour: hour.start)

    def names(self) -> list[str]:
        """Return the monitors that ever ran here, those that are no longer declared too."""
        known = self._ask(lambda store: store.probes.names(self.source.environment)) or []
        return sorted({*known, *self.source.monitors(), *self.source.recent.latest()})

    def intents(self) -> Sequence[StoredIntent]:
        """Return what is still to be undone, and what cannot be."""
        return self._ask(lambda store: store.intents.unsettled(self.source.environment)) or ()

    def silences(self) -> list[SilenceLine]:
        """Return the silences that hold now, the one that ends first at the head."""
        rows = self._ask(lambda store: store.alerts.silences(self.source.environment, self.now)) or ()
        lines = [
            SilenceLine(
                number=row.number,
                monitors=row.monitors,
                reason=row.reason,
                by=row.by,
                created_at=row.created_at,
                until=row.until,
            )
            for row in rows
        ]
        return sorted(lines, key=lambda line: (line.until, line.number))

    def deliveries(self) -> Sequence[Delivery]:
        """Return what was told lately, and what still is to be, the latest first."""
        told = self._ask(lambda store: store.alerts.deliveries(self.source.environment)) or ()
        return sorted(told, key=lambda each: (each.created_at, each.number), reverse=True)

    def _ask(self, read: Callable[[Store], _T]) -> _T | None:
        """Return what the store says, None while it is away."""
        if self.away_since is not None:
            return None
        try:
            return read(self.source.store)
        except InfrastructureError as error:
            # Once is enough: what else this page would ask would wait as long again.
            self.away_since, self.away_why = self.now, error.message
            return None


def silence_of(name: str, silences: Sequence[SilenceLine]) -> SilenceLine | None:
    """Return the silence that keeps a monitor quiet the longest, None where none does."""
    holding = [line for line in silences if matches(name, line.monitors)]
    return max(holding, key=lambda line: line.until, default=None)
