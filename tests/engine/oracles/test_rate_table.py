"""O-M7 over the tables of stores: publications of six currencies in spring 2026, and what shops make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal

import pytest

from assay.events import Finding
from assay.oracles import POPULATION_ORACLES, UNDECLARED, Judging
from assay.oracles.feed import is_target_day
from assay.records import Population, Rate
from tests.engine.oracles.world import FAIL, JUDGING, PASS, SILENT

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday; what was published on Monday is due
BY_DAY = {"JPY": "146.22", "USD": "1.0834", "GBP": "0.83215", "INR": "92.4105", "IDR": "17724.55", "HUF": "401.38"}
SURE = replace(
    JUDGING,
    freshness={**JUDGING.freshness, "rates": timedelta(hours=25)},
    both_directions=True,
    price_lists=frozenset(),
)


def published(system: str = "ecb", until: date = date(2026, 3, 4)) -> list[Rate]:
    """Forty days of publications: every currency moves by a tenth of a per cent a day."""
    found = []
    for place, day in enumerate(day for day in (until - timedelta(days=n) for n in range(40)) if is_target_day(day)):
        for code, value in BY_DAY.items():
            moved = Decimal(value) * (1 + Decimal(place) / 1000 * (1 if code < "J" else -1))
            number = moved.quantize(Decimal(value)) if place else Decimal(value)
            found.append(Rate(system=system, base="EUR", quote=code, value=number, as_of=day))
    return found


def on(day: date, code: str) -> Decimal:
    """What a currency was worth on a day."""
    return next(rate.value for rate in published() if (rate.as_of, rate.quote) == (day, code))


Change = Callable[[str, Decimal], Decimal | None]


def table(
    day: date = date(2026, 3, 4), *, there: Change = lambda _, value: value, back: Change = lambda _, value: value
) -> tuple[Rate, ...]:
    """A store's table of a day's publication, each direction changed by a function; None leaves it out."""
    found = []
    for code in BY_DAY:
        value = on(day, code)
        for one, other, number in (
            ("EUR", code, there(code, value)),
            (code, "EUR", back(code, Context(prec=12).divide(Decimal(1), value))),
        ):
            if number is not None:
                found.append(Rate(system="merchant", base=one, quote=other, value=number, as_of=day))
    return tuple(found)


def said(judging: Judging = SURE, *, rates: list[Rate] | None = None, **stores: tuple[Rate, ...]) -> Finding:
    """What O-M7 says of these stores."""
    population = Population(
        since=NOW - timedelta(days=1), until=NOW, read_at=NOW, store_rates=tuple(stores.items()),
        published=tuple(published() if rates is None else rates),
    )  # fmt: skip
    return POPULATION_ORACLES["O-M7"](population, judging)


@pytest.mark.parametrize("day", [date(2026, 3, 4), date(2026, 3, 3), date(2026, 3, 2)])
def test_a_table_of_these_days_passes(day: date) -> None:
    """O-M7 passes every store whose table is of a publication that need not be taken over yet, or of the last due."""
    assert said(main=table(day), outlet=table()).result is PASS


def test_a_weekend_makes_nothing_stale() -> None:
    """INN-07: on a Sunday Friday's rates are the newest, and on Monday, too."""
    for now in (datetime(2026, 3, 1, 20, 0, tzinfo=UTC), datetime(2026, 3, 2, 15, 0, tzinfo=UTC)):
        friday = date(2026, 2, 27)
        rates = [rate for rate in published() if rate.as_of <= friday]
        population = Population(since=now, until=now, store_rates=(("main", table(friday)),), published=tuple(rates))
        assert POPULATION_ORACLES["O-M7"](population, SURE).result is PASS


def test_one_store_that_is_left_behind() -> None:
    """MON-26: O-M7 names the store whose table is old, and from which publication it is."""
    finding = said(main=table(), outlet=table(date(2026, 2, 26)))
    assert finding.result is FAIL
    assert "in store outlet" in finding.expected
    assert finding.cause == "stale: the rates are those of 2026-02-26, four publications old"


