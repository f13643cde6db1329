"""What baskets tell of a policy, by simulation alone: no shop is asked."""

from __future__ import annotations

import string
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.money import Money
from assay.profile import load_profile
from assay.rounding import Item, Rounding, compose, policies
from assay.runners.calibrated import with_rounding, write_rounding
from assay.runners.calibration import Goods, Lines, Seen, best_basket, can_tie, candidates, likeliest, open_questions

EVERY = list(policies())
PRICES = st.decimals("0.05", "250", places=2, allow_nan=False)
RATES = st.sampled_from([Decimal(rate) for rate in ("0", "5.5", "7", "19", "20", "21", "25")])
CATALOGUES = st.lists(st.tuples(PRICES, RATES), min_size=1, max_size=8).map(
    lambda rows: [Goods(string.ascii_uppercase[place], *row) for place, row in enumerate(rows)]
)
DELIVERY = Item(Decimal("5.90"), Decimal(1), Decimal(20))


def shop(policy: Rounding, goods: Sequence[Goods], lines: Lines, *, tax_shown: bool = True) -> Seen:
    """Say what a shop of this policy would say of a basket."""
    known = {each.sku: each for each in goods}
    items = tuple(Item(known[sku].price, Decimal(units), known[sku].tax_rate) for sku, units in lines)
    whole = compose(items, DELIVERY, Decimal(0), policy, "EUR")
    tax = Money.of(whole.tax, "EUR") if tax_shown else None
    return Seen(
        lines=lines, items=items, shipping=DELIVERY, discount=Decimal(0), total=whole.total, tax=tax, order_ref=None
    )


def calibrated(
    policy: Rounding, goods: Sequence[Goods], *, tax_shown: bool = True, most: int = 12
) -> tuple[list[Rounding], int]:
    """Ask until nothing more is told; return what is left and after how many baskets."""
    left, asked = list(EVERY), list[Lines]()
    while len(left) > 1 and len(asked) < most:
        lines = best_basket(left, goods, delivery=DELIVERY, currency="EUR", tax_shown=tax_shown, asked=asked)
        if lines is None:
            break
        asked.append(lines)
        seen = shop(policy, goods, lines, tax_shown=tax_shown)
        left = [each for each in left if seen.is_explained_by(each)]
    return left, len(asked)


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(EVERY), CATALOGUES)
def test_the_true_policy_is_never_dropped(policy: Rounding, goods: list[Goods]) -> None:
    """Whatever is sold at whatever rates, the policy a shop really has explains every basket."""
    left, _ = calibrated(policy, goods)
    assert policy in left


MIXED = [
    Goods("A", Decimal("4.95"), Decimal(19)),
    Goods("B", Decimal("12.80"), Decimal(7)),
    Goods("C", Decimal("7.25"), Decimal(19)),
    Goods("D", Decimal("0.99"), Decimal(7)),
    Goods("E", Decimal("1.50"), Decimal(19)),
]


NET = [each for each in EVERY if not each.tax_included]


@pytest.mark.parametrize(
    "policy",
    [*NET[::5], *(pytest.param(each, marks=pytest.mark.full) for each in NET if each not in NET[::5])],
    ids=str,
)
def test_prices_without_tax_tell_everything_in_few_baskets(policy: Rounding) -> None:
    """With two tax rates on top of prices each of the twelve policies is found by at most three baskets."""
    left, baskets = calibrated(policy, MIXED)
    assert left == [policy]
    assert baskets <= 3


def test_twenty_per_cent_on_top_has_no_ties() -> None:
    """At 20 % on top half up and half even are never told apart, nor the sum of a rate from the total; it is said."""
    goods = [Goods("A", Decimal("9.52"), Decimal(20)), Goods("B", Decimal("7.21"), Decimal(20))]
    goods.append(Goods("C", Decimal("4.99"), Decimal(20)))
    left, _ = calibrated(Rounding(tax_included=False, level="rate", mode="half_even"), goods)
    assert {each.mode for each in left} == {"half_up", "half_even"}
    assert {each.level for each in left} == {"rate", "total"}
    told = open_questions(left, [Decimal(20)], tax_shown=True)
    assert "20 % of prices without tax in whole steps never ends on half a step" in told["half up or half even"]
    assert told["per rate or total"] == "goods and delivery all bear 20 %: the sum of that rate is the total"


