"""All records of one side, counted by their dimensions and by time: what differing ones are held against."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.drift.pairs.canonical import Column
from assay.drift.pairs.causes.written import DAY, HOUR, SECOND
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.model import Pair, Side, SideName
from assay.drift.pairs.plan import Input, placed_of
from assay.drift.pairs.rows import Rows, settings
from assay.errors import InfrastructureError

Ints = NDArray[np.int64]

NOTHING = "null"
_MOST_VALUES = 500
"""A dimension with more values is left out: it would be nearly one cell a record, and name nobody's cause."""
_MOST_BUCKETS, _MOST_CELLS, _MOST_COMBINATIONS = 3000, 2_000_000, 20_000
_STEPS = (SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND, 900 * SECOND, HOUR, 6 * HOUR, DAY)
CALENDAR = ("hour of day", "weekday")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_THURSDAY = 3  # the day of 1 January 1970
_MEMORY_MB = 400
_NO_TIME = timedelta()


@dataclass(frozen=True, slots=True)
class Population:
    """Cells of records that have the same dimensions and are from the same stretch of time.

    values: of each dimension, its words; codes: of each, the word's place for every cell. starts: where a cell's
    stretch of `step` microseconds begins; None where records have no time. counts: how many records a cell has.
    left_out: dimensions with too many values. young: how many records were in flight, and are in no cell.
    """

    values: Mapping[str, Sequence[str]]
    codes: Mapping[str, Ints]
    counts: Ints
    starts: Ints | None = None
    step: int = HOUR
    left_out: tuple[str, ...] = ()
    young: int = 0

    @property
    def rows(self) -> int:
        """How many records there are."""
        return int(self.counts.sum())

    def without(self, cells: NDArray[np.bool_]) -> Population:
        """Return the population without the records of some cells."""
        return replace(self, counts=np.where(cells, 0, self.counts))


