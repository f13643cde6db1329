"""Money as the shop holds it, and as gateways count it. Decimal only; a currency's exponent is data."""

from __future__ import annotations

from decimal import Decimal

from mocks.merchant.seams import seam

# ISO 4217, list one: decimals of the currencies sold that do not have two.
ISO_EXPONENTS = {
    "JPY": 0,
    "KRW": 0,
    "ISK": 0,
    "UGX": 0,
    "VND": 0,
    "CLP": 0,
    "KWD": 3,
    "BHD": 3,
    "OMR": 3,
    "TND": 3,
    "JOD": 3,
}

# https://docs.stripe.com/currencies, read in 2026-11: "zero-decimal currencies", "special cases" (ISK and UGX are sent
# with two decimals that must be 00) and three-decimal currencies (the last digit must be 0).
STRIPE_ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
STRIPE_GRANULARITY = {"ISK": 100, "UGX": 100, "KWD": 10, "BHD": 10, "OMR": 10, "TND": 10, "JOD": 10}


@seam("money conversion and exponents")
def exponent(currency: str) -> int:
    """Return the decimals of a currency by ISO 4217."""
    return ISO_EXPONENTS.get(currency, 2)


@seam("money conversion and exponents")
def gateway_exponent(gateway: str, currency: str) -> int:
    """Return the decimals a gateway counts in its smallest unit of the currency."""
    if gateway == "stripe":
        if currency in STRIPE_ZERO_DECIMAL:
            return 0
        return 3 if STRIPE_GRANULARITY.get(currency) == 10 else 2
    return exponent(currency)


@seam("money conversion and exponents")
def gateway_granularity(gateway: str, currency: str) -> Decimal:
    """Return the smallest amount step, in major units, that the gateway accepts in the currency."""
    units = STRIPE_GRANULARITY.get(currency, 1) if gateway == "stripe" else 1
    return Decimal(units).scaleb(-gateway_exponent(gateway, currency))


@seam("money conversion and exponents")
def to_minor_units(amount: Decimal, currency: str, gateway: str) -> int:
    """Return an amount in the gateway's smallest unit. Raises `ValueError` where that is no whole number."""
    scaled = amount.scaleb(gateway_exponent(gateway, currency))
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{amount} {currency} is no whole number of {gateway}'s smallest unit")
    return whole


@seam("money conversion and exponents")
def from_minor_units(units: int, currency: str, gateway: str) -> Decimal:
    """Return the amount that many of the gateway's smallest units are."""
    return Decimal(units).scaleb(-gateway_exponent(gateway, currency))


def quantum(currency: str) -> Decimal:
    """Return the smallest step of the currency in major units: 0.01, 1 or 0.001."""
    return Decimal(1).scaleb(-exponent(currency))


def plain(amount: Decimal, currency: str) -> str:
    """Return the amount as the shop stores it: a plain decimal string with the currency's decimals."""
    return f"{amount.quantize(quantum(currency)):f}"
