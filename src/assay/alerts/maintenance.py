"""Spans in which monitors run but wake nobody: local times of a zone, on the days a clock is changed too.

A weekly span begins at its local time on the days named and lasts its real time. Where the clock is put forward over
that local time, it begins at the instant at which the clock is put forward; where a local time comes twice, at the
first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from assay.monitor import matches
from assay.profile_watch import Maintenance

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def window_of(maintenance: Maintenance, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the span (from, until) in UTC that holds now, or None."""
    zone = ZoneInfo(maintenance.zone)
    if maintenance.start is not None and maintenance.end is not None:
        spans = [(instant_of(maintenance.start, zone), instant_of(maintenance.end, zone))]
    else:
        spans = _weekly(maintenance, now, zone)
    return next(((begins, ends) for begins, ends in spans if begins <= now < ends), None)


def in_maintenance(monitor: str, maintenances: Iterable[Maintenance], now: datetime) -> tuple[str, datetime] | None:
    """Return the name of the maintenance a monitor is in and until when, the longest of several; None for none."""
    found = []
    for each in maintenances:
        if matches(monitor, each.monitors) and (window := window_of(each, now)):
            found.append((window[1], each.name))
    return (max(found)[1], max(found)[0]) if found else None


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a local date and time: the first of two; the end of the gap where there is none."""
    first = local.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    # In the gap fold=0 counts with the offset before it and fold=1 with the one after it: the two enclose the change.
    early, late = sorted((instant, local.replace(tzinfo=zone, fold=1).astimezone(UTC)))
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _weekly(maintenance: Maintenance, now: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    lasts = timedelta(seconds=maintenance.lasts or 0)
    today = now.astimezone(zone).date()
    # One that lasts for days may have begun as many days ago.
    days = (today - timedelta(days=back) for back in range(-1, lasts.days + 3))
    begins = [_begins(day, maintenance.at or time(), zone) for day in days if _DAYS[day.weekday()] in maintenance.days]
    return [(each, each + lasts) for each in begins]


def _begins(day: date, at: time, zone: ZoneInfo) -> datetime:
    return instant_of(datetime.combine(day, at.replace(tzinfo=None)), zone)
