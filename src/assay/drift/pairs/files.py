"""Rows of files as DuckDB reads them: Parquet, CSV, JSON lines. Every column of a CSV file is text: `0012` stays so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.drift.pairs.model import Side
from assay.drift.pairs.rows import Rows, quoted
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import duckdb

_READERS = {
    "parquet": "read_parquet({}, union_by_name = true)",
    "csv": "read_csv({}, header = true, all_varchar = true, union_by_name = true)",
    "jsonl": "read_json({}, format = 'newline_delimited', union_by_name = true)",
}


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows of the files that a path or a glob names."""

    kind: str
    path: str
    unread: Sequence[str] = ()

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of the files; `UsageError` where none is there."""
        if connection.execute("SELECT count(*) FROM glob(?)", [self.path]).fetchall() == [(0,)]:
            raise UsageError(f"there is no such {self.kind} file", where=self.path, hint="give a path or a glob")
        return _READERS[self.kind].format(quoted(self.path))


def rows_of(side: Side, *, folder: Path) -> Rows:
    """Return a side's rows; relative paths start in the folder. `UsageError` for a source that is none of these."""
    kind, path = side.source.get("kind"), side.source.get("path")
    if kind not in _READERS:
        raise UsageError(f"there is no kind of source '{kind}'", hint=did_you_mean(str(kind), _READERS))
    if not isinstance(path, str) or not path:
        raise UsageError("a source of files has a path", seen=repr(path), hint='path = "exports/orders-*.parquet"')
    for key in side.source:
        if key not in ("kind", "path"):
            raise UsageError(f"a source of kind {kind} has no '{key}'", hint=did_you_mean(key, ("kind", "path")))
    return FileRows(kind, str(folder / path))
