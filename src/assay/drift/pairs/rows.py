"""One side's rows as DuckDB sees them: what a source hands to the engine, and the plainest source there is.

The engine reads rows twice or more: keys and hashes of all of them first, then the few that differ, whole. So a source
that can be read only once lands its rows (as Parquet, or a table of the connection) when it is attached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assay.errors import UsageError

if TYPE_CHECKING:
    import duckdb


def settings(memory_mb: int, folder: Path | str | None = None) -> dict[str, str | bool | int | float | list[str]]:
    """Return how every connection is set: nothing is downloaded, and rows may come in any order.

    folder: where what exceeds the memory is spilled to; DuckDB's own choice where none is named.
    """
    made: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "false",
    }
    return made if folder is None else made | {"temp_directory": str(folder)}


class Rows(Protocol):
    """Rows of one side, readable again and again with the same answer."""

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Make the rows known to the connection and return the SQL that stands after FROM.

        `name` is one word, unlike any other of this connection, for a view, a table or a registered object.
        """
        ...

    @property
    def unread(self) -> Sequence[str]:
        """What could not be read, as sentences; asked for after `attach`. Nothing missing is concluded with any."""
        ...


ROW = "file_row_number"
"""The column of a scan of one file that says which of its rows it is, from 0 on."""


class ParquetRows:
    """Rows of Parquet files, by a path or a glob: `landed/shop/*.parquet`."""

    def __init__(self, path: str) -> None:
        self.path = path

    unread: Sequence[str] = ()

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of the files; `UsageError` where none is there."""
        if connection.execute("SELECT count(*) FROM glob(?)", [self.path]).fetchall() == [(0,)]:
            raise UsageError("no such Parquet file", where=self.path, hint="give a path or a glob that matches")
        return f"read_parquet({quoted(self.path)}, union_by_name = true)"

    def of_file(self, path: str) -> str:
        """Return the scan of one of the files, each column of the type it has among all, with the column `ROW`."""
        scan = f"read_parquet({quoted(self.path)}, union_by_name = true, filename = '~file', {ROW} = true)"
        return f'(SELECT * FROM {scan} WHERE "~file" = {quoted(path)})'  # noqa: S608 (values are quoted)


class TableRows:
    """Rows already in memory: an Arrow table that DuckDB reads in place."""

    def __init__(self, table: Any, unread: Sequence[str] = ()) -> None:
        self.table = table
        self.unread = tuple(unread)

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Register the table under the name; one without columns, as no rows at all make it, is an empty one."""
        if not self.table.num_columns:
            return "(SELECT NULL AS nothing WHERE false)"
        connection.register(name, self.table)
        return named(name)


def table_of(rows: Sequence[Mapping[str, Any]]) -> TableRows:
    """Return rows written out one by one, as tests and small answers of an API have them."""
    import pyarrow

    return TableRows(pyarrow.Table.from_pylist([dict(row) for row in rows]))


class OnlyKeys:
    """The rows of a side that have one of a few keys, as text each; what `explain` of one record compares."""

    def __init__(self, rows: Rows, columns: Sequence[str], keys: Sequence[Sequence[str]]) -> None:
        self.rows, self.columns, self.keys = rows, tuple(columns), tuple(tuple(key) for key in keys)

    @property
    def unread(self) -> Sequence[str]:
        """What the rows behind it say."""
        return self.rows.unread

    @property
    def belong(self) -> bool:
        """Whether the rows behind it were cut to a side's population."""
        return bool(getattr(self.rows, "belong", False))

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the rows behind it, cut by a filter."""
        return cut_to(self.rows.attach(connection, name), self.columns, self.keys)


def cut_to(source: str, columns: Sequence[str], keys: Sequence[Sequence[str]]) -> str:
    """Return what stands after FROM, cut to the rows that have one of these keys, as text."""
    key = "(" + ", ".join(f"CAST({named(column)} AS VARCHAR)" for column in columns) + ")"
    wanted = ", ".join("(" + ", ".join(quoted(part) for part in each) + ")" for each in keys)
    which = f"{key} IN ({wanted})" if wanted else "false"
    return f"(SELECT * FROM {source} WHERE {which})"  # noqa: S608 (names and values are quoted)


def quoted(text: str) -> str:
    """Write a string as SQL."""
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """Write a column or table as SQL, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'
