"""The bound of money: nothing that two declared ways of rounding can do lies beyond it, and it is not wider."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest

from assay.drift.pairs.bounds import EXACT, bound_of, bound_text, converted_bounds, largest, missing_column
from assay.drift.pairs.model import Amounts, Bound, Field, Kind, Part
from assay.errors import UsageError
from assay.money import exponent
from assay.rounding import Composition, Item, Rounding, compose, policies

GROSS_UNIT = Rounding(tax_included=True, level="unit", mode="half_up")
NET_TOTAL = Rounding(tax_included=False, level="total", mode="half_up")
EVERY = list(policies())
RATES = (Decimal(0), Decimal(7), Decimal(25))


def field(left: Rounding | None, right: Rounding | None, **more: object) -> Field:
    """A money field of two sides that round so."""
    said: dict[str, object] = {"quantity": "units", "lines": "line_count", **more}
    return Field(
        name="total",
        kind=Kind.MONEY,
        left="total",
        right="total",
        left_amounts=Amounts(currency="EUR", rounding=left),
        right_amounts=Amounts(currency="EUR", rounding=right),
        **said,  # type: ignore[arg-type]
    )


Basket = tuple[list[tuple[Decimal, Decimal, Decimal]], Decimal | None, Decimal]
"""Lines as (net price, quantity, tax in %), net shipping, and the discount as a share of the goods."""


def baskets(currency: str, count: int, *, seed: int, extras: bool = True) -> Iterator[Basket]:
    """Draw baskets whose net prices are finer than the currency's decimals, so that every side must round."""
    draw = random.Random(seed)
    fine = Decimal((0, (1,), -exponent(currency) - 2))
    for _ in range(count):
        lines = [
            (draw.randint(100, 900_000) * fine, Decimal(draw.randint(1, 9)), draw.choice(RATES))
            for _ in range(draw.choice((1, 1, 2, 3, 5)))
        ]
        shipping = draw.randint(100, 90_000) * fine if extras else None
        yield lines, shipping, Decimal(draw.choice((0, 0, 1, 5))) / 20 if extras else Decimal(0)


def priced(basket: Basket, policy: Rounding, currency: str) -> Composition:
    """What a side that rounds so makes of a basket; gross prices are the same prices with their tax, unrounded."""
    lines, shipping, share = basket

    def item(net: Decimal, quantity: Decimal, rate: Decimal) -> Item:
        return Item(net * (100 + rate) / 100 if policy.tax_included else net, quantity, rate)

    items = [item(*line) for line in lines]
    worth = sum((each.unit_price * each.quantity for each in items), Decimal(0))
    sent = None if shipping is None else item(shipping, Decimal(1), RATES[-1])
    return compose(items, sent, worth * share, policy, currency)


def minor(amount: Decimal, currency: str) -> int:
    """An amount in minor units, rounded to the nearest where a side is finer."""
    return int((amount * 10 ** exponent(currency)).to_integral_value())


@pytest.mark.parametrize(
    ("currency", "part"), [("EUR", "total"), ("EUR", "net"), ("EUR", "tax"), ("JPY", "total"), ("KWD", "tax")]
)
def test_no_two_policies_reach_beyond_their_bound(currency: str, part: Part) -> None:
    """Over baskets with several rates, shipping and discount, every pair of the 24 policies stays within it."""
    drawn = list(baskets(currency, 24, seed=5))
    figures = {}
    for policy in EVERY:
        whole = [priced(each, policy, currency) for each in drawn]
        figures[policy] = [
            each.total.minor if part == "total" else minor(each.net if part == "net" else each.tax, currency)
            for each in whole
        ]
    sizes = [(int(sum(line[1] for line in lines)), len(lines)) for lines, _, _ in drawn]
    for left, right in product(EVERY, EVERY):
        bound = bound_of(field(left, right, part=part), currency)
        for size, mine, other in zip(sizes, figures[left], figures[right], strict=True):
            assert abs(mine - other) <= largest(bound, *size), f"{left} and {right}: {size}"


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_the_bound_is_reached(currency: str) -> None:
    """Of gross per unit against net on the total some order of each size uses all but one of its minor units."""
    bound = bound_of(field(GROSS_UNIT, NET_TOTAL, extras=()), currency)
    assert bound == Bound(fixed=Fraction(1), per_unit=Fraction(1, 2))
    widest: dict[int, int] = {}
    for basket in baskets(currency, 3_000, seed=7, extras=False):
        if len(basket[0]) == 1:
            units = int(basket[0][0][1])
            sides = [priced(basket, policy, currency).total.minor for policy in (GROSS_UNIT, NET_TOTAL)]
            widest[units] = max(widest.get(units, 0), abs(sides[0] - sides[1]))
    assert set(widest) == set(range(1, 10))
    assert all(largest(bound, units, 1) - seen <= 1 for units, seen in widest.items())


