"""Exchange rates: which one is used, how an amount is converted, when a publication is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from mocks.merchant.seams import seam

_TWELVE_DIGITS = Context(prec=12)


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of a currency for one unit of another, with its date and source."""

    currency: str
    rate: Decimal
    date: str
    source: str


@seam("rates")
def convert(amount: Decimal, rate: Decimal) -> Decimal:
    """Return a base amount in the currency the rate is of, unrounded."""
    return amount * rate


@seam("rates")
def stored_rate(published: Decimal) -> Decimal:
    """Return a published rate as it is stored: every digit of it."""
    return published


@seam("rates")
def holds_direction(one: str, other: str, base: str) -> bool:
    """Say whether rate tables hold what one currency is worth in another: from the base currency, and back to it."""
    return base in (one, other)


def both_directions(base: str, currency: str, rate: Decimal, spread: Decimal) -> list[tuple[str, str, Decimal]]:
    """Return a rate as (base, currency, rate), there and back; the way back is worth less by the spread."""
    return [(base, currency, rate), (currency, base, _TWELVE_DIGITS.divide(1 - spread, rate))]


@seam("rates")
def stores_to_update(stores: Sequence[str]) -> Sequence[str]:
    """Return the stores whose tables a publication goes into: all of them."""
    return stores


@seam("rates")
def missing_rate(currency: str) -> Decimal | None:
    """Return the rate used when none is known, or None: the currency is not sold."""
    return None


@seam("rates")
def accepted_rates(published: Mapping[str, Decimal], current: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the rates taken over from a publication: positive ones that moved by less than half since the last."""
    accepted = {}
    for currency, rate in published.items():
        before = current.get(currency)
        if rate > 0 and (before is None or Decimal("0.5") < rate / before < Decimal(2)):
            accepted[currency] = rate
    return accepted


@seam("rates")
def is_rate_usable(age_s: float, limit_s: float) -> bool:
    """Say whether a rate of that age may still price an order."""
    return age_s <= limit_s


@seam("rates")
def rate_label(order_currency: str, base_currency: str, rate: Decimal) -> str:
    """Return the disclosed rate: one unit of the base currency in the order's."""
    return f"1 {base_currency} = {rate.normalize():f} {order_currency}"
