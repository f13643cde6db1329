"""Days and instants as OData V2 writes them: milliseconds since 1970 in UTC, and a time of day beside them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from assay.http import Answer

_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d+)?\)/")
_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date_of(entry: Answer, path: str) -> date | None:
    """Return the day at the path, or None where there is none."""
    instant = _instant(entry, path)
    return instant.date() if instant else None


def instant_of(entry: Answer, day: str, time: str) -> datetime | None:
    """Return the instant that a day and a time of day make, in SAP's system time; UTC in S/4HANA Cloud."""
    at = _instant(entry, day)
    if at is None or not entry.has(time):
        return at
    match = _TIME.fullmatch(entry.text(time))
    if match is None:
        entry.refuse(time, "an Edm.Time such as PT13H05M09S")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return at + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def moment_of(entry: Answer, path: str) -> datetime | None:
    """Return the instant at the path, or None where there is none."""
    return _instant(entry, path)


def _instant(entry: Answer, path: str) -> datetime | None:
    """Read an Edm.DateTime or Edm.DateTimeOffset: in UTC, whatever offset is shown with it."""
    if not entry.has(path):
        return None
    match = _DATE.fullmatch(entry.text(path))
    if match is None:
        entry.refuse(path, "an OData V2 date such as /Date(1735689600000)/")
    return _EPOCH + timedelta(milliseconds=int(match[1]))
