"""Which rows of a pair must be compared again, and those rows on disk: the first half of an incremental pass.

A key's verdict can only be another one if a row of it came, went or changed, which is in a partition whose numbers are
others now; or if it was not settled: it differed, or was in flight. So what is read again is every row of the changed
partitions and of those that share a record with them, and of the rest the rows that have one of these keys.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow

from assay.drift.pairs.model import SideName
from assay.drift.pairs.partitions import (
    EMPTY,
    Part,
    Partitions,
    apart,
    changed_since,
    digests,
    linked,
)
from assay.drift.pairs.plan import Cut, moment_of, zone_of
from assay.drift.pairs.remembered import Parts, Remembered
from assay.drift.pairs.rows import quoted

if TYPE_CHECKING:
    import duckdb

SIDES: tuple[SideName, SideName] = ("left", "right")
_MICROSECOND = timedelta(microseconds=1)
OVERLAP = 600_000_000
"""Microseconds before the watermark from which changes are read again: a transaction is seen after it began."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """What of a pair is to be compared again.

    parts: what all partitions come to now. changed: those that are not as they were. chosen: those that are read, with
    the ones that share records with them. strays: those of which only rows with a key of the chosen ones are. gone:
    whether rows are gone that no change date told of, so that only a sweep can tell.
    """

    parts: Parts
    changed: frozenset[int]
    chosen: frozenset[int]
    strays: frozenset[int]
    gone: bool = False


class KeptRows:
    """Rows in a database file of DuckDB's own, which every type survives."""

    def __init__(self, path: Path) -> None:
        self.path = path

    unread = ()
    belong = True

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Open the file, only to be read, and return its table."""
        connection.execute(f"ATTACH {quoted(str(self.path))} AS {name}_kept (READ_ONLY)")
        return f"{name}_kept.kept"


def dirty_by_sweep(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, before: Remembered) -> Dirty:
    """Find what changed by reading all rows: nothing can change without being found."""
    parts = _parts(connection, cut, [cut.window(name, window) for name in SIDES])
    changed, chosen, near = _spread(cut, window, before, parts)
    far: set[int] = set()
    if changed:
        # A key may have come anew while its first rows lie where nothing changed. Those were settled, one on each side:
        # the left's is looked for, and the right's lies there or in a partition that shares records with it.
        _keys(connection, cut, "changed_keys", changed)
        found = connection.execute(
            f"SELECT DISTINCT {cut.number('left')} FROM {cut.left.source} "  # noqa: S608 (names are quoted)
            f'WHERE {cut.key("left")} IN (SELECT "~k" FROM changed_keys)'
        )
        far = {row[0] for row in found.fetchall()}
        far |= set(linked(before.links, far))
    return Dirty(parts, changed, chosen, (near | far) - chosen)


def dirty_by_watermark(
    connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, before: Remembered
) -> Dirty:
    """Find what changed by the rows that say so, and by their number; the other columns of other rows are not read."""
    recent = _recent(connection, cut, window, before)
    parts = {
        number: both for number, both in before.parts.items() if number not in recent and cut.meets(number, window)
    }
    if recent:
        parts |= _parts(connection, cut, [cut.among(name, recent) for name in SIDES])
    changed, chosen, near = _spread(cut, window, before, parts)
    gone = False
    for place, name in enumerate(SIDES):
        source = f"{cut.side(name).source} WHERE {cut.window(name, window)}"
        there = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]  # noqa: S608
        gone = gone or there != sum(both[place].rows for both in parts.values())
    return Dirty(parts, changed, chosen, near - chosen, gone)


def all_parts(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut) -> Parts:
    """Return what all partitions that meet the window come to."""
    return _parts(connection, cut, [cut.window(name, window) for name in SIDES])


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
    connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, dirty: Dirty, before: Remembered, folder: Path
) -> tuple[KeptRows, KeptRows]:
    """Write the rows that are compared again to disk, and return both sides'."""
    _keys(connection, cut, "wanted", dirty.chosen, before.open)
    strays = dirty.strays | _behind(connection, cut, window)
    kept = (KeptRows(folder / "left.kept"), KeptRows(folder / "right.kept"))
    # They are read once or twice: to find the shortest form for each column costs more than it spares.
    connection.execute("SET force_compression = 'uncompressed'")
    for rows, name in zip(kept, SIDES, strict=True):
        connection.execute(f"ATTACH {quoted(str(rows.path))} AS {name}_kept")
        which = cut.among(name, dirty.chosen)
        if strays:
            stray = f'{cut.among(name, strays)} AND {cut.key(name)} IN (SELECT "~k" FROM wanted)'  # noqa: S608
            which = f"{cut.among(name, dirty.chosen | strays)} AND ({which} OR ({stray}))"
        connection.execute(f"CREATE TABLE {name}_kept.kept AS SELECT * FROM {cut.side(name).source} WHERE {which}")  # noqa: S608
    _never_empty(connection, cut)
    return kept


