"""Spans of time that a pair's rows lie in: which rows are in which, and one number for all rows of each side in it.

A partition whose numbers are as they were holds the same rows, and what was found of it need not be looked for again.
Rows that do not say when they are from lie in a partition of their own. Where a side has no such column at all, all
rows of both sides are one partition: then a pass can only tell whether anything changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assay.drift.pairs.model import Kind, Pair, SideName
from assay.drift.pairs.plan import Cut, Input, key_forms, key_hash, moment_of, placed_of, zone_of
from assay.drift.pairs.rows import named

if TYPE_CHECKING:
    import duckdb

NOWHERE = -1
"""The partition of rows that do not say when they are from."""
_HOUR = 3_600_000_000
_SPANS = (_HOUR, 6 * _HOUR, 24 * _HOUR, 7 * 24 * _HOUR, 28 * 24 * _HOUR)
_MOST = 1500
"""Partitions that most pairs stay below: a month by the hour, four years by the day."""
_YEAR_ONE = 62_135_596_800_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONES = 2 * 24 * _HOUR
"""Further than any zone lies from UTC."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of one side's rows: how many they are, and the sums of their 64-bit hashes and of their keys'."""

    rows: int = 0
    total: int = 0
    keys: int = 0

    def __add__(self, other: Part) -> Part:
        """Return what both come to together."""
        return Part(self.rows + other.rows, self.total + other.total, self.keys + other.keys)


EMPTY = Part()
Parts = Mapping[int, tuple[Part, Part]]
"""The left's and the right's rows, by partition."""


@dataclass(frozen=True, slots=True)
class Partitions:
    """How a pair's rows are cut by time. span: microseconds; 0 where all of them are one partition."""

    pair: Pair
    left: Input
    right: Input
    span: int

    def side(self, name: SideName) -> Input:
        """Return one side's rows."""
        return self.left if name == "left" else self.right

    def number(self, name: SideName) -> str:
        """Return the SQL of the partition a row lies in."""
        if not self.span:
            return f"CAST({NOWHERE} AS BIGINT)"
        placed = placed_of(self.pair, self.side(name), name)
        return f"coalesce(({placed} + {_YEAR_ONE}) // {self.span}, {NOWHERE})"

    def key(self, name: SideName) -> str:
        """Return the SQL of the hash of a row's key; 0 for a row without one."""
        forms = [each[0 if name == "left" else 1] for each in key_forms(self.pair, self.left, self.right)]
        return key_hash(forms)

    def among(self, name: SideName, numbers: Collection[int]) -> str:
        """Return the SQL of whether a row lies in one of these; the files' own index is used where there is one."""
        if not numbers:
            return "false"
        which = f"{self.number(name)} IN ({', '.join(map(str, sorted(numbers)))})"
        if not self.span or NOWHERE in numbers:
            return which
        own = self.pair.left if name == "left" else self.pair.right
        first, last = self.bounds(min(numbers))[0], self.bounds(max(numbers))[1]
        return f"{reach(self.pair, self.side(name), name, own.placed, first, last)} AND {which}"

    def bounds(self, number: int) -> tuple[int, int]:
        """Return the first and last microsecond of a partition."""
        return number * self.span - _YEAR_ONE, (number + 1) * self.span - _YEAR_ONE - 1

    def containing(self, moment: int) -> int:
        """Return the partition that an instant lies in, in microseconds since 1970."""
        return (moment + _YEAR_ONE) // self.span

    def whole(self, number: int, cut: Cut) -> bool:
        """Whether all rows of a partition are in the window, now and whenever it is inside."""
        if cut.since is None or cut.until is None:
            return True
        if not self.span:
            return False
        first, last = self.bounds(number)
        return number == NOWHERE or (cut.since <= first and last <= cut.until)

    def meets(self, number: int, cut: Cut) -> bool:
        """Whether rows of a partition can be in the window."""
        if cut.since is None or cut.until is None or not self.span or number == NOWHERE:
            return True
        first, last = self.bounds(number)
        return first <= cut.until and last >= cut.since

    def window(self, name: SideName, cut: Cut) -> str:
        """Return the SQL of whether a row's partition meets the window."""
        if cut.since is None or cut.until is None or not self.span:
            return "true"
        first, last = self.containing(cut.since), self.containing(cut.until)
        return f"({self.number(name)} BETWEEN {first} AND {last} OR {self.number(name)} = {NOWHERE})"

    def instant(self, number: int) -> datetime | None:
        """Return when a partition begins; None for the rows that do not say, and before the year 1."""
        if number == NOWHERE or not self.span:
            return None
        return _EPOCH + timedelta(microseconds=self.bounds(number)[0])


