"""Crons of five fields, always in UTC: a cron in local time skips a run in spring and runs one twice in autumn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from assay.errors import UsageError

_FIELDS = "five fields in UTC: minute hour day-of-month month day-of-week"
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ZONE_BEFORE = re.compile(r"(?:CRON_)?TZ=(\S*)\s*(.*)", re.IGNORECASE)
_ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
"""Where gaps are measured from: a Monday, in a leap year."""
_SAMPLE = 32


@lru_cache(maxsize=4096)
def cron_in_utc(text: str) -> Any:
    """Return APScheduler's trigger of a cron; `UsageError` says what to write where it is none, or in local time."""
    from apscheduler.triggers.cron import CronTrigger  # a command that loads no monitor pays nothing for it

    minute, hour, day, month, weekday = _fields(text)
    if day != "*" and weekday != "*":
        raise UsageError(
            "a cron that names both a day of the month and a day of the week is read in two ways",
            expected="one of the two, the other *",
            seen=repr(text),
            hint="write two monitors, or one of the two fields as *",
        )
    try:
        trigger = CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=UTC
        )
    except (ValueError, TypeError) as error:
        raise UsageError("that is no cron", expected=_FIELDS, seen=f"{text!r}: {error}", hint=_EXAMPLE) from None
    if trigger.get_next_fire_time(None, _ANCHOR) is None:
        raise UsageError("that cron never comes", seen=repr(text), hint="no month has that day")
    return trigger


_EXAMPLE = "write for example '15 2 * * *': every day at 02:15 UTC"


def next_of(cron: str, after: datetime) -> datetime:
    """Return the first instant of a cron later than this one."""
    found: datetime | None = cron_in_utc(cron).get_next_fire_time(None, after + timedelta(microseconds=1))
    if found is None:
        raise UsageError("that cron does not come again", seen=f"{cron!r} after {after:%Y-%m-%d}")
    return found.astimezone(UTC)


@lru_cache(maxsize=4096)
def gaps_of(cron: str) -> tuple[float, ...]:
    """Return the seconds between runs, over the next ones from a fixed instant on."""
    trigger, at, times = cron_in_utc(cron), _ANCHOR, []
    for _ in range(_SAMPLE):
        found = trigger.get_next_fire_time(None, at)
        if found is None:
            break
        times.append(found)
        at = found + timedelta(microseconds=1)
    return tuple((later - earlier).total_seconds() for earlier, later in pairwise(times)) or (366 * 86_400.0,)


def _fields(text: str) -> Sequence[str]:
    text = text.strip()
    if zoned := _ZONE_BEFORE.match(text):
        raise _local(text, zoned[1], zoned[2].split())
    if text.startswith("@"):
        hint = f"write cron = '{_NICKNAMES[text.lower()]}'" if text.lower() in _NICKNAMES else _EXAMPLE
        raise UsageError("that is no cron", expected=_FIELDS, seen=repr(text), hint=hint)
    fields = text.split()
    if zones := [field for field in fields if _is_zone(field)]:
        raise _local(text, zones[0], [field for field in fields if field not in zones])
    if len(fields) == 6:
        raise UsageError(
            "a cron has no field for seconds",
            expected=_FIELDS,
            seen=f"{text!r}: six fields",
            hint=f"write cron = '{' '.join(fields[1:])}', or interval = '30s' for what comes more often than a minute",
        )
    if len(fields) != 5:
        raise UsageError("that is no cron", expected=_FIELDS, seen=f"{text!r}: {len(fields)} fields", hint=_EXAMPLE)
    return fields


def _local(text: str, zone: str, fields: Sequence[str]) -> UsageError:
    """Refuse a cron in local time and say what it is in UTC, where that can be said."""
    hint = f"take {zone or 'the zone'} out and write the time in UTC"
    if zone.upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
        hint = f"write cron = '{' '.join(fields)}': it is in UTC already"
    elif len(fields) == 5 and fields[0].isdigit() and fields[1].isdigit():
        try:
            winter, summer = (
                datetime(2026, month, 15, int(fields[1]), int(fields[0]), tzinfo=ZoneInfo(zone)).astimezone(UTC)
                for month in (1, 7)
            )
            if winter.day != 15 and any(field != "*" for field in fields[2:]):
                raise ValueError("another day in UTC")
            now = f"{int(fields[1]):02}:{int(fields[0]):02} in {zone} is {winter:%H:%M} UTC in January"
            hint = f"{now}, {summer:%H:%M} UTC in July: write cron = '{_in(winter, fields)}'"
        except (KeyError, ValueError, OSError):  # no such zone, no such time, another day
            pass
    return UsageError(
        "a cron runs in UTC: in local time one run is skipped in spring, one comes twice in autumn",
        expected=_FIELDS,
        seen=repr(text),
        hint=hint,
    )


def _in(at: datetime, fields: Sequence[str]) -> str:
    return " ".join([str(at.minute), str(at.hour), *fields[2:]])


def _is_zone(field: str) -> bool:
    if "/" in field and field[0].isalpha():
        return not field.partition("/")[2][:1].isdigit()
    return field.upper() in ("UTC", "GMT", "CET", "CEST", "EST", "EDT", "PST", "PDT", "Z", "LOCAL", "BST")


def _weekdays(field: str) -> str:
    """Return a field of weekdays with names for its numbers: to cron 0 and 7 are Sunday, to APScheduler 0 is Monday."""
    if not any(letter.isdigit() for letter in field):
        return field
    named: list[str] = []
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if (step and not step.isdigit()) or step == "0":
            raise ValueError(f"no weekdays: {part!r}")
        begin = 0 if first == "*" else _day(first)
        end = 6 if first == "*" or (step and not last) else _day(last) if last else begin
        if end < begin:
            raise ValueError(f"{part!r} ends before it begins")
        named += [_DAYS[number] for number in range(begin, end + 1, int(step or 1))]
    return ",".join(dict.fromkeys(named))


def _day(text: str) -> int:
    if text.lower() in _DAYS:
        return _DAYS.index(text.lower())
    if not text.isdigit() or int(text) > 7:
        raise ValueError(f"no day of the week: {text!r} (0 and 7 are Sunday, or mon, tue …)")
    return int(text)
