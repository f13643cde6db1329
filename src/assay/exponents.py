"""How gateways count money: decimals, smallest step and smallest charge by (gateway, currency), as data.

Separate from `assay.money` because it is not ISO 4217 and changes when a vendor changes its page. Each table names the
page it was read from and the day; a currency a table does not name follows ISO 4217, and so does every currency of a
gateway that has no table. Gateways that take decimal strings (PayPal) have an exponent too: the decimals they accept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from assay.errors import UsageError
from assay.money import EXPONENTS, Money, exponent


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTable:
    """What one gateway publishes where it differs from ISO 4217, with the page and the day its text was read.

    `exponents`: decimals of its minor unit. `granularity`: every charge is a multiple of that many minor units.
    `minimum`: the smallest charge in minor units; binding where the account settles in that currency.
    """

    source: str
    read: date
    exponents: Mapping[str, int]
    granularity: Mapping[str, int] = field(default_factory=dict)
    minimum: Mapping[str, int] = field(default_factory=dict)


def _each(codes: str, value: int) -> dict[str, int]:
    return dict.fromkeys(codes.split(), value)


GATEWAYS: dict[str, GatewayTable] = {
    # Zero-decimal list, special cases, minimum charge amounts: the page as of 2026-07-10. UGX stands in both lists; the
    # special case is the one that says how to write the amount. HUF and TWD are special for payouts alone.
    # The three-decimal rule is of the page's archived text of 2022-12-31; the present text
    # no longer spells it out, and still sells in these five currencies.
    "stripe": GatewayTable(
        source="https://docs.stripe.com/currencies",
        read=date(2026, 7, 10),
        exponents={
            **_each("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF", 0),
            **_each("BHD JOD KWD OMR TND", 3),
            **_each("ISK UGX", 2),
        },
        granularity={
            **_each("BHD JOD KWD OMR TND", 10),
            **_each("ISK UGX", 100),
        },
        minimum={
            **_each("ARS AUD BRL CAD CHF COP EUR IDR ILS INR JPY KRW NZD PHP RUB SGD USD ZAR", 50),
            **_each("AED MYR PLN RON", 200),
            **_each("NOK SEK", 300),
            **_each("MXN THB", 1000),
            "GBP": 30,
            "DKK": 250,
            "HKD": 400,
            "CZK": 1500,
            "HUF": 17500,
        },
    ),
    # The page's own list (archived text) of where it leaves the standard; it publishes no step and no smallest charge.
    "adyen": GatewayTable(
        source="https://docs.adyen.com/development-resources/currency-codes/",
        read=date(2026, 11, 22),
        exponents={"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2},
    ),
    # The currencies marked (archived text) as taking no decimals; an amount with decimals is refused.
    "paypal": GatewayTable(
        source="https://developer.paypal.com/docs/api/reference/currency-codes/",
        read=date(2026, 11, 22),
        exponents={"HUF": 0, "JPY": 0, "TWD": 0},
    ),
}


def gateway_exponent(gateway: str, currency: str) -> int:
    """Return how many decimals the gateway counts for this currency; ISO 4217 where it has no rule of its own."""
    table = GATEWAYS.get(gateway)
    return exponent(currency) if table is None else table.exponents.get(currency, exponent(currency))


def granularity(gateway: str, currency: str) -> int:
    """Return the smallest step of a charge in the gateway's minor units: 1, 10 (Stripe's KWD), 100 (Stripe's ISK)."""
    table = GATEWAYS.get(gateway)
    exponent(currency)
    return 1 if table is None else table.granularity.get(currency, 1)


def charge_step(gateway: str, currency: str) -> Decimal:
    """Return the smallest step of a charge as an amount: 0.010 for KWD at Stripe, 1.00 for ISK."""
    return Decimal(granularity(gateway, currency)).scaleb(-gateway_exponent(gateway, currency))


def minimum(gateway: str, currency: str) -> int | None:
    """Return the smallest charge in the gateway's minor units, or None where the gateway publishes none."""
    table = GATEWAYS.get(gateway)
    exponent(currency)
    return None if table is None else table.minimum.get(currency)


def misfit(amount: Money, gateway: str) -> str | None:
    """Say why the gateway cannot charge exactly this amount (decimals, step), or None where it can."""
    currency = amount.currency
    digits, step = gateway_exponent(gateway, currency), granularity(gateway, currency)
    units, rest = divmod(amount.minor * 10**digits, 10 ** EXPONENTS[currency])
    if rest:
        return f"{gateway} counts {currency} with {digits} decimals"
    if units % step:
        return f"{gateway} takes {currency} in steps of {charge_step(gateway, currency):f}"
    return None


def to_gateway_units(amount: Money, gateway: str) -> int:
    """Return the amount in the gateway's minor units, exactly; `UsageError` for one it cannot charge. No rounding."""
    if (why := misfit(amount, gateway)) is not None:
        raise UsageError(why, seen=str(amount), hint="round the total to the gateway's step before it is charged")
    return amount.minor * int(10 ** gateway_exponent(gateway, amount.currency)) // int(10 ** EXPONENTS[amount.currency])


def from_gateway_units(units: int, gateway: str, currency: str) -> Money:
    """Return what that many of the gateway's minor units are; `UsageError` where ISO 4217 has no such amount."""
    return Money.of(Decimal(units).scaleb(-gateway_exponent(gateway, currency)), currency)