def word(value: Any) -> str:
    """Return a dimension's value as the population has it: true, false, null, and text."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def column_of(pair: Pair, side: SideName, dimension: str) -> str:
    """Return what a dimension, a column of the left, is called on a side: as its field maps it, or alike."""
    if side == "left":
        return dimension
    return next((each.right for each in pair.fields if each.left == dimension), dimension)


def population_of(
    pair: Pair, rows: Rows, *, side: SideName = "left", since: datetime | None = None, until: datetime | None = None
) -> Population:
    """Count a side's records by the pair's dimensions and by time; those still in flight at `until` are left out.

    A dimension that the side has no column for, or that has more than 500 values, is left out, and so are records whose
    own time cannot be read.
    """
    system = (pair.left if side == "left" else pair.right).system
    with (
        tempfile.TemporaryDirectory(prefix="assay-drift-") as folder,
        connect(settings(_MEMORY_MB, folder)) as opened,
    ):
        opened.execute("SET TimeZone = 'UTC'")
        try:
            return _population(opened, pair, rows, side, (since, until))
        except duckdb.Error as error:
            raise InfrastructureError(
                f"the records of '{pair.name}' could not be counted by their dimensions",
                where=system,
                seen=str(error).strip().splitlines()[0],
            ) from error


def _population(
    connection: duckdb.DuckDBPyConnection,
    pair: Pair,
    rows: Rows,
    side: SideName,
    window: tuple[datetime | None, datetime | None],
) -> Population:
    declared: Side = pair.left if side == "left" else pair.right
    since, until = window
    source = rows.attach(connection, "population")
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    columns = {str(row[0]): Column(str(row[0]), str(row[1])) for row in described}
    placed = None
    if declared.placed in columns:
        placed = placed_of(pair, Input(declared.system, source, columns), side)
    words = {
        each: f"coalesce({columns[own].text}, '{NOTHING}')"
        for each in pair.dimensions
        if (own := column_of(pair, side, each)) in columns
    }
    found = _counted(connection, f"{source} WHERE {_within(placed, since, until, pair.grace)}", words, placed)
    if placed is None or until is None or not pair.grace:
        return found
    in_flight = f"SELECT count(*) FROM {source} WHERE {_within(placed, until - pair.grace, until, _NO_TIME)}"  # noqa: S608
    return replace(found, young=int(connection.execute(in_flight).fetchall()[0][0]))


@dataclass(frozen=True, slots=True)
class Shape:
    """How records are put into cells: by which dimensions, those with the fewest values first, and by what stretch."""

    names: tuple[str, ...]
    step: int
    left_out: tuple[str, ...]
    declared: tuple[str, ...]


def shape_of(width: int, distinct: Mapping[str, int]) -> Shape:
    """Return the shape for records that span so many microseconds; distinct: how many values each dimension has."""
    names, left_out, combinations = [], [], 1
    for name, count in sorted(distinct.items(), key=lambda each: each[1]):
        if count > _MOST_VALUES or combinations * count > _MOST_COMBINATIONS:
            left_out.append(name)
            continue
        combinations *= count
        names.append(name)
    most = min(_MOST_BUCKETS, max(1, _MOST_CELLS // combinations))
    step = next((each for each in _STEPS if width // each <= most), _STEPS[-1])
    return Shape(tuple(names), step, tuple(left_out), tuple(distinct))


def _counted(
    connection: duckdb.DuckDBPyConnection, compared: str, words: Mapping[str, str], placed: str | None
) -> Population:
    """Group what was compared."""
    asked = ["count(*)", f"max({placed}) - min({placed})" if placed else "0"]
    asked += [f"approx_count_distinct({word})" for word in words.values()]
    rows, width, *distinct = connection.execute(f"SELECT {', '.join(asked)} FROM {compared}").fetchall()[0]  # noqa: S608
    if not rows:
        return Population({}, {}, np.zeros(0, dtype=np.int64))
    shape = shape_of(width, dict(zip(words, map(int, distinct), strict=True)))
    started = f"({placed}) // {shape.step}" if placed else "0"
    return _grouped(connection, compared, [words[name] for name in shape.names], (started, "count(*)"), shape, placed)


def cells_of(connection: duckdb.DuckDBPyConnection, cells: str, shape: Shape, *, timed: bool) -> Population:
    """Return the population of cells that were counted before.

    Their columns are d0 … for the shape's dimensions, `started`, the number of the cell's stretch, and `counted`.
    timed: whether records have a time at all.
    """
    columns = [f"d{place}" for place in range(len(shape.names))]
    placed = "started" if timed else None
    return _grouped(connection, cells, columns, ("started", "CAST(sum(counted) AS BIGINT)"), shape, placed)


def _grouped(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    words: Sequence[str],
    counted: tuple[str, str],
    shape: Shape,
    placed: str | None,
) -> Population:
    """Group rows into cells; each dimension becomes an enumeration first, so that cells are small numbers."""
    values: dict[str, Sequence[str]] = {}
    selected = []
    for place, (name, word) in enumerate(zip(shape.names, words, strict=True)):
        connection.execute(f"CREATE TYPE e{place} AS ENUM (SELECT DISTINCT {word} FROM {source} ORDER BY 1)")  # noqa: S608
        values[name] = connection.execute(f"SELECT enum_range(NULL::e{place})").fetchall()[0][0]
        selected.append(f"enum_code(CAST({word} AS e{place})) AS code{place}")
    selected += [f"{counted[0]} AS stretch", f"{counted[1]} AS records"]
    found = connection.execute(f"SELECT {', '.join(selected)} FROM {source} GROUP BY ALL").fetchnumpy()  # noqa: S608
    *codes, started, counts = (np.asarray(column, dtype=np.int64) for column in found.values())
    by_name = dict(zip(values, codes, strict=True))
    declared = [name for name in shape.declared if name in values]
    return with_calendar(
        Population(
            values={name: values[name] for name in declared},
            codes={name: by_name[name] for name in declared},
            counts=counts,
            starts=started * shape.step if placed else None,
            step=shape.step,
            left_out=shape.left_out,
        )
    )


def _within(placed: str | None, since: datetime | None, until: datetime | None, grace: timedelta) -> str:
    if placed is None:
        return "true"
    bounds = [f"({placed}) IS NOT NULL"]
    if since is not None:
        bounds.append(f"({placed}) >= {int(since.timestamp() * SECOND)}")
    if until is not None:
        bounds.append(f"({placed}) <= {int((until - grace).timestamp() * SECOND)}")
    return " AND ".join(bounds)


def with_calendar(population: Population) -> Population:
    """Add what the calendar says of each cell: its hour of the day and its weekday, in UTC."""
    starts, step = population.starts, population.step
    if starts is None or not len(starts):
        return population
    values, codes = dict(population.values), dict(population.codes)
    for name, words, places in calendar(starts, step):
        values[name], codes[name] = words, places
    return replace(population, values=values, codes=codes)


def calendar(times: Ints, step: int) -> list[tuple[str, Sequence[str], Ints]]:
    """Return the calendar's dimensions of instants: name, words, the place of each instant's word."""
    found: list[tuple[str, Sequence[str], Ints]] = []
    if step <= HOUR:
        hours = [f"between {hour:02}:00 and {hour + 1:02}:00 UTC" for hour in range(24)]
        found.append((CALENDAR[0], hours, times % DAY // HOUR))
    if step <= DAY:
        found.append((CALENDAR[1], _WEEKDAYS, (times // DAY + _THURSDAY) % 7))
    return found
