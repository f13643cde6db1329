"""A comparison of which an engine elsewhere does the heavy part: it finds the differing keys, and only they come back.

What comes back is judged, classed and shown by the very code that compares here (`engine`, `suspects`, `differences`),
so that findings are the same; and the counts must balance, so that a row the engine lost would be noticed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.drift.pairs.belonging import Belonging, belonging
from assay.drift.pairs.canonical import prepare
from assay.drift.pairs.crowds.population import Population
from assay.drift.pairs.elsewhere.dimensions import population_there
from assay.drift.pairs.elsewhere.engines import Engine
from assay.drift.pairs.elsewhere.plan import Asked, Relation, ask, drawn
from assay.drift.pairs.engine import MEMORY_MB, Comparison, input_of
from assay.drift.pairs.model import Outcome, Pair, Side, SideName
from assay.drift.pairs.plan import Digest, Input, cut_of, key_forms, key_hash, placed_of, within
from assay.drift.pairs.rows import Rows, quoted, settings
from assay.drift.pairs.sources.files import ParquetFiles
from assay.drift.pairs.sources.warehouse import WarehouseRows
from assay.drift.pairs.suspects import LOOKED
from assay.errors import UsageError

if TYPE_CHECKING:
    import duckdb

_MOST_OF_ONE_SIDE = 200_000
"""Rows that are asked for where the other side has none: whether all of them are in flight is told by them."""


class Fetched:
    """Rows that came back: Parquet files of a folder of ours."""

    def __init__(self, paths: Sequence[Path], unread: Sequence[str], *, belong: bool) -> None:
        self.paths, self.unread, self.belong = tuple(paths), tuple(unread), belong

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of the files."""
        del connection, name
        return f"read_parquet([{', '.join(quoted(str(path)) for path in self.paths)}])"


@dataclass(frozen=True, slots=True)
class Handed:
    """One side as the engine was given it. own: the side, without what was done before it got there."""

    relation: Relation
    own: Side
    unread: Sequence[str]
    belong: bool


@dataclass(frozen=True, slots=True)
class Back:
    """What came back of one side. sizes: rows that belong to it for sure, and those of them in the window."""

    sure: Path
    unsure: Path
    rows: int
    sizes: tuple[int, int]


