"""Prices with dates, as a shop gets them from its ERP by file: a row for each span of an article in a currency.

From included, until excluded, an empty end open. A price of the list goes before the catalogue's; an article without a
row that is valid now keeps the catalogue's.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from mocks.merchant import times
from mocks.merchant.seams import seam

SOURCE = Path("mocks") / "merchant" / "prices.csv"
COLUMNS = ["sku", "currency", "price", "valid_from", "valid_until"]


@dataclass(frozen=True, slots=True)
class Dated:
    """A price and the span it is valid in; None is open."""

    price: Decimal
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PriceList:
    """Every dated price by SKU and currency. seen: which state of the file was looked at last."""

    rows: Mapping[tuple[str, str], tuple[Dated, ...]] = field(default_factory=dict)
    seen: tuple[str, int, int] = ("", 0, 0)


@seam("pricing and promotions")
def price_at(rows: Sequence[Dated], now: datetime) -> Decimal | None:
    """Return the price that is valid at an instant: of the span it lies in, its end excluded."""
    for row in rows:
        if (row.since is None or row.since <= now) and (row.until is None or now < row.until):
            return row.price
    return None


@seam("pricing and promotions")
def is_taken_over(
    known: Mapping[tuple[str, str], tuple[Dated, ...]], read: Mapping[tuple[str, str], tuple[Dated, ...]]
) -> bool:
    """Say whether a list that was read replaces the known one: where any price or date differs."""
    return known != read


def read_prices(place: Path) -> dict[tuple[str, str], tuple[Dated, ...]]:
    """Return the rows of a file. Raises `ValueError` with the line that cannot be read."""
    found: dict[tuple[str, str], tuple[Dated, ...]] = {}
    with place.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise ValueError(f"line 1: expected {','.join(COLUMNS)}, seen {reader.fieldnames}")
        for row in reader:
            try:
                since, until = (times.parse(row[name]) if row[name] else None for name in COLUMNS[3:])
                dated = Dated(Decimal(row["price"]), since, until)
            except (InvalidOperation, TypeError, ValueError) as error:
                raise ValueError(f"line {reader.line_num}: {error!r}") from None
            key = (row["sku"], row["currency"])
            found[key] = (*found.get(key, ()), dated)
    return found
