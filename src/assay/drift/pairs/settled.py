"""What a comparison says for the next time: which keys are not settled, and which partitions share records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy

from assay.drift.pairs.dirty import SIDES
from assay.drift.pairs.engine import Comparison
from assay.drift.pairs.partitions import Partitions
from assay.drift.pairs.suspects import MOMENTS, Case

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is not settled, and where: see `remembered.Remembered`."""

    open: numpy.ndarray[Any, Any]
    open_in: frozenset[int]
    due: int | None
    links: frozenset[tuple[int, int]]


def settled(comparison: Comparison, span: int) -> Settled:
    """Return what to keep of a comparison that has run, and is still open, whose partitions are of this span."""
    run, case = comparison.connection.execute, comparison.case
    assert case is not None  # something was read of both sides
    keys = [f'"~k{place}"' for place in range(case.keys)]
    there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    run(
        f"CREATE OR REPLACE TEMP TABLE unsettled AS SELECT DISTINCT CASE WHEN {there} "  # noqa: S608 (names are quoted)
        f"THEN hash({', '.join(keys)}) ELSE 0 END AS k FROM found WHERE classed IS NOT NULL OR flight"
    )
    looked = Partitions(
        case.pair, replace(case.left, source="left_rows"), replace(case.right, source="right_rows"), span
    )
    rows = " UNION ALL ".join(
        f"SELECT {looked.key(name)} AS k, {looked.number(name)} AS part FROM {name}_rows"  # noqa: S608
        for name in SIDES
    )
    where = run(f"SELECT DISTINCT part FROM ({rows}) WHERE k IN (SELECT k FROM unsettled)").fetchall()  # noqa: S608
    return Settled(
        open=numpy.asarray(run("SELECT k FROM unsettled ORDER BY k").fetchnumpy()["k"], dtype=numpy.uint64),
        open_in=frozenset(row[0] for row in where),
        due=_due(comparison, case),
        links=frozenset(_links(comparison, case, rows, span)),
    )


def _due(comparison: Comparison, case: Case) -> int | None:
    """Return when the first record that is in flight may not be any more."""
    moments = [f'{side}."~{moment}"' for side in "lr" for moment in MOMENTS]
    row = comparison.connection.execute(
        f"SELECT min(moment) FROM (SELECT unnest([{', '.join(moments)}]) AS moment FROM found AS f "  # noqa: S608
        "LEFT JOIN left_rows AS l ON l.rowid = f.l_row LEFT JOIN right_rows AS r ON r.rowid = f.r_row WHERE f.flight) "
        f"WHERE moment > {case.cut.young} AND moment <= {case.cut.latest}"
    ).fetchall()[0]
    return None if row[0] is None else int(row[0]) + case.pair.grace // _MICROSECOND


def _links(comparison: Comparison, case: Case, looked: str, span: int) -> Iterator[tuple[int, int]]:
    """Yield the partitions of the two rows of a record, where they are not one: of all records that were compared."""
    if not span:
        return
    cut = Partitions(case.pair, case.left, case.right, span)
    sides = [
        f"(SELECT {cut.key(name)} AS k, {cut.number(name)} AS part FROM {cut.side(name).source} "  # noqa: S608
        f"WHERE {cut.window(name, case.cut)})"
        for name in SIDES
    ]
    # Of a key that is there more than once, the rows that were looked at tell; it would meet its like in millions.
    found = comparison.connection.execute(
        "SELECT DISTINCT least(l.part, r.part), greatest(l.part, r.part) FROM "  # noqa: S608
        f"{sides[0]} AS l JOIN {sides[1]} AS r ON l.k = r.k WHERE l.part <> r.part AND l.k <> 0 "
        "AND r.k NOT IN (SELECT k FROM copies_r) "
        f"UNION SELECT min(part), max(part) FROM ({looked}) GROUP BY k HAVING min(part) <> max(part)"
    )
    yield from found.fetchall()