def _behind(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut) -> frozenset[int]:
    """Return the partitions outside the window that hold a wanted key: the partner of a row may lie anywhere there."""
    if window.since is None or not cut.span:
        return frozenset()
    return frozenset(
        row[0]
        for name in SIDES
        for row in connection.execute(
            f"SELECT DISTINCT {cut.number(name)} FROM {cut.side(name).source} "  # noqa: S608 (names are quoted)
            f'WHERE NOT {cut.window(name, window)} AND {cut.key(name)} IN (SELECT "~k" FROM wanted)'
        ).fetchall()
    )


def rest(connection: duckdb.DuckDBPyConnection, cut: Partitions, window: Cut, dirty: Dirty) -> tuple[int, int]:
    """Return how many rows of each side are in the window and were not written: those that are as they were."""
    found = []
    for place, name in enumerate(SIDES):
        others = sum(both[place].rows for number, both in dirty.parts.items() if number not in dirty.chosen)
        inside = " AND NOT ".join([cut.window(name, window), *_number_in(cut, name, dirty.chosen)])
        query = f"SELECT count(*) FROM {name}_kept.kept WHERE {inside}"  # noqa: S608 (names are quoted)
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
    left, right = (digests(connection, cut, name, each) for name, each in zip(SIDES, where, strict=True))
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


def _keys(
    connection: duckdb.DuckDBPyConnection, cut: Partitions, table: str, numbers: Collection[int], more: Any = ()
) -> None:
    """Write the hashes of all keys that have a row in these partitions, and more of them, into a table."""
    sides = [
        f'SELECT {cut.key(name)} AS "~k" FROM {cut.side(name).source} WHERE {cut.among(name, numbers)}'  # noqa: S608
        for name in SIDES
    ]
    connection.register("assay_open", pyarrow.table({"~k": pyarrow.array(more, type=pyarrow.uint64())}))
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE {table} AS {" UNION ".join(sides)} UNION SELECT "~k" FROM assay_open'  # noqa: S608
    )
    connection.unregister("assay_open")


def _never_empty(connection: duckdb.DuckDBPyConnection, cut: Partitions) -> None:
    """Add one settled key to both sides where a side has no row to compare: it is not that nothing was read."""
    for name in SIDES:
        if connection.execute(f"SELECT 1 FROM {name}_kept.kept LIMIT 1").fetchall():  # noqa: S608
            continue
        query = f"SELECT {cut.key(name)} FROM {cut.side(name).source} WHERE {cut.key(name)} <> 0 LIMIT 1"  # noqa: S608
        for (key,) in connection.execute(query).fetchall():
            for each in SIDES:
                connection.execute(
                    f"INSERT INTO {each}_kept.kept SELECT * FROM {cut.side(each).source} WHERE {cut.key(each)} = {key}"  # noqa: S608
                )
        return
