"""O-M7, health of a feed of exchange rates: how old its rates may be by the publisher's calendar, and those in use.

A feed that is not published at weekends is not stale on a Sunday: what counts is the last day on which a publication
was due and has been out for as long as whoever takes it over may need.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from assay.events import Finding
from assay.money import Money
from assay.oracles.conversion import is_converted
from assay.oracles.judge import failed, passed, unjudged
from assay.records import Rate

FORMULA = "age(as_of) <= longest gap of the publisher's calendar + grace; the shop prices at a rate of the feed"
_FRANKFURT, _PUBLISHED_AT = ZoneInfo("Europe/Berlin"), time(16)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """One article in the base currency and in another, as the shop prices it now."""

    sku: str
    base: Money
    foreign: Money


def is_target_day(day: date) -> bool:
    """Say whether the TARGET calendar knows the day as a working day: the ECB publishes on these."""
    if day.weekday() > 4 or (day.month, day.day) in ((1, 1), (5, 1), (12, 25), (12, 26)):
        return False
    sunday = _easter(day.year)
    return day not in (sunday - 2 * _DAY, sunday + _DAY)


def published_at(day: date) -> datetime:
    """Return when a day's rates are published, about 16:00 in Frankfurt, in UTC."""
    return datetime.combine(day, _PUBLISHED_AT, tzinfo=_FRANKFURT).astimezone(UTC)


def due_day(now: datetime, grace: timedelta) -> date:
    """Return the last day whose publication everybody must have by now: it has been out for the grace."""
    day = now.date()
    while not is_target_day(day) or published_at(day) + grace > now:
        day -= _DAY
    return day


def feed_age(published: Sequence[Rate], now: datetime, grace: timedelta) -> Finding:
    """Judge whether the newest publication is one that has to be there by now, and none of a day to come."""
    if not published:
        return unjudged("the publisher shows no rates at all")
    last = max(published, key=lambda rate: rate.as_of)
    newest, due, today = last.as_of, due_day(now, grace), now.astimezone(_FRANKFURT).date()
    if newest > today:
        return failed(
            last.system,
            expected=f"no rates of a day to come: today is {today}",
            seen=f"{last.base}/{last.quote} {last.value:f} of {newest}",
            cause="the publisher's file, or what serves it, is dated ahead: whoever takes it over prices by no rate",
        )
    if newest >= due:
        return passed()
    return failed(
        published[0].system,
        expected=f"rates of {due} or later by now",
        seen=f"the newest are of {newest}",
        cause="nothing was published since, or what serves it is stuck",
    )


def rate_in_use(prices: Sequence[Priced], history: Sequence[Rate], markup: Decimal) -> Rate | None:
    """Return the newest published rate that explains all prices of one currency; None where none does."""
    for rate in sorted(history, key=lambda each: each.as_of, reverse=True):
        if all(is_converted(each.base.amount, each.foreign, rate.value, markup) for each in prices):
            return rate
    return None


def deviation(prices: Sequence[Priced], newest: Rate, markup: Decimal) -> float:
    """Return how far the dearest article's rate is from the newest published one: abs(ln(r / r_ref))."""
    dearest = max(prices, key=lambda each: each.base.amount)
    implied = dearest.foreign.amount / (dearest.base.amount * (1 + markup))
    return abs(math.log(float(implied / newest.value))) if implied > 0 else math.inf


def prices_in(
    currency: str,
    prices: Sequence[Priced],
    history: Sequence[Rate],
    *,
    now: datetime,
    grace: timedelta,
    markup: Decimal,
) -> Finding:
    """Judge at which published rate the shop prices in a currency, and whether it is a rate of these days."""
    if not history:
        return unjudged(f"nobody publishes a rate for {currency} here")
    systems = ("shop", history[0].system)
    used = rate_in_use(prices, history, markup)
    newest = max(history, key=lambda each: each.as_of)
    if used is None:
        dearest = max(prices, key=lambda each: each.base.amount)
        at = dearest.foreign.amount / (dearest.base.amount * (1 + markup))
        return failed(
            *systems,
            expected=f"{newest.value:f} {newest.base}/{currency} of {newest.as_of}, or a rate published shortly before",
            seen=f"{dearest.sku} costs {dearest.base} and {dearest.foreign}, which is a rate of {at:.6g}",
            cause=_why(dearest, newest.value, markup),
        )
    if used.as_of >= due_day(now, grace) or used.value == newest.value:
        return passed()
    return failed(
        *systems,
        expected=f"prices at rates of {due_day(now, grace)} or later by now",
        seen=f"{currency} is priced at {used.value:f} of {used.as_of}",
        cause="the shop no longer takes the rates over, or keeps the old numbers under a new date",
    )


def by_currency(published: Sequence[Rate]) -> Mapping[str, list[Rate]]:
    """Return the rates of each quoted currency."""
    found: dict[str, list[Rate]] = {}
    for rate in published:
        found.setdefault(rate.quote, []).append(rate)
    return found


def _why(priced: Priced, published: Decimal, markup: Decimal) -> str:
    for value, cause in (
        (Decimal(1), "nothing was converted, or at a placeholder of 1"),
        (1 / published, "divided by the rate instead of multiplied"),
        (published * published, "converted twice"),
    ):
        if is_converted(priced.base.amount, priced.foreign, value, markup):
            return cause
    return "nobody published this rate within the time that is read"


def _easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous rule of Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
