"""Rounding policies: single amounts, and baskets composed under each of them, held against exact fractions."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from assay import profile
from assay.errors import UsageError
from assay.money import EXPONENTS, Money
from assay.rounding import Composition, Item, Level, Mode, Rounding, cash_round, compose, policies, round_amount

MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
EVERY = list(policies(scales=(None, 0, 4, 8)))
CURRENCIES = st.sampled_from(sorted(EXPONENTS))
AMOUNTS = st.decimals(-(10**9), 10**9, places=6, allow_nan=False)
RATES = st.sampled_from([Decimal(rate) for rate in ("0", "5.5", "7", "19", "20", "21", "25.5", "50")])
ITEMS = st.builds(
    Item,
    unit_price=st.one_of(
        st.decimals(0, 2000, places=2, allow_nan=False), st.decimals(-50, 2000, places=4, allow_nan=False)
    ),
    quantity=st.one_of(st.integers(0, 40).map(Decimal), st.decimals(0, 40, places=3, allow_nan=False)),
    tax_rate=RATES,
)
BASKETS = st.lists(ITEMS, min_size=1, max_size=5)
SHIPPING = st.none() | st.builds(
    Item, unit_price=st.decimals(0, 50, places=2, allow_nan=False), quantity=st.just(Decimal(1)), tax_rate=RATES
)
NOTHING = Decimal(0)


def policy(
    *, level: Level = "line", mode: Mode = "half_up", tax_included: bool = True, scale: int | None = None
) -> Rounding:
    """Return a policy of which only the named parts matter."""
    return Rounding(tax_included=tax_included, level=level, mode=mode, scale=scale)


def item(price: str, quantity: str = "1", rate: str = "20") -> Item:
    """Return one line as a shop prices it."""
    return Item(Decimal(price), Decimal(quantity), Decimal(rate))


def nearest(amount: Fraction, step: Fraction, mode: Mode) -> Fraction:
    """Round by another way than the product: on fractions, by the distance to the two neighbours."""
    below = abs(amount) // step
    rest = abs(amount) / step - below
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (mode == "half_up" or below % 2 == 1))
    rounded = (below + (up and mode != "down")) * step
    return rounded if amount >= 0 else -rounded


def exact_total(basket: list[Item], shipping: Item | None, rounding: Rounding, step: Fraction) -> Fraction:
    """Return net + tax of a basket without a discount under the policy, in fractions."""

    def to_step(amount: Fraction) -> Fraction:
        return nearest(amount, step, rounding.mode)

    def tax_of(amount: Fraction, rate: Fraction) -> Fraction:
        return amount * rate / (100 + rate if rounding.tax_included else 100)

    items = [tuple(map(Fraction, each)) for each in (*basket, *([shipping] if shipping else []))]
    if rounding.level == "unit":
        basis = sum(to_step(to_step(price) * count) for price, count, _ in items)
        tax = sum(to_step(to_step(tax_of(to_step(price), rate)) * count) for price, count, rate in items)
    elif rounding.level == "line":
        lines = [(to_step(price * count), rate) for price, count, rate in items]
        basis, tax = sum(line for line, _ in lines), sum(to_step(tax_of(line, rate)) for line, rate in lines)
    else:
        groups: dict[Fraction | None, list[tuple[Fraction, Fraction]]] = {}
        for price, count, rate in items:
            group = groups.setdefault(rate if rounding.level == "rate" else None, [])
            group.append((price * count, tax_of(price * count, rate)))
        basis = sum(to_step(sum((amount for amount, _ in group), Fraction(0))) for group in groups.values())
        tax = sum(to_step(sum((tax for _, tax in group), Fraction(0))) for group in groups.values())
    return Fraction(basis if rounding.tax_included else basis + tax)


def holds(composed: Composition) -> bool:
    """Say whether a composition is the sum of its parts, down to the last digit."""
    parts = [*composed.lines, *([composed.shipping] if composed.shipping else [])]
    return (
        all(part.net + part.tax == part.gross for part in parts)
        and composed.net == sum(part.net for part in parts)
        and composed.tax == sum(part.tax for part in parts)
        and composed.total.amount == composed.net + composed.tax + composed.cash_rounding
    )


@given(AMOUNTS, CURRENCIES, st.sampled_from(EVERY))
def test_rounding_is_that_of_decimal(amount: Decimal, currency: str, rounding: Rounding) -> None:
    """One amount rounds as Python's decimal does in that mode, to the currency's decimals or the policy's."""
    digits = EXPONENTS[currency] if rounding.scale is None else rounding.scale
    rounded = round_amount(amount, currency, rounding)
    assert rounded == amount.quantize(Decimal(1).scaleb(-digits), rounding=MODES[rounding.mode])
    assert round_amount(rounded, currency, rounding) == rounded
    assert round_amount(-amount, currency, rounding) == -rounded