def test_totals_alone_tell_nothing_of_prices_with_tax() -> None:
    """Where prices hold tax and no tax is shown, the total is the same for all: it is said why."""
    left, _ = calibrated(Rounding(tax_included=True, level="line", mode="half_up"), MIXED, tax_shown=False)
    assert len(left) == 12
    told = open_questions(left, [Decimal(7), Decimal(19)], tax_shown=False)
    assert set(told.values()) == {
        "the shop shows no tax, and the total of prices with tax is the same however it is rounded"
    }


@given(RATES, st.integers(1, 400), st.booleans())
def test_ties_are_where_arithmetic_says(rate: Decimal, cents: int, included: bool) -> None:
    """No amount's tax ends on half a step where `can_tie` says that none can."""
    below = 100 + rate if included else Decimal(100)
    is_tie = (2 * cents * rate) % below == 0 and (2 * cents * rate) // below % 2 == 1
    assert can_tie(rate, included=included) or not is_tie


def test_what_is_declared_is_kept_where_it_cannot_be_told_apart() -> None:
    """Of several policies left the declared one is written, and otherwise the usual one."""
    left = [Rounding(tax_included=False, level="line", mode=mode) for mode in ("half_even", "half_up")]
    assert likeliest(left, left[0]) == left[0]
    assert likeliest(left, None).mode == "half_up"
    assert likeliest(left, Rounding(tax_included=True, level="unit", mode="down")).mode == "half_up"


def test_a_declared_scale_and_cash_steps_are_candidates_too() -> None:
    """What the profile says of steps is kept in every candidate; its scale doubles them."""
    assert len(candidates(None)) == 24
    declared = Rounding(tax_included=True, level="line", mode="half_up", scale=4).with_cash({"CHF": "0.05"})
    found = candidates(declared)
    assert len(found) == 48
    assert {each.cash for each in found} == {declared.cash}


PROFILE = """\
# our shop
[policies]
base_currency = "EUR"   # euros

{rounding}[policies.freshness]
erp = 300

[environments.local.systems]
"""
TABLE = """\
# asked in May
[policies.rounding]
tax_included = true        # says the tax office
mode = 'half_up'
cash = { CHF = "0.05" }    # Swiss

"""


@pytest.mark.parametrize("table", [TABLE, "", TABLE.replace("mode = 'half_up'\n", ""), TABLE.rstrip("\n") + "\n"])
def test_the_profile_keeps_all_the_rest(table: str, tmp_path: Path) -> None:
    """Writing a policy changes its three keys alone: comments, cash steps and other tables stay as they are."""
    before = PROFILE.replace("{rounding}", table)
    policy = Rounding(tax_included=False, level="rate", mode="down")
    policy = policy.with_cash({"CHF": "0.05"}) if table else policy
    path = tmp_path / "assay.toml"
    path.write_text(before)
    assert write_rounding(path, policy)
    wrote = load_profile(path).policies.rounding
    assert wrote is not None
    assert wrote.policy() == policy
    after = path.read_text()
    for line in before.splitlines():
        if not line.startswith(("tax_included", "mode")):
            assert line in after.splitlines()
    assert ("# says the tax office" in after) == bool(table)
    assert not write_rounding(path, policy)


def test_a_profile_marked_read_only_stays_as_it_is(tmp_path: Path) -> None:
    """It is refused with the file's name, though a folder's owner could replace it; another's mode is kept."""
    path = tmp_path / "assay.toml"
    path.write_text("[environments.local]\n")
    path.chmod(0o444)
    with pytest.raises(UsageError, match="cannot be written") as refused:
        write_rounding(path, Rounding(tax_included=True, level="line", mode="half_up"))
    assert str(path) in str(refused.value) and "rounding" not in path.read_text()
    path.chmod(0o640)
    assert write_rounding(path, Rounding(tax_included=True, level="line", mode="half_up"))
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_profile_of_nothing_gets_its_table() -> None:
    """An empty text becomes the table alone."""
    policy = Rounding(tax_included=True, level="unit", mode="half_even")
    assert with_rounding("", policy) == '[policies.rounding]\ntax_included = true\nlevel = "unit"\nmode = "half_even"\n'
