"""Money's arithmetic over every ISO currency: order, products, ratios, and splits that sum."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.money import EXPONENTS, Money, sum_of

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
MINORS = st.integers(-(10**15), 10**15)
WEIGHTS = st.lists(
    st.one_of(st.integers(0, 10**6), st.decimals(0, 10**4, places=3, allow_nan=False)), min_size=1, max_size=12
).filter(any)


@given(MINORS, CURRENCIES)
def test_what_is_written_reads_back(minor: int, currency: str) -> None:
    """`Money.parse` reads what `str` writes."""
    money = Money(minor, currency)
    assert Money.parse(str(money)) == money


@pytest.mark.parametrize("text", ["", "EUR", "19.90", "19,90 EUR", "19.90EUR", "EUR 19.90", "1 2 EUR", "19.905 EUR"])
def test_no_written_amount(text: str) -> None:
    """Anything else than an amount, a space and a currency is refused."""
    with pytest.raises(UsageError):
        Money.parse(text)


@given(MINORS, MINORS, CURRENCIES)
def test_amounts_of_one_currency_are_ordered_as_decimals(a: int, b: int, currency: str) -> None:
    """Comparison within a currency is that of the decimal amounts."""
    x, y = Money(a, currency), Money(b, currency)
    assert (x < y, x <= y, x > y, x >= y) == (
        x.amount < y.amount,
        x.amount <= y.amount,
        x.amount > y.amount,
        x.amount >= y.amount,
    )
    assert abs(x) == max(x, -x)


@pytest.mark.parametrize("compare", ["__lt__", "__le__", "__gt__", "__ge__", "ratio"])
def test_two_currencies_do_not_compare(compare: str) -> None:
    """Amounts of two currencies have no order and no ratio, and the refusal names both."""
    with pytest.raises(UsageError, match="two currencies") as refused:
        getattr(Money(1, "EUR"), compare)(Money(1, "USD"))
    assert refused.value.seen == "EUR and USD"


@given(MINORS, st.integers(-1000, 1000), CURRENCIES)
def test_a_product_is_a_repeated_sum(minor: int, times: int, currency: str) -> None:
    """Multiplication by a whole number is exact from either side, and distributes over addition."""
    money = Money(minor, currency)
    assert money * times == times * money == Money(minor * times, currency)
    assert money * (times + 1) == money * times + money


@pytest.mark.parametrize("times", [1.5, Decimal(2), True, "2", None])
def test_money_times_no_whole_number(times: Any) -> None:
    """A rate is no factor: it needs a rounding policy, and the refusal says where that is."""
    with pytest.raises(UsageError, match="whole numbers") as refused:
        Money(100, "EUR") * times
    assert "assay.rounding" in (refused.value.hint or "")


@given(MINORS, MINORS.filter(bool), CURRENCIES)
def test_a_ratio_is_exact(a: int, b: int, currency: str) -> None:
    """The ratio of two amounts is the fraction of their minor units."""
    assert Money(a, currency).ratio(Money(b, currency)) == Fraction(a, b)


def test_no_ratio_to_nothing() -> None:
    """A ratio to nothing is refused with our error."""
    with pytest.raises(UsageError, match="nothing"):
        Money(1, "EUR").ratio(Money.zero("EUR"))


@given(st.lists(MINORS, max_size=8), CURRENCIES)
def test_a_sum_is_that_of_minor_units(minors: list[int], currency: str) -> None:
    """`sum_of` adds any number of amounts, none included."""
    assert sum_of((Money(minor, currency) for minor in minors), currency) == Money(sum(minors), currency)


def test_a_sum_of_two_currencies_is_refused() -> None:
    """`sum_of` takes one currency, the named one."""
    with pytest.raises(UsageError, match="two currencies"):
        sum_of([Money(1, "EUR"), Money(1, "USD")], "EUR")


@given(MINORS, WEIGHTS, CURRENCIES)
def test_shares_sum_and_are_near_the_exact_ones(minor: int, weights: list[int | Decimal], currency: str) -> None:
    """A split sums to the amount, and no share is a whole minor unit away from its exact part."""
    shares = Money(minor, currency).allocate(weights)
    assert sum_of(shares, currency) == Money(minor, currency)
    whole = sum(map(Fraction, weights))
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor - minor * Fraction(weight) / whole) < 1


@given(MINORS, WEIGHTS, CURRENCIES)
def test_a_split_is_deterministic_and_symmetric(minor: int, weights: list[int | Decimal], currency: str) -> None:
    """The same split twice is the same; a refund is split as its charge was; only proportions count."""
    shares = Money(minor, currency).allocate(weights)
    assert shares == Money(minor, currency).allocate([weight * 7 for weight in weights])
    assert shares == tuple(-share for share in Money(-minor, currency).allocate(weights))


@pytest.mark.parametrize(
    ("minor", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (200, [1, 1, 1], [67, 67, 66]),
        (1, [1, 1], [1, 0]),
        (10, [0, 3, 0, 1], [0, 8, 0, 2]),
        (101, [Decimal("0.1"), Decimal("0.3")], [25, 76]),
        (5, [1], [5]),
    ],
)
def test_the_left_over_goes_to_the_largest_remainders(minor: int, weights: list[Any], shares: list[int]) -> None:
    """What is left over goes to the largest remainders, the first of equals."""
    assert [share.minor for share in Money(minor, "EUR").allocate(weights)] == shares


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [0.5, 0.5], ["1"], [None], [Decimal("NaN")]])
def test_no_weights(weights: list[Any]) -> None:
    """Weights that are none, all 0, negative, floats or no numbers are refused with our error."""
    with pytest.raises(UsageError):
        Money(100, "EUR").allocate(weights)
