"""The tables of a file of pairs as TOML holds them: every key typed, unknown ones refused.

Apart from `reading`, which judges what belongs together: here is what may be written at all.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from assay.drift.pairs.model import Cause, Class, Kind, Part, Plain, SideName
from assay.profile import Rounding
from assay.profile_money import Currency, Zone
from assay.profile_watch import Span, Table

_SELECT = re.compile(r"(?is)\s*(--[^\n]*\n\s*)*(select|with|from)\b")
Name = Annotated[str, Field(min_length=1, max_length=200)]
"""A column, a field, a person: some text."""


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(_several)]
"""One text or several."""


def _plain(value: object) -> object:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(type(each) in (bool, int, str) for each in listed):
        raise ValueError('rows are chosen by a text, a whole number, true or false, or a list of them: "order"')
    return listed


def _two(value: object) -> object:
    if not (isinstance(value, list) and len(value) == 2 and value[0] != value[1]):
        raise ValueError('a validity is two columns: valid = ["valid_from", "valid_until"]')
    return value


def _select(value: object) -> object:
    if not (isinstance(value, str) and _SELECT.match(value)):
        raise ValueError('what a side makes of its rows is one SELECT: query = "SELECT … FROM rows"')
    return value.strip().rstrip(";")


Values = Annotated[tuple[Plain, ...], BeforeValidator(_plain)]
"""One value or several that a column may have."""
InstantZone = Zone | Literal["epoch", "epoch_ms"]
"""The zone of instants that name none, or that they are seconds or milliseconds since 1970."""


class AmountsTable(Table):
    """How a side writes amounts."""

    unit: Literal["minor", "major"] = "minor"
    currency_column: Name | None = None
    currency: Currency | None = None


class SideTable(Table):
    """One side of a pair."""

    system: Name
    source: dict[str, Any]
    key: Annotated[Names, Field(min_length=1)]
    placed: Name | None = None
    changed: Name | None = None
    only: dict[Name, Values] = Field(default_factory=dict)
    valid: Annotated[tuple[Name, Name], BeforeValidator(_two)] | None = None
    query: Annotated[str, BeforeValidator(_select)] | None = None
    zone: InstantZone = None
    amounts: AmountsTable | None = None
    rounding: Rounding | Literal["profile"] | None = None


class FieldTable(Table):
    """One thing both sides say."""

    kind: Kind
    left: Name | None = None
    right: Name | None = None
    left_amounts: AmountsTable | None = None
    right_amounts: AmountsTable | None = None
    quantity: Name | None = None
    lines: Name | None = None
    rate: Name | None = None
    part: Part | None = None
    extras: tuple[Literal["shipping", "discount"], ...] | None = None
    statuses: dict[str, str] | None = None
    skew: Span | None = None
    scale: Annotated[int, Field(ge=0, le=18)] | None = None
    below: Name | None = None
    above: Name | None = None
    members: tuple[Name, ...] | None = None
    left_zone: InstantZone = None
    right_zone: InstantZone = None


class PricesTable(Table):
    """What the left's orders were priced from."""

    lines: Name
    unit_price: Name
    quantity: Name
    tax_rate: Name
    tax_included: bool


class PairTable(Table):
    """Two systems that should hold the same records."""

    about: Annotated[str, Field(min_length=1, max_length=300)]
    left: SideTable
    right: SideTable
    fields: Annotated[dict[str, FieldTable], Field(min_length=1)]
    window: Span | None = None
    grace: Span | None = None
    dimensions: Names = ()
    worth: Name | None = None
    ignored: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    may_lack: Annotated[tuple[SideName, ...], BeforeValidator(_several)] = ()
    prices: PricesTable | None = None


class AcceptedTable(Table):
    """Differences that somebody takes for known until a day."""

    pair: Name
    key: Names | None = None
    field: Name | None = None
    classed: Annotated[Class | None, Field(alias="class")] = None
    cause: Cause | None = None
    owner: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    until: date


class FileTable(Table):
    """A whole file."""

    pairs: dict[str, PairTable] = Field(default_factory=dict)
    accepted: tuple[AcceptedTable, ...] = ()


INNER: dict[str, type[Table]] = {
    "pairs": PairTable,
    "accepted": AcceptedTable,
    "left": SideTable,
    "right": SideTable,
    "fields": FieldTable,
    "amounts": AmountsTable,
    "left_amounts": AmountsTable,
    "right_amounts": AmountsTable,
    "rounding": Rounding,
    "prices": PricesTable,
}
"""The table that stands under a key, for the nearest name of a misspelt one."""
