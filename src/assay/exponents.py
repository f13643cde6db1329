"""How gateways count money, and which they take: decimals, step, smallest charge by (gateway, currency), as data.

Separate from `assay.money` because it is not ISO 4217 and changes when a vendor changes its page. Each table names the
page it was read from and the day; a currency a table does not name follows ISO 4217, and so does every currency of a
gateway that has no table. Gateways that take decimal strings (PayPal) have an exponent too: the decimals they accept.
`terms` gives all that is known of one pair, for every code of ISO 4217 and any gateway.
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

    `decimal`: amounts are sent as texts like 19.90 and not as whole minor units. `exponents`: decimals of its minor
    unit, or of that text. `granularity`: every charge is a multiple of that many minor units.
    `minimum`: the smallest charge in minor units; binding where the account settles in that currency.
    `currencies`: those it takes from everybody; `conditional`: those that depend on the account, or of which its pages
    contradict each other; `listed`: the day of the text these two are from. Lists change: one that is old is a reason
    to look at the page, no proof.
    """

    source: str
    read: date
    exponents: Mapping[str, int]
    granularity: Mapping[str, int] = field(default_factory=dict)
    minimum: Mapping[str, int] = field(default_factory=dict)
    currencies: frozenset[str] = frozenset()
    conditional: frozenset[str] = frozenset()
    listed: date | None = None
    decimal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a gateway takes a currency: the facts of one pair, with the page and the day they were read.

    `takes`: True or False as its list says; None where it publishes none, or where it depends on the account. `own`
    says that the decimals are the gateway's own and not those of ISO 4217. `source`, `read` and `listed` are None for
    a gateway of which no table is held: its terms are ISO 4217 and nothing else.
    """

    gateway: str
    currency: str
    exponent: int
    own: bool
    granularity: int
    minimum: int | None
    takes: bool | None
    source: str | None
    read: date | None
    listed: date | None


def _each(codes: str, value: int) -> dict[str, int]:
    return dict.fromkeys(codes.split(), value)


def _codes(codes: str) -> frozenset[str]:
    return frozenset(codes.split())


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
        # Presentment currencies, without codes that ISO 4217 has withdrawn (ANG, BGN, and STD for what is STN now).
        # The list is made for the reader's country: the five of three decimals are on it for some countries alone;
        # XCG is on newer copies of it and not on others.
        currencies=_codes(
            "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY "
            "COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS "
            "INR ISK JMD JPY KES KGS KHR KMF KRW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK "
            "MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD "
            "SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR "
            "ZMW"
        ),
        conditional=_codes("BHD JOD KWD OMR TND XCG"),
        listed=date(2024, 6, 13),
    ),
    # The page's own list (archived text) of where it leaves the standard; it publishes no step and no smallest charge.
    "adyen": GatewayTable(
        source="https://docs.adyen.com/development-resources/currency-codes/",
        read=date(2026, 11, 22),
        exponents={"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2},
        # The same page's table, without CNH (no ISO code) and VEF (withdrawn). What an account may use of it depends
        # on its payment methods, too.
        currencies=_codes(
            "AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNY COP CRC "
            "CUP CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS "
            "INR IQD ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LKR LYD MAD MDL MKD MMK MNT MOP MRU MUR MVR "
            "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR "
            "SEK SGD SHP SLE SOS SRD STN SVC SZL THB TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD "
            "XCG XOF XPF YER ZAR ZMW"
        ),
        listed=date(2026, 11, 22),
    ),
    # The currencies marked (archived text) as taking no decimals; an amount with decimals is refused.
    "paypal": GatewayTable(
        source="https://developer.paypal.com/docs/api/reference/currency-codes/",
        read=date(2026, 11, 22),
        exponents={"HUF": 0, "JPY": 0, "TWD": 0},
        decimal=True,
        # BRL, CNY and MYR are for accounts of those countries alone; RUB is on one of PayPal's pages and not on others.
        currencies=_codes("AUD CAD CHF CZK DKK EUR GBP HKD HUF ILS JPY MXN NOK NZD PHP PLN SEK SGD THB TWD USD"),
        conditional=_codes("BRL CNY MYR RUB"),
        listed=date(2026, 7, 1),
    ),
}


METHODS: dict[str, frozenset[str]] = {
    # Direct debits and credit transfers of the Single Euro Payments Area are in euros alone:
    # https://www.europeanpaymentscouncil.eu/document-library/rulebooks, read on 2026-11-22.
    "sepa": frozenset({"EUR"}),
    "sepa_debit": frozenset({"EUR"}),
    "sepa_direct_debit": frozenset({"EUR"}),
}
"""The currencies of ways to pay that are bound to some, whoever takes the money."""


def method_takes(kind: str, currency: str) -> bool | None:
    """Say whether a way to pay takes a currency, whoever takes the money; None where it is not bound to any."""
    exponent(currency)
    bound = METHODS.get(kind)
    return None if bound is None else currency in bound


def is_decimal(gateway: str) -> bool | None:
    """Say whether the gateway is sent decimal texts instead of whole minor units; None where no table of it is held."""
    table = GATEWAYS.get(gateway)
    return None if table is None else table.decimal


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


def takes(gateway: str, currency: str) -> bool | None:
    """Say whether the gateway takes the currency; None where it publishes no list, or where the account decides."""
    table = GATEWAYS.get(gateway)
    exponent(currency)
    if table is None or table.listed is None or currency in table.conditional:
        return None
    return currency in table.currencies


def terms(gateway: str, currency: str) -> Terms:
    """Return all that is known of a pair; `UsageError` for a code that ISO 4217 does not have."""
    table = GATEWAYS.get(gateway)
    return Terms(
        gateway=gateway,
        currency=currency,
        exponent=gateway_exponent(gateway, currency),
        own=gateway_exponent(gateway, currency) != exponent(currency),
        granularity=granularity(gateway, currency),
        minimum=minimum(gateway, currency),
        takes=takes(gateway, currency),
        source=table.source if table else None,
        read=table.read if table else None,
        listed=table.listed if table else None,
    )


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
