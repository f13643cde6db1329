"""How far a zone's clocks are from UTC, as SQL of numbers: no engine is asked for its own tables of zones.

A local time that a clock showed twice, or never, is none here: such rows come back and are judged where all others
would be. So do records that are from more than three years before the comparison, or a year after it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

BACK, AHEAD = timedelta(days=3 * 366), timedelta(days=366)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def offset_of_local(zone: str, local: str, at: datetime) -> str:
    """Return the SQL of the microseconds by which a local time is ahead of UTC; NULL where that is not certain."""
    spans = _spans(zone, at.date())
    bounds = []
    for place, (start, end, offset) in enumerate(spans):
        before = spans[place - 1][2] if place else offset
        after = spans[place + 1][2] if place + 1 < len(spans) else offset
        bounds.append((start + max(before, offset), end + min(offset, after), offset))
    return _cases(local, bounds)


def offset_of_instant(zone: str, instant: str, at: datetime) -> str:
    """Return the SQL of the same for an instant in microseconds since 1970."""
    return _cases(instant, list(_spans(zone, at.date())))


def _cases(value: str, bounds: list[tuple[int, int, int]]) -> str:
    cases = "".join(f" WHEN {value} < {start} THEN NULL WHEN {value} < {end} THEN {off}" for start, end, off in bounds)
    return f"CASE{cases} END"


@lru_cache(maxsize=32)
def _spans(zone: str, day: date) -> tuple[tuple[int, int, int], ...]:
    """Return when each offset holds, in microseconds: from, until, how far ahead."""
    info = ZoneInfo(zone)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    moment, last = at - BACK, at + AHEAD
    edges = [moment]
    while moment < last:
        following = moment + timedelta(days=7)
        if moment.astimezone(info).utcoffset() != following.astimezone(info).utcoffset():
            edges.append(_change(info, moment, following))
        moment = following
    edges.append(last)
    return tuple((_micros(start), _micros(end), _ahead(info, start)) for start, end in pairwise(edges))


def _change(info: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the second at which the offset changes between two instants."""
    own = before.astimezone(info).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(info).utcoffset() == own:
            before = middle
        else:
            after = middle
    return after


def _ahead(info: ZoneInfo, moment: datetime) -> int:
    return (moment.astimezone(info).utcoffset() or timedelta()) // _MICROSECOND


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
