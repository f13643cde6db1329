"""Exchange rates of the same months, hour by hour: published by TARGET's calendar, now and then late, and taken over.

The publisher's rates are those of the simulated history. The main store takes a publication over within two hours, with
tries that fail now and then; the outlet once a night. `RATE_FAULTS` are what may go wrong with that from an instant on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal

from assay.drift.look import Look
from assay.events import Finding, Result
from assay.oracles.feed import is_target_day
from assay.records import Rate
from mocks.frankfurter.history import History
from tests.engine.drift.order_streams import BERLIN
from tests.engine.monitoring.rate_shops import look_at

SOLD = ("USD", "GBP", "JPY", "INR")
_KEPT = (*SOLD, "CHF")
_BEFORE = timedelta(days=60)
_EXACT = Context(prec=12)
Table = tuple[Rate, ...]
Change = Callable[[str, datetime, Table], Table]
"""What a fault makes of a store's table: by the store's name and the instant it is looked at."""


@dataclass(frozen=True)
class Publication:
    """One day's rates, when they came out, and when each store took them over."""

    day: date
    rates: Table
    out: datetime
    taken: Mapping[str, datetime]


def publications(seed: int, first: date, days: int) -> list[Publication]:
    """Return the publications of so many days, and of some weeks before."""
    chance, history, found = random.Random(f"rates {seed}"), History(1), []
    for number in range(-_BEFORE.days, days + 1):
        day = first + timedelta(days=number)
        if not is_target_day(day):
            continue
        minutes = chance.uniform(0, 10)
        if chance.random() < 0.15:
            minutes = chance.choice((75, 150, 17 * 60))
        out = datetime.combine(day, time(16), tzinfo=BERLIN).astimezone(UTC) + timedelta(minutes=minutes)
        tried = (out + timedelta(minutes=40)).replace(minute=20) + timedelta(hours=chance.random() < 0.1)
        local = out.astimezone(BERLIN)
        night = datetime.combine(local.date() + timedelta(days=local.hour >= 3), time(3, 10), tzinfo=BERLIN)
        values = history.rates(day)
        rates = tuple(Rate(system="ecb", base="EUR", quote=code, value=values[code], as_of=day) for code in _KEPT)
        found.append(Publication(day, rates, out, {"main": tried, "outlet": night.astimezone(UTC)}))
    return found


def looked(
    plan: Sequence[Publication], now: datetime, *, change: Change | None = None, stuck: datetime | None = None
) -> Look:
    """Run the check as of an instant. change: what a fault makes of a table; stuck: since when nothing is published."""
    published = [rate for each in plan if each.out <= min(now, stuck or now) for rate in each.rates]
    tables = {}
    for store in ("main", "outlet"):
        held = max((each for each in plan if each.taken[store] <= now), key=lambda each: each.day).rates
        held = held if change is None else change(store, now, held)
        back = [replace(each, base=each.quote, quote="EUR", value=_EXACT.divide(1, each.value)) for each in held]
        tables[store] = (*held, *back)
    used = {rate.quote: rate.value for rate in tables["main"] if rate.base == "EUR" and rate.quote in SOLD}
    return look_at(used, now=now, published=published, tables=tables, stores=["main", "outlet"])


def alarms(look: Look) -> list[Finding]:
    """Return what is not as it should be: violations, and what could not be judged."""
    return [each for each in look.findings if each.result is not Result.PASS]


def _stale(plan: Sequence[Publication], since: datetime, stores: Sequence[str]) -> Change:
    def change(store: str, now: datetime, held: Table) -> Table:
        if store not in stores or now < since:
            return held
        return max((each for each in plan if each.taken[store] <= since), key=lambda each: each.day).rates

    return change


def _wrong(since: datetime, store: str, code: str, value: Callable[[Decimal], Decimal]) -> Change:
    def change(name: str, now: datetime, held: Table) -> Table:
        if name != store or now < since:
            return held
        return tuple(replace(each, value=value(each.value)) if each.quote == code else each for each in held)

    return change


@dataclass(frozen=True)
class RateFault:
    """Something that goes wrong with rates from an instant on, and a word of the finding that must tell it."""

    name: str
    change: Callable[[Sequence[Publication], datetime], Change | None]
    word: str
    stuck: bool = False


def _off(store: str, code: str, value: Callable[[Decimal], Decimal]) -> Callable[..., Change]:
    return lambda plan, at: _wrong(at, store, code, value)


def _left(*stores: str) -> Callable[..., Change]:
    return lambda plan, at: _stale(plan, at, stores)


RATE_FAULTS = (
    RateFault("a rate 2 % off", _off("main", "USD", lambda v: round(v * Decimal("1.02"), 4)), "nobody published"),
    RateFault(
        "0.2 % off in one store", _off("outlet", "GBP", lambda v: round(v * Decimal("1.002"), 5)), "store outlet"
    ),
    RateFault("yen by the inverse rate", _off("main", "JPY", lambda v: 1 / v), "divided"),
    RateFault("a rate of 1", _off("main", "INR", lambda v: Decimal(1)), "placeholder"),
    RateFault("no store takes rates over", _left("main", "outlet"), "no longer takes"),
    RateFault("one store takes no rates over", _left("outlet"), "store outlet"),
    RateFault("nothing is published", lambda plan, at: None, "the feed of rates", stuck=True),
)


def is_told(fault: RateFault, look: Look) -> bool:
    """Say whether a finding of a look tells that fault."""
    return any(fault.word in f"{each.order_ref} {each.cause}" for each in alarms(look))
