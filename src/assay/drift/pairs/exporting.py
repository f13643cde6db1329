"""Differing records written for whoever repairs them: CSV with a row for each field, JSON lines with both records.

A file is written whole or not at all: beside its place first, then moved there.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from assay.drift.pairs.model import Difference, Pair, Way

Rows = Sequence[tuple[Pair, Difference]]
COLUMNS = (
    *("pair", "key", "class", "field", "left_system", "left", "right_system", "right", "cause", "why"),
    *("left_at", "right_at", "at_risk", "currency", "left_placed", "right_placed", "first_hop", "way"),
)
_FORMULA = ("=", "+", "@", "\t", "\r")


def write_csv(file: Path, rows: Rows) -> None:
    """Write a row for each differing field, one for a record without any. Keys of several columns are joined by `|`.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; JSON lines hold it as it is.
    """
    with _replaced(file) as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for pair, each in rows:
            risk = each.at_risk
            around = (_instant(each.left_at), _instant(each.right_at), f"{risk.amount:f}" if risk else "")
            head = (pair.name, _safe("|".join(each.key)), each.classed.value)
            placed = _instant(each.left_placed), _instant(each.right_placed)
            way = (_safe(each.way.first), _safe(each.way.sentence)) if each.way else ("", "")
            end = (*around, risk.currency if risk else "", *placed, *way)
            systems = pair.left.system, pair.right.system
            if not each.fields:
                writer.writerow([*head, "", systems[0], "", systems[1], "", each.cause.value, _safe(each.why), *end])
            for one in each.fields:
                values = (systems[0], _safe(one.left), systems[1], _safe(one.right))
                writer.writerow([*head, one.field, *values, one.cause.value, _safe(one.why), *end])


def write_jsonl(file: Path, rows: Rows) -> None:
    """Write a line for each record, with both sides' rows as they were read."""
    with _replaced(file) as out:
        for pair, each in rows:
            said = {"pair": pair.name, "left_system": pair.left.system, "right_system": pair.right.system}
            out.write(json.dumps(said | difference_record(each), ensure_ascii=False) + "\n")


def difference_record(difference: Difference) -> dict[str, Any]:
    """Return a difference as JSON holds it, with both records."""
    risk = difference.at_risk
    return {
        "key": list(difference.key),
        "class": difference.classed.value,
        "cause": difference.cause.value,
        "why": difference.why,
        "fields": [
            {"field": each.field, "left": each.left, "right": each.right, "cause": each.cause.value, "why": each.why}
            for each in difference.fields
        ],
        "copies": list(difference.copies),
        "left_at": _instant(difference.left_at) or None,
        "right_at": _instant(difference.right_at) or None,
        "left_placed": _instant(difference.left_placed) or None,
        "right_placed": _instant(difference.right_placed) or None,
        "way": way_record(difference.way),
        "at_risk": {"amount": f"{risk.amount:f}", "currency": risk.currency} if risk else None,
        "left": plain(difference.left),
        "right": plain(difference.right),
    }


def way_record(way: Way | None) -> dict[str, Any] | None:
    """Return where a record first went wrong as JSON holds it."""
    if way is None:
        return None
    return {
        "sentence": way.sentence,
        "field": way.field,
        "first": way.first,
        "after": way.after,
        "hops": [
            {"name": each.name, "trace": each.trace.value, "said": each.said, "at": _instant(each.at) or None}
            for each in way.hops
        ],
    }


def plain(value: Any) -> Any:
    """Return a value of a row as JSON holds it: whole numbers as they are, decimals and all else as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else f"{value}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return f"{value}"


def _safe(text: str | None) -> str:
    if text is None:
        return ""
    risky = text.startswith(_FORMULA) or (text.startswith("-") and not text[1:].replace(".", "", 1).isdigit())
    return f"'{text}" if risky else text


def _instant(at: datetime | None) -> str:
    return at.isoformat() if at else ""


@contextmanager
def _replaced(file: Path) -> Iterator[TextIO]:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
            yield out
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
