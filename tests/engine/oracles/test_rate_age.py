"""How old a table of rates is, read from the rates alone: exact where it can be told, and said where it cannot."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import pytest

from assay.oracles.rate_age import LAST, RateSpan, rate_age
from mocks.frankfurter.history import History, open_days

SIX = ("USD", "GBP", "JPY", "CHF", "INR", "HUF")
DAYS = open_days(date(2026, 7, 1), date(2026, 11, 20))
FOUR_DECIMALS = Decimal("0.0001")
Published = Mapping[date, Mapping[str, Decimal]]


@pytest.fixture(scope="module")
def published() -> Published:
    """Five months of rates."""
    history = History(11)
    return {day: history.rates(day) for day in DAYS}


def copied(
    published: Published, day: date, markup: str = "0", codes: tuple[str, ...] = SIX, rounding: str = ROUND_HALF_UP
) -> dict[str, Decimal]:
    """Return a shop's table: a day's rates with a markup, at four decimals."""
    factor = 1 + Decimal(markup)
    return {code: (published[day][code] * factor).quantize(FOUR_DECIMALS, rounding=rounding) for code in codes}


def spans(table: Mapping[str, Decimal]) -> dict[str, RateSpan]:
    """Return what each rate may have been."""
    return {code: RateSpan.of(rate) for code, rate in table.items()}


@pytest.mark.parametrize("seed", range(100))
def test_a_stale_table_is_dated_exactly(seed: int) -> None:
    """Of a hundred drawn tables with six currencies every age and every markup is read to the digit."""
    drawn = random.Random(seed)
    history = History(seed)
    days = DAYS[-LAST:]
    published = {day: history.rates(day) for day in days}
    codes = tuple(drawn.sample([code for code in published[days[0]] if code not in ("DKK", "HKD")], 6))
    behind, markup = drawn.randrange(LAST), Decimal(drawn.randrange(-20, 60)).scaleb(-3)
    told = rate_age(spans(copied(published, days[-1 - behind], str(markup), codes)), published)
    assert (told.as_of, told.behind, told.factor, told.alone) == (days[-1 - behind], behind, 1 + markup, None)


def test_the_sentence_names_day_age_markup_and_what_deviates(published: Published) -> None:
    """A finding says whose rates they are, how many publications old, with which markup, and which one is wrong."""
    table = copied(published, DAYS[-4], "0.02")
    assert str(rate_age(spans(table), published)) == (
        f"the rates are those of {DAYS[-4]}, three publications old, plus 2 % markup"
    )
    table["GBP"] = (table["GBP"] * Decimal("1.011")).quantize(FOUR_DECIMALS)
    told = rate_age(spans(table), published)
    assert (told.as_of, told.alone) == (DAYS[-4], "GBP")
    assert str(told).endswith("plus 2 % markup; GBP alone deviates by +1.1%")
    assert str(rate_age(spans(copied(published, DAYS[-1])), published)).endswith(", the newest")
    assert ", the newest, less 0.35 % markup" in str(rate_age(spans(copied(published, DAYS[-1], "-0.0035")), published))
    assert ", one publication old" in str(rate_age(spans(copied(published, DAYS[-2])), published))


def test_a_table_that_was_cut_off_is_dated_too(published: Published) -> None:
    """Rates that were cut instead of rounded are explained by the publication they are from."""
    told = rate_age(spans(copied(published, DAYS[-6], "0.013", rounding=ROUND_DOWN)), published)
    assert (told.as_of, told.alone) == (DAYS[-6], None)


def test_one_rate_needs_a_known_markup(published: Published) -> None:
    """One currency fits every day while the markup is unknown; with it, its day is found."""
    table = spans(copied(published, DAYS[-3], "0.02", ("USD",)))
    told = rate_age(table, published)
    assert (told.as_of, told.candidates) == (None, ())
    assert "cannot be told: one rate fits every publication" in str(told)
    assert rate_age(table, published, markup=Decimal("0.02")).as_of == DAYS[-3]


def test_what_did_not_move_cannot_be_told_apart() -> None:
    """Publications with the same rates all explain a table: they are named, and no age is."""
    same = {"USD": Decimal("1.1000"), "JPY": Decimal("160.00"), "GBP": Decimal("0.85000")}
    days = DAYS[-3:]
    told = rate_age(spans(same), dict.fromkeys(days, same))
    assert told.as_of is None
    assert told.candidates == tuple(reversed(days))
    assert str(told).startswith("the age of the rates cannot be told: more than one publication explains them")
    assert str(days[-1]) in told.reason


def test_few_digits_cannot_be_told_apart(published: Published) -> None:
    """A table at one decimal is explained by many days, which is said instead of guessed."""
    table = {code: round(rate, 1) for code, rate in copied(published, DAYS[-9]).items() if code in ("USD", "CHF")}
    told = rate_age(spans(table), published)
    assert told.as_of is None
    assert DAYS[-9] in told.candidates


def test_a_table_of_no_publication_is_not_dated(published: Published) -> None:
    """Rates of another source, two wrong ones, or a day before those tried have no age here."""
    table = copied(published, DAYS[-3])
    wrong = {**table, "GBP": table["GBP"] * 2, "JPY": table["JPY"] / 2}
    assert "whichever one is left out" in rate_age(spans(wrong), published).reason
    old = spans(copied(published, DAYS[-LAST - 5]))
    assert rate_age(old, published).as_of is None
    assert rate_age(old, published, last=None).as_of == DAYS[-LAST - 5]
    few = {code: wrong[code] for code in ("USD", "GBP", "JPY")}
    assert "too few to leave one out" in rate_age(spans(few), published).reason


def test_currencies_nobody_publishes_are_left_out(published: Published) -> None:
    """A rate without a published one neither dates a table nor spoils it."""
    table = {**copied(published, DAYS[-2]), "KWD": Decimal("0.3345")}
    assert rate_age(spans(table), published).as_of == DAYS[-2]
    assert "nobody publishes" in rate_age(spans({"KWD": Decimal("0.3345")}), published).reason
    assert "nobody publishes" in rate_age(spans(table), {}).reason


def test_a_day_that_lacks_a_currency_is_held_against_the_others(published: Published) -> None:
    """A publication without one of the table's currencies dates it by the others, where these are enough."""
    day = DAYS[-2]
    without = {code: rate for code, rate in published[day].items() if code != "JPY"}
    told = rate_age(spans(copied(published, day)), {**published, day: without})
    assert (told.as_of, told.alone) == (day, None)
    few = spans(copied(published, day, codes=("USD", "GBP", "JPY")))
    assert rate_age(few, {**published, day: without}).as_of is None


@pytest.mark.parametrize("rate", ["0", "-1.2", "NaN", "Infinity"])
def test_no_rate_is_zero_or_less(rate: str) -> None:
    """A rate that is no number above zero is refused, with the number."""
    with pytest.raises(ValueError, match=rate):
        RateSpan.of(Decimal(rate))


def test_spans_meet_or_do_not() -> None:
    """What two spans have in common is the narrower knowledge; nothing in common is None."""
    wide, fine = RateSpan.of(Decimal("1.1")), RateSpan.of(Decimal("1.12"))
    assert wide.within(fine) == fine
    assert fine.within(RateSpan.of(Decimal("1.14"))) is None
    assert RateSpan.of(Decimal(160)).middle == 160
