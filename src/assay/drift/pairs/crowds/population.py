"""All records of one side, counted by their dimensions and by time: what differing ones are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.drift.pairs.causes.written import DAY, HOUR, SECOND
from assay.drift.pairs.model import Pair, Side, SideName
from assay.drift.pairs.rows import Rows, named

Ints = NDArray[np.int64]

NOTHING = "null"
_MOST_VALUES = 500
"""A dimension with more values is left out: it would be nearly one cell a record, and name nobody's cause."""
_MOST_BUCKETS = 3000
_STEPS = (SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND, 900 * SECOND, HOUR, 6 * HOUR, DAY)
CALENDAR = ("hour of day", "weekday")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_THURSDAY = 3  # the day of 1 January 1970
_MEMORY_MB = 400


@dataclass(frozen=True, slots=True)
class Population:
    """Cells of records that have the same dimensions and are from the same stretch of time.

    values: of each dimension, its words; codes: of each, the word's place for every cell. starts: where a cell's
    stretch of `step` microseconds begins; None where records have no time. counts: how many records a cell has.
    left_out: dimensions with too many values.
    """

    values: Mapping[str, Sequence[str]]
    codes: Mapping[str, Ints]
    counts: Ints
    starts: Ints | None = None
    step: int = HOUR
    left_out: tuple[str, ...] = ()

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

    A dimension that the side has no column for, or that has more than 500 values, is left out.
    """
    declared: Side = pair.left if side == "left" else pair.right
    config = {"memory_limit": f"{_MEMORY_MB}MB", "autoinstall_known_extensions": "false", "threads": "2"}
    with duckdb.connect(config=config) as connection:  # type: ignore[arg-type]
        connection.execute("SET TimeZone = 'UTC'")
        relation = rows.attach(connection, "population")
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
        columns = {str(name) for name, *_ in described}
        kept = {each: named(own) for each in pair.dimensions if (own := column_of(pair, side, each)) in columns}
        placed = _microseconds(connection, relation, declared.placed) if declared.placed in columns else None
        within = _within(placed, pair, since, until)
        left_out = _too_many(connection, relation, within, kept)
        kept = {each: column for each, column in kept.items() if each not in left_out}
        step = _step(connection, relation, within, placed)
        selected = [f"coalesce(CAST({column} AS VARCHAR), '{NOTHING}')" for column in kept.values()]
        selected.append(f"({placed}) // {step}" if placed else "0")
        query = f"SELECT {', '.join(selected)}, count(*) FROM {relation} WHERE {within} GROUP BY ALL"  # noqa: S608
        found = connection.execute(query).fetchnumpy()
    return _cells(list(kept), list(found.values()), step if placed else None, left_out)


def _microseconds(connection: duckdb.DuckDBPyConnection, relation: str, column: str | None) -> str:
    """Return the SQL of an instant in microseconds: text and timestamps as they say, bare numbers by their size."""
    name = named(column or "")
    kind = connection.execute(f"SELECT any_value(typeof({name})) FROM {relation}").fetchall()[0][0]  # noqa: S608
    if kind and str(kind).rstrip("0123456789").endswith(("INT", "INTEGER")):
        return (
            f"CASE WHEN abs({name}) < 100000000000 THEN {name}::BIGINT * 1000000"
            f" WHEN abs({name}) < 100000000000000 THEN {name}::BIGINT * 1000 ELSE {name}::BIGINT END"
        )
    return f"epoch_us(TRY_CAST({name} AS TIMESTAMPTZ))"


def _within(placed: str | None, pair: Pair, since: datetime | None, until: datetime | None) -> str:
    if placed is None:
        return "true"
    bounds = [f"{placed} IS NOT NULL"]
    if since is not None:
        bounds.append(f"{placed} >= {int(since.timestamp() * SECOND)}")
    if until is not None:
        bounds.append(f"{placed} <= {int((until - pair.grace).timestamp() * SECOND)}")
    return " AND ".join(bounds)


def _too_many(
    connection: duckdb.DuckDBPyConnection, relation: str, within: str, kept: Mapping[str, str]
) -> tuple[str, ...]:
    if not kept:
        return ()
    counted = ", ".join(f"approx_count_distinct({column})" for column in kept.values())
    found = connection.execute(f"SELECT {counted} FROM {relation} WHERE {within}").fetchall()[0]  # noqa: S608
    return tuple(each for each, count in zip(kept, found, strict=True) if count > _MOST_VALUES)


def _step(connection: duckdb.DuckDBPyConnection, relation: str, within: str, placed: str | None) -> int:
    if placed is None:
        return HOUR
    query = f"SELECT max({placed}) - min({placed}) FROM {relation} WHERE {within}"  # noqa: S608
    width = connection.execute(query).fetchall()[0][0] or 0
    return next((step for step in _STEPS if width // step <= _MOST_BUCKETS), _STEPS[-1])


def _cells(names: Sequence[str], columns: Sequence[Any], step: int | None, left_out: tuple[str, ...]) -> Population:
    values, codes = {}, {}
    for name, column in zip(names, columns, strict=False):
        words, places = np.unique(np.asarray(column, dtype=str), return_inverse=True)
        values[name], codes[name] = words.tolist(), places.astype(np.int64)
    counts = np.asarray(columns[-1], dtype=np.int64)
    starts = None if step is None else np.asarray(columns[-2], dtype=np.int64) * step
    return with_calendar(Population(values, codes, counts, starts, step or HOUR, left_out))


def with_calendar(population: Population) -> Population:
    """Add what the calendar says of each cell: its hour of the day and its weekday, in UTC."""
    starts, step = population.starts, population.step
    if starts is None or not len(starts):
        return population
    values, codes = dict(population.values), dict(population.codes)
    for name, words, places in calendar(starts, step):
        values[name], codes[name] = words, places
    return Population(values, codes, population.counts, starts, step, population.left_out)


def calendar(times: Ints, step: int) -> list[tuple[str, Sequence[str], Ints]]:
    """Return the calendar's dimensions of instants: name, words, the place of each instant's word."""
    found: list[tuple[str, Sequence[str], Ints]] = []
    if step <= HOUR:
        hours = [f"between {hour:02}:00 and {hour + 1:02}:00 UTC" for hour in range(24)]
        found.append((CALENDAR[0], hours, times % DAY // HOUR))
    if step <= DAY:
        found.append((CALENDAR[1], _WEEKDAYS, (times // DAY + _THURSDAY) % 7))
    return found
