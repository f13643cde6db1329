"""All records of one side, counted by dimensions and time where they stand: what differing ones are held against.

The counterpart of `crowds.population`, whose steps and words are used: there the rows are counted in cells, here the
cells are put together, with those few rows of which it is told here whether they belong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from assay.drift.pairs.canonical import Column, prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.crowds.population import NOTHING, Population, Shape, cells_of, column_of, shape_of
from assay.drift.pairs.elsewhere.engines import Engine
from assay.drift.pairs.elsewhere.plan import Relation, SidePlan
from assay.drift.pairs.engine import MEMORY_MB, input_of
from assay.drift.pairs.model import Pair, SideName
from assay.drift.pairs.plan import Input, microseconds, placed_of
from assay.drift.pairs.rows import Rows, settings


def population_there(
    engine: Engine,
    pair: Pair,
    name: SideName,
    relation: Relation,
    unsure: Rows,
    *,
    at: datetime,
    since: datetime | None,
    until: datetime | None,
) -> Population:
    """Return a side's records in cells of dimensions and time; unsure: the rows that are told about here."""
    plan = SidePlan(pair, name, relation, engine.dialect, at)
    dimensions = {each: own for each in pair.dimensions if (own := column_of(pair, name, each)) in relation.columns}
    grace = pair.grace if until is not None else timedelta()
    asked = plan.population(list(dimensions.values()), since, None if until is None else until - grace)
    first = _table(engine, asked.shape)
    rows, width, *distinct = (each[0].as_py() or 0 for each in first.columns)
    if not rows:
        return Population({}, {}, np.zeros(0, dtype=np.int64))
    shape = shape_of(int(width), dict(zip(dimensions, map(int, distinct), strict=True)))
    cells = _table(engine, asked.cells([dimensions[each] for each in shape.names], shape.step))
    names = [f"d{place}" for place in range(len(shape.names))]
    cells = cells.rename_columns([*names, "started", "counted"])
    young = 0
    if until is not None and grace and plan.placed is not None:
        young = int(_table(engine, plan.population([], until - grace, until).shape).columns[0][0].as_py() or 0)
    found = _together(cells, pair, name, shape, dimensions, unsure, (since, until), timed=plan.placed is not None)
    return replace(found, young=young) if young else found


def _table(engine: Engine, query: str) -> pa.Table:
    return pa.Table.from_batches(list(engine.read(query)))


def _together(
    cells: pa.Table,
    pair: Pair,
    name: SideName,
    shape: Shape,
    dimensions: dict[str, str],
    unsure: Rows,
    window: tuple[datetime | None, datetime | None],
    *,
    timed: bool,
) -> Population:
    """Put the cells of all rows together; words are written by DuckDB, as everywhere."""
    with connect(settings(MEMORY_MB)) as connection:
        prepare(connection)
        connection.register("cells", cells)
        described = connection.execute("DESCRIBE SELECT * FROM cells").fetchall()
        kinds = {str(row[0]): Column(str(row[0]), str(row[1])) for row in described}
        words = [f"coalesce({kinds[f'd{place}'].text}, '{NOTHING}') AS d{place}" for place in range(len(shape.names))]
        query = f"SELECT {', '.join([*words, 'CAST(started AS BIGINT) AS started', 'counted'])} FROM cells"  # noqa: S608
        more = _told_here(pair, name, shape, dimensions, input_of(connection, unsure, name, "unsure"), window)
        return cells_of(connection, f"({query}{more})", shape, timed=timed)


def _told_here(
    pair: Pair,
    name: SideName,
    shape: Shape,
    dimensions: dict[str, str],
    side: Input,
    window: tuple[datetime | None, datetime | None],
) -> str:
    """Return the query of the cells of the rows that are told about here."""
    declared = pair.left if name == "left" else pair.right
    if declared.placed is None:
        return ""
    placed = placed_of(pair, side, name)
    bounds = [f"({placed}) IS NOT NULL"]
    since, until = window
    if since is not None:
        bounds.append(f"({placed}) >= {microseconds(since)}")
    if until is not None:
        bounds.append(f"({placed}) <= {microseconds(until - pair.grace)}")
    words = [f"coalesce({side.columns[dimensions[each]].text}, '{NOTHING}')" for each in shape.names]
    read: Sequence[str] = [*words, f"({placed}) // {shape.step}", "1"]
    return f" UNION ALL SELECT {', '.join(read)} FROM {side.source} WHERE {' AND '.join(bounds)}"  # noqa: S608
