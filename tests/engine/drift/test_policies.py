"""How each side rounds, found out from the orders themselves where nobody declared it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from assay.drift.pairs.bounds import bound_of
from assay.drift.pairs.model import Amounts, Field, Kind, Pair, Prices, Side
from assay.drift.pairs.policies import Order, Proposal, policy_toml, propose
from assay.drift.pairs.rows import table_of
from assay.drift.pairs.sampled import orders_of
from assay.money import exponent
from assay.rounding import Item, Rounding, compose

GROSS_UNIT = Rounding(tax_included=True, level="unit", mode="half_up")
NET_TOTAL = Rounding(tax_included=False, level="total", mode="half_up")
CURRENCIES = ("EUR", "JPY", "KWD", "USD")
TOTAL = Field(name="total", kind=Kind.MONEY, left="total", right="total", quantity="units", lines="n", extras=())


def drawn(left: Rounding, right: Rounding, count: int, *, seed: int = 3) -> Iterator[Order]:
    """Draw orders that two sides make of the same unrounded net prices, in four currencies."""
    draw = random.Random(seed)
    for number in range(count):
        currency = CURRENCIES[number % 4]
        fine = Decimal((0, (1,), -exponent(currency) - 2))
        items = tuple(
            Item(draw.randint(100, 900_000) * fine, Decimal(draw.randint(1, 9)), draw.choice([Decimal(7), Decimal(20)]))
            for _ in range(draw.choice((1, 1, 2, 3)))
        )
        gross = [item._replace(unit_price=item.unit_price * (100 + item.tax_rate) / 100) for item in items]
        totals = [
            compose(gross if policy.tax_included else items, None, Decimal(0), policy, currency).total.minor
            for policy in (left, right)
        ]
        units = int(sum(item.quantity for item in items))
        yield Order(currency, totals[0], totals[1], units, len(items), items)


def proposed(orders: list[Order], *, prices: bool = True) -> Proposal:
    """Ask for the proposal, with or without what the orders were priced from."""
    if not prices:
        orders = [replace(each, items=()) for each in orders]
    found = propose(TOTAL, orders, prices_hold_tax=False if prices else None)
    assert found is not None
    return found


def test_the_right_policies_are_proposed_from_prices() -> None:
    """2,000 orders in four currencies, gross per unit against net on the total: both are named, none lies beyond."""
    found = proposed(list(drawn(GROSS_UNIT, NET_TOTAL, 2_000)))
    assert (found.left.rounding, found.right.rounding) == (GROSS_UNIT, NET_TOTAL)
    assert (found.orders, found.beyond) == (2_000, 0)
    assert found.apart > 1_000, "and most of them differ"
    assert "rounded per unit" in found.sentence() and "0 of 2,000 orders lie beyond" in found.sentence()


@pytest.mark.parametrize("seed", range(2))
def test_any_two_policies_are_found(seed: int) -> None:
    """Whatever two ways are drawn, both are among those that explain all orders, and usually the ones proposed."""
    draw = random.Random(seed)
    levels, modes = ("unit", "line", "rate", "total"), ("half_up", "half_even", "down")
    left, right = (
        Rounding(tax_included=draw.random() < 0.5, level=draw.choice(levels), mode=draw.choice(modes))  # type: ignore[arg-type]
        for _ in range(2)
    )
    found = proposed(list(drawn(left, right, 600, seed=seed)))
    assert left in (found.left.rounding, *found.left.others)
    assert right in (found.right.rounding, *found.right.others)
    assert found.beyond == 0


def test_amounts_alone_give_a_bound_that_holds() -> None:
    """Without prices the side whose amounts divide by their units is told, and a bound that holds every order."""
    found = proposed(list(drawn(GROSS_UNIT, NET_TOTAL, 2_000)), prices=False)
    assert found.left.rounding is not None and found.right.rounding is not None
    assert (found.left.rounding.level, found.right.rounding.level) == ("unit", "total")
    assert found.beyond == 0
    assert not found.from_prices and "amounts alone" in found.sentence()
    declared = bound_of(
        replace(TOTAL, left_amounts=Amounts(rounding=GROSS_UNIT), right_amounts=Amounts(rounding=NET_TOTAL)), "EUR"
    )
    assert found.bound.per_unit == declared.per_unit and found.bound.fixed <= declared.fixed


@pytest.mark.parametrize("prices", [True, False])
def test_real_differences_do_not_hide_the_policies(prices: bool) -> None:
    """One order in twenty with a wrong amount is left beyond the bound, and changes nothing of what is proposed."""
    orders = [
        replace(each, right=each.right * 100 + 5_000) if number % 20 == 0 else each
        for number, each in enumerate(drawn(GROSS_UNIT, NET_TOTAL, 600))
    ]
    found = proposed(orders, prices=prices)
    assert found.left.rounding == GROSS_UNIT
    assert found.right.rounding is not None and found.right.rounding.level == "total"
    assert found.beyond == 30


def test_what_no_rounding_explains_gets_no_proposal() -> None:
    """A side that is off by some euros at random is not explained away."""
    draw = random.Random(1)
    orders = [replace(each, right=each.right + draw.randint(200, 900)) for each in drawn(GROSS_UNIT, NET_TOTAL, 200)]
    found = proposed(orders)
    assert found.left.rounding == GROSS_UNIT and found.right.rounding is None
    assert not found.is_found and "no two ways" in found.sentence()


def test_a_handful_of_orders_proves_nothing() -> None:
    """Fewer than thirty orders give no proposal at all."""
    assert propose(TOTAL, list(drawn(GROSS_UNIT, NET_TOTAL, 29)), prices_hold_tax=False) is None


def test_a_policy_is_written_as_the_file_takes_it() -> None:
    """What is proposed can be copied into the file of pairs."""
    assert policy_toml(NET_TOTAL) == '{ tax_included = false, level = "total", mode = "half_up" }'


@pytest.mark.parametrize("as_text", [True, False])
def test_orders_are_read_from_both_sides(as_text: bool) -> None:
    """Lines come as a list or as JSON text, amounts in minor or major units; what cannot be read is left out."""
    made = list(drawn(GROSS_UNIT, NET_TOTAL, 60))
    left, right = [], []
    for number, order in enumerate(made):
        lines = [
            {"price": f"{item.unit_price}", "qty": int(item.quantity), "tax": f"{item.tax_rate}"}
            for item in order.items
        ]
        digits = exponent(order.currency)
        left.append(
            {
                "id": number,
                "total": order.left,
                "currency": order.currency,
                "lines": json.dumps(lines) if as_text else lines,
            }
        )
        right.append({"no": f"{number}", "sum": f"{Decimal(order.right).scaleb(-digits):f}", "waers": order.currency})
    right[0]["sum"], right[1]["sum"], right[2]["waers"] = "NaN", "1" * 400, "XXX"
    field = replace(
        TOTAL,
        right="sum",
        quantity=None,
        lines=None,
        left_amounts=Amounts(currency_column="currency"),
        right_amounts=Amounts(unit="major", currency_column="waers"),
    )
    pair = Pair(
        name="orders",
        about="",
        left=Side(system="shop", source={}, key=("id",)),
        right=Side(system="erp", source={}, key=("no",)),
        fields=(field,),
        prices=Prices(lines="lines", unit_price="price", quantity="qty", tax_rate="tax", tax_included=False),
    )
    found = orders_of(pair, field, table_of(left), table_of(right))
    assert sorted(found, key=repr) == sorted(made[3:], key=repr), "three cannot be read"