def test_old_numbers_under_a_new_date() -> None:
    """MON-25: the date a shop shows says nothing; the numbers do."""
    old = tuple(replace(rate, as_of=date(2026, 3, 4)) for rate in table(date(2026, 2, 20)))
    finding = said(main=old)
    assert "called one of 2026-03-04" in finding.seen
    assert finding.cause.startswith("stale: the rates are those of 2026-02-20")


def only(code: str, change: Callable[[Decimal], Decimal | None]) -> Change:
    """Change one currency."""
    return lambda each, value: change(value) if each == code else value


def _digits(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places))


@pytest.mark.parametrize(
    ("rates", "cause"),
    [
        (table(there=only("JPY", lambda _: Decimal(1))), "not converted (none)"),
        (table(there=only("JPY", lambda value: 1 / value)), "inverse: the rate of the other direction"),
        (table(there=only("GBP", lambda value: _digits(value, 4))), "truncation: the rate was rounded"),
        (table(there=only("IDR", lambda value: 1 / _digits(1 / value, 5))), "truncation: its inverse was rounded"),
        (table(there=only("GBP", lambda value: value * Decimal("1.011"))), "GBP alone deviates by +1.1%"),
        (table(there=only("JPY", lambda _: None)), "missing: one direction alone"),
        (table(back=only("JPY", lambda _: None)), "missing: one direction alone"),
        (table(back=lambda *_: None), "missing: one direction alone"),
        (table(back=only("JPY", lambda _: Decimal(1))), "not converted (none)"),
        (table(back=only("JPY", lambda value: 1 / value)), "inverse: both directions"),
        (table(back=only("JPY", lambda value: _digits(value, 4))), "truncation: the rate was rounded to 2 digits"),
        (table(back=only("JPY", lambda value: value * Decimal("1.01"))), "of different days, or a spread"),
        (table(there=only("JPY", lambda _: Decimal(0))), "a number above zero"),
        (table(back=only("JPY", lambda _: Decimal(-1))), "a number above zero"),
    ],
)
def test_a_rate_that_is_wrong(rates: tuple[Rate, ...], cause: str) -> None:
    """MON-27 to MON-30: O-M7 tells a placeholder, an inverse, lost digits, a missing direction and a lone deviation."""
    finding = said(main=rates)
    assert (finding.result, cause in finding.cause) == (FAIL, True), finding.sentence()


def test_a_currency_only_one_store_sells() -> None:
    """O-M7 misses a currency in one store that another has."""
    part = tuple(rate for rate in table() if "INR" not in (rate.base, rate.quote))
    assert said(main=table(), outlet=part).cause == "missing: the currency was left out"
    assert said(replace(SURE, price_lists=frozenset({"INR"})), main=table(), outlet=part).result is PASS


def test_one_direction_may_be_enough() -> None:
    """O-M7 misses the way back only where that is declared, or some currency has it."""
    loose = replace(SURE, both_directions=False)
    assert said(loose, main=table(back=lambda *_: None)).result is PASS
    assert said(loose, main=table(back=only("JPY", lambda _: None))).result is FAIL


@pytest.mark.parametrize(("times", "result"), [("0.994", PASS), ("0.9938", FAIL), ("1.006", PASS), ("1.0062", FAIL)])
def test_a_declared_spread(times: str, result: object) -> None:
    """INN-09: bid and ask may differ by what is declared."""
    both = table(back=lambda _, value: value * Decimal(times))
    finding = said(replace(SURE, rate_spread=Decimal("0.006")), main=both)
    assert finding.result is result
    assert "0.60% declared" in finding.cause or result is PASS


@pytest.mark.parametrize(("times", "result"), [("1.0001", PASS), ("1.00011", FAIL)])
def test_a_tenth_of_a_thousandth_there_and_back(times: str, result: object) -> None:
    """O-M7 lets there and back differ from 1 by 1e-4 and no more."""
    assert said(main=table(back=only("JPY", lambda value: value * Decimal(times)))).result is result


