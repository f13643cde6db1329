"""What the left's records were before they last changed, from what was landed of them earlier: for the cause `stale`.

A listing keeps its landings for some days. A record whose right side holds what an earlier landing says is behind, and
since when it is behind can be told: nobody changed it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from assay.drift.pairs.causes import Known
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.differences import shown_columns
from assay.drift.pairs.engine import MEMORY_MB, input_of
from assay.drift.pairs.model import Difference, Pair
from assay.drift.pairs.rows import OnlyKeys, Rows, named, settings
from assay.errors import UsageError

MOST_LANDINGS = 24
"""So many earlier landings are looked into at most: the newest half one by one, the rest in even steps."""
MOST_RECORDS = 2_000
"""Of so many differing records: more of one cause are the same story."""
Key = tuple[str, ...]
Row = Mapping[str, Any]


def with_earlier(known: Known, pair: Pair, left: Rows, differences: Sequence[Difference]) -> Known:
    """Return what is known, and of the differing records what the left held before their last change, and when.

    left: rows that have `earlier`, as those of a listing do and those with a validity; of others nothing is added.
    """
    wanted = {each.key: each for each in differences if each.fields and each.left is not None and any(each.key)}
    wanted = dict(list(wanted.items())[:MOST_RECORDS])
    columns = {key: [pair.field(apart.field).left for apart in each.fields] for key, each in wanted.items()}
    rows: dict[Key, Row] = {}
    read_at: dict[Key, datetime] = {}
    for at, landed in _few(earlier_of(left)) if wanted else ():
        open_keys = [key for key in wanted if key not in rows]
        if not open_keys:
            break
        for key, row in _rows(landed, pair, open_keys).items():
            now = wanted[key].left or {}
            if any(row.get(column) != now.get(column) for column in columns[key]):
                rows[key], read_at[key] = row, at
    return replace(known, earlier={**rows, **known.earlier}, earlier_at=read_at) if rows else known


def earlier_of(rows: Rows) -> Sequence[tuple[datetime, Rows]]:
    """Return what was landed of a side's rows earlier, the newest first, with the instant up to which each was read."""
    earlier = getattr(rows, "earlier", None)
    return earlier() if earlier is not None else ()


def _few(landings: Sequence[tuple[datetime, Rows]]) -> Sequence[tuple[datetime, Rows]]:
    """Return the newest landings, and of the older ones as many in even steps, the oldest among them."""
    half = MOST_LANDINGS // 2
    if len(landings) <= MOST_LANDINGS:
        return landings
    rest = len(landings) - half - 1
    return [*landings[:half], *(landings[half + rest * step // (half - 1)] for step in range(half))]


def _rows(landed: Rows, pair: Pair, keys: Sequence[Key]) -> dict[Key, Row]:
    """Return the rows of these keys; nothing where a landing is gone meanwhile, or is of another shape."""
    with connect(settings(MEMORY_MB)) as connection:
        try:
            side = input_of(connection, OnlyKeys(landed, pair.left.key, keys), pair.left.system, "earlier")
            key = ", ".join(f"CAST(s.{named(column)} AS VARCHAR)" for column in pair.left.key)
            shown = ", ".join(shown_columns("s", side.columns))
            found = connection.execute(f"SELECT {key}, {shown} FROM {side.source} AS s").fetchall()  # noqa: S608
        except (duckdb.Error, UsageError):
            return {}
    width = len(pair.left.key)
    return {tuple(row[:width]): dict(zip(side.columns, row[width:], strict=True)) for row in found}