def test_equal_ways_of_rounding_are_held_exactly() -> None:
    """Two sides that round alike must agree to the cent, also where one names the decimals the currency has anyway."""
    named = Rounding(tax_included=True, level="unit", mode="half_up", scale=2)
    assert bound_of(field(GROSS_UNIT, GROSS_UNIT), "EUR") == EXACT
    assert bound_of(field(GROSS_UNIT, named), "EUR") == EXACT
    assert bound_of(field(GROSS_UNIT, named), "JPY") != EXACT


@pytest.mark.parametrize("sides", [(None, None), (GROSS_UNIT, None), (None, NET_TOTAL)])
def test_a_side_that_declares_nothing_is_held_exactly(sides: tuple[Rounding | None, Rounding | None]) -> None:
    """Where nobody says how a side rounds, nothing is forgiven."""
    assert bound_of(field(*sides), "EUR") == EXACT


def test_a_bound_counts_in_the_currencys_own_units() -> None:
    """Three decimals or none: a policy of the currency's own decimals loses as many minor units in each."""
    found = {currency: bound_of(field(GROSS_UNIT, NET_TOTAL), currency) for currency in ("EUR", "JPY", "KWD", "USD")}
    assert len(set(found.values())) == 1
    coarse = Rounding(tax_included=False, level="total", mode="half_up", scale=2)
    assert bound_of(field(GROSS_UNIT, coarse, extras=()), "KWD").fixed == 10, "two roundings to 0.01, each of 5 fils"


def test_cash_steps_widen_the_total_alone() -> None:
    """Swiss cash steps move what is paid by half of 0.05, and neither tax nor net; sides that have both are equal."""
    cash = NET_TOTAL.with_cash({"CHF": "0.05"})
    assert bound_of(field(NET_TOTAL, cash), "CHF") == Bound(fixed=Fraction(5, 2))
    assert bound_of(field(NET_TOTAL, cash, part="net"), "CHF") == EXACT
    assert bound_of(field(cash, cash), "CHF") == EXACT
    without, with_it = (bound_of(field(GROSS_UNIT, each), "CHF").fixed for each in (NET_TOTAL, cash))
    assert with_it - without == Fraction(5, 2)


def test_a_conversion_bounds_each_side_in_its_own_units() -> None:
    """Across currencies the left's share is in the left's units; undeclared, half a unit of the right's is left."""
    rate = {"rate": "rate"}
    left, right = converted_bounds(field(GROSS_UNIT, NET_TOTAL, extras=(), **rate), "EUR", "JPY")
    assert (left, right) == (Bound(per_unit=Fraction(1, 2)), Bound(fixed=Fraction(1)))
    assert converted_bounds(field(None, None, **rate), "EUR", "JPY") == (EXACT, Bound(fixed=Fraction(1, 2)))
    assert converted_bounds(field(GROSS_UNIT, NET_TOTAL, **rate), "EUR", "EUR") == (
        EXACT,
        bound_of(field(GROSS_UNIT, NET_TOTAL), "EUR"),
    )


def test_a_bound_that_grows_needs_what_it_grows_with() -> None:
    """Per unit needs the units; per line the lines, or the units in their place; a bound of the whole needs neither."""
    none = {"quantity": None, "lines": None, "extras": ()}
    net_line = Rounding(tax_included=False, level="line", mode="half_up")
    assert missing_column(field(GROSS_UNIT, NET_TOTAL, **none)) == "quantity"
    assert missing_column(field(net_line, NET_TOTAL, **none)) == "lines"
    assert missing_column(field(net_line, NET_TOTAL, **{**none, "lines": "line_count"})) is None
    assert missing_column(field(net_line, NET_TOTAL, **{**none, "quantity": "units"})) is None
    assert missing_column(field(GROSS_UNIT, GROSS_UNIT, **none)) is None
    by_rate = Rounding(tax_included=True, level="rate", mode="half_up")
    assert missing_column(field(by_rate, NET_TOTAL, **none)) is None
    folded = bound_of(field(net_line, NET_TOTAL, quantity="units", lines=None, extras=()), "EUR")
    assert folded == Bound(fixed=Fraction(1), per_unit=Fraction(227, 200))


def test_a_bound_is_written_for_people() -> None:
    """It says how many minor units, and what they grow with."""
    assert bound_text(bound_of(field(GROSS_UNIT, NET_TOTAL, extras=()), "EUR")) == "1 + 0.5 a unit"
    assert bound_text(EXACT) == "exact"


def test_no_currency_is_refused() -> None:
    """A code that ISO 4217 has not is wrong use, with the nearest one."""
    with pytest.raises(UsageError, match="no ISO 4217 currency"):
        bound_of(field(GROSS_UNIT, NET_TOTAL), "EUX")
