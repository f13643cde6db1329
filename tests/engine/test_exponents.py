"""Gateways count money their own way: our tables hold what they publish, and conversion is exact or refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.exponents import (
    GATEWAYS,
    charge_step,
    from_gateway_units,
    gateway_exponent,
    granularity,
    minimum,
    misfit,
    to_gateway_units,
)
from assay.money import EXPONENTS, Money

PAIRS = st.tuples(st.sampled_from([*GATEWAYS, "another_gateway"]), st.sampled_from(sorted(EXPONENTS)))


@pytest.mark.parametrize(
    ("gateway", "currency", "digits", "step", "least"),
    [
        ("stripe", "EUR", 2, 1, 50),
        ("stripe", "JPY", 0, 1, 50),
        ("stripe", "KWD", 3, 10, None),
        ("stripe", "ISK", 2, 100, None),
        ("stripe", "UGX", 2, 100, None),
        ("stripe", "MGA", 0, 1, None),
        ("stripe", "HUF", 2, 1, 17500),
        ("stripe", "GBP", 2, 1, 30),
        ("adyen", "CLP", 2, 1, None),
        ("adyen", "ISK", 2, 1, None),
        ("adyen", "IDR", 0, 1, None),
        ("adyen", "CVE", 0, 1, None),
        ("adyen", "KWD", 3, 1, None),
        ("paypal", "HUF", 0, 1, None),
        ("paypal", "TWD", 0, 1, None),
        ("paypal", "JPY", 0, 1, None),
        ("paypal", "EUR", 2, 1, None),
        ("another_gateway", "ISK", 0, 1, None),
    ],
)
def test_what_gateways_publish(gateway: str, currency: str, digits: int, step: int, least: int | None) -> None:
    """Decimals, step and smallest charge are the published ones, ISO 4217 where nothing is published."""
    assert gateway_exponent(gateway, currency) == digits
    assert granularity(gateway, currency) == step
    assert minimum(gateway, currency) == least


# As the page writes them: in major units.
STRIPE_MINIMUMS = """
USD 0.50  AED 2.00  ARS 0.50  AUD 0.50  BRL 0.50  CAD 0.50  CHF 0.50  COP 0.50  CZK 15.00  DKK 2.50  EUR 0.50  GBP 0.30
HKD 4.00  HUF 175.00  IDR 0.50  ILS 0.50  INR 0.50  JPY 50  KRW 50  MXN 10  MYR 2.00  NOK 3.00  NZD 0.50  PHP 0.50
PLN 2.00  RON 2.00  RUB 0.50  SEK 3.00  SGD 0.50  THB 10  ZAR 0.50
"""


def test_smallest_charges_are_the_published_ones() -> None:
    """Stripe's smallest charges are those of its page, each in minor units of its own count."""
    words = STRIPE_MINIMUMS.split()
    published = {code: Decimal(amount) for code, amount in zip(words[::2], words[1::2], strict=True)}
    held = {
        code: from_gateway_units(least, "stripe", code).amount for code, least in GATEWAYS["stripe"].minimum.items()
    }
    assert held == published


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_every_table_names_its_source(gateway: str) -> None:
    """Each table says which page it was read from and when, and names ISO currencies alone, with legal values."""
    table = GATEWAYS[gateway]
    assert table.source.startswith("https://")
    assert date(2026, 1, 1) < table.read
    assert {*table.exponents, *table.granularity, *table.minimum} <= set(EXPONENTS)
    assert set(table.exponents.values()) <= {0, 2, 3}
    assert all(least % granularity(gateway, currency) == 0 for currency, least in table.minimum.items())


@pytest.mark.parametrize("ask", [gateway_exponent, granularity, minimum, charge_step])
@pytest.mark.parametrize("gateway", ["stripe", "another_gateway"])
def test_no_currency(ask: object, gateway: str) -> None:
    """A code that is none is refused with a suggestion, whatever the gateway."""
    assert callable(ask)
    with pytest.raises(UsageError, match="ISO 4217") as refused:
        ask(gateway, "EURO")
    assert refused.value.hint == "did you mean 'EUR'?"


@given(PAIRS, st.integers(-(10**12), 10**12))
def test_units_convert_both_ways(pair: tuple[str, str], minor: int) -> None:
    """An amount is its units at the gateway and back, or it is refused with the reason `misfit` gives."""
    gateway, currency = pair
    money = Money(minor, currency)
    why = misfit(money, gateway)
    fits = money.amount % charge_step(gateway, currency) == 0
    assert (why is None) is fits
    if fits:
        units = to_gateway_units(money, gateway)
        assert units % granularity(gateway, currency) == 0
        assert Decimal(units).scaleb(-gateway_exponent(gateway, currency)) == money.amount
        assert from_gateway_units(units, gateway, currency) == money
    else:
        with pytest.raises(UsageError) as refused:
            to_gateway_units(money, gateway)
        assert refused.value.message == why


@given(PAIRS, st.integers(-(10**12), 10**12))
def test_whole_units_convert_back(pair: tuple[str, str], steps: int) -> None:
    """Any number of steps a gateway charges reads back to the same units, where ISO 4217 has such an amount."""
    gateway, currency = pair
    units = steps * granularity(gateway, currency)
    amount = Decimal(units).scaleb(-gateway_exponent(gateway, currency))
    if amount != round(amount, EXPONENTS[currency]):
        with pytest.raises(UsageError, match="decimals"):
            from_gateway_units(units, gateway, currency)
        return
    assert to_gateway_units(from_gateway_units(units, gateway, currency), gateway) == units


@pytest.mark.parametrize(
    ("amount", "gateway", "units"),
    [
        ("1000 ISK", "stripe", 100000),
        ("1000 ISK", "adyen", 100000),
        ("5.120 KWD", "stripe", 5120),
        ("1234.00 HUF", "paypal", 1234),
        ("1234.00 IDR", "adyen", 1234),
        ("80 JPY", "stripe", 80),
    ],
)
def test_innocent_amounts_fit(amount: str, gateway: str, units: int) -> None:
    """INN-04, INN-05, INN-06: what a gateway's own rules make of an amount is no finding."""
    assert to_gateway_units(Money.parse(amount), gateway) == units


@pytest.mark.parametrize(
    ("amount", "gateway", "why"),
    [
        ("5.124 KWD", "stripe", "stripe takes KWD in steps of 0.010"),
        ("1234.50 HUF", "paypal", "paypal counts HUF with 0 decimals"),
        ("12.34 IDR", "adyen", "adyen counts IDR with 0 decimals"),
        ("10.50 MGA", "stripe", "stripe counts MGA with 0 decimals"),
    ],
)
def test_amounts_a_gateway_cannot_charge(amount: str, gateway: str, why: str) -> None:
    """An amount finer than the gateway's decimals or off its step is named as such, never rounded."""
    assert misfit(Money.parse(amount), gateway) == why
