"""Money in integer minor units of ISO 4217; arithmetic that is exact or refuses.

Exponents follow ISO 4217 (list one as published on 2026-01-01): currencies in circulation, without fund codes, metals
and accounting units. Gateways that count differently are another matter: `assay.exponents`. How a shop rounds is a
third: `assay.rounding`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction

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

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Return nothing at all, in that currency."""
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read what `str` writes, ``"19.90 EUR"``; `UsageError` for anything else."""
        amount, _, currency = text.strip().rpartition(" ")
        if not amount:
            raise UsageError("that is no amount of money", expected="an amount and a currency: 19.90 EUR", seen=text)
        return cls.of(amount, currency)

    @property
    def amount(self) -> Decimal:
        """The decimal amount, with exactly the currency's decimals."""
        return Decimal(f"{self.minor}e-{exponent(self.currency)}")

    def ratio(self, other: Money) -> Fraction:
        """Return how many times the other amount this is, exactly; `UsageError` where the other is nothing."""
        self._same(other)
        if other.minor == 0:
            raise UsageError("nothing has no ratio to nothing", expected="an amount other than 0", seen=str(other))
        return Fraction(self.minor, other.minor)

    def allocate(self, weights: Sequence[int | Decimal]) -> tuple[Money, ...]:
        """Split by weights into shares that sum exactly to this amount.

        Each share is less than one minor unit from its exact part; what is left over goes to the largest remainders,
        the first of equals. A negative amount is split as the positive one. `UsageError` for weights that are
        negative or all 0.
        """
        parts = _whole(weights)
        whole = sum(parts)
        shares, remainders = [], []
        for part in parts:
            share, remainder = divmod(abs(self.minor) * part, whole)
            shares.append(share)
            remainders.append(remainder)
        left = abs(self.minor) - sum(shares)
        for place in sorted(range(len(parts)), key=lambda index: -remainders[index])[:left]:
            shares[place] += 1
        sign = -1 if self.minor < 0 else 1
        return tuple(Money(sign * share, self.currency) for share in shares)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __mul__(self, times: int) -> Money:
        if type(times) is not int:
            raise UsageError(
                "money is multiplied by whole numbers; a rate or a share needs a rounding policy",
                expected="int",
                seen=f"{type(times).__name__} {times!r}",
                hint="see assay.rounding, or Money.allocate",
            )
        return Money(self.minor * times, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor > other.minor

    def __ge__(self, other: Money) -> bool:
        self._same(other)
        return self.minor >= other.minor

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise UsageError("two currencies cannot be added or compared", seen=f"{self.currency} and {other.currency}")


def sum_of(amounts: Iterable[Money], currency: str) -> Money:
    """Return the sum of amounts of one currency; nothing where there are none, `UsageError` for another currency."""
    total = Money.zero(currency)
    for amount in amounts:
        total += amount
    return total


def sums_by_currency(amounts: Iterable[Money | None]) -> dict[str, Money]:
    """Return the sum of each currency's amounts, by its code in alphabetical order; None is no amount."""
    by_code: dict[str, list[Money]] = {}
    for amount in amounts:
        if amount is not None:
            by_code.setdefault(amount.currency, []).append(amount)
    return {code: sum_of(by_code[code], code) for code in sorted(by_code)}


def _whole(weights: Sequence[int | Decimal]) -> list[int]:
    """Return weights as integers of the same proportions."""
    try:
        ratios = [weight.as_integer_ratio() for weight in weights]
    except (AttributeError, ArithmeticError, ValueError):
        ratios = []
    if any(isinstance(weight, float) for weight in weights) or not ratios:
        raise UsageError(
            "money is split by ints or Decimals", expected="[1, 2] or [Decimal('9.90')]", seen=f"{weights}"
        )
    if any(above < 0 for above, _ in ratios) or all(above == 0 for above, _ in ratios):
        raise UsageError("weights are 0 or more, and one of them is more", seen=", ".join(map(str, weights)))
    common = math.lcm(*(below for _, below in ratios))
    return [above * (common // below) for above, below in ratios]