@given(AMOUNTS, CURRENCIES)
def test_half_up_and_half_even_differ_on_ties_alone(amount: Decimal, currency: str) -> None:
    """Half up and half even give different results only exactly between two steps."""
    up, even = (round_amount(amount, currency, policy(mode=mode)) for mode in ("half_up", "half_even"))
    if up != even:
        assert abs(amount - up) * 2 == abs(amount - even) * 2 == policy().step(currency)


def test_long_amounts_round_exactly_whatever_the_context() -> None:
    """An amount beyond the surrounding context's digits rounds by its last digit, never by a rounded copy."""
    with localcontext() as context:
        context.prec = 6
        assert round_amount(Decimal("12345678901234567890.005"), "EUR", policy()) == Decimal("12345678901234567890.01")
        total = compose([item("12345678901234567890.005", rate="0")], None, NOTHING, policy(), "EUR").total
    assert total == Money.parse("12345678901234567890.01 EUR")


@given(BASKETS, SHIPPING, CURRENCIES, st.sampled_from(EVERY))
def test_a_basket_is_what_fractions_say(
    basket: list[Item], ship: Item | None, currency: str, rounding: Rounding
) -> None:
    """Without a discount the total is the one computed independently in fractions, under every policy and currency."""
    composed = compose(basket, ship, NOTHING, rounding, currency)
    unpaid = exact_total(basket, ship, rounding, Fraction(rounding.step(currency)))
    assert composed.net + composed.tax == unpaid
    own = Fraction(1, 10 ** EXPONENTS[currency])
    assert Fraction(composed.total.amount) == nearest(unpaid, own, rounding.mode)


@given(BASKETS, SHIPPING, st.decimals(0, 20, places=3, allow_nan=False), CURRENCIES, st.sampled_from(EVERY))
def test_a_total_is_the_sum_of_its_parts(
    basket: list[Item], ship: Item | None, discount: Decimal, currency: str, rounding: Rounding
) -> None:
    """Under every policy, discount included, lines, tax and total add up and every part is a multiple of the step."""
    basket = [item("100", rate="19"), *basket]
    composed = compose(basket, ship, discount, rounding, currency)
    assert holds(composed)
    assert len(composed.lines) == len(basket)
    assert all(amount % rounding.step(currency) == 0 for part in composed.lines for amount in part)


@given(BASKETS, SHIPPING, CURRENCIES, st.sampled_from(EVERY))
def test_a_total_is_near_the_unrounded_one(
    basket: list[Item], ship: Item | None, currency: str, rounding: Rounding
) -> None:
    """Rounding moves the total by at most half a step (a step for down) for each amount that was rounded."""
    items = [*basket, *([ship] if ship else [])]
    counts = {"unit": sum(int(each.quantity) + 2 for each in items), "line": len(items), "rate": len(items), "total": 1}
    step = Fraction(rounding.step(currency))
    exact = sum(
        Fraction(each.unit_price) * Fraction(each.quantity)
        * (1 if rounding.tax_included else 1 + Fraction(each.tax_rate) / 100)
        for each in items
    )  # fmt: skip
    composed = compose(basket, ship, NOTHING, rounding, currency)
    # Net and tax are rounded each; a rounded net is taxed again, by at most half of itself at these rates.
    bound = counts[rounding.level] * step * (1 if rounding.mode != "down" else 2) * Fraction(5, 4)
    assert abs(Fraction(composed.net + composed.tax) - exact) <= bound


@given(BASKETS, st.decimals(0, 20, places=2, allow_nan=False), st.sampled_from([*policies(tax_included=True)]))
def test_a_discount_is_taken_off_in_full(basket: list[Item], discount: Decimal, rounding: Rounding) -> None:
    """With tax in the prices, a discount lowers the total by exactly itself, under every level and mode."""
    basket = [
        item("100"),
        *(each._replace(unit_price=round(each.unit_price, 2), quantity=Decimal(2)) for each in basket),
    ]
    full, less = (compose(basket, None, off, rounding, "EUR").total for off in (NOTHING, discount))
    assert (full - less).amount == discount