class Elsewhere:
    """Compares pairs on one engine; `reconcile` is told of it by `on`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def comparing(
        self, pair: Pair, left: Rows, right: Rows, *, at: datetime, limit: int | None, memory_mb: int = MEMORY_MB
    ) -> Iterator[Compared]:
        """Compare two sides there, and keep what came back while it is asked for.

        `UsageError` for a field or source that this engine cannot compare, with the reason.
        """
        with tempfile.TemporaryDirectory(prefix="assay-elsewhere-") as name:
            folder = Path(name)
            sides = [
                self._handed(side, own, rows, folder)
                for side, own, rows in (("left", pair.left, left), ("right", pair.right, right))
            ]
            one, two = sides
            asked_of = replace(pair, left=one.own, right=two.own)
            asked = ask(asked_of, one.relation, two.relation, self.engine.dialect, at)
            sizes = [self._totals(query) for query in asked.totals]
            back = self._back(asked, sides, sizes, folder)
            yield Compared(self.engine, pair, asked_of, at, sides, back, asked, folder, (limit, memory_mb))

    def _handed(self, name: str, own: Side, rows: Rows, folder: Path) -> Handed:
        inner = rows.rows if isinstance(rows, Belonging) else rows
        table = f"assay_{name}"
        if isinstance(inner, WarehouseRows):
            if own.query is not None:
                raise UsageError(
                    f"a query over the rows of {own.system} is one of DuckDB, and they stand elsewhere",
                    hint='say it as the source\'s own: source = { kind = "warehouse", query = "SELECT …" }',
                )
            source = inner.relation(self.engine.dialect.named)
            return Handed(Relation(own.system, source, self.engine.columns(source)), own, (), belong=False)
        if isinstance(inner, ParquetFiles) and own.query is None:
            with _connection(folder) as connection:
                inner.attach(connection, table)
            source = self.engine.files(table, inner.whole)
            return Handed(Relation(own.system, source, self.engine.columns(source)), own, inner.unread, belong=False)
        landed = folder / f"{name}-landed.parquet"
        with _connection(folder) as connection:
            prepare(connection)
            read = rows.attach(connection, table)
            connection.execute(f"COPY (SELECT * FROM {read}) TO {quoted(str(landed))} (FORMAT parquet)")  # noqa: S608
        source = self.engine.files(table, [landed])
        bare = replace(own, only={}, valid=None, query=None)
        return Handed(Relation(own.system, source, self.engine.columns(source)), bare, rows.unread, belong=True)

    def _totals(self, query: str) -> tuple[int, int]:
        row = next(list(batch.to_pydict().values()) for batch in self.engine.read(query) if batch.num_rows)
        return int(row[0][0]), int(row[1][0])

    def _back(
        self, asked: Asked, sides: Sequence[Handed], sizes: Sequence[tuple[int, int]], folder: Path
    ) -> tuple[Back, Back]:
        """Bring the rows of the looked-at keys back; none where a side is empty and the other one large."""
        alone = 0 in (sizes[0][0], sizes[1][0]) and max(sizes[0][0], sizes[1][0]) > _MOST_OF_ONE_SIDE
        looked = self.engine.keep("assay_looked", asked.looked if not alone else f"{asked.looked} AND 1 = 0")
        found = []
        for name, query, size, side in zip(("left", "right"), asked.rows_of(looked), sizes, sides, strict=True):
            sure, unsure = folder / f"{name}-sure.parquet", folder / f"{name}-unsure.parquet"
            rows = _written(self.engine.read(query), list(side.relation.columns), sure, unsure)
            found.append(Back(sure, unsure, rows, size))
        return found[0], found[1]


def _written(batches: Iterator[pa.RecordBatch], names: Sequence[str], sure: Path, unsure: Path) -> int:
    """Write what came back: rows that surely belong, and those of which it is told here. The last column says which."""
    writers: list[pq.ParquetWriter] = []
    rows = 0
    try:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            left = pc.equal(table.column(table.num_columns - 1), 1)
            plain = table.select(list(range(table.num_columns - 1))).rename_columns(list(names))
            if not writers:
                writers = [pq.ParquetWriter(path, plain.schema) for path in (sure, unsure)]
            for writer, kept in zip(writers, (plain.filter(pc.invert(left)), plain.filter(left)), strict=True):
                writer.write_table(kept)
            rows += table.num_rows
    finally:
        for writer in writers:
            writer.close()
    return rows


@contextmanager
def _connection(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    from assay.drift.pairs.connecting import connect

    with connect(settings(MEMORY_MB, folder / "spill")) as connection:
        yield connection


class Compared:
    """What comparing elsewhere gave: the outcome, and what else of all rows the search for causes asks for."""

    def __init__(
        self,
        engine: Engine,
        pair: Pair,
        asked_of: Pair,
        at: datetime,
        sides: Sequence[Handed],
        back: tuple[Back, Back],
        asked: Asked,
        folder: Path,
        limits: tuple[int | None, int],
    ) -> None:
        self._engine, self._pair, self._at, self._asked_of = engine, pair, at, asked_of
        self._sides, self._back, self._asked, self._folder = sides, back, asked, folder
        limit, memory_mb = limits
        left, right = self._rows()
        judged = _Judged(pair, left, right, at=at, memory_mb=memory_mb, back=back, unsure=self._unsure())
        with judged as comparison:
            self.outcome: Outcome = comparison.outcome(limit=limit)

    @property
    def rows_back(self) -> tuple[int, int]:
        """How many rows of each side came back."""
        return self._back[0].rows, self._back[1].rows

    def _rows(self) -> tuple[Rows, Rows]:
        left, right = (
            Fetched((back.sure, back.unsure), side.unread, belong=side.belong)
            for back, side in zip(self._back, self._sides, strict=True)
        )
        return left, right

    def _unsure(self) -> tuple[Rows, Rows]:
        left, right = (
            Fetched((back.unsure,), (), belong=side.belong) for back, side in zip(self._back, self._sides, strict=True)
        )
        return left, right

    def population(self, side: SideName) -> Population:
        """Return all records of a side, counted by dimensions and time, as `crowds.population_of` does."""
        place = ("left", "right").index(side)
        relation = self._sides[place].relation
        rows = belonging(self._pair, *self._unsure(), self._at)[place]
        since, until = self.outcome.since, self.outcome.until
        return population_there(
            self._engine, self._asked_of, side, relation, rows, at=self._at, since=since, until=until
        )

    def drawn(self) -> tuple[Rows, Rows]:
        """Return a few orders of both sides, the same keys of each: what rounding policies are proposed by."""
        share = drawn(self._back[0].sizes[0])
        found = []
        for name, query, side in zip(("left", "right"), self._asked.samples, self._sides, strict=True):
            sure, unsure = (self._folder / f"{name}-drawn-{word}.parquet" for word in ("sure", "unsure"))
            batches = (
                batch.append_column("assay_unsure", pa.array([0] * batch.num_rows, pa.int32()))
                for batch in self._engine.read(query.replace("{}", str(share)))
            )
            _written(batches, list(side.relation.columns), sure, unsure)
            found.append(Fetched((sure,), (), belong=True))
        return found[0], found[1]


class _Judged(Comparison):
    """A comparison of the rows that came back, which knows how many there are elsewhere."""

    def __init__(
        self,
        pair: Pair,
        left: Rows,
        right: Rows,
        *,
        at: datetime,
        memory_mb: int,
        back: tuple[Back, Back],
        unsure: tuple[Rows, Rows],
    ) -> None:
        super().__init__(pair, left, right, at=at, memory_mb=memory_mb)
        self._back = back
        self._unsure = belonging(pair, *unsure, at)

    def _read_sizes(self, sides: Sequence[Input]) -> list[int]:
        return [
            back.sizes[0] + self._counted(name, own, rows, windowed=False) for name, own, rows, back in self._each()
        ]

    def _all_in_flight(self, sizes: Sequence[int], sides: Sequence[Input]) -> bool:
        whole = all(size <= back.rows for size, back in zip(sizes, self._back, strict=True))
        return whole and super()._all_in_flight(sizes, sides)

    def _look(self, plan: Digest) -> bool:
        """Look at all that came back: the engine elsewhere chose it."""
        del plan
        left, right = (
            back.sizes[1] + self._counted(name, own, rows, windowed=True) for name, own, rows, back in self._each()
        )
        self._sizes = (left, right)
        assert self.case is not None
        keys = key_forms(self.pair, self.case.left, self.case.right)
        hashes = [
            f"SELECT {key_hash(forms)} AS k FROM {side.source}"  # noqa: S608 (names are quoted)
            for side, forms in (
                (self.case.left, [mine for mine, _ in keys]),
                (self.case.right, [theirs for _, theirs in keys]),
            )
        ]
        self.connection.execute(f"CREATE TEMP TABLE {LOOKED} AS {' UNION '.join(hashes)}")
        return False

    def _each(self) -> Iterator[tuple[SideName, Side, Rows, Back]]:
        yield "left", self.pair.left, self._unsure[0], self._back[0]
        yield "right", self.pair.right, self._unsure[1], self._back[1]

    def _counted(self, name: SideName, own: Side, rows: Rows, *, windowed: bool) -> int:
        """Return how many of the rows that the engine left to be told here belong to the side, or are in the window."""
        side = input_of(self.connection, rows, own.system, f"assay_unsure_{name}")
        where = "true"
        if windowed:
            where = within(cut_of(self.pair, self.at), placed_of(self.pair, side, name))
        query = f"SELECT count(*) FROM {side.source} WHERE {where}"  # noqa: S608 (names are quoted)
        return int(self.connection.execute(query).fetchall()[0][0])
