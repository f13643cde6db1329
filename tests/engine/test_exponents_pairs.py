"""Every code of ISO 4217 at every gateway: which take it, on what terms, and that no amount is read as another."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal

import iso4217
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
    takes,
    terms,
    to_gateway_units,
)
from assay.money import EXPONENTS, Money

PAIRS = list(itertools.product(sorted(GATEWAYS), sorted(EXPONENTS)))
# Adyen's table as it counts each of its currencies: those without decimals and with three; all others have two.
ADYEN_ZERO = "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
ADYEN_THREE = "BHD IQD JOD KWD LYD OMR TND"


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_every_code_has_terms(gateway: str) -> None:
    """No code of ISO 4217 is without terms, and each names the page and the days its facts were read."""
    for currency in EXPONENTS:
        found = terms(gateway, currency)
        assert (found.gateway, found.currency) == (gateway, currency)
        assert found.exponent == gateway_exponent(gateway, currency)
        assert found.own is (found.exponent != EXPONENTS[currency])
        assert found.granularity == granularity(gateway, currency) >= 1
        assert found.minimum == minimum(gateway, currency)
        assert found.takes is takes(gateway, currency)
        assert found.source and found.source.startswith("https://")
        assert found.read and found.listed and date(2024, 1, 1) < found.listed <= date(2026, 11, 22)


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_lists_are_of_currencies_in_circulation(gateway: str) -> None:
    """A list holds codes that another judge of ISO 4217 knows, each once, and exceptions are for listed ones alone."""
    table = GATEWAYS[gateway]
    known = {each.code for each in iso4217.Currency}
    assert table.currencies | table.conditional <= set(EXPONENTS) & known
    assert not table.currencies & table.conditional
    assert set(table.minimum) | set(table.granularity) <= table.currencies | table.conditional
    assert set(table.exponents) <= table.currencies | table.conditional


def test_adyen_counts_as_its_table_says() -> None:
    """Each currency of Adyen's table has the decimals written there: four of them are not those of ISO 4217."""
    table = GATEWAYS["adyen"].currencies
    zero, three = set(ADYEN_ZERO.split()), set(ADYEN_THREE.split())
    for currency in table:
        assert gateway_exponent("adyen", currency) == (0 if currency in zero else 3 if currency in three else 2)
    assert {currency for currency in table if terms("adyen", currency).own} == {"CLP", "CVE", "IDR", "ISK"}


@pytest.mark.parametrize(
    ("gateway", "currency", "expected"),
    [
        ("stripe", "EUR", True),
        ("stripe", "ISK", True),
        ("stripe", "GHS", False),
        ("stripe", "KWD", None),
        ("adyen", "KWD", True),
        ("adyen", "XCG", True),
        ("adyen", "BIF", False),
        ("paypal", "HUF", True),
        ("paypal", "BRL", None),
        ("paypal", "KWD", False),
        ("paypal", "IDR", False),
        ("paypal", "KRW", False),
        ("paypal", "ISK", False),
        ("another_gateway", "EUR", None),
    ],
)
def test_who_takes_what(gateway: str, currency: str, expected: bool | None) -> None:
    """Yes and no are the published lists'; what depends on the account, or is not published, is neither."""
    assert takes(gateway, currency) is expected


def test_the_currencies_of_the_flows_find_a_gateway() -> None:
    """Each currency a shop is tried in has a gateway whose list takes it."""
    for currency in ("EUR", "USD", "GBP", "JPY", "KRW", "KWD", "INR", "ISK", "HUF", "CHF", "IDR"):
        assert any(takes(gateway, currency) for gateway in GATEWAYS), currency


def test_a_stranger_counts_by_the_standard() -> None:
    """A gateway of which no table is held has ISO 4217's decimals for every code, and no source is claimed."""
    for currency, digits in EXPONENTS.items():
        found = terms("another_gateway", currency)
        assert (found.exponent, found.own, found.granularity) == (digits, False, 1)
        assert (found.minimum, found.takes, found.source, found.read, found.listed) == (None,) * 5


@pytest.mark.parametrize("ask", [takes, terms])
@pytest.mark.parametrize("gateway", [*sorted(GATEWAYS), "another_gateway"])
@pytest.mark.parametrize("code", ["EURO", "CNH", "VEF", "ANG", "eur", ""])
def test_no_code_no_terms(ask: object, gateway: str, code: str) -> None:
    """What is no code in circulation is refused even where a gateway's page still lists it."""
    assert callable(ask)
    with pytest.raises(UsageError, match="ISO 4217"):
        ask(gateway, code)


@pytest.mark.parametrize(("gateway", "currency"), PAIRS)
def test_every_step_survives_the_way_there_and_back(gateway: str, currency: str) -> None:
    """Over all codes x gateways: the smallest steps an order can have go out and come back as the same money."""
    step = charge_step(gateway, currency)
    least = max(step, Decimal(1).scaleb(-EXPONENTS[currency]))
    for count in (1, 7, 10, 99, 100, 999, 1000, 123_456_789):
        money = Money.of(least * count, currency)
        assert misfit(money, gateway) is None
        units = to_gateway_units(money, gateway)
        assert units % granularity(gateway, currency) == 0
        assert from_gateway_units(units, gateway, currency) == money
        assert to_gateway_units(-money, gateway) == -units


@given(st.sampled_from(PAIRS), st.integers(1, 10**9))
def test_a_wrong_exponent_is_never_right(pair: tuple[str, str], count: int) -> None:
    """Units made by another's decimals are another amount, by a power of ten, wherever the decimals differ."""
    gateway, currency = pair
    wrong = EXPONENTS[currency] if terms(gateway, currency).own else (0 if EXPONENTS[currency] else 2)
    amount = count * max(charge_step(gateway, currency), Decimal(1))
    meant = to_gateway_units(Money.of(amount, currency), gateway)
    sent = int(amount.scaleb(wrong))
    assert sent != meant
    assert Decimal(sent) / Decimal(meant) == Decimal(1).scaleb(wrong - gateway_exponent(gateway, currency))


@given(st.sampled_from(PAIRS), st.integers(0, 10**9))
def test_the_smallest_charge_fits(pair: tuple[str, str], more: int) -> None:
    """A published smallest charge is itself an amount that can be charged, and so is every step above it."""
    gateway, currency = pair
    least = minimum(gateway, currency)
    if least is not None:
        units = least + more * granularity(gateway, currency)
        assert to_gateway_units(from_gateway_units(units, gateway, currency), gateway) == units
