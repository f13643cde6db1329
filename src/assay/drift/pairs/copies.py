"""Which keys a side has more than once, told by their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

from assay.drift.pairs.columns import register_hashes

if TYPE_CHECKING:
    import duckdb

_HASH_BYTES = 24
"""What sorting takes for each key's hash: twice itself, and once more on its way."""
_MARKS = 22
"""Bits of a hash by which those that may be there twice are marked, in four megabytes."""


def write_copies(connection: duckdb.DuckDBPyConnection, table: str, hashes: str, rows: int, *, memory_mb: int) -> int:
    """Write the hashes that a query of so many rows returns more than once into a table, once each; return how many.

    They are sorted where memory allows: to group them takes three times the CPU, but spills to disk.
    """
    if rows * _HASH_BYTES > memory_mb * 1_000_000:
        connection.execute(f"CREATE TEMP TABLE {table} AS {hashes} GROUP BY k HAVING count(*) > 1")
    else:
        found = numpy.asarray(connection.execute(hashes).fetchnumpy()["k"], dtype=numpy.uint64)
        register_hashes(connection, "assay_copies", "k", _more_than_once(found))
        # Not by numpy.unique, which takes 40 ms to be imported.
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT DISTINCT k FROM assay_copies")  # noqa: S608
        connection.unregister("assay_copies")
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608


def _more_than_once(hashes: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Sort the upper halves, which costs less than the whole; of what is there twice by these, few are by chance."""
    halves = (hashes >> numpy.uint64(32)).astype(numpy.uint32)
    marked = numpy.zeros(1 << _MARKS, dtype=bool)
    marked[_repeated(halves) >> numpy.uint32(32 - _MARKS)] = True
    return _repeated(hashes[marked[hashes >> numpy.uint64(64 - _MARKS)]])


def _repeated(numbers: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Sort numbers in place, and return each that is like the one before."""
    numbers.sort()
    same: numpy.ndarray[Any, Any] = numbers[1:][numbers[1:] == numbers[:-1]]
    return same
