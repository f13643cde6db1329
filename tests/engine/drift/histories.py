"""Histories of two sides, drawn: rows come, go and change, and each step is compared by what changed, and whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import Way, compare_incrementally
from assay.drift.pairs.model import Kind, Outcome, Pair
from assay.drift.pairs.remembered import Memory, Remembered
from assay.drift.pairs.rows import ParquetRows, Rows, TableRows, table_of
from assay.drift.pairs.sources.landing import LandedRows, Parts
from assay.drift.pairs.sources.narrowing import narrowed
from tests.engine.drift.two_sides import AT, ago, field, pair_of

GRACE, HOUR = timedelta(minutes=30), timedelta(hours=1)
Row = dict[str, Any]
INSTANT = pyarrow.timestamp("us", tz="UTC")
SCHEMA = pyarrow.schema([("id", "int64"), ("value", "int64"), ("placed", INSTANT), ("changed", INSTANT)])


class Sides:
    """Two sides whose rows come, go and change, as they are drawn. dated: whether every change is dated truly."""

    def __init__(self, seed: int, *, dated: bool) -> None:
        self.draw = random.Random(seed)
        self.dated = dated
        self.left: list[Row] = []
        self.right: list[Row] = []
        self.at, self._next = AT, 0
        for _ in range(30):
            self._order(ago(minutes=self.draw.randint(0, 900)))

    def _order(self, placed: datetime) -> None:
        self._next += 1
        key = self._next if self.dated or self.draw.random() < 0.8 else self.draw.randint(1, self._next)
        lag = timedelta(minutes=self.draw.choice((0, 1, 5, 25, 25, 200)))
        row = {"id": key, "value": self.draw.randint(1, 3), "placed": placed, "changed": self._now()}
        if self.draw.random() < 0.95:
            self.left.append(dict(row))
        if self.draw.random() < 0.9:
            self.right.append({**row, "placed": placed + lag})

    def _now(self) -> datetime | None:
        late = timedelta(minutes=self.draw.choice((0, 0, 2, 8)))
        return self.at - late if self.dated or self.draw.random() < 0.7 else None

    def step(self) -> None:
        """Let some time pass, and some things happen."""
        self.at += timedelta(minutes=self.draw.choice((1, 5, 20, 90)))
        for _ in range(self.draw.choice((0, 1, 1, 2, 4))):
            self._happen()

    def _happen(self) -> None:
        side = self.draw.choice((self.left, self.right))
        what = self.draw.choice(("order", "order", "change", "mend", "remove", "move", "copy", "rename", "no key"))
        if what == "order" or not side:
            future = 40 if self.dated else 90
            self._order(self.at - timedelta(minutes=self.draw.randint(-future, 300)))
            return
        row = self.draw.choice(side)
        match what:
            case "change":
                row.update(value=self.draw.randint(1, 3), changed=self._now())
            case "mend":
                for each in [*self.left, *self.right]:
                    if each["id"] == row["id"]:
                        each.update(value=row["value"], changed=self._now())
            case "remove":
                side.remove(row)
            case "move":
                row.update(placed=row["placed"] + HOUR * self.draw.randint(-9, 9), changed=self._now())
            case "copy" if not self.dated:
                side.append(dict(row, placed=row["placed"] + HOUR * self.draw.choice((0, 3))))
            case "rename":
                row.update(id=self.draw.randint(1, self._next) if not self.dated else 10_000 + self._next)
                row.update(changed=self._now())
            case "no key" if not self.dated:
                row["id"] = None

    def rows(self) -> tuple[TableRows, TableRows]:
        """Return both sides as they are now."""
        return table_of(self.left), table_of(self.right)


class Snapshot:
    """A database that holds these rows, as `sources.landing.Snapshot` says."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def since(self, column: str, moment: datetime) -> str:
        """Return a condition, in words of this module alone."""
        return f"since {moment.isoformat()}"

    def among(self, column: str, values: Sequence[str]) -> str:
        """Return the same of keys."""
        return "among " + ",".join(values)

    def land(self, parts: Parts, where: str = "") -> None:
        """Land the rows that a condition holds of."""
        rows = self.rows
        for condition in where.split(" AND ") if where else ():
            word, _, value = condition.removeprefix("(").partition(" ")
            moment, _, before = value.partition(") ")
            if word == "since":
                first = datetime.fromisoformat(moment)
                rows = [row for row in rows if (row["placed"] < first) == bool(before)]
            else:
                rows = [row for row in rows if str(row["id"]) in value.split(",")]
        if rows:
            parts.write(pyarrow.RecordBatch.from_pylist(rows, SCHEMA))


def asked(rows: list[Row]) -> LandedRows:
    """Return rows that are asked of a database."""
    return LandedRows("database", Snapshot(rows).land, opened=lambda: nullcontext(Snapshot(rows)))


def in_files(rows: Sequence[Row], folder: Path, group: int = 3) -> ParquetRows:
    """Write rows as Parquet: a file for each third of a day, in row groups of so many rows; return their rows."""
    folder.mkdir(parents=True, exist_ok=True)
    lots: dict[str, list[Row]] = {}
    for row in rows:
        lots.setdefault(f"{row['placed']:%d}-{row['placed'].hour // 8}.parquet", []).append(row)
    for path in folder.iterdir():
        if path.name not in lots:
            path.unlink()
    for name, lot in (lots or {"none.parquet": []}).items():
        parquet.write_table(pyarrow.Table.from_pylist(lot, SCHEMA), folder / name, row_group_size=group)
    return ParquetRows(str(folder / "*.parquet"))


def orders(**more: Any) -> Pair:
    """Return the pair of both sides."""
    return pair_of(field(Kind.NUMBER), placed=True, grace=GRACE, **more)


def told(outcome: Outcome) -> dict[str, Any]:
    """Return all an outcome says, in an order of its own."""
    records = [
        (each.key, each.classed.value, each.copies, tuple((one.field, one.left, one.right) for one in each.fields))
        for each in outcome.differences
    ]
    return {
        "counts": outcome.counts,
        "classes": dict(outcome.classes),
        "fields": dict(outcome.fields),
        "differences": sorted(records),
        "unread": tuple(outcome.unread),
    }


def lived(
    seed: int,
    steps: int,
    *,
    dated: bool,
    window: timedelta | None = None,
    database: bool = False,
    files: Path | None = None,
) -> list[Way]:
    """Live through a history, compare both ways at each step, and return how the passes went about it.

    database: both sides are asked for the rows of the window, and their partners. files: they lie there as Parquet, and
    so does what is remembered.
    """
    sides, pair = Sides(seed, dated=dated), orders(window=window)
    before: Remembered | None = None
    ways = []
    for step in range(steps):
        rows = sides.rows()
        full = compare(pair, *rows, at=sides.at, limit=None)
        read: tuple[Rows, Rows] = rows
        if database:
            read = narrowed(pair, asked(sides.left), asked(sides.right), sides.at)
        elif files is not None:
            read = in_files(sides.left, files / "left"), in_files(sides.right, files / "right")
        pass_ = compare_incrementally(pair, *read, at=sides.at, before=before, sweep=not dated, limit=None)
        assert told(pass_.outcome) == told(full), f"seed {seed}, step {step}: {pass_.done}"
        before = pass_.remembered or before
        if files is not None and before is not None:
            Memory(files).save("orders", before)
            before = Memory(files).load("orders")
        ways.append(pass_.done.way)
        sides.step()
    return ways