@given(st.integers(-(10**9), 10**9), st.sampled_from(["half_up", "half_even", "down"]))
def test_cash_rounding_stays_within_its_step(minor: int, mode: Mode) -> None:
    """Cash rounding gives a multiple of the step, at most half a step away (less than one for down), and only once."""
    rounding, total = policy(mode=mode).with_cash({"CHF": "0.05"}), Money(minor, "CHF")
    paid = cash_round(total, rounding)
    assert paid.minor % 5 == 0
    assert abs((paid - total).minor) * 2 <= (5 if mode != "down" else 8)
    assert cash_round(paid, rounding) == paid
    assert cash_round(Money(minor, "EUR"), rounding) == Money(minor, "EUR")


@pytest.mark.parametrize(("level", "tax"), [("unit", "0.22"), ("line", "0.25"), ("rate", "0.26"), ("total", "0.27")])
def test_one_basket_tells_the_levels_apart(level: Level, tax: str) -> None:
    """Four lines whose tax is another one under each level, prices without tax."""
    basket = [item("0.13", "3", "19")] * 3 + [item("0.64", "1", "7")]
    composed = compose(basket, None, NOTHING, policy(level=level, tax_included=False), "EUR")
    assert (composed.net, composed.tax) == (Decimal("1.81"), Decimal(tax))
    assert composed.total == Money.of(Decimal("1.81") + Decimal(tax), "EUR")


@pytest.mark.parametrize(("mode", "tax"), [("half_up", "24.38"), ("half_even", "24.38"), ("down", "24.37")])
def test_a_tie_after_an_odd_digit(mode: Mode, tax: str) -> None:
    """25 % of 97.50 is 24.375: up for both halves, cut off for down."""
    assert compose(
        [item("97.50", rate="25")], None, NOTHING, policy(mode=mode, tax_included=False), "EUR"
    ).tax == Decimal(tax)


@pytest.mark.parametrize(("mode", "tax"), [("half_up", "0.13"), ("half_even", "0.12"), ("down", "0.12")])
def test_a_tie_after_an_even_digit(mode: Mode, tax: str) -> None:
    """25 % of 0.50 is 0.125: the halves part ways."""
    assert compose(
        [item("0.50", rate="25")], None, NOTHING, policy(mode=mode, tax_included=False), "EUR"
    ).tax == Decimal(tax)


@pytest.mark.parametrize(("mode", "tax"), [("half_up", "0.01"), ("half_even", "0.00")])
def test_a_tie_of_two_endless_quotients(mode: Mode, tax: str) -> None:
    """A third of a cent and a sixth of one are half a cent exactly, however many digits each would need."""
    basket = [item("0.01", rate="50"), item("0.01", rate="20")]
    assert compose(basket, None, NOTHING, policy(level="total", mode=mode), "EUR").tax == Decimal(tax)


def test_a_coupon_and_shipping() -> None:
    """A discount is spread by worth, tax is of what is left, shipping bears none of it."""
    basket = [item("5.00", "2", "20"), item("5.00", "1", "5.5")]
    composed = compose(basket, item("4.90"), Decimal("1.00"), policy(), "EUR")
    assert [part.gross for part in composed.lines] == [Decimal("9.33"), Decimal("4.67")]
    assert [part.tax for part in composed.lines] == [Decimal("1.56"), Decimal("0.24")]
    assert composed.shipping is not None
    assert (composed.shipping.gross, composed.shipping.tax) == (Decimal("4.90"), Decimal("0.82"))
    assert composed.total == Money(1890, "EUR")
    assert composed.cash_rounding == 0


def test_shares_go_to_the_largest_remainders() -> None:
    """Of 7.2 and 2.8 cents the second is rounded up; a line of negative worth is one more line, not a special case."""
    coupon = compose([item("0.72"), item("0.28")], None, Decimal("0.10"), policy(), "EUR")
    assert [part.gross for part in coupon.lines] == [Decimal("0.65"), Decimal("0.25")]
    basket = [item("-0.03", rate="10"), item("0.06", rate="10"), item("0.06", rate="10")]
    by_rate = compose(basket, None, NOTHING, policy(level="rate", tax_included=False), "EUR")
    assert [part.tax for part in by_rate.lines] == [Decimal(0), Decimal("0.01"), Decimal(0)]


