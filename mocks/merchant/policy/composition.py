"""The tax of a basket under the declared policy: prices with or without tax, rounded per unit, line, rate or in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mocks.merchant.policy.money import quantum
from mocks.merchant.policy.rounding import allocate, round_amount
from mocks.merchant.policy.tax import added_tax, contained_tax
from mocks.merchant.seams import seam

LEVELS = ("unit", "line", "rate", "total")


@dataclass(frozen=True, slots=True)
class Taxed:
    """A line, or shipping, as it is taxed: price of one unit, how many, and what a discount takes off all of them.

    `price` and `discount` hold tax where the shop's prices do; `percent` is the tax rate.
    """

    price: Decimal
    quantity: int
    discount: Decimal
    percent: Decimal

    @property
    def amount(self) -> Decimal:
        """What is taxed: the price of all units less the discount."""
        return self.price * self.quantity - self.discount


@seam("rounding")
def taxes(items: Sequence[Taxed], included: bool, level: str, currency: str, mode: str) -> list[Decimal]:
    """Return the tax of each item: rounded per unit or line, or its share of what is rounded once a rate or in all."""

    def rounded(basis: Decimal, percent: Decimal) -> Decimal:
        return tax_of(basis, percent, included, currency, mode)

    if level == "unit":
        return [
            rounded(item.price, item.percent) * item.quantity - rounded(item.discount, item.percent) for item in items
        ]
    if level == "line":
        return [rounded(item.amount, item.percent) for item in items]
    if level == "rate":
        return _per_rate(items, rounded, currency)
    exact = [_exact(item, included) for item in items]
    return allocate(
        round_amount(sum(exact, Fraction(0)), quantum(currency), mode),
        [_decimal(tax) for tax in exact],
        quantum(currency),
    )


def tax_of(basis: Decimal, percent: Decimal, included: bool, currency: str, mode: str) -> Decimal:
    """Return the tax in an amount that holds it, or on top of one that does not, rounded once."""
    return (contained_tax if included else added_tax)(basis, percent, currency, mode)


def payable(line: Mapping[str, Any], included: bool) -> Decimal:
    """Return what a customer pays for a priced line, or for shipping: its total, and the tax prices leave out."""
    return Decimal(line["total"]) + (0 if included else Decimal(line["tax"]))


def without_tax(line: Mapping[str, Any], included: bool) -> Decimal:
    """Return what a priced line, or shipping, is worth without its tax."""
    return Decimal(line["total"]) - (Decimal(line["tax"]) if included else 0)


def _per_rate(items: Sequence[Taxed], rounded: Callable[[Decimal, Decimal], Decimal], currency: str) -> list[Decimal]:
    shares = [Decimal(0)] * len(items)
    for percent in dict.fromkeys(item.percent for item in items):
        places = [place for place, item in enumerate(items) if item.percent == percent]
        amounts = [items[place].amount for place in places]
        whole = rounded(sum(amounts, Decimal(0)), percent)
        for place, share in zip(places, allocate(whole, amounts, quantum(currency)), strict=True):
            shares[place] = share
    return shares


def _exact(item: Taxed, included: bool) -> Fraction:
    percent = Fraction(item.percent)
    return Fraction(item.amount) * percent / (100 + percent if included else 100)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
