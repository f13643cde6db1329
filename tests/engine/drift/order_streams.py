"""Simulated orders of a healthy shop, and what may go wrong with them: seeded, in columns, day by day.

A shop in Berlin with five currencies. Weekends sell less, each day has luck of its own, values have a season, a weekday
and days of their own; there are business customers with baskets fifty times as large, a promotion, the week of Black
Friday (twenty times the orders at lower prices and another mix), a clock that is set back, a night without an order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from assay.drift.distribution.sums import Calls, Coded, Orders
from assay.drift.distribution.window import Window, windows_of

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LEARNING, DAYS = date(2026, 9, 21), 28, 60
"""Four weeks to learn, then sixty days with the end of summer time and Black Friday."""
SPRING = date(2027, 1, 25)
"""The first day of as many with the begin of summer time and the longest gap of TARGET, over Easter."""
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "KWD")
MARKETS = ("DE", "FR", "US", "GB", "JP", "KW")
CARRIERS = ("dhl", "ups", "fedex", "usps")
_MIX = np.array([0.48, 0.24, 0.13, 0.1, 0.05])
_MEDIAN = np.log10([62.0, 70.0, 55.0, 9_800.0, 21.5])
_SPREAD, _BULK = 0.3, 0.0003
_TAX = np.array([0.19, 0.2, 0.0, 0.2, 0.1, 0.0]) / np.array([1.19, 1.2, 1.0, 1.2, 1.1, 1.0])
_WEEKDAY_RATE = np.array([1.05, 1.0, 0.98, 1.0, 1.08, 0.9, 0.85])
_WEEKDAY_VALUE = np.array([0.0, 0.004, 0.006, 0.0, -0.004, 0.012, 0.016])
_BLACK_FRIDAY = date(2026, 11, 27)
_BLACK_WEEK = {
    -4: (1.6, -0.03),
    -3: (1.8, -0.04),
    -2: (2.2, -0.05),
    -1: (4.0, -0.06),
    0: (20.0, -0.1),
    1: (8.0, -0.08),
    2: (6.0, -0.07),
    3: (11.0, -0.09),
}
_PROMOTION = range(48, 53)
_NIGHT = 40


@dataclass
class Drawn:
    """The columns of some orders while they are drawn; a fault changes them from its first day on."""

    day: np.ndarray
    half: np.ndarray
    at_us: np.ndarray
    currency: np.ndarray
    market: np.ndarray
    amount: np.ndarray
    tax: np.ndarray
    refunded: np.ndarray
    carrier: np.ndarray
    no_email: np.ndarray
    call_error: np.ndarray
    call_seconds: np.ndarray
    random: np.random.Generator = field(repr=False)


Fault = Callable[[Drawn, np.ndarray], None]
"""Changes the rows that are chosen: those of its days."""


def windows(days: int = LEARNING + DAYS, first: date = FIRST) -> tuple[Window, ...]:
    """Return the windows of so many days."""
    return windows_of(first, first + timedelta(days=days - 1), BERLIN)


def drawn(
    seed: int,
    *,
    daily: int = 2_000,
    days: int = LEARNING + DAYS,
    first: date = FIRST,
    fault: Fault | None = None,
    since: int = 0,
    events: bool = True,
    bulk: float = _BULK,
) -> tuple[Orders, Calls]:
    """Return the orders and calls of so many days, with what a fault makes of those since a day.

    events: whether there are promotion, Black Friday and the night. bulk: the share of business customers' baskets.
    """
    random = np.random.default_rng(seed)
    plan = windows(days, first)
    per_half, value, sale = _plan(random, daily, days, first, events)
    half_of = np.repeat(np.arange(2 * days), per_half)
    size = len(half_of)
    begins = np.array([round(each.since.timestamp() * 1e6) for each in plan])
    length = np.array([round((each.until - each.since).total_seconds() * 1e6) for each in plan])
    day = half_of // 2
    mix = random.dirichlet(_MIX * 10_000, size=days)
    mix = np.where(sale[:, None], mix * np.array([0.85, 1.3, 1.1, 0.9, 0.8]), mix)
    edges = np.cumsum(mix / mix.sum(axis=1, keepdims=True), axis=1)
    currency = np.minimum((random.random(size)[:, None] > edges[day]).sum(axis=1), 4)
    market = np.array([0, 2, 3, 4, 5])[currency]
    market = np.where((currency == 0) & (random.random(size) < 0.35), 1, market)
    own = random.normal(0.0, 0.004, (days, 5))
    log = _MEDIAN[currency] + value[day] + own[day, currency] - 0.01 * (half_of % 2 == 0)
    log = log + random.normal(0.0, _SPREAD, size) + np.where(random.random(size) < bulk, 1.7, 0.0)
    step = np.where(currency == 3, 1.0, np.where(currency == 4, 0.001, 0.01))
    reduced = np.where(random.random(size) < 0.15, 0.4, 1.0)
    made = Drawn(
        day=day,
        half=half_of,
        at_us=begins[half_of] + (random.random(size) * length[half_of]).astype(np.int64),
        currency=currency,
        market=market,
        amount=np.maximum(np.round(10**log / step), 1) * step,
        tax=_TAX[market] * reduced,
        refunded=(random.random(size) < 0.06).astype(np.int64),
        carrier=np.minimum((random.random(size)[:, None] > np.array([0.5, 0.8, 0.93])[None]).sum(axis=1), 3),
        no_email=(random.random(size) < 0.004).astype(np.int64),
        call_error=_errors(random, size, day, days, sale),
        call_seconds=10 ** random.normal(-0.6, 0.25, size) * np.where(sale[day], 1.3, 1.0),
        random=random,
    )
    if fault is not None:
        fault(made, np.flatnonzero(day >= since))
    return _columns(made)


def _plan(
    random: np.random.Generator, daily: int, days: int, first: date, events: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the orders of each half day, what each day adds to the logarithm of values, and which days are sales."""
    per_half, value, sale = [], np.zeros(days), np.zeros(days, dtype=bool)
    for number in range(days):
        day = first + timedelta(days=number)
        rate = daily * _WEEKDAY_RATE[day.weekday()] * (1 + 0.15 * np.sin(2 * np.pi * number / 365))
        rate *= 10 ** random.normal(0.0, 0.035)
        value[number] = 0.02 * np.sin(2 * np.pi * (number + 60) / 365) + _WEEKDAY_VALUE[day.weekday()]
        value[number] += random.normal(0.0, 0.005)
        morning = 0.36
        if events and number in _PROMOTION and days > _PROMOTION[-1]:
            rate, sale[number] = rate * 1.7, True
            value[number] -= 0.055
        if events and (around := (day - _BLACK_FRIDAY).days) in _BLACK_WEEK:
            times, off = _BLACK_WEEK[around]
            rate, sale[number] = rate * times, True
            value[number] += off
        if events and number == _NIGHT:
            morning = 0.0
        per_half += [random.poisson(rate * morning), random.poisson(rate * (1 - morning))]
    return np.array(per_half), value, sale


