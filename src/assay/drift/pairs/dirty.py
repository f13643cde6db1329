"""Which rows of a pair must be compared again, and those rows on disk: the first half of an incremental pass.

A key's verdict can only be another one if a row of it came, went or changed, which is in a partition whose numbers are
others now; or if it was not settled: it differed, or was in flight. So what is read again is every row of the changed
partitions and of those that share a record with them, and of the rest the rows that have one of these keys.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.drift.pairs.columns import register_hashes
from assay.drift.pairs.model import SideName
from assay.drift.pairs.partitions import (
    EMPTY,
    Part,
    Partitions,
    Parts,
    apart,
    changed_since,
    digests,
    linked,
    together,
    with_other_keys,
)
from assay.drift.pairs.plan import Cut, moment_of, zone_of
from assay.drift.pairs.printed import Files, digests_by_group
from assay.drift.pairs.remembered import Remembered
from assay.drift.pairs.rows import ROW, ParquetRows, Rows, quoted

if TYPE_CHECKING:
    import duckdb

SIDES: tuple[SideName, SideName] = ("left", "right")
_MICROSECOND = timedelta(microseconds=1)
OVERLAP = 600_000_000
"""Microseconds before the watermark from which changes are read again: a transaction is seen after it began."""
FEW = 400_000
"""Rows of both sides that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """What of a pair is to be compared again.

    parts: what all partitions come to now. changed: those that are not as they were. chosen: those that are read, with
    the ones that share records with them. strays: those of which only rows with a key of the chosen ones are. gone:
    whether rows are gone that no change date told of, so that only a sweep can tell. kept: what is on hand already.
    files: what each row group of a side's files comes to, where it is files.
    """

    parts: Parts
    changed: frozenset[int]
    chosen: frozenset[int]
    strays: frozenset[int]
    gone: bool = False
    kept: Kept | None = None
    files: tuple[Files, Files] = ({}, {})


class KeptRows:
    """Rows of one side in tables of DuckDB's own, which every type survives, beside the connection they are read by."""

    def __init__(self, name: SideName) -> None:
        self.name = name

    unread = ()
    belong = True

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the table."""
        return _table(self.name)


class Kept:
    """The rows of some partitions of both sides, read once: in memory while they are few, in a file otherwise."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, cut: Partitions, folder: Path, rows: int) -> None:
        self.connection, self.whole = connection, cut
        self.cut = replace(
            cut, left=replace(cut.left, source=_table("left")), right=replace(cut.right, source=_table("right"))
        )
        self.numbers: frozenset[int] = frozenset()
        place = ":memory:" if rows <= FEW else str(folder / "kept.rows")
        connection.execute("DETACH DATABASE IF EXISTS kept")
        connection.execute(f"ATTACH {quoted(place)} AS kept")
        # They are read once or twice: to find the shortest form for each column costs more than it spares.
        connection.execute("SET force_compression = 'uncompressed'")
        for name in SIDES:
            connection.execute(f"CREATE TABLE {_table(name)} AS SELECT * FROM {cut.side(name).source} LIMIT 0")  # noqa: S608

    def hold(self, numbers: Collection[int]) -> None:
        """Hold all rows of these partitions, beside those that are held."""
        more = frozenset(numbers) - self.numbers
        if more:
            for name in SIDES:
                self.add(name, self.whole.among(name, more))
        self.numbers |= more

    def leave(self, chosen: Collection[int], keys: str) -> None:
        """Let go of the rows that are not of these partitions, but for those with a key of a table."""
        for name in SIDES if self.numbers.difference(chosen) else ():
            others = " AND NOT ".join(["true", *_number_in(self.cut, name, chosen)])
            self.connection.execute(
                f'DELETE FROM {_table(name)} WHERE {others} AND {self.cut.key(name)} NOT IN (SELECT "~k" FROM {keys})'  # noqa: S608
            )

    def add(self, name: SideName, which: str) -> None:
        """Hold more rows of one side."""
        rows = f"SELECT * FROM {self.whole.side(name).source} WHERE {which}"  # noqa: S608 (names are quoted)
        self.connection.execute(f"INSERT INTO {_table(name)} {rows}")


def _table(name: SideName) -> str:
    return f"kept.main.{name}_kept"


def dirty_by_sweep(
    connection: duckdb.DuckDBPyConnection,
    cut: Partitions,
    window: Cut,
    before: Remembered,
    rows: tuple[Rows, Rows],
) -> Dirty:
    """Find what changed by reading all rows: nothing can change without being found."""
    parts, files = all_parts(connection, cut, window, rows, before.files)
    return Dirty(parts, *_spread(cut, window, before, parts), files=files)


