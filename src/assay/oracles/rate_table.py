"""O-M7 as a judge: the tables of rates that the stores of a platform price with, against what was published.

Each store has a table of its own, and one that nobody brings up to date is as wrong as one that is wrong everywhere. A
table says in both directions what a currency is worth; whatever deviates is told by what it is: stale, none, inverse,
truncated, missing. How old a whole table is, its rates say themselves (`rate_age`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from assay.events import Finding
from assay.oracles.feed import due_day, feed_age
from assay.oracles.judge import failed, passed, population_oracle, unjudged
from assay.oracles.judging import Judging
from assay.oracles.rate_age import RateAge, RateSpan, rate_age
from assay.records import Population, Rate

_THERE_AND_BACK, _TRIANGLE = Decimal("0.0001"), Decimal("0.0005")
_FEWEST_DIGITS = 5
_MOST_PLACES = 6
_JUMP = 0.15
"""Of a rate that moved by more than this (its logarithm) since the publication before, a second source is asked."""
_SAME = Decimal("0.005")
_TAKEN_OVER = timedelta(days=1)
"""How long a publication that is due may still wait for the job that takes it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One store's rates, what was published of each currency, newest last, and when it is."""

    store: str
    base: str
    rates: Mapping[tuple[str, str], Rate]
    history: Mapping[str, Sequence[Rate]]
    now: datetime
    grace: timedelta
    spread: Decimal

    @property
    def currencies(self) -> list[str]:
        """Every currency the table knows in either direction."""
        return sorted({code for pair in self.rates for code in pair} - {self.base})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreJudged:
    """What is said of one store's table. age: from which publication it is, as its rates say.

    wrong: by currency, the first thing that is wrong with its rate; held: the currencies whose rate is well; off: how
    far each lies from the newest published one, abs(ln(r / r_ref)).
    """

    store: str
    base: str
    age: RateAge
    wrong: Mapping[str, Finding]
    held: tuple[str, ...]
    off: Mapping[str, float]


@population_oracle(
    "O-M7",
    needs=("rates", "store rates"),
    formula="per store and pair: r published, and not before the longest gap; abs(r * r_inv - 1) <= 1e-4; r != 1",
)
def rates_in_use(population: Population, judging: Judging) -> Finding:
    """Hold every store's table, in both directions, against what was published by then."""
    why_not = _unjudgeable(population, judging)
    if why_not:
        return unjudged(why_not)
    now, grace = population.read_at or population.until, judging.slack("rates")
    known = [rate for rate in population.published if rate.base == judging.base_currency]
    for system in sorted({rate.system for rate in known}):
        finding = feed_age([rate for rate in known if rate.system == system], now, grace)
        if finding.cause:
            return finding
    wrong = (finding for table, wanted in _tables(population, judging) for _, finding in _wrong(table, wanted, judging))
    return next(wrong, passed())


def stores_judged(population: Population, judging: Judging) -> list[StoreJudged]:
    """Return what is said of every store's table, pair by pair; nothing where none can be judged."""
    if _unjudgeable(population, judging):
        return []
    found = []
    for table, wanted in _tables(population, judging):
        wrong: dict[str, Finding] = {}
        for code, finding in _wrong(table, wanted, judging):
            wrong.setdefault(code, finding)
        off = {}
        for code in wanted:
            used, history = table.rates.get((table.base, code)), table.history.get(code)
            if used is not None and used.value > 0 and history and code not in judging.pegged:
                off[code] = abs(math.log(used.value / history[-1].value))
        held = tuple(code for code in wanted if code not in wrong)
        found.append(StoreJudged(store=table.store, base=table.base, age=_age(table), wrong=wrong, held=held, off=off))
    return found


def _unjudgeable(population: Population, judging: Judging) -> str:
    """Return why no table can be judged; empty where they can."""
    if not population.store_rates:
        return "the shop shows no rates of its stores: its connector has no verb 'store_rates'"
    if judging.base_currency is None:
        return "no base currency is declared: policies.base_currency in the profile"
    if not judging.slack("rates"):
        return "no freshness limit is declared: policies.freshness.rates in the profile"
    if not any(rate.base == judging.base_currency for rate in population.published):
        return f"nobody published rates of {judging.base_currency} that could be read"
    return ""


def _tables(population: Population, judging: Judging) -> Iterator[tuple[_Table, list[str]]]:
    """Yield every store's table, with the currencies of which it is to have a rate."""
    base = judging.base_currency or ""
    known = [rate for rate in population.published if rate.base == base]
    sold = sorted({code for _, rates in population.store_rates for rate in rates for code in (rate.base, rate.quote)})
    for store, rates in population.store_rates:
        source = judging.rate_sources.get(store, judging.rate_source)
        own = [rate for rate in known if source is None or rate.system == source]
        table = _Table(
            store=store,
            base=base,
            rates={(rate.base, rate.quote): rate for rate in rates},
            history={code: _credible(own, known, code) for code in sold},
            now=population.read_at or population.until,
            grace=judging.slack("rates") + _TAKEN_OVER,
            spread=judging.rate_spread,
        )
        yield table, [code for code in sold if code not in {base} | judging.price_lists]


def _credible(own: Sequence[Rate], known: Sequence[Rate], code: str) -> list[Rate]:
    """Return a currency's publications, oldest first, without jumps that no second source has."""
    found: list[Rate] = []
    for rate in sorted((each for each in own if each.quote == code and each.value > 0), key=lambda each: each.as_of):
        jumped = bool(found) and abs(math.log(rate.value / found[-1].value)) > _JUMP
        if jumped and not any(
            other.system != rate.system
            and (other.quote, other.as_of) == (code, rate.as_of)
            and abs(other.value / rate.value - 1) <= _SAME
            for other in known
        ):
            continue
        found.append(rate)
    return found


