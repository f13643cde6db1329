"""Reads a listing span by span, so that no row is lost though pages shift while others write.

A row that is deleted moves all after it one place up, and who reads pages by offset never sees the one that moved over
the edge. So a span is narrowed until one answer holds it: an answer is of one moment. A span that cannot be narrower
is read again until two reads in a row bring nothing new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from assay.errors import InfrastructureError
from assay.roles import ShopRefused

Read = Callable[[datetime, datetime], Iterable[Any]]
"""What lists the records of [since, until)."""
Keys = Callable[[Sequence[Any]], Sequence[tuple[str, ...]]]
"""What tells records apart: a key of each."""

_FILL, _GROWTH = 0.6, 4.0
_TRIES, _QUIET, _MOST_READS = 3, 2, 12
_ROUNDS = 3
_DAY = timedelta(days=1)
_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was read at once. until: up to there all is read; reads: how often the system was asked for it."""

    records: Sequence[Any]
    until: datetime
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a listing is read.

    page: the most records one answer surely holds. least: the narrowest span the system tells apart. version: the
    instant of a record's last change; moment: the one it is listed by; None where it keeps none. pause: waits between
    tries, in seconds.
    """

    name: str
    read: Read
    keys: Keys
    version: Callable[[Any], datetime | None] = lambda record: None
    moment: Callable[[Any], datetime | None] = lambda record: None
    page: int = 100
    least: timedelta = timedelta(seconds=1)
    pause: Callable[[float], None] = time.sleep

    def over(self, since: datetime, until: datetime, *, follow: Callable[[], datetime] | None = None) -> Iterator[Step]:
        """Yield the records of [since, until), oldest span first, each span reaching a little into the one before.

        follow: the present, for a listing by change: a record that changes meanwhile moves out of the span that was
        asked for, so the last one is read up to now and beyond. `InfrastructureError` where the system gives up, or
        shows other rows each time it is asked.
        """
        edge = timedelta() if self.least >= _DAY else self.least
        begin = place = since.replace(hour=0, minute=0, second=0, microsecond=0) if self.least >= _DAY else since
        width, asked, rounds = self._whole(min(until - since, timedelta(hours=1))), 0, 0
        while place < until:
            end = min(place + width, until)
            last = follow is not None and end == until
            asked += 1
            span, bounds = end - place, (max(place - edge, begin), end + _AHEAD if last else end)
            narrowest = span <= self.least
            records = self._once(*bounds, whole=narrowest)
            if len(records) > self.page and not narrowest:
                width = self._whole(self._narrower(records, place, span))
                continue
            if len(records) > self.page:
                records, more = self._settled(*bounds, records)
                asked += more
            yield Step(records=records, until=end, reads=asked)
            asked, place = 0, end
            width = self._whole(span * min(_GROWTH, max(_FILL * self.page / max(len(records), 1), 1 / _GROWTH)))
            if follow is not None and last and rounds < _ROUNDS:
                rounds, until = rounds + 1, max(until, follow())

    def _narrower(self, records: Sequence[Any], place: datetime, span: timedelta) -> timedelta:
        """Return a span from a place on that one answer should hold, by the instants of what came for a longer one."""
        fill = int(_FILL * self.page)
        instants = sorted(at for at in map(self.moment, records) if at is not None and at >= place)
        if len(instants) <= fill:
            return span * (fill / len(records))
        found = instants[fill] - place
        # Of a list cut short nobody knows which end was seen; and what was read ahead lies beyond the span.
        return found if len(records) > self.page + 1 and found < span else span / 2

    def _whole(self, span: timedelta) -> timedelta:
        """Return a span of whole steps of the narrowest one, at least one."""
        return max(self.least, span // self.least * self.least)

    def _once(self, since: datetime, until: datetime, *, whole: bool) -> Sequence[Any]:
        """Ask for a span, three times where it goes wrong; unless whole, no more of it than tells it is too long."""
        for number in range(1, _TRIES + 1):
            try:
                found = self.read(since, until)
                if isinstance(found, Sequence):
                    return found
                return list(found if whole else islice(found, self.page + 1))
            except (LookupError, ShopRefused) as error:
                raise InfrastructureError(
                    f"{self.name} of that span cannot be listed",
                    where=f"{since.isoformat()} to {until.isoformat()}",
                    seen=str(error),
                    hint='where the youngest part comes late, leave it out: behind = "1d"',
                ) from error
            except InfrastructureError:
                if number == _TRIES:
                    raise
                self.pause(0.5 * 2**number)
        raise AssertionError

    def _settled(self, since: datetime, until: datetime, first: Sequence[Any]) -> tuple[list[Any], int]:
        """Return what all reads of a span of several pages brought, and how often it was asked for.

        A record of later than the span's end keeps nobody from ending: in a busy shop there always is one.
        """
        held: dict[tuple[str, ...], Any] = {}
        quiet, records = 0, first
        for number in range(_MOST_READS):
            new = False
            for key, record in zip(self.keys(records), records, strict=True):
                new = new or (key not in held and not self._is_later(record, until))
                if key not in held or not self._is_older(record, held[key]):
                    held[key] = record
            quiet = 0 if new else quiet + 1
            if quiet == _QUIET:
                return list(held.values()), number
            records = self._once(since, until, whole=True)
        raise InfrastructureError(
            f"{self.name} are other ones each time they are read",
            where=f"{since.isoformat()} to {until.isoformat()}",
            expected=f"{_QUIET} reads in a row that bring nothing new, within {_MOST_READS}",
            seen=f"{len(held):,} records so far",
            hint='read it when less is written there, or leave its youngest part out: behind = "1h"',
        )

    def _is_later(self, record: Any, until: datetime) -> bool:
        changed = self.version(record)
        return changed is not None and changed >= until

    def _is_older(self, record: Any, held: Any) -> bool:
        mine, other = self.version(record), self.version(held)
        return mine is not None and other is not None and mine < other
