"""Money as the shop holds it, and as gateways count it. Decimal only; a currency's exponent is data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.seams import seam


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
# The same page, "minimum and maximum charge amounts", in major units; other currencies have none of their own.
STRIPE_LEAST = {
    **dict.fromkeys(["USD", "EUR", "CHF", "AUD", "BRL", "CAD", "INR", "NZD", "SGD"], "0.50"),
    **{"AED": "2.00", "BGN": "1.00", "CZK": "15.00", "DKK": "2.50", "GBP": "0.30", "HKD": "4.00", "HUF": "175.00"},
    **{"JPY": "50", "MXN": "10.00", "MYR": "2.00", "NOK": "3.00", "PLN": "2.00", "RON": "2.00", "SEK": "3.00"},
    **{"THB": "10.00"},
}

# https://docs.adyen.com/development-resources/currency-codes, read in 2026-11: every currency Adyen takes; those whose
# smallest unit is not a hundredth are named apart. CLP, CVE, IDR and ISK differ from ISO 4217.
ADYEN_ZERO_DECIMAL = _codes("CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
ADYEN_THREE_DECIMAL = _codes("BHD IQD JOD KWD LYD OMR TND")
ADYEN_TWO_DECIMAL = _codes("""
    AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNY COP CRC CZK DKK DOP
    DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR
    MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD SAR
    SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW
""")

# https://developer.paypal.com/api/rest/reference/currency-codes/, read in 2026-11: the whole list. HUF, JPY and TWD
# take no decimals there; HUF and TWD have two in ISO 4217.
PAYPAL_ZERO_DECIMAL = frozenset(["HUF", "JPY", "TWD"])
PAYPAL_TWO_DECIMAL = _codes("AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD")


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
    if gateway == "adyen":
        return 0 if currency in ADYEN_ZERO_DECIMAL else 3 if currency in ADYEN_THREE_DECIMAL else 2
    if gateway == "paypal":
        return 0 if currency in PAYPAL_ZERO_DECIMAL else 2
    return exponent(currency)


@seam("money conversion and exponents")
def gateway_granularity(gateway: str, currency: str) -> Decimal:
    """Return the smallest amount step, in major units, that the gateway accepts in the currency."""
    units = STRIPE_GRANULARITY.get(currency, 1) if gateway == "stripe" else 1
    return Decimal(units).scaleb(-gateway_exponent(gateway, currency))


def gateway_takes(gateway: str, currency: str) -> bool:
    """Say whether a gateway's own list has the currency; Stripe's has every one a shop here may sell in."""
    if gateway == "adyen":
        return currency in ADYEN_ZERO_DECIMAL | ADYEN_TWO_DECIMAL | ADYEN_THREE_DECIMAL
    return gateway != "paypal" or currency in PAYPAL_ZERO_DECIMAL | PAYPAL_TWO_DECIMAL


def gateway_least(gateway: str, currency: str) -> Decimal:
    """Return the least amount the gateway charges in the currency, in major units."""
    least = STRIPE_LEAST.get(currency) if gateway == "stripe" else None
    return Decimal(least) if least else gateway_granularity(gateway, currency)


def card_gateways(settings: Mapping[str, Any], currency: str) -> list[str]:
    """Return the gateways that take cards in the currency, the one to prefer first."""
    chosen = settings["card_gateways"]
    return [each for each in chosen.get(currency, chosen.get("default", [])) if gateway_takes(each, currency)]


def offers_paypal(settings: Mapping[str, Any], currency: str) -> bool:
    """Say whether the shop lets customers pay with PayPal in the currency."""
    listed = settings["paypal_currencies"]
    chosen = listed is None or currency in listed
    return "paypal" in settings["payment_methods"] and chosen and gateway_takes("paypal", currency)


def charge_step(settings: Mapping[str, Any], currency: str) -> Decimal:
    """Return the step a total must be a multiple of, so that every gateway offered for the currency can charge it."""
    offered = [*card_gateways(settings, currency), *(["paypal"] if offers_paypal(settings, currency) else [])]
    return max((gateway_granularity(each, currency) for each in offered), default=quantum(currency))


@seam("money conversion and exponents")
def decimal_text(amount: Decimal, currency: str, gateway: str) -> str:
    """Return an amount as a gateway of decimal strings takes it: with its own decimals, none where it has none."""
    return f"{amount:.{gateway_exponent(gateway, currency)}f}"


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
