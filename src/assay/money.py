"""Money in integer minor units of ISO 4217; arithmetic that is exact or refuses.

Exponents follow ISO 4217 (list one, amendment of 2025-01-01). Gateways that count differently are another matter:
see `assay.records.MinorAmount` and the exponent tables by gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

from assay.errors import UsageError, did_you_mean

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP "
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB "
    "TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

# The default context rounds silently after 28 digits; this one refuses, and refuses what no shop ever charged.
_EXACT = Context(prec=60, Emax=60, traps=[Inexact, InvalidOperation, Overflow])


def exponent(currency: str) -> int:
    """Return how many decimals ISO 4217 gives the currency; `UsageError` for a code that is none."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UsageError(
            f"'{currency}' is no ISO 4217 currency in circulation", hint=did_you_mean(currency, EXPONENTS)
        ) from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in whole minor units of its currency: ``Money(8000, "JPY")`` is 8,000 yen."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise UsageError(
                "money takes whole minor units", expected="int", seen=f"{type(self.minor).__name__} {self.minor!r}"
            )
        exponent(self.currency)

    @classmethod
    def of(cls, amount: str | Decimal | int, currency: str) -> Money:
        """Read a decimal amount exactly; `UsageError` for a float or for more decimals than the currency has."""
        if not isinstance(amount, str | Decimal | int) or isinstance(amount, bool):
            raise UsageError("an amount is a decimal string, a Decimal or an int", seen=f"{type(amount).__name__}")
        try:
            value = Decimal(amount)
            scaled = value.scaleb(exponent(currency), _EXACT)
            minor = int(scaled)
        except (ArithmeticError, ValueError):
            raise UsageError("that is no decimal amount", seen=repr(amount)) from None
        if minor != scaled:
            raise UsageError(
                f"{currency} has {exponent(currency)} decimals", expected="an amount that fits", seen=str(amount)
            )
        return cls(minor, currency)

    @property
    def amount(self) -> Decimal:
        """The decimal amount, with exactly the currency's decimals."""
        return Decimal(f"{self.minor}e-{exponent(self.currency)}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise UsageError("two currencies cannot be added", seen=f"{self.currency} and {other.currency}")
