"""Numbers as they lie in memory, as columns that DuckDB reads in place.

pyarrow's own ways to make a column look for pandas, and import it where it is installed: that takes 0.2 s of CPU, as
much as comparing a hundred thousand orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy
import pyarrow

if TYPE_CHECKING:
    import duckdb


def column_of(numbers: numpy.ndarray[Any, Any]) -> pyarrow.Array:
    """Return integers as a column of their own type, over the same memory where they lie side by side."""
    held = numpy.ascontiguousarray(numbers)
    return pyarrow.Array.from_buffers(pyarrow.from_numpy_dtype(held.dtype), len(held), [None, pyarrow.py_buffer(held)])


def register_hashes(connection: duckdb.DuckDBPyConnection, name: str, column: str, hashes: Any) -> None:
    """Make 64-bit hashes known to a connection as a table of one column; hashes: an array, or integers in a row."""
    made = column_of(numpy.asarray(hashes, dtype=numpy.uint64))
    connection.register(name, pyarrow.Table.from_arrays([made], names=[column]))
