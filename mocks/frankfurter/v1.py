"""Version 1: the ECB's rates of a day or a period as a map by currency, and the names of the currencies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from assay.simkit import Answer, Call
from mocks.frankfurter.feed import EURO, Feed, banded, cached, codes, day_of, refusal
from mocks.frankfurter.history import FIRST_DAY, TABLE

_KEPT_S = 86_400
_NAMED = re.compile(r"(\d{4}-\d\d-\d\d)(?:(\.\.)(\d{4}-\d\d-\d\d)?)?")
_NUMBER = re.compile(r"\s*\+?(\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)")
_GRID = 5  # the published document has every rate on a grid of 0.00001


def latest(feed: Feed, call: Call) -> Answer:
    """Answer the newest rates."""
    return _of_day(feed, call, feed.world.now().date())


def named(feed: Feed, call: Call) -> Answer:
    """Answer the rates of a day, or of a period, as the path names it."""
    match = _NAMED.fullmatch(call.params["when"])
    if match is None:
        raise refusal(404, "not found")
    first, period, last = match.groups()
    if period is None:
        return _of_day(feed, call, day_of(first))
    return _of_period(feed, call, day_of(first), day_of(last) if last else feed.world.now().date())


def currencies(feed: Feed, call: Call) -> Answer:
    """Answer the names of the currencies that are published now, and the euro's."""
    published = {code: TABLE[code].name for code in feed.rates(feed.newest())}
    return cached(call, dict(sorted({**published, EURO: "Euro"}.items())), _KEPT_S)


def _of_day(feed: Feed, call: Call, day: date) -> Answer:
    query = _Query(call)
    served = feed.at(day)
    rates = query.rates(feed, served) if served is not None else {}
    if served is None or not rates:
        raise refusal(404, "not found")
    content = {**query.head, "date": served.isoformat(), "rates": rates}
    return cached(call, content, _KEPT_S)


def _of_period(feed: Feed, call: Call, first: date, last: date) -> Answer:
    query = _Query(call)
    days = feed.between(first, last) if last >= FIRST_DAY else []
    by_day = {day.isoformat(): rates for day in days if (rates := query.rates(feed, day))}
    if not by_day:
        raise refusal(404, "not found")
    named = list(by_day)
    content = {**query.head, "start_date": named[0], "end_date": named[-1], "rates": by_day}
    return cached(call, content, _KEPT_S)


class _Query:
    """What a call asks for: `base` or `from`, `symbols` or `to`, `amount`; others are ignored, as the service does."""

    def __init__(self, call: Call) -> None:
        given = dict(call.query)
        self.base = given.get("from", given.get("base", EURO)).upper()
        self.symbols = codes(given.get("to", given.get("symbols")))
        self.amount = Decimal(1)
        if "amount" in given:
            number = _NUMBER.match(given["amount"])
            self.amount = Decimal(number.group(1)) if number else Decimal(0)
            if not self.amount:
                raise refusal(422, "invalid amount")
        if self.symbols == [self.base]:
            raise refusal(422, "bad currency pair")

    @property
    def head(self) -> Mapping[str, Any]:
        """How every answer begins."""
        return {"amount": float(self.amount), "base": self.base}

    def rates(self, feed: Feed, day: date) -> dict[str, float]:
        """Return a day's rates as asked for; as published where nothing was converted, else rounded by size."""
        exact = self.base == EURO and self.amount == 1
        found = feed.converted(feed.rates(day), self.base, self.amount)
        return {
            code: feed.shown(rate if exact else banded(rate, smallest=_GRID))
            for code, rate in found.items()
            if self.symbols is None or code in self.symbols
        }
