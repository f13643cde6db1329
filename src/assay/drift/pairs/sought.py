"""The values of one differing field as they may stand in other people's messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from assay.drift.pairs.model import Amounts, Apart, Difference, Field, Kind, Pair
from assay.errors import UsageError
from assay.money import Money

_LEAST = 3
"""Shorter values stand in any message by chance."""


@dataclass(frozen=True, slots=True)
class Sought:
    """One value: the texts and the numbers it may be written as."""

    texts: frozenset[str] = frozenset()
    numbers: frozenset[Decimal] = frozenset()

    def is_in(self, text: str) -> bool:
        """Whether a plain value of a message is this one."""
        if unicodedata.normalize("NFC", text) in self.texts:
            return True
        number = _decimal(text) if self.numbers else None
        return number is not None and number in self.numbers


def sought(pair: Pair, difference: Difference, apart: Apart) -> tuple[Sought, Sought]:
    """Return the left's and the right's value of a field as they may be written; what both may be is neither."""
    field = pair.field(apart.field)
    left = _forms(field, apart.left, field.left_amounts, difference.left or {}, is_left=True)
    right = _forms(field, apart.right, field.right_amounts, difference.right or {}, is_left=False)
    return (
        Sought(left.texts - right.texts, left.numbers - right.numbers),
        Sought(right.texts - left.texts, right.numbers - left.numbers),
    )


def _forms(field: Field, text: str | None, amounts: Amounts | None, row: Mapping[str, Any], *, is_left: bool) -> Sought:
    if text is None or field.kind in (Kind.LINES, Kind.FLAG):
        return Sought()
    if field.kind is Kind.MONEY:
        return _money(text, amounts or Amounts(), row)
    if field.kind is Kind.NUMBER:
        return Sought(numbers=_long([_decimal(text)]))
    words = {text, field.statuses.get(text, text)} if field.kind is Kind.STATUS and is_left else {text}
    return Sought(texts=frozenset(unicodedata.normalize("NFC", word) for word in words if len(word) >= _LEAST))


def _money(text: str, amounts: Amounts, row: Mapping[str, Any]) -> Sought:
    """Return an amount in major and in minor units: vendors count in either."""
    number = _decimal(text)
    code = amounts.currency or row.get(amounts.currency_column or "")
    if number is None:
        return Sought()
    try:
        step = Money(1, str(code)).amount
    except UsageError:
        return Sought(numbers=_long([number]))
    major = number * step if amounts.unit == "minor" else number
    return Sought(numbers=_long([major, major / step]))


def _long(numbers: list[Decimal | None]) -> frozenset[Decimal]:
    return frozenset(each for each in numbers if each is not None and len(_digits(each)) >= _LEAST)


def _digits(number: Decimal) -> str:
    return f"{number.normalize():f}".replace(".", "").replace("-", "")


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None
