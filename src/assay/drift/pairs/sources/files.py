"""Files of a source, by a path or a glob; and Parquet, which needs no landing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.drift.pairs.rows import quoted
from assay.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    import duckdb

_MAGIC = b"PAR1"


def files_of(path: str, folder: Path) -> list[Path]:
    """Return the files of a path or glob in the order of their names; `UsageError` where there is none.

    folder: where a relative one starts.
    """
    if "://" in path:
        raise UsageError(
            "a source's path is a file of this machine",
            seen=path.partition("://")[0] + "://…",
            hint="fetch it first, or mount it: Assay holds no key to other people's storage",
        )
    wanted = Path(path).expanduser()
    place = folder / wanted
    base = Path(wanted.anchor) if wanted.is_absolute() else folder
    pattern = str(wanted.relative_to(wanted.anchor))
    found = [place] if place.is_file() else sorted(each for each in base.glob(pattern) if each.is_file())
    if not found:
        raise UsageError(
            "no such file", expected="a path or a glob that matches", seen=str(place), hint="was it exported?"
        )
    return found


class ParquetFiles:
    """Rows of Parquet files. One that ends half-way has no index at its end: it is named, and the others are read."""

    def __init__(self, system: str, paths: Sequence[Path]) -> None:
        self.system, self.paths = system, tuple(paths)
        self.unread: Sequence[str] = ()
        self.whole: Sequence[Path] = ()

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of the files that are whole; `InfrastructureError` where none is."""
        whole = [path for path in self.paths if _is_whole(path)]
        self.unread = tuple(
            f"{path.name} is no whole Parquet file, and was not read" for path in self.paths if path not in whole
        )
        self.whole = whole
        if not whole:
            raise InfrastructureError(
                f"no Parquet file of {self.system} is whole",
                where=", ".join(map(str, self.paths[:3])),
                hint="was it still being written?",
            )
        return f"read_parquet([{', '.join(quoted(_literal(path)) for path in whole)}], union_by_name = true)"


def _literal(path: Path) -> str:
    """Return a path of which DuckDB takes no character for a pattern."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def _is_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(len(_MAGIC))
        if head != _MAGIC or path.stat().st_size < 3 * len(_MAGIC):
            return False
        stream.seek(-len(_MAGIC), 2)
        return stream.read() == _MAGIC
