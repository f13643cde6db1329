"""Pairs and rows of two sides for tests of the engine: a shop and an ERP with orders of a few columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Amounts, Field, Kind, Outcome, Pair, Side
from assay.drift.pairs.rows import table_of

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def pair_of(*fields: Field, placed: bool = False, **more: Any) -> Pair:
    """Return a pair keyed by `id`; with `placed`, both sides say when a row is from and when it was changed."""
    moments: dict[str, Any] = {"placed": "placed", "changed": "changed"} if placed else {}
    return Pair(
        name="orders",
        about="what the shop sold is what the ERP books",
        left=Side(system="shop", source={}, key=more.pop("left_key", ("id",)), **moments),
        right=Side(system="ERP", source={}, key=more.pop("right_key", ("id",)), **moments),
        fields=fields,
        **more,
    )


def field(kind: Kind, name: str = "value", **more: Any) -> Field:
    """Return a field that has the same column on both sides."""
    return Field(name=name, kind=kind, left=name, right=name, **more)


def compared(pair: Pair, left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]], **more: Any) -> Outcome:
    """Compare rows written out."""
    return compare(pair, table_of(left), table_of(right), at=AT, limit=None, threads=1, **more)


def classes(outcome: Outcome) -> dict[str, str]:
    """Return the class of each differing key, its columns joined by a bar."""
    return {"|".join(each.key): each.classed.value for each in outcome.differences}


def ago(**span: float) -> datetime:
    """Return an instant before the comparison's."""
    return AT - timedelta(**span)


def amounts(unit: Any, column: str | None = "currency", fixed: str | None = None, **more: Any) -> Amounts:
    """Return how a side writes amounts."""
    return Amounts(unit=unit, currency_column=column if fixed is None else None, currency=fixed, **more)