def dirty_by_watermark(
    connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, before: Remembered, folder: Path
) -> Dirty:
    """Find what changed by the rows that say so, and by their number; the other columns of other rows are not read."""
    recent = frozenset(_recent(connection, cut, window, before))
    parts = {
        number: both for number, both in before.parts.items() if number not in recent and cut.meets(number, window)
    }
    kept = None
    if recent:
        # What they share records with is most likely read, too, and lies where they do: it is read with them.
        near = recent.union(linked(before.links, recent))
        near = near.union(linked(before.links, near))
        expected = sum(part.rows for number in near for part in before.parts.get(number, ()))
        if expected <= FEW:
            kept = Kept(connection, cut, folder, expected)
            kept.hold(near)
        parts |= _parts(connection, kept.cut if kept else cut, [cut.among(name, recent) for name in SIDES])
    changed, chosen, near = _spread(cut, window, before, parts)
    gone = False
    for place, name in enumerate(SIDES):
        source = f"{cut.side(name).source} WHERE {cut.window(name, window)}"
        there = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]  # noqa: S608
        gone = gone or there != sum(both[place].rows for both in parts.values())
    return Dirty(parts, changed, chosen, near, gone, kept)


def all_parts(
    connection: duckdb.DuckDBPyConnection,
    cut: Partitions,
    window: Cut,
    rows: tuple[Rows, Rows],
    known: tuple[Files, Files] | None,
) -> tuple[Parts, tuple[Files, Files]]:
    """Return what all partitions that meet the window come to, and what the files do, of which some may be known."""
    sides: list[dict[int, Part]] = []
    files: list[Files] = []
    for place, name in enumerate(SIDES):
        own = rows[place]
        # Of a window, most files lie outside, and to hash those costs more than to ask when their rows are from.
        if isinstance(own, ParquetRows) and window.since is None and ROW not in cut.side(name).columns:
            parts, read = digests_by_group(connection, cut, name, own, known[place] if known else None)
        else:
            parts, read = _digested(connection, cut, name, cut.window(name, window)), {}
        sides.append(parts)
        files.append(read)
    return _beside(*sides), (files[0], files[1])


def watermark(
    connection: duckdb.DuckDBPyConnection, cut: Partitions, name: SideName, now: int, before: int | None
) -> int | None:
    """Return the latest change that a side tells of, up to now; None where it keeps none."""
    own = cut.pair.left if name == "left" else cut.pair.right
    if own.changed is None:
        return None
    moment = moment_of(own.changed, cut.side(name), zone_of(cut.pair, name, own.changed))
    where = "true" if before is None else changed_since(cut, name, before)
    row = connection.execute(
        f"SELECT max({moment}) FILTER ({moment} <= {now}) FROM {cut.side(name).source} WHERE {where}"  # noqa: S608
    ).fetchall()[0]
    found = before if row[0] is None else int(row[0])
    return found if before is None or found is None else max(found, before)


def land(
    connection: duckdb.DuckDBPyConnection,
    cut: Partitions,
    window: Cut,
    dirty: Dirty,
    before: Remembered,
    folder: Path,
    *,
    sweep: bool,
) -> tuple[KeptRows, KeptRows]:
    """Keep the rows that are compared again, and return both sides'."""
    expected = sum(part.rows for number in dirty.chosen for part in dirty.parts.get(number, ()))
    kept = dirty.kept or Kept(connection, cut, folder, expected)
    kept.hold(dirty.chosen)
    strays = dirty.strays
    anew = with_other_keys(before.parts, dirty.parts, dirty.changed) if sweep else set()
    if anew:
        # A key may have come anew while its first rows lie where nothing changed. Those were settled, one on each side:
        # the left's is looked for, and the right's lies there or in a partition that shares records with it.
        _keys(connection, kept.cut, "changed_keys", [kept.cut.among(name, anew) for name in SIDES])
        far = _holding(connection, cut, "left", "changed_keys", "true")
        strays |= (far | set(linked(before.links, far))) - dirty.chosen
    _keys(connection, kept.cut, "wanted", [kept.cut.among(name, dirty.chosen) for name in SIDES], before.open)
    strays |= _behind(connection, cut, window)
    kept.leave(dirty.chosen, "wanted")
    if not strays <= kept.numbers:
        for name in SIDES:
            kept.add(name, f'{cut.among(name, strays - kept.numbers)} AND {cut.key(name)} IN (SELECT "~k" FROM wanted)')  # noqa: S608
    _never_empty(kept)
    return KeptRows("left"), KeptRows("right")


def _behind(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut) -> frozenset[int]:
    """Return the partitions outside the window that hold a wanted key: the partner of a row may lie anywhere there."""
    if window.since is None or not cut.span:
        return frozenset()
    return frozenset().union(
        *(_holding(connection, cut, name, "wanted", f"NOT {cut.window(name, window)}") for name in SIDES)
    )


def _holding(
    connection: duckdb.DuckDBPyConnection, cut: Partitions, name: SideName, table: str, where: str
) -> frozenset[int]:
    """Return the partitions of one side that hold a row with one of the keys of a table."""
    found = connection.execute(
        f"SELECT DISTINCT {cut.number(name)} FROM {cut.side(name).source} "  # noqa: S608 (names are quoted)
        f'WHERE {where} AND {cut.key(name)} IN (SELECT "~k" FROM {table})'
    )
    return frozenset(row[0] for row in found.fetchall())


