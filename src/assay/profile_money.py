"""What the profile says about money: currencies of ISO 4217, amounts that fit them, shares. A misspelt one is refused.

A policy under a code that nobody has would be no policy at all, and nobody would be told.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from assay.errors import UsageError, did_you_mean
from assay.money import Money, exponent


def _currency(code: str) -> str:
    try:
        exponent(code)
    except UsageError as error:
        hint = error.hint if error.hint and "mean" in error.hint else "write it as EUR or JPY"
        raise ValueError(f"{error.message}; {hint}") from None
    return code


def _priced_by_hand(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        _currency(name.rpartition("/")[2])
    return names


def _fitting(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    for currency, amount in amounts.items():
        _currency(currency)
        try:
            whole = Money.of(amount, currency)
        except UsageError as error:
            raise ValueError(f"{error.message}, not {amount:f}") from None
        if whole.minor <= 0:
            raise ValueError(f"an amount in {currency} is more than 0, not {amount:f}")
    return amounts


def _known_kinds(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for name in names or ():
        if name not in ENTRY_KINDS:
            raise ValueError(f"there is no kind of balance entry '{name}'; {did_you_mean(name, ENTRY_KINDS)}")
    return names


def _zone(name: str | None) -> str | None:
    try:
        return name if name is None else ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(f"there is no time zone '{name}'; write for example Europe/Paris") from None


def check_percent(kind: str, value: Decimal) -> None:
    """Refuse a share of more than the whole. Raises `ValueError`."""
    if kind == "percent" and value > 100:
        raise ValueError(f"a coupon takes off 100 per cent at most, not {value:f}")


ENTRY_KINDS = ("charge", "refund", "chargeback", "fee", "payout", "reserve", "adjustment", "conversion", "other")
"""What `assay.records.BalanceEntry.kind` may be."""
EntryKinds = Annotated[tuple[str, ...] | None, AfterValidator(_known_kinds)]
"""Kinds of balance entries."""
Zone = Annotated[str | None, AfterValidator(_zone)]
"""An IANA time zone such as Europe/Paris."""
Currency = Annotated[str, AfterValidator(_currency)]
"""A code such as EUR."""
PricedByHand = Annotated[tuple[str, ...], AfterValidator(_priced_by_hand)]
"""Currencies, or SKU/currency."""
Amounts = Annotated[dict[str, Decimal], AfterValidator(_fitting)]
"""Amounts above 0 by currency, with no more decimals than it has."""
Markup = Annotated[Decimal, Field(gt=-1)]
"""A share on top, 0.02 is 2 %; a price stays above 0."""