@given(BASKETS, st.sampled_from([each for each in EVERY if each.level in ("rate", "total")]))
def test_shares_of_a_sum_are_near_the_lines_own(basket: list[Item], rounding: Rounding) -> None:
    """Where sums are rounded, each line's share is less than a step from what the line alone comes to, unrounded."""
    step = Fraction(rounding.step("EUR"))
    lines = compose(basket, None, NOTHING, rounding, "EUR").lines
    if len(lines) == 1:
        return
    for part, each in zip(lines, basket, strict=True):
        amount, rate = Fraction(each.unit_price) * Fraction(each.quantity), Fraction(each.tax_rate)
        basis = Fraction(part.gross if rounding.tax_included else part.net)
        assert abs(basis - amount) < step
        assert abs(Fraction(part.tax) - amount * rate / (100 + rate if rounding.tax_included else 100)) < step


def test_innocent_cash_rounding() -> None:
    """INN-02: a Swiss total is paid in steps of 0.05, and the rest is the rounding line."""
    composed = compose([item("19.93", rate="8.1")], None, NOTHING, policy().with_cash({"CHF": "0.05"}), "CHF")
    assert composed.total == Money(1995, "CHF")
    assert composed.cash_rounding == Decimal("0.02")


def test_innocent_granularity() -> None:
    """INN-05: KWD 5.124 is 5.120 where the gateway charges in steps of 0.010; the coarser of two steps holds."""
    rounding = policy().with_cash({"KWD": "0.005"}).with_cash({"KWD": "0.010"}).with_cash({"KWD": "0.001"})
    composed = compose([item("5.124", rate="0")], None, NOTHING, rounding, "KWD")
    assert composed.total == Money(5120, "KWD")
    assert composed.cash_rounding == Decimal("-0.004")


def test_innocent_rounding_line() -> None:
    """INN-01: tax per line and tax per rate differ by a rounding line of a cent, and both books are right."""
    basket = [item("1.03", "1", "19")] * 3
    by_line, by_rate = (
        compose(basket, None, NOTHING, policy(level=level, tax_included=False), "EUR") for level in ("line", "rate")
    )
    assert holds(by_line)
    assert holds(by_rate)
    assert (by_line.total, by_rate.total) == (Money(369, "EUR"), Money(368, "EUR"))
    assert [part.tax for part in by_rate.lines] == [Decimal("0.20"), Decimal("0.20"), Decimal("0.19")]


def test_a_finer_scale_is_settled_at_the_end() -> None:
    """With four decimals on the way, only the total is brought to cents, and what that moved is shown."""
    composed = compose([item("0.333", rate="10")] * 2, None, NOTHING, policy(tax_included=False, scale=4), "EUR")
    assert composed.tax == Decimal("0.0666")
    assert composed.total == Money(73, "EUR")
    assert composed.cash_rounding == Decimal("-0.0026")


def test_an_empty_basket_costs_nothing() -> None:
    """No lines and no shipping come to 0 under every policy."""
    for rounding in policies():
        assert compose([], None, NOTHING, rounding, "JPY") == Composition(
            (), None, NOTHING, NOTHING, Money(0, "JPY"), NOTHING
        )


def test_the_legal_policies_are_all_there() -> None:
    """Calibration sees each policy once: 24, or 12 where it is known whether prices hold tax."""
    assert len(set(policies())) == 24
    known = list(policies(tax_included=False, cash={"CHF": "0.05"}))
    assert len(set(known)) == 12
    assert all(each.cash_step("CHF") == Decimal("0.05") and not each.tax_included for each in known)
    assert str(known[0]) == "prices without tax, rounded per unit, half up, CHF in steps of 0.05"


@pytest.mark.parametrize("code", ["CHF", "CAD", "DKK"])
def test_known_cash_steps_are_legal(code: str) -> None:
    """The cash steps CLDR knows can be declared as they are."""
    fractions: Any = get_global("currency_fractions")
    _, _, digits, cash = fractions[code]
    step = Decimal(max(cash, 1)).scaleb(-digits)
    assert policy().with_cash({code: step}).cash_step(code) == step