def test_a_peg_is_no_placeholder() -> None:
    """INN-10: a currency that is declared worth one may have a rate of 1."""
    pegged = table(there=only("USD", lambda _: Decimal(1)), back=only("USD", lambda _: Decimal(1)))
    assert said(main=pegged).result is FAIL
    assert said(replace(SURE, pegged=frozenset({"USD"})), main=pegged).result is PASS


def _devalued(rates: list[Rate], by: str, since: date, systems: Mapping[str, bool]) -> list[Rate]:
    return [
        replace(rate, value=rate.value * Decimal(by))
        if rate.quote == "INR" and rate.as_of >= since and systems.get(rate.system)
        else rate
        for rate in rates
    ]


@pytest.mark.parametrize(
    ("by", "both", "uses_it", "result"),
    [
        ("1.08", True, True, PASS),  # INN-11
        ("1.08", False, True, PASS),
        ("1.50", True, True, PASS),  # a real devaluation: both sources have it
        ("1.50", False, True, FAIL),  # one source alone
        ("1.50", False, False, PASS),  # the shop refused it
        ("1.50", True, False, FAIL),  # the shop refused what is true
    ],
)
def test_a_jump_needs_a_second_source(by: str, both: bool, uses_it: bool, result: object) -> None:
    """O-M7 takes a jump for a rate where two sources have it, and else for a mistake the shop should not have used."""
    since = date(2026, 2, 25)
    rates = _devalued([*published(), *published("frankfurter")], by, since, {"ecb": True, "frankfurter": both})
    there = (
        only("INR", lambda value: value * Decimal(by))
        if uses_it
        else only("INR", lambda _: on(date(2026, 2, 24), "INR"))
    )
    used = table(there=there, back=only("INR", lambda value: 1 / (there("INR", 1 / value) or value)))
    finding = said(main=used, rates=rates)
    assert finding.result is result, finding.sentence()


def test_whose_rates_a_store_takes() -> None:
    """O-M7 holds a store against its declared source."""
    other = [replace(rate, value=rate.value * Decimal("1.001")) for rate in published("frankfurter")]
    both = [*published(), *other]
    assert said(main=table(), rates=both).result is PASS
    assert said(replace(SURE, rate_source="ecb"), main=table(), rates=both).result is PASS
    assert said(replace(SURE, rate_sources={"main": "frankfurter"}), main=table(), rates=both).result is FAIL
    assert said(replace(SURE, rate_sources={"outlet": "frankfurter"}), main=table(), rates=both).result is PASS


def test_a_feed_that_stands_still() -> None:
    """O-M7 says so where a publisher shows nothing of what must be out by now."""
    finding = said(main=table(date(2026, 2, 26)), rates=published(until=date(2026, 2, 26)))
    assert (finding.result, finding.systems) == (FAIL, ("ecb",))
    assert "nothing was published since" in finding.cause


def test_rates_between_two_others_agree() -> None:
    """O-M7 holds a rate between two currencies against those of the base currency."""
    cross = on(date(2026, 3, 4), "USD") / on(date(2026, 3, 4), "GBP")
    for times, result in (("1", PASS), ("1.0004", PASS), ("1.0006", FAIL)):
        pair = Rate(system="merchant", base="GBP", quote="USD", value=cross * Decimal(times), as_of=date(2026, 3, 4))
        assert said(main=(*table(), pair)).result is result


def test_what_is_not_declared_or_read() -> None:
    """O-M7 names the verb or the line that is missing."""
    assert "store_rates" in said().reason
    assert "policies.base_currency" in said(UNDECLARED, main=table()).reason
    assert "policies.freshness.rates" in said(JUDGING, main=table()).reason
    assert "nobody published" in said(main=table(), rates=[]).reason
    unread = Population(since=NOW, until=NOW, unread=(("store rates", "timed out"),))
    assert POPULATION_ORACLES["O-M7"](unread, SURE).reason == "store rates: timed out"
    assert said(main=table()).result is not SILENT
