"""Money is exact or refuses, and our ISO 4217 data agrees with an independent source."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import iso4217
import pytest
from babel.core import get_global
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.money import EXPONENTS, Money, exponent

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
MINORS = st.integers(-(10**15), 10**15)

# CLDR counts the decimals people use, ISO 4217 those its table declares; they differ where coins fell out of use.
CLDR_DIFFERS = {
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA"), "no coin below one unit is in use"),
    **dict.fromkeys(("MMK", "RSD", "SOS", "SYP", "YER"), "no coin below one unit is in use"),
    "IQD": "no fils are in use; ISO 4217 keeps three decimals",
}
# What list one of ISO 4217 holds besides currencies in circulation: nobody is charged in these.
NO_SHOP_SELLS_IN = {
    **dict.fromkeys(("BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"), "fund code or unit of account"),
    "XAD": "accounting unit of a regional payment system",
}


def _cldr_digits(code: str) -> int:
    fractions: Any = get_global("currency_fractions")
    return int(fractions.get(code, fractions["DEFAULT"])[0])


def test_every_currency_is_known_to_cldr() -> None:
    """No code of ours is invented: CLDR lists each of them."""
    assert set(EXPONENTS) <= set(list_currencies())


def test_every_legal_tender_is_known() -> None:
    """What CLDR calls legal tender of a territory is one of ours, but for currencies that ended since."""
    territories: Any = get_global("territory_currencies")
    tender = {entry[0] for held in territories.values() for entry in held if entry[2] is None and entry[3]}
    assert tender - set(EXPONENTS) <= {"ANG", "BGN"}  # ended 2025-03-31 and 2025-12-31


def test_exponents_are_those_of_list_one() -> None:
    """Codes and decimals are exactly those of ISO 4217 list one, but for the listed codes that no shop sells in."""
    listed = {each.code: each.exponent for each in iso4217.Currency if each.exponent is not None}
    assert {code: digits for code, digits in listed.items() if code not in NO_SHOP_SELLS_IN} == EXPONENTS
    assert set(NO_SHOP_SELLS_IN) <= set(listed)


@pytest.mark.parametrize("code", sorted(EXPONENTS))
def test_exponents_agree_with_cldr(code: str) -> None:
    """Decimals are CLDR's, but for the listed currencies whose coins fell out of use while ISO kept the decimals."""
    assert (_cldr_digits(code) == EXPONENTS[code]) is (code not in CLDR_DIFFERS)


@pytest.mark.parametrize(
    ("code", "digits"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("HUF", 2), ("IDR", 2), ("KRW", 0), ("UGX", 0), ("INR", 2)],
)
def test_exponents_of_the_shops_currencies(code: str, digits: int) -> None:
    """The decimals ISO 4217 publishes, for the currencies that shops get wrong."""
    assert exponent(code) == digits


@pytest.mark.parametrize("code", ["EURO", "eur", "", "XXX", "DEM", "XAU"])
def test_no_currency(code: str) -> None:
    """What is no ISO 4217 currency in circulation is refused, as a code and in an amount."""
    with pytest.raises(UsageError, match="ISO 4217"):
        exponent(code)
    with pytest.raises(UsageError, match="ISO 4217"):
        Money(1, code)
    with pytest.raises(UsageError, match="ISO 4217"):
        Money.of("1", code)


def test_a_misspelt_currency_is_suggested() -> None:
    """The refusal names the nearest code."""
    with pytest.raises(UsageError) as refused:
        Money(1, "EURO")
    assert refused.value.hint == "did you mean 'EUR'?"


@given(MINORS, CURRENCIES)
def test_decimal_amount_reads_back(minor: int, currency: str) -> None:
    """Written as a decimal and read again, money is the same, with exactly the currency's decimals."""
    money = Money(minor, currency)
    assert Money.of(money.amount, currency) == money == Money.of(str(money.amount), currency)
    assert -int(money.amount.as_tuple().exponent) == EXPONENTS[currency]
    assert str(money) == f"{money.amount:f} {currency}"


@given(MINORS, MINORS, MINORS, CURRENCIES)
def test_addition_is_exact(a: int, b: int, c: int, currency: str) -> None:
    """Sums are those of integers: in any order, undone by subtraction, and equal to the sum of decimals."""
    x, y, z = (Money(each, currency) for each in (a, b, c))
    assert (x + y) + z == z + (y + x)
    assert x + y - y == x
    assert x + -x == Money(0, currency)
    assert (x + y).amount == x.amount + y.amount


@given(CURRENCIES, CURRENCIES)
def test_two_currencies_do_not_add(one: str, other: str) -> None:
    """Different currencies refuse to add and subtract, and say which they were."""
    if one == other:
        return
    with pytest.raises(UsageError, match="two currencies") as refused:
        Money(1, one) + Money(1, other)
    assert refused.value.seen == f"{one} and {other}"
    with pytest.raises(UsageError, match="two currencies"):
        Money(1, one) - Money(1, other)


@given(MINORS, CURRENCIES, st.integers(1, 9))
def test_an_amount_finer_than_the_currency_is_refused(minor: int, currency: str, digit: int) -> None:
    """One decimal too many is an error, never rounded."""
    whole = Money(minor, currency).amount
    finer = whole + Decimal(digit).scaleb(-EXPONENTS[currency] - 1)
    with pytest.raises(UsageError, match="decimals"):
        Money.of(finer, currency)


@pytest.mark.parametrize("minor", [1.0, True, "1", Decimal(1), None])
def test_minor_units_are_integers(minor: Any) -> None:
    """Floats, booleans, strings and decimals are no minor units."""
    with pytest.raises(UsageError, match="whole minor units"):
        Money(minor, "EUR")


@pytest.mark.parametrize("amount", [1.5, True, None, "", "1,50", "abc", "NaN", "Infinity", "-Infinity", "1e999999999"])
def test_no_amount(amount: Any) -> None:
    """What is no finite decimal amount is refused with our error, floats included."""
    with pytest.raises(UsageError):
        Money.of(amount, "EUR")


@pytest.mark.parametrize(
    ("amount", "minor"), [("19.90", 1990), ("1e2", 10000), (80, 8000), (Decimal("0.1"), 10), ("-0.01", -1)]
)
def test_amounts_in_any_exact_form(amount: Any, minor: int) -> None:
    """Strings, integers and decimals are read exactly."""
    assert Money.of(amount, "EUR").minor == minor


def test_large_amounts_keep_every_digit() -> None:
    """An amount longer than the decimal context's 28 digits is exact both ways, or refused: never rounded."""
    minor = 10**40 + 1
    assert Money(minor, "EUR").amount == Decimal(f"{10**38}.01")
    assert Money.of(f"{10**38}.01", "EUR").minor == minor
