"""Records dated later than now: a window that ends now does not hold them, and nobody is to think they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb

from assay.drift.pairs.canonical import prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.dirty import SIDES
from assay.drift.pairs.engine import MEMORY_MB, input_of
from assay.drift.pairs.model import Pair
from assay.drift.pairs.partitions import reach
from assay.drift.pairs.plan import microseconds, placed_of
from assay.drift.pairs.rows import Rows, settings

SKEW = timedelta(hours=2)
"""So far a clock may be ahead, or a local time that came twice be read too late: such a record is compared in time."""


def ahead(pair: Pair, left: Rows, right: Rows, at: datetime) -> tuple[str, ...]:
    """Return a sentence for each side that holds records of the future, which the window left out."""
    if pair.window is None:
        return ()
    with connect(settings(MEMORY_MB)) as connection:
        prepare(connection)
        return tuple(_sentences(connection, pair, left, right, at.astimezone(UTC) + max(SKEW, pair.grace)))


def _sentences(
    connection: duckdb.DuckDBPyConnection, pair: Pair, left: Rows, right: Rows, latest: datetime
) -> Iterator[str]:
    for name, rows in zip(SIDES, (left, right), strict=True):
        own = pair.left if name == "left" else pair.right
        side = input_of(connection, rows, own.system, f"ahead_{name}")
        if own.placed is None or own.placed not in side.columns:
            continue
        first = microseconds(latest)
        found = connection.execute(
            f"SELECT count(*) FROM {side.source} WHERE {reach(pair, side, name, own.placed, first)} "  # noqa: S608
            f"AND {placed_of(pair, side, name)} > {first}"
        ).fetchall()[0][0]
        if found:
            records = "record is" if found == 1 else "records are"
            yield (
                f"{found:,} {records} dated after {latest:%Y-%m-%d %H:%M} UTC in {own.system}, by `{own.placed}`: "
                "the future is in no window, and nothing of it was compared"
            )