def cut_by_time(connection: duckdb.DuckDBPyConnection, pair: Pair, left: Input, right: Input) -> Partitions:
    """Return how a pair's rows are cut: as fine as keeps the number of partitions small."""
    if pair.left.placed is None or pair.right.placed is None:
        return Partitions(pair, left, right, 0)
    if pair.window is not None:
        reached = pair.window // timedelta(microseconds=1)
    else:
        placed = placed_of(pair, left, "left")
        # Of the middle of the rows: one of the year 1 is no reason for partitions of a month.
        lot = f"SELECT {placed} AS placed FROM {left.source}"  # noqa: S608 (names are quoted)
        lot += " USING SAMPLE reservoir(10000 ROWS) REPEATABLE (1)"
        row = connection.execute(
            f"SELECT quantile_disc(placed, 0.99) - quantile_disc(placed, 0.01) FROM ({lot})"  # noqa: S608
        ).fetchall()[0]
        reached = int(row[0] or 0)
    span = next((each for each in _SPANS if reached // each <= _MOST), _SPANS[-1])
    return Partitions(pair, left, right, span)


def digests(
    connection: duckdb.DuckDBPyConnection,
    cut: Partitions,
    name: SideName,
    where: str,
    source: str | None = None,
    by: str = "0",
) -> dict[int, dict[int, Part]]:
    """Return what one side's rows come to, by the number that `by` is and by partition, read once."""
    side = cut.side(name)
    own = cut.pair.left if name == "left" else cut.pair.right
    # A key of one column is told by its hash, which is there already.
    rest = [each for each in read_columns(cut.pair, side, name) if own.key != (each,)]
    columns = ", ".join(['"~k"', *map(named, rest)])
    rows = connection.execute(
        f'SELECT {by}, {cut.number(name)} AS part, count(*), sum("~k"), sum(hash({columns})) '  # noqa: S608
        f'FROM (SELECT *, {cut.key(name)} AS "~k" FROM {source or side.source} WHERE {where}) GROUP BY 1, 2'
    ).fetchall()
    found: dict[int, dict[int, Part]] = {}
    for lot, part, count, keys, total in rows:
        found.setdefault(lot, {})[part] = Part(count, int(total), int(keys))
    return found


def read_columns(pair: Pair, side: Input, name: SideName) -> Sequence[str]:
    """Return the columns of a side that a verdict rests on, in their order: key, instants, and what fields read."""
    own = pair.left if name == "left" else pair.right
    wanted: set[str | None] = {*own.key, own.placed, own.changed}
    for field in pair.fields:
        wanted.add(field.left if name == "left" else field.right)
        amounts = field.left_amounts if name == "left" else field.right_amounts
        if field.kind is Kind.MONEY and amounts is not None:
            wanted.add(amounts.currency_column)
        if name == "left":
            wanted |= {field.quantity, field.lines, field.rate, field.below, field.above}
    return [column for column in side.columns if column in wanted]


def reach(pair: Pair, side: Input, name: SideName, column: str | None, first: int, last: int | None = None) -> str:
    """Return SQL that is true of every row whose instant lies between, in words that an index of files understands.

    It may be true of others; where the column is no instant by type, of all.
    """
    if column is None:
        return "true"
    kind, raw, zone = side.columns[column].type, named(column), zone_of(pair, name, column)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _between(raw, "to_timestamp", first, last)
    if kind.startswith("TIMESTAMP") and not zone.startswith("epoch"):
        wide = 0 if zone == "UTC" else _ZONES
        return _between(raw, "make_timestamp", first - wide, None if last is None else last + wide)
    return "true"


def _between(raw: str, function: str, first: int, last: int | None) -> str:
    def instant(microseconds: int) -> str:
        held = min(max(microseconds, -_YEAR_ONE), 253_402_300_799_999_999)
        moment = (_EPOCH + timedelta(microseconds=held)).replace(tzinfo=None).isoformat(sep=" ")
        zone, word = ("+00", "TIMESTAMPTZ") if function == "to_timestamp" else ("", "TIMESTAMP")
        return f"{word} '{moment}{zone}'"

    return f"{raw} >= {instant(first)}" + ("" if last is None else f" AND {raw} <= {instant(last)}")


def changed_since(cut: Partitions, name: SideName, since: int) -> str:
    """Return the SQL of whether a row may have changed since then: one that does not say when, may."""
    own = cut.pair.left if name == "left" else cut.pair.right
    side = cut.side(name)
    exact = f"coalesce({moment_of(own.changed, side, zone_of(cut.pair, name, own.changed))} >= {since}, true)"
    index = reach(cut.pair, side, name, own.changed, since)
    if own.changed is None or index == "true":
        return exact
    return f"({index} OR {named(own.changed)} IS NULL) AND {exact}"


def linked(links: Collection[tuple[int, int]], numbers: Collection[int]) -> Iterator[int]:
    """Yield the partitions that share a record with one of these: its other side lies there."""
    for one, other in links:
        if one in numbers:
            yield other
        if other in numbers:
            yield one


def together(many: Iterable[Mapping[int, Part]]) -> dict[int, Part]:
    """Return what several lots of rows come to, by partition."""
    found: dict[int, Part] = {}
    for each in many:
        for number, part in each.items():
            found[number] = found.get(number, EMPTY) + part
    return found


def with_other_keys(before: Parts, now: Parts, changed: Collection[int]) -> set[int]:
    """Return which of the changed partitions hold other keys than before, of one side or the other."""
    nothing = (EMPTY, EMPTY)

    def keys(parts: Parts, number: int) -> list[tuple[int, int]]:
        return [(part.rows, part.keys) for part in parts.get(number, nothing)]

    return {number for number in changed if keys(before, number) != keys(now, number)}


def apart(before: Parts, now: Parts) -> set[int]:
    """Return the partitions whose numbers are not what they were."""
    nothing = (EMPTY, EMPTY)
    return {each for each in {*before, *now} if before.get(each, nothing) != now.get(each, nothing)}
