"""What one difference of two values suggests, and what is known beside the two records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from assay.drift.pairs.model import Apart, Cause, Difference, Field, Pair

Rates = Mapping[tuple[str, str], Mapping[date, Decimal]]
"""By (from, to) currency, by the day of publication: how many units of the second one unit of the first is."""

ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Los_Angeles", "Asia/Kolkata",
    "Asia/Tokyo", "Asia/Shanghai", "Australia/Sydney", "America/Sao_Paulo", "Europe/Helsinki", "Asia/Dubai",
)  # fmt: skip
TAX_RATES = tuple(
    Decimal(tenths) / 10
    for tenths in (
        21, 25, 26, 30, 38, 40, 50, 55, 60, 70, 77, 80, 81, 85, 90, 95, 100, 110, 120, 125, 130, 135, 140, 150, 160,
        170, 180, 190, 200, 210, 220, 230, 240, 250, 255, 270,
    )
)  # fmt: skip


class Hint(NamedTuple):
    """One thing that would make the right's value of the left's.

    label: the same for all records to which the same thing happened. phrase: follows "is" or "are". weight: 0 to 1,
    how seldom chance alone would bear it. alone: whether one record is enough to name the cause.
    """

    cause: Cause
    label: str
    phrase: str
    weight: float
    alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known beside the two rows. All of it is optional: without it fewer causes are told apart.

    rates: published rates. earlier: the left's rows as they were when they were read before, by key; earlier_at: when
    each was last read so. zones: time zones to think of, the likeliest first. tax_rates: in percent.
    """

    rates: Rates = field(default_factory=dict)
    earlier: Mapping[tuple[str, ...], Mapping[str, Any]] = field(default_factory=dict)
    earlier_at: Mapping[tuple[str, ...], datetime] = field(default_factory=dict)
    zones: tuple[str, ...] = ZONES
    tax_rates: tuple[Decimal, ...] = TAX_RATES


@dataclass(frozen=True, slots=True)
class Facing:
    """Two values of one field face to face, with all that stands around them."""

    pair: Pair
    field: Field
    apart: Apart
    difference: Difference
    known: Known

    @property
    def master(self) -> str:
        """Whose value the left's is, as sentences say it: `shop's`."""
        return f"{self.pair.left.system}'s"

    def of_left(self, column: str | None) -> Any:
        """Return what the left's row has in a column; None where it has none."""
        return None if column is None or self.difference.left is None else self.difference.left.get(column)

    def of_right(self, column: str | None) -> Any:
        """Return what the right's row has in a column; None where it has none."""
        return None if column is None or self.difference.right is None else self.difference.right.get(column)

    def values(self) -> Iterator[tuple[str, Any]]:
        """Give the other columns of the left's row with their values."""
        for column, value in (self.difference.left or {}).items():
            if column != self.field.left:
                yield column, value
