"""The reference rates Frankfurter serves: which days have some, and each day's rates, out of a small table and a seed.

Frankfurter publishes nothing of its own: in a landscape its rates are those that the European Central Bank publishes
there, digit for digit. Both simulators therefore follow one rule, each with its own code, and a test holds them
against each other: a currency's step of a day is drawn from seed, code and date alone (README, "How much").
"""

from __future__ import annotations

import csv
import hashlib
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

ANCHOR, FIRST_DAY = date(2025, 5, 9), date(2016, 1, 4)
"""The day whose rates are the table's own, for every seed; and the first day of the simulated history."""

_ZONE, _HOUR, _DAY = ZoneInfo("Europe/Berlin"), 16, timedelta(days=1)
_SMOOTHED_OVER = 24
_DRAWS = struct.Struct(">12H")
_EXACT = Context(prec=18)
_TABLE = Path(__file__).with_name("currencies.csv")


@dataclass(frozen=True, slots=True)
class Row:
    """One currency: names, units for one euro on the anchor day, the grid it is printed on, and how it moves."""

    code: str
    numeric: str
    name: str
    symbol: str
    level: Decimal
    grid: Decimal
    own_ppm: int
    dollar_percent: int
    moves: str
    until: date


def _rows() -> Iterator[Row]:
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            yield Row(
                code=line["code"],
                numeric=line["numeric"],
                name=line["name"],
                symbol=line["symbol"],
                level=Decimal(line["level"]),
                grid=Decimal(line["grid"]),
                own_ppm=int(line["own_ppm"]),
                dollar_percent=int(line["dollar_percent"]),
                moves=line["moves"],
                until=date.fromisoformat(line["until"]) if line["until"] else date.max,
            )


TABLE: dict[str, Row] = {row.code: row for row in _rows()}
"""Every currency by its code, in alphabetical order, the euro left out."""


@cache
def _closed(year: int) -> frozenset[date]:
    """Return the holidays of the TARGET calendar in a year."""
    golden, century = year % 19, year // 100 + 1
    epact = (14 + 11 * golden - 3 * century // 4 + (5 + 8 * century) // 25) % 30
    epact += epact == 0 or (epact == 1 and golden > 10)
    moon = date(year, 4, 19) - epact * _DAY
    sunday = moon + (6 - moon.weekday() or 7) * _DAY
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(fixed | {sunday - 2 * _DAY, sunday + _DAY})


def is_open(day: date) -> bool:
    """Say whether rates are published on that day: no weekend and no TARGET holiday."""
    return day.weekday() < 5 and day not in _closed(day.year)


def out_at(day: date, late_s: int = 0) -> datetime:
    """Return the UTC instant from which that day's rates are served."""
    local = datetime(day.year, day.month, day.day, _HOUR, tzinfo=_ZONE)
    return local.astimezone(UTC) + timedelta(seconds=late_s)


def newest_day(now: datetime, late_s: int = 0) -> date:
    """Return the newest day whose rates are served at that instant."""
    day = now.astimezone(_ZONE).date()
    while not is_open(day) or out_at(day, late_s) > now:
        day -= _DAY
    return day


def open_days(first: date, last: date) -> list[date]:
    """Return the days with rates from `first` to `last`, both included, none before the history begins."""
    first = max(first, FIRST_DAY)
    days = (first + number * _DAY for number in range((last - first).days + 1))
    return [day for day in days if is_open(day)]


class History:
    """The rates of one seed; every day asked in any order gives the same digits."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # The sum of a currency's steps from the anchor on, beside the days they belong to.
        self._days: list[date] = [ANCHOR]
        self._sums: list[dict[str, int]] = [dict.fromkeys(TABLE, 0)]
        self._draws: dict[tuple[str, date], int] = {}
        self._printed: dict[date, dict[str, Decimal]] = {}

    def rates(self, day: date) -> dict[str, Decimal]:
        """Return units of each currency for one euro on a day with rates, by code in alphabetical order."""
        if day not in self._printed:
            sums = self._sums_of(day)
            self._printed[day] = {
                code: self._on_grid(row, sums[code], day) for code, row in TABLE.items() if day <= row.until
            }
        return self._printed[day]

    def _on_grid(self, row: Row, billionths: int, day: date) -> Decimal:
        if row.moves == "fixed":
            return row.level
        if row.moves.endswith("band"):
            billionths += self._smooth(row, day) - self._smooth(row, ANCHOR)
        exact = _EXACT.multiply(row.level, _EXACT.exp(Decimal(billionths).scaleb(-9)))
        return (round(exact / row.grid) * row.grid).quantize(row.level)

    def _smooth(self, row: Row, day: date) -> int:
        """Return a mean of draws over the days before: it wanders and comes back, where a sum would leave the band."""
        total, left = 0, _SMOOTHED_OVER
        while left:
            if is_open(day):
                total += self._draw(row.code, day)
                left -= 1
            day -= _DAY
        return total * row.own_ppm * 1000 // (_SMOOTHED_OVER << 16)

    def _sums_of(self, day: date) -> dict[str, int]:
        while self._days[-1] < day:
            following = next(iter(open_days(self._days[-1] + _DAY, self._days[-1] + 7 * _DAY)))
            steps = self._steps(following)
            self._sums.append({code: total + steps[code] for code, total in self._sums[-1].items()})
            self._days.append(following)
        if day < self._days[0]:
            earlier = open_days(day, self._days[0])
            sums = [self._sums[0]]
            for later in reversed(earlier[1:]):
                steps = self._steps(later)
                sums.append({code: total - steps[code] for code, total in sums[-1].items()})
            self._days[:1], self._sums[:1] = earlier, sums[::-1]
        return self._sums[bisect_left(self._days, day)]

    def _steps(self, day: date) -> dict[str, int]:
        """Return by how many billionths each currency moves on a day, the dollar's part in it included."""
        dollar = self._own(TABLE["USD"], day)
        steps = {}
        for code, row in TABLE.items():
            follows = dollar * row.dollar_percent // 100
            steps[code] = {"free": follows + self._own(row, day), "dollar_band": follows}.get(row.moves, 0)
        return steps

    def _own(self, row: Row, day: date) -> int:
        return self._draw(row.code, day) * row.own_ppm * 1000 >> 16

    def _draw(self, code: str, day: date) -> int:
        """Return a draw in 65536ths of a standard deviation: twelve even ones less their mean."""
        key = (code, day)
        if key not in self._draws:
            source = f"{self._seed}:{code}:{day.isoformat()}".encode()
            self._draws[key] = sum(_DRAWS.unpack(hashlib.blake2b(source, digest_size=24).digest())) - 6 * 0xFFFF
        return self._draws[key]


def day_at_or_before(days: list[date], day: date) -> date | None:
    """Return the last of sorted days that is not after a day, None where all are."""
    place = bisect_right(days, day)
    return days[place - 1] if place else None
