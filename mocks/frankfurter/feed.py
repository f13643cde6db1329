"""What one landscape's Frankfurter knows at an instant, with the faults a setting may give it, and how it prints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from assay.simkit import Answer, Call, Refused, World
from mocks.frankfurter.history import FIRST_DAY, History, day_at_or_before, newest_day, open_days

EURO = "EUR"
_BANDS = ((5000, 0), (80, 2), (20, 3), (1, 4))
_SMALL = Decimal("0.0001")
Rates = Mapping[str, Decimal]


class Feed:
    """The rates of one world: the days that are out, and each day's rates for one euro."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._history = History(world.ids.seed)

    def newest(self) -> date:
        """Return the day of the newest rates that are served, which a setting can freeze or delay."""
        newest = newest_day(self.world.now(), int(self.world.settings.get("late_s", 0)))
        frozen = self.world.settings.get("frozen_at")
        if not frozen:
            return newest
        return day_at_or_before(open_days(FIRST_DAY, date.fromisoformat(frozen)), newest) or FIRST_DAY

    def expected(self) -> date:
        """Return the day of the newest rates that should be served, whatever a setting holds back."""
        return newest_day(self.world.now())

    def at(self, day: date) -> date | None:
        """Return the day whose rates are served for a day: itself, or the last before it; None before the first."""
        return day_at_or_before(open_days(FIRST_DAY, self.newest()), day)

    def between(self, first: date, last: date) -> list[date]:
        """Return the days served for a period; one that begins on a day without rates begins with the last before."""
        begin = self.at(first) or FIRST_DAY
        if first > self.world.now().date() or last < first:
            return []
        return open_days(begin, min(last, self.newest()))

    def rates(self, day: date) -> Rates:
        """Return units of each currency for one euro, the euro left out, with what settings do to them."""
        settings = self.world.settings
        dropped, inverse = settings.get("drop", ()), settings.get("inverse", ())
        jump = settings.get("jump", {}) if day == self.newest() else {}
        rates = {}
        for code, rate in self._history.rates(day).items():
            if code in dropped:
                continue
            told = settings.get("devalued", {}).get(code)
            if told is not None and day >= date.fromisoformat(told["on"]):
                rate = (rate * Decimal(told["by"])).quantize(rate)
            if code in jump:
                rate = (rate * Decimal(str(jump[code]))).quantize(rate)
            rates[code] = banded(1 / rate) if code in inverse else rate
        return rates

    def converted(self, rates: Rates, base: str, amount: Decimal = Decimal(1)) -> dict[str, Decimal]:
        """Return an amount of the base in each other currency, not rounded; empty where the base has no rate."""
        whole = {EURO: Decimal(1), **rates}
        if base not in whole:
            return {}
        return {code: amount * rate / whole[base] for code, rate in sorted(whole.items()) if code != base}

    def shown(self, rate: Decimal) -> float:
        """Return a rate as it stands in an answer; a setting cuts its decimals."""
        digits = self.world.settings.get("digits")
        return float(rate if digits is None else round(rate, int(digits)))


def banded(rate: Decimal, *, smallest: int = 6) -> Decimal:
    """Return a rate with the decimals its size gets, from none above 5,000 to five, and `smallest` below 0.0001."""
    for above, digits in _BANDS:
        if rate > above:
            return round(rate, digits)
    return round(rate, 5 if rate > _SMALL else smallest)


def codes(text: str | None) -> list[str] | None:
    """Return the codes of a comma-separated list in capitals; None where none is given."""
    return None if text is None else [code for code in text.upper().split(",") if code]


def day_of(text: str) -> date:
    """Return a day that is written as YYYY-MM-DD; an answer 422 where there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refusal(422, "invalid date") from None


def refusal(status: int, message: str) -> Refused:
    """Return what refuses a call with the service's error body."""
    return Refused(Answer({"status": status, "message": message}, status, media_type=JSON))


JSON = "application/json; charset=utf-8"


def cached(call: Call, content: Any, max_age_s: int) -> Answer:
    """Answer a body that caches may keep, or 304 to whom has it."""
    body = orjson.dumps(content)
    etag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = {"Cache-Control": f"public, max-age={max_age_s}", "ETag": etag}
    known = {part.strip().removeprefix("W/") for part in call.headers.get("if-none-match", "").split(",")}
    if known & {"*", etag.removeprefix("W/")}:
        return Answer(None, 304, headers)
    return Answer(body, 200, headers, JSON)


def lines(rows: Iterable[Any]) -> bytes:
    """Return rows as newline-delimited JSON."""
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def mean(each: Sequence[Decimal]) -> Decimal:
    """Return the mean of rates of a period."""
    return sum(each, Decimal(0)) / len(each)
