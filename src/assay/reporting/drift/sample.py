"""One differing record as the page shows it: both sides' values, when each is from, and where it first went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.money import Money
from assay.reporting.text import clip, instant, printable
from assay.reporting.view import LONG, SHORT

if TYPE_CHECKING:
    from assay.drift.pairs.model import Amounts, Apart, Difference, Hop, Pair

_MOST_COLUMNS, _VALUE, _BESIDE = 40, 400, 120


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it can be printed; `quiet`: it says what is not there, in our words. means: an amount as money.

    Side by side one system may count cents, and the other write 19.90.
    """

    text: str
    quiet: bool = False
    means: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing both sides say. why: how they differ, empty where they do not."""

    name: str
    left: Cell
    right: Cell
    differs: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the record's way."""

    name: str
    trace: str
    said: str
    at: str
    first: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One record. rows: what is compared; rest: the columns nobody compares, up to a number; way: its stations."""

    key: str
    classed: str
    cause: str
    why: str
    at_risk: str
    left: str
    right: str
    rows: tuple[Row, ...]
    rest: tuple[Row, ...]
    rest_left_out: int
    way: str
    stations: tuple[Station, ...]
    open: bool


def sample_of(pair: Pair, difference: Difference, *, is_open: bool) -> Sample:
    """Return a difference as it is shown."""
    rest = list(_rest(pair, difference))
    way = difference.way
    return Sample(
        key=key_of(difference.key),
        classed=difference.classed.value,
        cause="" if difference.cause.value == "unknown" else difference.cause.value,
        why=clip(difference.why, LONG),
        at_risk=f"{difference.at_risk}" if difference.at_risk else "",
        left=_head(pair.left.system, difference.copies[0]),
        right=_head(pair.right.system, difference.copies[1]),
        rows=(*_keys(pair, difference), *_dates(difference), *_fields(pair, difference)),
        rest=tuple(rest[:_MOST_COLUMNS]),
        rest_left_out=max(0, len(rest) - _MOST_COLUMNS),
        way=clip(f"{f'{way.field}: ' if way.field else ''}{way.sentence}", LONG) if way else "",
        stations=tuple(_station(each, way.first) for each in way.hops) if way else (),
        open=is_open,
    )


def key_of(key: Sequence[str]) -> str:
    """Return a key for people."""
    return clip(" · ".join(key), SHORT) or "(no key)"


def _head(system: str, copies: int) -> str:
    return f"{system} (no record)" if not copies else f"{system} ({copies} records)" if copies > 1 else system


def _keys(pair: Pair, difference: Difference) -> Iterator[Row]:
    for own, other in zip(pair.left.key, pair.right.key, strict=True):
        name = own if own == other else f"{own} / {other}"
        yield Row(f"key {name}", _of(difference.left, own), _of(difference.right, other))


def _dates(difference: Difference) -> Iterator[Row]:
    for name, left, right in (
        ("record is from", difference.left_placed, difference.right_placed),
        ("last changed", difference.left_at, difference.right_at),
    ):
        if left is not None or right is not None:
            yield Row(name, _at(left), _at(right))


def _at(moment: datetime | None) -> Cell:
    return Cell(instant(moment)) if moment else _NOT_SAID


def _fields(pair: Pair, difference: Difference) -> Iterator[Row]:
    apart = {each.field: each for each in difference.fields}
    for field in pair.fields:
        found = apart.get(field.name)
        left, right = _of(difference.left, field.left), _of(difference.right, field.right)
        if field.kind.value == "money":
            left = replace(left, means=_money(field.left_amounts, difference.left, field.left))
            right = replace(right, means=_money(field.right_amounts, difference.right, field.right))
        if found is None:
            yield Row(field.name, left, right)
        else:
            left, right = _seen(found.left, left), _seen(found.right, right)
            yield Row(field.name, left, right, differs=True, why=_why(found))


def _money(amounts: Amounts | None, row: Mapping[str, Any] | None, column: str) -> str:
    """Return an amount with its currency, empty where it is none, or where the column says it by itself."""
    if amounts is None or row is None or row.get(column) is None:
        return ""
    code = f"{amounts.currency or row.get(amounts.currency_column or '') or ''}"
    try:
        amount, step = Decimal(f"{row[column]}".strip()), Money(1, code).amount
    except (InvalidOperation, UsageError):
        return ""
    if not amount.is_finite() or abs(amount.adjusted()) > 30:
        return ""
    amount = amount * step if amounts.unit == "minor" else amount
    shown = f"{amount.quantize(step) if amount == amount.quantize(step) else amount:f}"
    return f"{shown} {code}"


def _why(apart: Apart) -> str:
    told = [apart.cause.value if apart.cause.value != "unknown" else "", apart.why]
    return clip(": ".join(each for each in told if each) or "differs", LONG)


def _rest(pair: Pair, difference: Difference) -> Iterator[Row]:
    """Yield the columns that are neither key nor compared: a name both sides have stands in one row."""
    told_left = {*pair.left.key, *(field.left for field in pair.fields)}
    told_right = {*pair.right.key, *(field.right for field in pair.fields)}
    left = [name for name in difference.left or () if name not in told_left]
    right = [name for name in difference.right or () if name not in told_right]
    for name in [*left, *(each for each in right if each not in left)]:
        yield Row(
            clip(name, SHORT),
            _of(difference.left, name, _BESIDE) if name in left else _NO_COLUMN,
            _of(difference.right, name, _BESIDE) if name in right else _NO_COLUMN,
        )


_NOT_SAID, _NO_COLUMN = Cell("not said", quiet=True), Cell("no such column", quiet=True)


def _of(row: Mapping[str, Any] | None, column: str, most: int = _VALUE) -> Cell:
    if row is None:
        return Cell("no record", quiet=True)
    return _cell(row[column], most) if column in row else _NO_COLUMN


def _cell(value: Any, most: int) -> Cell:
    if value is None:
        return Cell("none", quiet=True)
    text = value if isinstance(value, str) else _plain(value)
    return Cell(clip(text, most)) if text else Cell("empty", quiet=True)


def _plain(value: Any) -> str:
    from assay.drift.pairs.exporting import plain

    found = plain(value)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, bool | dict | list) else f"{found}"


def _seen(text: str | None, cell: Cell) -> Cell:
    """Return a differing value with the spaces at its ends made visible: they may be all that differs."""
    if text is None or cell.quiet or not text.strip():
        return Cell(f"“{text}”") if text and not text.strip() else cell
    begin, end = len(text) - len(text.lstrip()), len(text) - len(text.rstrip())
    if not begin and not end and "\xa0" not in text:
        return cell
    shown = "␣" * begin + text.strip() + "␣" * end
    return Cell(clip(printable(shown).replace("\xa0", "\\xa0"), _VALUE))


def _station(hop: Hop, first: str | None) -> Station:
    return Station(clip(hop.name, SHORT), hop.trace.value, clip(hop.said, LONG), instant(hop.at), hop.name == first)
