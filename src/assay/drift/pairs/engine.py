"""Two sides compared, whole: what each row hashes to, which keys are left over, and what is wrong with those.

The plan is that of `plan` and `suspects`: one join over hashes and the few numbers that may lie apart, in bounded
memory that spills to disk. Every row is accounted for: what is alike must be as many rows of the left as of the right.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from assay.drift.pairs.belonging import belonging, only_text
from assay.drift.pairs.canonical import Column, prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.copies import write_copies
from assay.drift.pairs.differences import Record, differences, shown_columns
from assay.drift.pairs.model import Class, Counts, Difference, Kind, Outcome, Pair, SideName
from assay.drift.pairs.plan import (
    Compared,
    Digest,
    Input,
    absent,
    compared,
    cut_of,
    digest,
    microseconds,
    moment_of,
    whole_columns,
    zone_of,
)
from assay.drift.pairs.rows import Rows, cut_to, named, settings
from assay.drift.pairs.suspects import LOOKED, OVER, Case, judge, land, totals
from assay.errors import InfrastructureError, UsageError, did_you_mean

LIMIT = 10_000
MEMORY_MB = 1150
_ALONE = 2_500_000
"""Rows of both sides up to which one thread compares them: in a tenth less CPU, and no core is taken from others."""
_FEW = 100_000
"""Rows of both sides up to which it does not pay to look at some of them first."""
_FIRST = 2_048
"""So many rows of the left show what its texts are like: as many as DuckDB hands on at once."""
_ROW_BYTES = 80
"""What the join holds of each row of the right and its index; beyond memory it spills, and what passes by, too."""


def compare(
    pair: Pair,
    left: Rows,
    right: Rows,
    *,
    at: datetime,
    limit: int | None = LIMIT,
    memory_mb: int = MEMORY_MB,
    spill: Path | None = None,
    threads: int | None = None,
    explain: Callable[[Pair, Difference], Difference] | None = None,
) -> Outcome:
    """Compare two sides and return what differs: counts of all, and up to `limit` records (None: all of them).

    at: now, by which the window ends and a record is young. memory_mb: what DuckDB may hold before it spills to disk,
    into `spill` or a temporary folder. explain: names the cause of one difference. `UsageError` for a pair that does
    not fit its sides, `InfrastructureError` where a side could not be read.
    """
    with Comparison(pair, left, right, at=at, memory_mb=memory_mb, spill=spill, threads=threads) as comparison:
        return comparison.outcome(limit=limit, explain=explain)


def both_rows(
    pair: Pair, left: Rows, right: Rows, *, keys: Sequence[Sequence[str]] | None = None, limit: int = 100
) -> list[tuple[tuple[str, ...], Record | None, Record | None]]:
    """Return rows of both sides by key, whether they differ or not: of the keys asked for, else of a fair draw.

    A drawn key is on both sides, and is drawn by its hash; a row without a key is never returned. `None` stands for a
    side that has no such row; of copies, one is returned.
    """
    with connect(settings(MEMORY_MB)) as connection:
        prepare(connection)
        try:
            return _both_rows(connection, pair, left, right, keys, limit)
        except duckdb.Error as error:
            raise _unreadable(pair, error) from error


class Comparison:
    """A comparison that is kept open: its tables can be asked for more than an `Outcome` holds.

    `connection` has `found`, one row for each looked-at key: `~k0` … (the key), `classed` (NULL where nothing is
    wrong), `flight`, the copies, and `f0` … by field (1 differs, 2 could not be compared). within: a connection that
    the rows lie in already; memory and the folder to spill to are its own then, and its threads are set.
    """

    def __init__(
        self,
        pair: Pair,
        left: Rows,
        right: Rows,
        *,
        at: datetime,
        memory_mb: int = MEMORY_MB,
        spill: Path | None = None,
        threads: int | None = None,
        within: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        if at.tzinfo is None:
            raise UsageError("the instant of a comparison has a zone", expected="UTC", seen=f"{at}")
        self.pair, self.at = pair, at
        self._memory_mb = memory_mb
        self._rows = belonging(pair, left, right, at)
        self._folder = None if spill or within else tempfile.TemporaryDirectory(prefix="assay-drift-")
        config = settings(memory_mb, spill or (self._folder.name if self._folder else None))
        self._threads = threads
        self.connection = within.cursor() if within else connect(config)
        self.case: Case | None = None
        self.counts = Counts(left=0, right=0, matched=0, only_left=0, only_right=0, in_flight=0)
        self.unread: list[str] = []
        self._whole = (True, True)
        self._sizes = (0, 0)

    def __enter__(self) -> Self:
        try:
            with self._guarded():
                self._run()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the tables, and of the folder they spilled to."""
        self.connection.close()
        if self._folder is not None:
            self._folder.cleanup()

    def outcome(
        self, *, limit: int | None = LIMIT, explain: Callable[[Pair, Difference], Difference] | None = None
    ) -> Outcome:
        """Return what was found, with up to so many records."""
        with self._guarded():
            classes, fields = totals(self.connection, self.case) if self.case else ({}, {})
            records = differences(self.connection, self.case, limit) if self.case else []
        return Outcome(
            pair=self.pair,
            at=self.at,
            since=None if self.pair.window is None else self.at - self.pair.window,
            until=None if self.pair.window is None else self.at,
            counts=self.counts,
            classes=classes,
            fields=fields,
            differences=[explain(self.pair, each) for each in records] if explain else records,
            unread=tuple(self.unread),
        )

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn DuckDB's own errors into one that says which pair could not be compared."""
        try:
            yield
        except duckdb.Error as error:
            raise _unreadable(self.pair, error) from error

    def _run(self) -> None:
        prepare(self.connection)
        sides = [
            input_of(self.connection, rows, side.system, name)
            for rows, side, name in zip(
                self._rows, (self.pair.left, self.pair.right), ("assay_left", "assay_right"), strict=True
            )
        ]
        left, right = sides
        self._note_unread(left, right)
        sizes = self._read_sizes(sides)
        if 0 in sizes:
            if self._all_in_flight(sizes, sides):
                self._in_flight(sizes)
            else:
                self._nothing_read(sizes, sides)
            return
        refuse_columns(self.pair, left, right)
        self._set_threads(sum(sizes))
        cut = cut_of(self.pair, self.at)
        self.case = Case(self.pair, left, right, compared(self.pair, left, right), cut)
        self.unread += _not_compared(self.pair, left, right)
        fields = self.case.fields
        plan = digest(
            self.pair, left, right, fields, cut=cut, as_written=self._as_written(fields, left.source, sum(sizes))
        )
        land(self.connection, self.case, carried=self._look(plan))
        if not self._balances():
            self._look_at_copies(plan)
            land(self.connection, self.case, carried=False)
        judge(self.connection, self.case)
        self._withhold()
        self.counts = _counts(self.connection, self._sizes)

    def _read_sizes(self, sides: Sequence[Input]) -> list[int]:
        """Return how many rows there are of each side, in the window or not."""
        return [_number(self.connection, f"SELECT count(*) FROM {side.source}") for side in sides]  # noqa: S608

    def _set_threads(self, rows: int) -> None:
        """Use as many threads as were asked for; of few rows one."""
        threads = self._threads or (1 if rows <= _ALONE else None)
        self.connection.execute("RESET threads" if threads is None else f"SET threads = {int(threads)}")

    def _as_written(self, fields: Sequence[Compared], source: str, rows: int) -> frozenset[str]:
        """Return the fields of text of which the left's first values are plain ASCII: no other form of them is sought.

        Where one comes after all, its row is looked at whole: this decides what is cheap, and nothing else.
        """
        texts = [each for each in fields if each.field.kind is Kind.TEXT]
        if not texts or rows <= _FEW:
            return frozenset()
        read = ", ".join(f"{each.left.column.text} AS t{place}" for place, each in enumerate(texts))
        plain = ", ".join(f"bool_and(strlen(t{place}) = length(t{place}))" for place in range(len(texts)))
        query = f"SELECT {plain} FROM (SELECT {read} FROM {source} LIMIT {_FIRST})"  # noqa: S608 (names are quoted)
        row = self.connection.execute(query).fetchall()[0]
        return frozenset(each.field.name for each, is_plain in zip(texts, row, strict=True) if is_plain)

    def _note_unread(self, left: Input, right: Input) -> None:
        """Collect what the sources could not read, and the fields whose columns are gone."""
        for rows, side in zip(self._rows, (left, right), strict=True):
            self.unread += [f"{side.system}: {sentence}" for sentence in rows.unread]
        self._whole = (not self._rows[0].unread, not self._rows[1].unread)

    def _nothing_read(self, sizes: Sequence[int], sides: Sequence[Input]) -> None:
        """Conclude nothing from a side without a row: an outage is not a loss of all orders."""
        declared = (self.pair.left, self.pair.right)
        empty = [
            side.system + (f" with {only_text(own.only)}" if own.only else "")
            for size, side, own in zip(sizes, sides, declared, strict=True)
            if not size
        ]
        self.unread.append(f"nothing was read from {' nor from '.join(empty)}")
        self.counts = Counts(
            left=sizes[0], right=sizes[1], matched=0, only_left=sizes[0], only_right=sizes[1], in_flight=0
        )

    def _all_in_flight(self, sizes: Sequence[int], sides: Sequence[Input]) -> bool:
        """Whether one side is empty because all the other one has is younger than the grace: a shop's first orders."""
        if not any(sizes) or not self.pair.grace or self.unread:
            return False
        name: SideName = "left" if sizes[0] else "right"
        side, own = (sides[0], self.pair.left) if name == "left" else (sides[1], self.pair.right)
        moments = [
            moment_of(column, side, zone_of(self.pair, name, column))
            for column in (own.placed, own.changed)
            if column in side.columns
        ]
        if not moments:
            return False
        since = microseconds(self.at - self.pair.grace)
        young = f"coalesce(greatest({', '.join(moments)}) > {since}, false)"
        return not _number(self.connection, f"SELECT count(*) FROM {side.source} WHERE NOT {young}")  # noqa: S608

    def _in_flight(self, sizes: Sequence[int]) -> None:
        left, right = sizes
        self.counts = Counts(
            left=left, right=right, matched=0, only_left=left, only_right=right, in_flight=left + right
        )

    def _look(self, plan: Digest) -> bool:
        """Write down which keys to look at, by their hashes: rows that are like none of the other side, and copies.

        The right's copies are kept out of the join: a key that is none would meet its like in millions. Returns whether
        the join carried the left's rows whole, for which there must be memory, and no window with rows behind it.
        """
        run = self.connection.execute
        self._sizes = (_number(self.connection, plan.count_left), _number(self.connection, plan.count_right))
        right = plan.right
        if write_copies(self.connection, "copies_r", plan.right_keys, self._sizes[1], memory_mb=self._memory_mb):
            right = f"SELECT side.* FROM ({right}) AS side ANTI JOIN copies_r AS copy ON side.k = copy.k"  # noqa: S608
        carried = self.pair.window is None and self._sizes[1] * _ROW_BYTES < self._memory_mb * 1_000_000
        left = plan.left_whole if carried else plan.left
        # The right is what the join holds in memory, and the left passes by: the optimiser would weigh its rows' width.
        run("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        columns = "".join(f", l.{alias}" for alias in whole_columns(self.case.left)) if carried and self.case else ""
        run(
            f"CREATE TEMP TABLE {OVER} AS SELECT coalesce(l.k, r.k) AS k, l.there IS NOT NULL AS there{columns} "  # noqa: S608
            f"FROM ({left}) AS l FULL JOIN ({right}) AS r ON l.h = r.h WHERE NOT coalesce({plan.alike}, false)"
        )
        run("SET disabled_optimizers = ''")
        # 0 is what rows without a key are found by; as a bare number it would make wide ones of all hashes.
        run(
            f"CREATE TEMP TABLE {LOOKED} AS SELECT CAST(0 AS UBIGINT) AS k UNION SELECT k FROM {OVER} "  # noqa: S608
            "UNION SELECT k FROM copies_r"
        )
        return carried

    def _look_at_copies(self, plan: Digest) -> None:
        """Write down the keys besides that the left has more than once."""
        write_copies(self.connection, "copies_l", plan.left_keys, self._sizes[0], memory_mb=self._memory_mb)
        self.connection.execute(f"INSERT INTO {LOOKED} SELECT k FROM copies_l EXCEPT SELECT k FROM {LOOKED}")  # noqa: S608

    def _balances(self) -> bool:
        """Whether as many rows of the left are alike as of the right.

        Of a key that the right has once, every row of the left that is like it is one too many here; nothing makes up
        for it. So this tells whether the left has copies, without reading all its keys again.
        """
        left, right = (size - looked for size, looked in zip(self._sizes, _looked(self.connection), strict=True))
        return left == right

    def _withhold(self) -> None:
        """Conclude nothing missing from a side of which a part could not be read, or that may lack records."""
        lacking: tuple[tuple[SideName, Class], ...] = (("left", Class.EXTRA), ("right", Class.MISSING))
        for whole, (name, classed) in zip(self._whole, lacking, strict=True):
            if not whole or name in self.pair.may_lack:
                self.connection.execute("UPDATE found SET classed = NULL WHERE classed = ?", [classed.value])


def _unreadable(pair: Pair, error: duckdb.Error) -> InfrastructureError:
    return InfrastructureError(
        f"the records of '{pair.name}' could not be compared",
        where=f"{pair.left.system} and {pair.right.system}",
        seen=str(error).strip().splitlines()[0],
    )


def _both_rows(
    connection: duckdb.DuckDBPyConnection,
    pair: Pair,
    left: Rows,
    right: Rows,
    keys: Sequence[Sequence[str]] | None,
    limit: int,
) -> list[tuple[tuple[str, ...], Record | None, Record | None]]:
    sides = [input_of(connection, left, pair.left.system, "assay_left")]
    sides.append(input_of(connection, right, pair.right.system, "assay_right"))
    refuse_columns(pair, *sides)
    names = (pair.left.key, pair.right.key)
    if keys is None:
        keys = _drawn(connection, sides, names, limit)
    found: list[dict[tuple[str, ...], Record]] = []
    for side, columns in zip(sides, names, strict=True):
        wanted = cut_to(side.source, columns, keys)
        shown = ", ".join(shown_columns("s", side.columns))
        key = ", ".join(f"CAST(s.{named(column)} AS VARCHAR)" for column in columns)
        rows = connection.execute(f"SELECT {key}, {shown} FROM {wanted} AS s").fetchall()  # noqa: S608
        found.append({row[: len(columns)]: dict(zip(side.columns, row[len(columns) :], strict=True)) for row in rows})
    return [(tuple(key), found[0].get(tuple(key)), found[1].get(tuple(key))) for key in keys]


def _drawn(
    connection: duckdb.DuckDBPyConnection, sides: Sequence[Input], names: Sequence[Sequence[str]], limit: int
) -> list[tuple[str, ...]]:
    """Return keys that both sides have, the first by their hashes."""
    texts = [[f"CAST({named(column)} AS VARCHAR)" for column in columns] for columns in names]
    mine, theirs = (f"SELECT {', '.join(text)} FROM {side.source}" for text, side in zip(texts, sides, strict=True))  # noqa: S608
    there = " AND ".join(f"{text} IS NOT NULL" for text in texts[0])
    keys = ", ".join(f"k{place}" for place in range(len(texts[0])))
    query = (
        f"SELECT DISTINCT {keys}, hash({keys}) AS lot "  # noqa: S608 (names are quoted)
        f"FROM ({mine} WHERE {there} INTERSECT {theirs}) AS both_have({keys}) "
        f"ORDER BY lot, {keys} LIMIT {int(limit)}"
    )
    return [tuple(row[:-1]) for row in connection.execute(query).fetchall()]


def input_of(connection: duckdb.DuckDBPyConnection, rows: Rows, system: str, name: str) -> Input:
    """Attach a side's rows and return them as the plan sees them."""
    source = rows.attach(connection, name)
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    return Input(system, source, {str(row[0]): Column(str(row[0]), str(row[1])) for row in described})


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def refuse_columns(pair: Pair, left: Input, right: Input) -> None:
    """Refuse a key or an instant of the window that a side does not have; without them nothing can be compared."""
    for side, own, name in ((left, pair.left, "left"), (right, pair.right, "right")):
        for column in (*own.key, own.placed, own.changed):
            if column is not None and column not in side.columns:
                raise UsageError(
                    f"the rows of {side.system} have no column '{column}'",
                    where=f"pair '{pair.name}', {name}{f', {pair.declared_in}' if pair.declared_in else ''}",
                    expected=", ".join(side.columns),
                    seen=column,
                    hint=did_you_mean(column, side.columns),
                )


def _not_compared(pair: Pair, left: Input, right: Input) -> Iterator[str]:
    """Yield a sentence for each field of which a side has no column."""
    for field in pair.fields:
        for side, column in absent(field, left, right):
            hint = did_you_mean(column, side.columns)
            yield f"{field.name} was not compared: the rows of {side.system} have no column '{column}' ({hint})"


def _looked(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return how many rows of each side were looked at whole, of those that are in the window."""
    return [
        _number(connection, f'SELECT count(*) FROM {side}_rows WHERE "~in"')  # noqa: S608
        for side in ("left", "right")
    ]


def _counts(connection: duckdb.DuckDBPyConnection, sizes: tuple[int, int]) -> Counts:
    """Return where every row went; it is a fault of ours, and said, if one is not accounted for."""
    looked = _looked(connection)
    alike, other = sizes[0] - looked[0], sizes[1] - looked[1]
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE paired), sum(l_copies) FILTER (WHERE NOT paired), "
        "sum(r_copies) FILTER (WHERE NOT paired), count(*) FILTER (WHERE flight), "
        "sum(greatest(l_copies - 1, 0)) FILTER (WHERE paired), sum(greatest(r_copies - 1, 0)) FILTER (WHERE paired), "
        "count(*) FILTER (WHERE paired AND l_copies = 0), count(*) FILTER (WHERE paired AND r_copies = 0) "
        "FROM (SELECT *, l_row IS NOT NULL AND r_row IS NOT NULL AS paired FROM found)"
    ).fetchall()[0]
    both, only_left, only_right, flight, more_left, more_right, edge_left, edge_right = (int(n or 0) for n in row)
    counts = Counts(
        left=sizes[0] + edge_left,
        right=sizes[1] + edge_right,
        matched=alike + both,
        only_left=only_left,
        only_right=only_right,
        in_flight=flight,
        extra_copies_left=more_left,
        extra_copies_right=more_right,
    )
    if alike != other or not counts.balances:
        raise InfrastructureError(
            "the rows do not add up", seen=str(counts), hint="the sides changed while they were read: land them first"
        )
    return counts
