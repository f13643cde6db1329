"""Parts of Parquet files that hold the same bytes as before: what their rows come to need not be worked out again.

A sweep misses nothing, so that neither a file's size nor when it was written tells that it is as it was: the bytes of
each row group are read and hashed, which takes a fifth of the CPU of reading its values. How many they are only tells
whether that is worth it. What is written anew each night in groups of other sizes has no print: it would not help.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from assay.drift.pairs.model import SideName
from assay.drift.pairs.partitions import Part, Partitions, digests, together
from assay.drift.pairs.rows import ROW, ParquetRows

if TYPE_CHECKING:
    import duckdb

_MOST = 100_000
"""Partitions of all row groups of a side; more of them are not remembered."""
_MOST_READS = 8
"""Of one file; more stretches of it than that are read as one, with what lies between them."""
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Group:
    """A row group as it was read last. size: in bytes; print: of those, where one was made.

    parts: what its rows come to, by partition.
    """

    rows: int
    size: int
    print: str | None
    parts: Mapping[int, Part]


Files = Mapping[str, Sequence[Group]]
"""The row groups of each file, by path."""


@dataclass(frozen=True, slots=True)
class _There:
    """A row group as it lies in a file now. spans: where the bytes of each column begin, and how many they are."""

    rows: int
    spans: Sequence[tuple[int, int]]
    schema: str

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(length for _, length in self.spans)


def digests_by_group(
    connection: duckdb.DuckDBPyConnection, cut: Partitions, name: SideName, rows: ParquetRows, known: Files | None
) -> tuple[dict[int, Part], Files]:
    """Return what one side's rows come to, by partition, and what each row group does: known ones are not read anew.

    known: None where nothing is remembered. Then each group gets a print, later those as large as the last time.
    """
    files: dict[str, Sequence[Group]] = {}
    for path, groups in _there(connection, rows).items():
        begun = _state(path)
        prints, same = _compared(path, groups, None if known is None else known.get(path, ()))
        read = _read(connection, cut, name, rows.of_file(path), groups, [was is None for was in same])
        if _state(path) != begun:
            prints = [None] * len(groups)  # somebody writes it
        files[path] = [
            was or Group(each.rows, each.size, word, read.get(place, {}))
            for place, (was, each, word) in enumerate(zip(same, groups, prints, strict=True))
        ]
    every = [group.parts for groups in files.values() for group in groups]
    return together(every), files if sum(map(len, every)) <= _MOST else {}


def _compared(
    path: str, groups: Sequence[_There], known: Sequence[Group] | None
) -> tuple[list[str | None], list[Group | None]]:
    """Return the print of each row group that is worth one, and the known groups that are as they were, by place."""
    old: list[Group | None] = [None] * len(groups)
    if known is not None:
        old = [*known, *old][: len(groups)]
    pairs = list(zip(old, groups, strict=True))
    prints = _prints(path, [each if known is None or _like(was, each) else None for was, each in pairs])
    same = [was if was and word and was.print == word else None for was, word in zip(old, prints, strict=True)]
    return prints, same


def _like(was: Group | None, now: _There) -> bool:
    """Whether a row group may be as it was."""
    return was is not None and (was.rows, was.size) == (now.rows, now.size)


def _there(connection: duckdb.DuckDBPyConnection, rows: ParquetRows) -> dict[str, list[_There]]:
    """Return the row groups of all files, in order."""
    schemas: dict[str, str] = {}
    for path, *told in connection.execute(
        "SELECT file_name, name, type, type_length, converted_type, scale, precision, logical_type "
        "FROM parquet_schema(?)",
        [rows.path],
    ).fetchall():
        schemas[path] = f"{schemas.get(path, '')}{told}"
    found: dict[str, list[_There]] = {path: [] for path in schemas}
    begin = "CASE WHEN dictionary_page_offset > 0 THEN least(dictionary_page_offset, data_page_offset) "
    begin += "ELSE data_page_offset END"
    for path, count, spans in connection.execute(
        f"SELECT file_name, any_value(row_group_num_rows), list(({begin}, total_compressed_size) ORDER BY column_id) "  # noqa: S608
        "FROM parquet_metadata(?) GROUP BY file_name, row_group_id ORDER BY file_name, row_group_id",
        [rows.path],
    ).fetchall():
        found[path].append(_There(count, spans, schemas[path]))
    return found


def _read(
    connection: duckdb.DuckDBPyConnection,
    cut: Partitions,
    name: SideName,
    source: str,
    groups: Sequence[_There],
    wanted: Sequence[bool],
) -> dict[int, dict[int, Part]]:
    """Return what the rows of the wanted groups of a file come to, by place and by partition."""
    firsts = [0, *accumulate(each.rows for each in groups)]
    found: dict[int, dict[int, Part]] = {}
    for begin, end in _stretches(wanted):
        where = f"{ROW} BETWEEN {firsts[begin]} AND {firsts[end] - 1}"
        found |= digests(connection, cut, name, where, source, _which(firsts, begin, end))
    return found


def _stretches(wanted: Sequence[bool]) -> list[tuple[int, int]]:
    """Return from where to where something is wanted; all between the first and the last where that is in tatters."""
    found = []
    for is_wanted, places in groupby(range(len(wanted)), key=wanted.__getitem__):
        if is_wanted:
            each = list(places)
            found.append((each[0], each[-1] + 1))
    return found if len(found) <= _MOST_READS else [(found[0][0], found[-1][1])]


def _which(firsts: Sequence[int], begin: int, end: int) -> str:
    """Return the SQL of the group that a row of a file is in."""
    if end - begin == 1:
        return str(begin)
    middle = (begin + end) // 2
    lower, upper = _which(firsts, begin, middle), _which(firsts, middle, end)
    return f"CASE WHEN {ROW} < {firsts[middle]} THEN {lower} ELSE {upper} END"


def _state(path: str) -> tuple[int, int] | None:
    """Return a file's size and when it was written; None where it is gone."""
    with suppress(OSError):
        found = Path(path).stat()
        return found.st_size, found.st_mtime_ns
    return None


def _prints(path: str, groups: Iterable[_There | None]) -> list[str | None]:
    """Return the prints of row groups; None for one that is not wanted, or cannot be read."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda each: None if each is None else _print(path, each), groups))


def _print(path: str, group: _There) -> str | None:
    found = blake2b(f"{group.schema} {group.rows}".encode(), digest_size=16)
    try:
        with Path(path).open("rb") as file:
            for begin, length in group.spans:
                file.seek(begin)
                found.update(file.read(length))
    except OSError:
        return None
    return found.hexdigest()
