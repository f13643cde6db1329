"""The windows that are summed up: halves of a calendar day where the shop is, so that a day is seen in two of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_MIDNIGHT, _NOON = time(0), time(12)
_DAY = timedelta(days=1)


class Window(NamedTuple):
    """Half a day, [since, until) in UTC; half is 0 until noon and 1 from noon on. A clock that is set makes it 11 h."""

    since: datetime
    until: datetime
    day: date
    half: int


def windows_of(first: date, last: date, zone: ZoneInfo) -> tuple[Window, ...]:
    """Return both halves of each day from the first to the last, oldest first, without a gap between them."""
    found = []
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        begins, noon, ends = _utc(day, _MIDNIGHT, zone), _utc(day, _NOON, zone), _utc(day + _DAY, _MIDNIGHT, zone)
        found += [Window(begins, noon, day, 0), Window(noon, ends, day, 1)]
    return tuple(found)


def closed_windows(first: date, now: datetime, zone: ZoneInfo) -> tuple[Window, ...]:
    """Return the windows from a day on that were over by `now`."""
    return tuple(each for each in windows_of(first, now.astimezone(zone).date(), zone) if each.until <= now)


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