def _errors(random: np.random.Generator, size: int, day: np.ndarray, days: int, sale: np.ndarray) -> np.ndarray:
    """Return which error each call met: -1 none, 0 declined, 1 refused for too many, 2 broken."""
    share = 0.01 * 10 ** random.normal(0.0, 0.06, days) * np.where(sale, 1.2, 1.0)
    bad = random.random(size) < share[day]
    return np.where(bad, np.minimum((random.random(size)[:, None] > np.array([0.7, 0.9])[None]).sum(axis=1), 2), -1)


def _columns(made: Drawn) -> tuple[Orders, Calls]:
    orders = Orders(
        at_us=made.at_us,
        amount=made.amount,
        currency=Coded(made.currency, CURRENCIES),
        market=Coded(made.market, MARKETS),
        tax=made.tax,
        refunded=made.refunded,
        carrier=Coded(made.carrier, CARRIERS),
        absent={"email": made.no_email},
    )
    calls = Calls(
        at_us=made.at_us,
        system=Coded(np.zeros(len(made.at_us), dtype=np.int64), ("stripe",)),
        seconds=made.call_seconds,
        error=Coded(made.call_error, ("402", "429", "500")),
    )
    return orders, calls


def times(factor: float, *, share: float = 1.0, currency: str | None = None, market: str | None = None) -> Fault:
    """Return the fault that makes a share of amounts so many times what they are."""

    def act(made: Drawn, rows: np.ndarray) -> None:
        chosen = made.random.random(len(rows)) < share
        if currency is not None:
            chosen &= made.currency[rows] == CURRENCIES.index(currency)
        if market is not None:
            chosen &= made.market[rows] == MARKETS.index(market)
        made.amount[rows[chosen]] *= factor

    return act


def moved(points: float, source: str = "EUR", target: str = "USD") -> Fault:
    """Return the fault that makes so many points of all orders be of another currency, at values usual there."""

    def act(made: Drawn, rows: np.ndarray) -> None:
        one, other = CURRENCIES.index(source), CURRENCIES.index(target)
        own = rows[made.currency[rows] == one]
        chosen = own[made.random.random(len(own)) < points / 100 / _MIX[one]]
        made.currency[chosen] = other
        made.amount[chosen] *= 10 ** (_MEDIAN[other] - _MEDIAN[one])

    return act


def happening(column: str, share: float, value: float = 1) -> Fault:
    """Return the fault that sets a column of a share of the rows."""

    def act(made: Drawn, rows: np.ndarray) -> None:
        getattr(made, column)[rows[made.random.random(len(rows)) < share]] = value

    return act


def scaled(column: str, factor: float) -> Fault:
    """Return the fault that makes a column so many times what it is."""

    def act(made: Drawn, rows: np.ndarray) -> None:
        getattr(made, column)[rows] *= factor

    return act
