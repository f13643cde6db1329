"""A window pushed down: of a database only the rows of the window are landed, and the partners of the other side's.

What is found is what landing all would find. A record counts where a row of either side lies in the window, so a side
needs its rows of the window, and those before it that have a key which the other side has in the window and it has
not. Both are asked for in one transaction, so that they are of one moment. Where a column's type does not say when a
row is from, or its keys cannot be asked for, all rows are landed.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.drift.pairs.canonical import Column, prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.model import Pair, SideName
from assay.drift.pairs.plan import Input, cut_of, placed_of, within, zone_of
from assay.drift.pairs.rows import Rows, quoted, settings
from assay.drift.pairs.sources.landing import Faults, LandedRows, Parts, Snapshot

if TYPE_CHECKING:
    import duckdb

_ZONES = timedelta(days=2)
"""Further than any zone lies from UTC."""
_MOST_KEYS = 20_000
"""Partners that are asked for by key; beyond, all rows are landed."""
_MEMORY_MB = 500


def narrowed(pair: Pair, left: Rows, right: Rows, at: datetime) -> tuple[Rows, Rows]:
    """Return both sides' rows; those of a database are landed only as far as a comparison at an instant needs them.

    Nothing is narrowed where rows are valid for a time, of which what they said before is looked for, or where a side's
    records are made of several rows.
    """
    if pair.window is None or any(side.valid or side.query for side in (pair.left, pair.right)):
        return left, right
    both = _Both(pair, left, right, at)
    return both.rows("left"), both.rows("right")


class _Both:
    """The two sides of a pair, of which each is landed with regard to the other."""

    def __init__(self, pair: Pair, left: Rows, right: Rows, at: datetime) -> None:
        self.pair, self.at = pair, at
        self.sides: dict[SideName, Rows] = {"left": left, "right": right}
        self._narrow: dict[SideName, NarrowedRows] = {
            name: NarrowedRows(self, name, rows)
            for name, rows in self.sides.items()
            if isinstance(rows, LandedRows) and rows.opened is not None and not rows.landed
        }
        self._landed = False

    def rows(self, name: SideName) -> Rows:
        """Return one side's rows."""
        return self._narrow.get(name, self.sides[name])

    def land(self) -> None:
        """Land the sides that are databases, once."""
        if self._landed:
            return
        with ExitStack() as stack:
            connection = stack.enter_context(connect(settings(_MEMORY_MB)))
            prepare(connection)
            snapshots: dict[SideName, Snapshot] = {}
            cuts: dict[SideName, str | None] = {}
            for name, rows in self._narrow.items():
                snapshots[name] = stack.enter_context(rows.database())
                cuts[name] = self._since(name, snapshots[name])
                rows.land(snapshots[name], "window", cuts[name] or "")
            for name, rows in self._narrow.items():
                cut = cuts[name]
                if cut is not None and not rows.unread:
                    self._land_partners(connection, name, snapshots[name], cut)
        self._landed = True

    def _since(self, name: SideName, snapshot: Snapshot) -> str | None:
        """Return the condition of the rows since the window began; not before it ends: those of the future are told."""
        own = self.pair.left if name == "left" else self.pair.right
        assert self.pair.window is not None  # nothing is narrowed without one
        zone = zone_of(self.pair, name, own.placed)
        if own.placed is None or zone.startswith("epoch"):
            return None
        return snapshot.since(own.placed, self.at - self.pair.window - _ZONES)

    def _land_partners(
        self, connection: duckdb.DuckDBPyConnection, name: SideName, snapshot: Snapshot, cut: str
    ) -> None:
        """Land the rows before the window whose key the other side has in it; all of them where none lies in it."""
        own = self.pair.left if name == "left" else self.pair.right
        rows, before = self._narrow[name], f"({cut}) IS NOT TRUE"
        keys = self._lacking(connection, name) if rows.rows else None
        if keys is None or len(keys) > _MOST_KEYS:
            rows.land(snapshot, "before", before)
            return
        if keys:
            columns = zip(own.key, zip(*keys, strict=True), strict=True)
            # Of a key of several columns more rows may have one of each: they find no partner, and count for nothing.
            asked = [snapshot.among(column, sorted(set(values))) for column, values in columns]
            where = [each for each in asked if each is not None]
            rows.land(snapshot, "before", " AND ".join([before, *(where if len(where) == len(asked) else [])]))

    def _lacking(self, connection: duckdb.DuckDBPyConnection, name: SideName) -> Sequence[tuple[str, ...]]:
        """Return the keys that the other side has in the window and this one has not; none where the other is empty."""
        others: SideName = "right" if name == "left" else "left"
        sides = [self._input(connection, others), self._input(connection, name)]
        if not sides[0].columns:
            return []
        queries = []
        for each, side in zip((others, name), sides, strict=True):
            own = self.pair.left if each == "left" else self.pair.right
            if not {*own.key, own.placed} - {None} <= side.columns.keys():
                return []  # whoever compares refuses it, and says which column
            text = ", ".join(side.columns[column].text for column in own.key)
            there = " AND ".join(f"{side.columns[column].raw} IS NOT NULL" for column in own.key)
            inside = within(cut_of(self.pair, self.at), placed_of(self.pair, side, each))
            queries.append(f"SELECT {text} FROM {side.source} WHERE {there} AND {inside}")  # noqa: S608
        return connection.execute(f"{' EXCEPT '.join(queries)} LIMIT {_MOST_KEYS + 1}").fetchall()

    def _input(self, connection: duckdb.DuckDBPyConnection, name: SideName) -> Input:
        narrow = self._narrow.get(name)
        source = narrow.source() if narrow else self.sides[name].attach(connection, f"assay_{name}")
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        columns = {str(row[0]): Column(str(row[0]), str(row[1])) for row in described}
        return Input(name, source, columns)


class NarrowedRows:
    """The rows of one side that a comparison needs, as Parquet that goes with them."""

    def __init__(self, both: _Both, name: SideName, whole: LandedRows) -> None:
        self._both, self._name, self._of = both, name, whole
        self._faults = Faults()
        self._place: Path | None = None
        self.rows = 0

    @property
    def unread(self) -> Sequence[str]:
        """What could not be read; known once the rows are landed."""
        return self._faults.sentences()

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of what was landed; the first time, land both sides."""
        self._both.land()
        return self.source()

    def database(self) -> AbstractContextManager[Snapshot]:
        """Open the database."""
        assert self._of.opened is not None  # or it would not be narrowed
        return self._of.opened()

    def land(self, snapshot: Snapshot, what: str, where: str) -> None:
        """Land the rows that a condition holds of, into a folder of their own."""
        if self._place is None:
            self._place = Path(tempfile.mkdtemp(prefix="assay-landed-"))
            weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
        place = self._place / what
        place.mkdir()
        parts = Parts(place, self._faults)
        try:
            snapshot.land(parts, where)
        finally:
            parts.close()
        self.rows += parts.rows

    def source(self) -> str:
        """Return the scan of what was landed."""
        if not self.rows or self._place is None:
            return "(SELECT NULL AS nothing WHERE false)"
        return f"read_parquet({quoted(str(self._place / '*' / '*.parquet'))}, union_by_name = true)"