def rest(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, dirty: Dirty) -> tuple[int, int]:
    """Return how many rows of each side are in the window and were not written: those that are as they were."""
    found = []
    for place, name in enumerate(SIDES):
        others = sum(both[place].rows for number, both in dirty.parts.items() if number not in dirty.chosen)
        inside = " AND NOT ".join([cut.window(name, window), *_number_in(cut, name, dirty.chosen)])
        query = f"SELECT count(*) FROM {_table(name)} WHERE {inside}"  # noqa: S608 (names are quoted)
        found.append(others - int(connection.execute(query).fetchall()[0][0]))
    return found[0], found[1]


def _number_in(cut: Partitions, name: SideName, numbers: Collection[int]) -> list[str]:
    return [f"{cut.number(name)} IN ({', '.join(map(str, sorted(numbers)))})"] if numbers else []


def _recent(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, before: Remembered) -> set[int]:
    """Return the partitions that hold a row changed since the watermarks, and those at the window's edges."""
    found: set[int] = set()
    for name, mark in zip(SIDES, before.watermarks, strict=True):
        where = cut.window(name, window)
        if mark is not None:
            where += f" AND {changed_since(cut, name, mark - max(OVERLAP, cut.pair.grace // _MICROSECOND))}"
        elif window.since is None:
            continue
        query = f"SELECT DISTINCT {cut.number(name)} FROM {cut.side(name).source} WHERE {where}"  # noqa: S608
        numbers = {row[0] for row in connection.execute(query).fetchall()}
        found |= numbers if mark is not None else {each for each in numbers if not cut.whole(each, window)}
    known = {each for each in before.parts if cut.meets(each, window)}
    return found | {each for each in known if not cut.whole(each, window)} | _edges(cut, window)


def _edges(cut: Partitions, window: Cut) -> set[int]:
    """Return the partitions that the window cuts in two."""
    if window.since is None or window.until is None or not cut.span:
        return set()
    ends = {cut.containing(each) for each in (window.since, window.until)}
    return {each for each in ends if not cut.whole(each, window)}


def _parts(connection: duckdb.DuckDBPyConnection, cut: Partitions, where: list[str]) -> dict[int, tuple[Part, Part]]:
    return _beside(*(_digested(connection, cut, name, each) for name, each in zip(SIDES, where, strict=True)))


def _digested(connection: duckdb.DuckDBPyConnection, cut: Partitions, name: SideName, where: str) -> dict[int, Part]:
    return together(digests(connection, cut, name, where).values())


def _beside(left: Mapping[int, Part], right: Mapping[int, Part]) -> dict[int, tuple[Part, Part]]:
    return {number: (left.get(number, EMPTY), right.get(number, EMPTY)) for number in {*left, *right}}


def _spread(
    cut: Partitions, window: Cut, before: Remembered, parts: Parts
) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Return the partitions that changed; those and the ones that share records with them; and where to look besides.

    A record of which one side lies before the window is looked for on every pass: nobody watches over that side.
    """
    known = {number: both for number, both in before.parts.items() if cut.meets(number, window)}
    changed = apart(known, parts) | {number for number in parts if not cut.whole(number, window)}
    outside = {each for link in before.links for each in link if not cut.meets(each, window)}
    chosen = changed | {each for each in linked(before.links, changed | outside) if cut.meets(each, window)}
    near = {*linked(before.links, chosen), *before.open_in} - chosen
    return frozenset(changed), frozenset(chosen), frozenset(near)


def _keys(connection: duckdb.DuckDBPyConnection, cut: Partitions, table: str, where: list[str], more: Any = ()) -> None:
    """Write the hashes of all keys of each side's rows that are meant, and more of them, into a table; some twice."""
    sides = [
        f'SELECT {cut.key(name)} AS "~k" FROM {cut.side(name).source} WHERE {which}'  # noqa: S608
        for name, which in zip(SIDES, where, strict=True)
    ]
    register_hashes(connection, "assay_open", "~k", more)
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE {table} AS {" UNION ALL ".join(sides)} UNION ALL SELECT "~k" FROM assay_open'  # noqa: S608
    )
    connection.unregister("assay_open")


def _never_empty(kept: Kept) -> None:
    """Add one settled key to both sides where a side has no row to compare: it is not that nothing was read."""
    run, cut = kept.connection.execute, kept.whole
    for name in SIDES:
        if run(f"SELECT 1 FROM {_table(name)} LIMIT 1").fetchall():  # noqa: S608
            continue
        query = f"SELECT {cut.key(name)} FROM {cut.side(name).source} WHERE {cut.key(name)} <> 0 LIMIT 1"  # noqa: S608
        for (key,) in run(query).fetchall():
            for each in SIDES:
                kept.add(each, f"{cut.key(each)} = {key}")
        return
