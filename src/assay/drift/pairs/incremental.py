"""A pair compared again by what changed since its last verdict; the answer is that of comparing it whole.

Sides that round, map and write differently are never equal byte for byte, so each is held against itself: what its rows
came to, by partition, when every one of them had been judged. Three passes, each falling back on the next:

- by watermark: only rows that say they changed are read, and the number of rows. What it cannot see is a change that
  its row does not date, one dated before the last pass by more than the overlap, and a key that came again on both
  sides while its first rows lie where nothing changed.
- a sweep: all rows are read, none compared, and nothing is missed.
- whole: where the rule is another one, or there is no memory.

The memory is keyed by the rule: how fields are held, the maps of statuses, the bounds of rounding, the columns' types,
our version. The rate by which an order was converted is a column of it, and counts as its other columns do; a table of
published rates only says why two records differ, which is worked out anew for each that does.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import duckdb

from assay import __version__
from assay.drift.pairs.belonging import belonging
from assay.drift.pairs.canonical import prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.dirty import (
    SIDES,
    Dirty,
    KeptRows,
    all_parts,
    dirty_by_sweep,
    dirty_by_watermark,
    land,
    rest,
    watermark,
)
from assay.drift.pairs.engine import LIMIT, MEMORY_MB, Comparison, compare, input_of, refuse_columns
from assay.drift.pairs.model import Counts, Outcome, Pair
from assay.drift.pairs.partitions import Partitions, Parts, cut_by_time
from assay.drift.pairs.plan import Cut, Input, absent, compared, cut_of, digest, key_forms, key_hash, microseconds
from assay.drift.pairs.printed import Files
from assay.drift.pairs.remembered import Remembered
from assay.drift.pairs.rows import Rows, settings
from assay.drift.pairs.settled import Settled, settled
from assay.errors import InfrastructureError

SWEEP_EVERY = timedelta(days=1)
_MOST_OPEN = 2_000_000
"""Keys that differ or are in flight; a memory of more is none."""


class Way(StrEnum):
    """How a pass went about it, from the least that is read to all."""

    NOTHING = "nothing changed"
    WATERMARK = "watermark"
    SWEEP = "sweep"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a pass did. why: it may skip the rest, or could not. looked: partitions compared again, `of` so many.

    rows: of each side, those that were compared again.
    """

    way: Way
    why: str
    looked: int = 0
    of: int = 0
    rows: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incremental:
    """What a pass found, what it did, and what to remember; None where what was remembered should stay."""

    outcome: Outcome
    done: Pass
    remembered: Remembered | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What is compared again, where it is not everything. rest: rows of each side that are as they were."""

    way: Way
    why: str
    cut: Partitions
    rule: str
    parts: Parts
    watermarks: tuple[int | None, int | None]
    files: tuple[Files, Files]
    dirty: Dirty | None = None
    rows: tuple[KeptRows, KeptRows] | None = None
    rest: tuple[int, int] = (0, 0)


def compare_incrementally(
    pair: Pair,
    left: Rows,
    right: Rows,
    *,
    at: datetime,
    before: Remembered | None,
    sweep: bool = False,
    limit: int | None = LIMIT,
    memory_mb: int = MEMORY_MB,
) -> Incremental:
    """Compare two sides by what changed since `before`, and return what comparing them whole would.

    sweep: read all rows, whatever they say of when they changed; so does a pass a day after the last sweep. Errors are
    those of `engine.compare`.
    """
    again = _Again(pair, left, right, at, before, limit, memory_mb)
    done = again.passed(sweep=sweep)
    return done or again.judge_whole("what was remembered does not add up with the rows")


class _Again:
    """One pass over one pair."""

    def __init__(
        self,
        pair: Pair,
        left: Rows,
        right: Rows,
        at: datetime,
        before: Remembered | None,
        limit: int | None,
        memory_mb: int,
    ) -> None:
        self.pair, self.at, self.before, self.limit, self.memory_mb = pair, at, before, limit, memory_mb
        self.rows = belonging(pair, left, right, at)
        self.window = cut_of(pair, at)

    def passed(self, *, sweep: bool, why: str = "") -> Incremental | None:
        """Find out what to compare again, and compare it; None where what was remembered does not add up."""
        with tempfile.TemporaryDirectory(prefix="assay-drift-") as name:
            folder = Path(name)
            with connect(settings(self.memory_mb, folder / "spill")) as connection:
                found = self._look(connection, folder, sweep)
                if isinstance(found, str):
                    return self.without_memory(why or found)
                if found.way is Way.NOTHING:
                    return self.unchanged(found)
                if found.rows is not None:
                    return self._judge(found, connection)
            # What is compared whole has the memory to itself.
            return self._judge(replace(found, why=why or found.why), None)

    def _look(self, connection: duckdb.DuckDBPyConnection, folder: Path, sweep: bool) -> _Found | str:
        """Find out what to compare again, and keep its rows; or say why nothing is remembered."""
        try:
            return self._looked(connection, folder, sweep)
        except duckdb.Error as error:
            raise InfrastructureError(
                f"what changed of '{self.pair.name}' could not be found",
                where=f"{self.pair.left.system} and {self.pair.right.system}",
                seen=str(error).strip().splitlines()[0],
            ) from error

    def _looked(self, connection: duckdb.DuckDBPyConnection, folder: Path, sweep: bool) -> _Found | str:
        prepare(connection)
        systems = (self.pair.left.system, self.pair.right.system)
        sides = [
            input_of(connection, rows, system, f"assay_{name}")
            for rows, system, name in zip(self.rows, systems, SIDES, strict=True)
        ]
        for rows, side in zip(self.rows, sides, strict=True):
            if rows.unread:
                return f"a part of {side.system} could not be read"
            if not connection.execute(f"SELECT 1 FROM {side.source} LIMIT 1").fetchall():  # noqa: S608
                return f"nothing was read from {side.system}"
        refuse_columns(self.pair, *sides)
        if any(absent(field, sides[0], sides[1]) for field in self.pair.fields):
            return "a column that is compared is not there"
        rule = rule_of(self.pair, *sides)
        before = self.before
        if before is None or before.rule != rule:
            why = "nothing was remembered of it" if before is None else "its rule or its columns are not what they were"
            return self._whole(connection, cut_by_time(connection, self.pair, *sides), rule, why)
        cut = Partitions(self.pair, sides[0], sides[1], before.span)
        way, why, dirty = self._dirty(connection, cut, before, folder, sweep)
        files = dirty.files if way is Way.SWEEP else before.files
        found = _Found(way, why, cut, rule, dirty.parts, self._marks(connection, cut, before), files, dirty)
        if self._stands(dirty, before):
            return replace(found, way=Way.NOTHING, why=f"{why}; nothing changed, and nothing in flight falls due")
        kept = land(connection, cut, self.window, dirty, before, folder, sweep=way is Way.SWEEP)
        return replace(found, rows=kept, rest=rest(connection, cut, self.window, dirty))

    def _stands(self, dirty: Dirty, before: Remembered) -> bool:
        """Whether the last verdict is today's: nothing changed, nothing differs, nothing in flight falls due.

        With a window, rows may also leave it, or find their partner behind it, where nobody watches over changes.
        """
        due = before.due is not None and microseconds(self.at) >= before.due
        if dirty.chosen or before.differing or due or self.at < before.at:
            return False
        rows = [sum(both[place].rows for both in dirty.parts.values()) for place in (0, 1)]
        return rows == [before.counts.left, before.counts.right] and (self.pair.window is None or not before.open.size)

    def _dirty(
        self,
        connection: duckdb.DuckDBPyConnection,
        cut: Partitions,
        before: Remembered,
        folder: Path,
        sweep: bool,
    ) -> tuple[Way, str, Dirty]:
        why = "asked for"
        if not sweep:
            why = self._why_sweep(before)
            if not why:
                connection.execute("SET threads = 1")  # what changed lately is mostly little, which one reads for less
                dirty = dirty_by_watermark(connection, cut, self.window, before, folder)
                if not dirty.gone:
                    return Way.WATERMARK, "by what says it changed, and by the number of rows", dirty
                connection.execute("RESET threads")
                why = "rows are gone, or moved, that no change date tells of"
        return Way.SWEEP, f"all rows were read: {why}", dirty_by_sweep(connection, cut, self.window, before, self.rows)

    def _why_sweep(self, before: Remembered) -> str:
        """Return why changes alone will not do; nothing where they will."""
        for own in (self.pair.left, self.pair.right):
            if own.changed is None:
                return f"{own.system} does not say when a row was changed"
            if own.valid:
                return f"rows of {own.system} begin and cease to be valid without a change"
        if None in before.watermarks:
            return "no row of the last pass said when it was changed"
        if not timedelta() <= self.at - before.swept_at < SWEEP_EVERY:
            return "the last sweep is a day ago"
        return ""

    def _whole(self, connection: duckdb.DuckDBPyConnection, cut: Partitions, rule: str, why: str) -> _Found:
        parts, files = all_parts(connection, cut, self.window, self.rows, None)
        return _Found(Way.WHOLE, why, cut, rule, parts, self._marks(connection, cut, None), files)

    def _marks(
        self, connection: duckdb.DuckDBPyConnection, cut: Partitions, before: Remembered | None
    ) -> tuple[int | None, int | None]:
        now, old = microseconds(self.at), before.watermarks if before else (None, None)
        # A pass as of an earlier instant must not take back what a later one has read.
        left, right = (watermark(connection, cut, name, now, mark) for name, mark in zip(SIDES, old, strict=True))
        return left, right

    def without_memory(self, why: str) -> Incremental:
        """Compare whole, and let what was remembered stand: nothing can be concluded for the next time."""
        outcome = compare(self.pair, *self.rows, at=self.at, limit=self.limit, memory_mb=self.memory_mb)
        return Incremental(outcome=outcome, done=Pass(way=Way.WHOLE, why=why), remembered=None)

    def judge_whole(self, why: str) -> Incremental:
        """Compare whole, as if nothing were remembered."""
        self.before = None
        return self.passed(sweep=True, why=why) or self.without_memory(why)

    def unchanged(self, found: _Found) -> Incremental:
        """Return the last verdict, which had found nothing."""
        before = self.before
        assert before is not None  # there is nothing unchanged without it
        outcome = self._outcome(before.counts)
        swept = self.at if found.why.startswith("all rows") else before.swept_at
        return Incremental(
            outcome=outcome,
            done=Pass(way=Way.NOTHING, why=found.why, of=len(found.parts)),
            remembered=replace(before, at=self.at, swept_at=swept, watermarks=found.watermarks, files=found.files),
        )

    def _outcome(self, counts: Counts) -> Outcome:
        since = None if self.pair.window is None else self.at - self.pair.window
        until = None if self.pair.window is None else self.at
        return Outcome(
            pair=self.pair, at=self.at, since=since, until=until, counts=counts, classes={}, fields={}, differences=()
        )

    def _judge(self, found: _Found, within: duckdb.DuckDBPyConnection | None) -> Incremental | None:
        """Compare what was found, and put it together with what is as it was; None where that does not add up."""
        if found.rest[0] != found.rest[1]:
            return None
        rows = found.rows or self.rows
        with Comparison(self.pair, *rows, at=self.at, memory_mb=self.memory_mb, within=within) as comparison:
            outcome = comparison.outcome(limit=self.limit)
            if outcome.unread:
                return None
            after = settled(comparison, found.cut.span)
        compared_rows = (outcome.counts.left, outcome.counts.right)
        outcome = replace(outcome, counts=_together(outcome.counts, found.rest[0]))
        of = len(found.parts)
        looked = of if found.dirty is None else len(found.dirty.chosen)
        done = Pass(way=found.way, why=found.why, looked=looked, of=of, rows=compared_rows)
        return Incremental(outcome=outcome, done=done, remembered=self._remember(found, after, outcome))

    def _remember(self, found: _Found, after: Settled, outcome: Outcome) -> Remembered | None:
        if len(after.open) > _MOST_OPEN:
            return None
        links = after.links
        if self.before is not None and found.dirty is not None:
            chosen = found.dirty.chosen
            links |= {link for link in self.before.links if not chosen.intersection(link)}
        swept = self.before.swept_at if self.before is not None and found.way is Way.WATERMARK else self.at
        return Remembered(
            rule=found.rule,
            span=found.cut.span,
            at=self.at,
            swept_at=swept,
            parts={number: both for number, both in found.parts.items() if found.cut.whole(number, self.window)},
            links=frozenset(links),
            open=after.open,
            open_in=after.open_in,
            due=after.due,
            watermarks=found.watermarks,
            files=found.files,
            counts=outcome.counts,
            differing=outcome.found,
        )


def rule_of(pair: Pair, left: Input, right: Input) -> str:
    """Return what a verdict of this pair rests on beside the rows, as one word.

    How the fields are compared is taken from the SQL itself, so that it holds the maps, the bounds and our own code.
    """
    sides = (replace(left, source="left_rows"), replace(right, source="right_rows"))
    fields = compared(pair, *sides)
    told = replace(pair, about="", dimensions=(), worth=None, ignored={}, declared_in="", prices=None)
    keys = key_forms(pair, *sides)
    rests_on = [
        __version__,
        duckdb.__version__,
        repr(told),
        repr(digest(pair, *sides, fields, cut=Cut(None, None, 0, 0))),
        *(key_hash([each[place] for each in keys]) for place in (0, 1)),
        *(f"{name}: {column.type}" for side in sides for name, column in side.columns.items()),
    ]
    return sha256(json.dumps(rests_on).encode()).hexdigest()


def _together(counts: Counts, more: int) -> Counts:
    """Return the counts with so many rows of each side that match as they did."""
    return replace(counts, left=counts.left + more, right=counts.right + more, matched=counts.matched + more)