@pytest.mark.parametrize(
    ("changed", "hint"),
    [
        ({"level": "lines"}, "did you mean 'line'?"),
        ({"mode": "half_upp"}, "did you mean 'half_up'?"),
        ({"scale": 9}, None),
        ({"scale": -1}, None),
        ({"cash": (("CHF", Decimal("0.005")),)}, None),
        ({"cash": (("CHF", Decimal(0)),)}, None),
        ({"cash": (("CHFF", Decimal("0.05")),)}, "did you mean 'CHF'?"),
    ],
)
def test_no_policy(changed: dict[str, Any], hint: str | None) -> None:
    """A policy that is none is refused, with the nearest name."""
    good: dict[str, Any] = {"tax_included": True, "level": "line", "mode": "half_up"}
    with pytest.raises(UsageError) as refused:
        Rounding(**{**good, **changed})
    if hint:
        assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("basket", "discount"),
    [
        ([item("1", "-1")], NOTHING),
        ([item("1", rate="-1")], NOTHING),
        ([item("NaN")], NOTHING),
        ([item("Infinity")], NOTHING),
        ([item("1", "NaN")], NOTHING),
        ([item("1", rate="Infinity")], NOTHING),
        ([Item(1.5, Decimal(1), Decimal(0))], NOTHING),  # type: ignore[arg-type]
        ([Item(Decimal(1), 1, Decimal(0))], NOTHING),  # type: ignore[arg-type]
        ([item("1")], Decimal("-0.01")),
        ([item("1")], Decimal("NaN")),
        ([item("1")], 0.5),
        ([item("0")], Decimal(1)),
        ([], Decimal(1)),
        ([item("1e99999")], NOTHING),
    ],
)
@pytest.mark.parametrize("level", ["unit", "line", "rate", "total"])
def test_no_basket(basket: list[Item], discount: Any, level: Level) -> None:
    """Negative quantities and rates, floats, no numbers and discounts on nothing are refused with our error."""
    with pytest.raises(UsageError):
        compose(basket, None, discount, policy(level=level), "EUR")


@pytest.mark.parametrize("amount", [1.5, Decimal("NaN"), Decimal("Infinity"), Decimal("1e999"), "1"])
def test_no_amount_to_round(amount: Any) -> None:
    """What is no finite Decimal of a sane length is refused with our error."""
    with pytest.raises(UsageError):
        round_amount(amount, "EUR", policy())


def _declared(folder: Path, lines: str) -> Path:
    path = folder / "assay.toml"
    path.write_text(f"[policies.rounding]\n{lines}\n\n[environments.local]\n", encoding="utf-8")
    return path


def test_a_declared_policy_is_the_value(tmp_path: Path) -> None:
    """What assay.toml declares is the policy that totals are composed with."""
    text = 'tax_included = true\nlevel = "rate"\nmode = "half_even"\nscale = 3\ncash = { CHF = "0.05" }'
    declared = profile.load_profile(_declared(tmp_path, text)).policies.rounding
    assert declared is not None
    expected = policy(level="rate", mode="half_even", scale=3).with_cash({"CHF": Decimal("0.05")})
    assert declared.policy() == expected


@pytest.mark.parametrize("cash", ['CHF = "0.005"', 'CHFF = "0.05"', 'CHF = "five"', 'CHF = "-0.05"'])
def test_a_declared_step_that_is_none(tmp_path: Path, cash: str) -> None:
    """A cash step nobody can pay is refused when the profile is read, with its place."""
    text = f'tax_included = true\nlevel = "line"\nmode = "half_up"\ncash = {{ {cash} }}'
    with pytest.raises(UsageError) as refused:
        profile.load_profile(_declared(tmp_path, text))
    assert "policies.rounding" in (refused.value.where or "")


@given(AMOUNTS, CURRENCIES, st.sampled_from(EVERY))
def test_a_basket_rounds_an_amount_as_it_is_rounded_alone(amount: Decimal, currency: str, rounding: Rounding) -> None:
    """The quick way by which baskets are rounded and the exact quotient of single amounts come to the same."""
    untaxed = Item(amount, Decimal(1), NOTHING)
    whole = compose([untaxed], None, NOTHING, rounding, currency)
    assert whole.net == round_amount(amount, currency, rounding)
    assert f"{whole.net:f}".lstrip("-") == f"{round_amount(amount, currency, rounding):f}".lstrip("-")
