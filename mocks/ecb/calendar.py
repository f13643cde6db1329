"""When the ECB publishes: the TARGET calendar, and the instant of each day's publication in Frankfurt time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FRANKFURT = ZoneInfo("Europe/Berlin")
_FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (12, 25), (12, 26)})
_DAY = timedelta(days=1)


def easter(year: int) -> date:
    """Return Easter Sunday of a Gregorian year, by Gauss's method as completed by Meeus."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leaps, left = divmod(century, 4)
    correction = (8 * century + 13) // 25
    epact = (19 * golden + century - leaps - correction + 15) % 30
    quarter, remainder = divmod(rest, 4)
    weekday = (32 + 2 * left + 2 * quarter - epact - remainder) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def is_publication_day(day: date) -> bool:
    """Say whether reference rates are published on that day: no weekend and no TARGET holiday."""
    if day.weekday() >= 5 or (day.month, day.day) in _FIXED_HOLIDAYS:
        return False
    sunday = easter(day.year)
    return day not in (sunday - 2 * _DAY, sunday + _DAY)


def published_at(day: date, delay_s: int = 0) -> datetime:
    """Return the UTC instant of that day's publication: 16:00 in Frankfurt, winter and summer, plus a delay."""
    local = datetime.combine(day, time(16), tzinfo=FRANKFURT)
    return local.astimezone(UTC) + timedelta(seconds=delay_s)


def latest_day(now: datetime, delay_s: int = 0) -> date:
    """Return the day of the newest rates that are out at that instant."""
    day = now.astimezone(FRANKFURT).date()
    while not is_publication_day(day) or published_at(day, delay_s) > now:
        day -= _DAY
    return day


def previous(day: date) -> date:
    """Return the publication day before that day."""
    day -= _DAY
    while not is_publication_day(day):
        day -= _DAY
    return day


def following(day: date) -> date:
    """Return the publication day after that day."""
    day += _DAY
    while not is_publication_day(day):
        day += _DAY
    return day