def _wrong(table: _Table, wanted: Sequence[str], judging: Judging) -> Iterator[tuple[str, Finding]]:
    """Yield what is wrong with a table, each with the currency it is wrong of."""
    two_ways = judging.both_directions or any(other == table.base for _, other in table.rates)
    for code in wanted:
        there, back = table.rates.get((table.base, code)), table.rates.get((code, table.base))
        if any(rate is not None and rate.value <= 0 for rate in (there, back)):
            yield _finding(table, code, "a rate above zero", "0 or less", "a rate is a number above zero")
        if there is None or (back is None and two_ways):
            one, other = (table.base, code) if there is None else (code, table.base)
            yield _finding(
                table,
                code,
                f"a rate from {one} to {other}",
                "none, though it is sold in",
                "missing: one direction alone is stored" if there or back else "missing: the currency was left out",
            )
        if there is not None and code not in judging.pegged:
            yield from _forward(table, code, there)
        if there is not None and back is not None:
            yield from _there_and_back(table, code, there, back)
    yield from _triangles(table)


def _forward(table: _Table, code: str, used: Rate) -> Iterator[tuple[str, Finding]]:
    """Hold a rate from the base currency against those published, and its day against what is due."""
    history = table.history.get(code, ())
    if not history:
        return
    newest, due = history[-1], due_day(table.now, table.grace)
    days = [rate.as_of for rate in history if rate.value == used.value]
    if not days:
        cause = _why(used.value, history)
        yield _finding(
            table,
            code,
            f"{newest.value:f} {table.base}/{code} of {newest.as_of}, or one published shortly before",
            f"{used.value:f} of {used.as_of}",
            cause if "deviates" not in cause else f"{cause}; {_age(table)}",
        )
        return
    # Whose rates a store takes is not always declared: of those that had this one, none may have said more since.
    missed: list[Rate] = []
    for system in {rate.system for rate in history if rate.value == used.value}:
        since = [rate for rate in history if rate.system == system and max(days) < rate.as_of <= due]
        if not [rate for rate in since if rate.value != used.value]:
            return
        missed += since
    yield _finding(
        table,
        code,
        f"a rate of {max(rate.as_of for rate in missed)} or later by now",
        f"{used.value:f} of {max(days)}, called one of {used.as_of}",
        f"stale: {_age(table)}",
    )


def _why(value: Decimal, history: Sequence[Rate]) -> str:
    """Say why a rate is none that was published."""
    newest = history[-1].value
    if value == 1:
        return "not converted (none): a placeholder or fallback of 1 is used"
    if abs(value * newest - 1) < Decimal("0.05"):
        return "inverse: the rate of the other direction is used"
    for rate in reversed(history):
        if any(round(rate.value, places) == value for places in range(_MOST_PLACES)):
            return "truncation: the rate was rounded before it was used"
        inverse = 1 / rate.value
        if any(
            (cut := round(inverse, places)) and abs(value * cut - 1) < Decimal("1e-9") for places in range(_MOST_PLACES)
        ):
            return "truncation: its inverse was rounded before it was used"
    return f"nobody published this rate: it deviates by {value / newest - 1:+.1%} from the newest"


def _there_and_back(table: _Table, code: str, there: Rate, back: Rate) -> Iterator[tuple[str, Finding]]:
    off = abs(there.value * back.value - 1)
    if off <= _THERE_AND_BACK + table.spread:
        return
    inverse = 1 / there.value
    if back.value == 1:
        cause = "not converted (none): a placeholder or fallback of 1 is used"
    elif abs(back.value / there.value - 1) < _SAME:
        cause = "inverse: both directions hold the same number"
    elif _digits(back.value) < _FEWEST_DIGITS and any(
        round(inverse, places) == back.value for places in range(_MOST_PLACES)
    ):
        cause = f"truncation: the rate was rounded to {_digits(back.value)} digits"
    elif table.spread:
        cause = f"the spread is more than the {table.spread:.2%} declared"
    else:
        cause = "the directions are of different days, or a spread is not declared: policies.rates.spread"
    yield _finding(
        table,
        code,
        f"{table.base}/{code} times {code}/{table.base} is 1",
        f"{there.value:f} times {back.value:f} is {there.value * back.value:.6f}",
        cause,
    )


def _triangles(table: _Table) -> Iterator[tuple[str, Finding]]:
    """Hold rates between two other currencies against those of the base currency, where a store keeps them."""
    for (one, other), rate in table.rates.items():
        first, second = table.rates.get((table.base, one)), table.rates.get((table.base, other))
        if table.base in (one, other) or first is None or second is None:
            continue
        if abs(rate.value * first.value / second.value - 1) > _TRIANGLE + table.spread:
            yield _finding(
                table,
                f"{one}/{other}",
                f"{second.value / first.value:.6g}, by way of {table.base}",
                f"{rate.value:f}",
                "the rates of three currencies do not agree",
            )


def _age(table: _Table) -> RateAge:
    """Read from which publication the whole table is."""
    by_day: dict[date, dict[str, Decimal]] = {}
    for rates in table.history.values():
        for rate in rates:
            by_day.setdefault(rate.as_of, {})[rate.quote] = rate.value
    spans = {
        code: RateSpan.of(rate.value) for (base, code), rate in table.rates.items() if base == table.base and rate.value
    }
    return rate_age(spans, by_day, markup=Decimal(0))


def _digits(value: Decimal) -> int:
    return len(value.normalize().as_tuple().digits)


def _finding(table: _Table, what: str, expected: str, seen: str, cause: str) -> tuple[str, Finding]:
    return what, failed("shop", expected=f"{expected} in store {table.store}", seen=f"{seen} {what}", cause=cause)
