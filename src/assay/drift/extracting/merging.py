"""Raw rows as they were read, and those of an earlier landing, as one row a record: the younger change, the later read.

By DuckDB, in bounded memory: a population is larger than what one may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from assay.drift.extracting.table import ORDER
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.rows import named, quoted, settings
from assay.errors import InfrastructureError

MEMORY_MB = 800
_NTH = "_nth"


def merge(
    raw: Path,
    base: Path | None,
    target: Path,
    *,
    key: Sequence[str],
    changed: str | None,
    placed: str | None,
    since: datetime,
    base_until: datetime | None,
    names: Sequence[str],
) -> int:
    """Write the rows to a Parquet file and return how many there are.

    base: the folder of the earlier landing. since: what was placed earlier is left out; base_until: of the earlier
    landing, what was placed then or later is left out.
    """
    columns = ", ".join(named(name) for name in names)
    rows = f"SELECT {columns}, {named(ORDER)} FROM read_parquet({quoted(str(raw / '*.parquet'))})"  # noqa: S608
    if base is not None:
        earlier = f"SELECT {columns}, -1 AS {named(ORDER)} FROM read_parquet({quoted(str(base / '*.parquet'))})"  # noqa: S608
        if base_until is not None and placed is not None:
            earlier += f" WHERE {named(placed)} IS NULL OR {named(placed)} < {_instant(base_until)}"
        rows = f"{rows} UNION ALL BY NAME {earlier}"
    order = f"{named(changed)} DESC NULLS LAST, " if changed else ""
    nth = f"row_number() OVER (PARTITION BY {', '.join(map(named, key))} ORDER BY {order}{named(ORDER)} DESC)"
    which = f"{_NTH} = 1"
    if placed is not None:
        which += f" AND ({named(placed)} IS NULL OR {named(placed)} >= {_instant(since)})"
    draft = target.with_suffix(".part")
    try:
        with connect(settings(MEMORY_MB, target.parent / "spill")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            landed = connection.execute(
                f"COPY (SELECT {columns} FROM (SELECT *, {nth} AS {_NTH} FROM ({rows})) WHERE {which}) "  # noqa: S608
                f"TO {quoted(str(draft))} (FORMAT parquet)"
            ).fetchall()
    except duckdb.Error as error:
        raise InfrastructureError(
            "what was read could not be landed", where=str(target), seen=str(error).strip().splitlines()[0]
        ) from error
    draft.replace(target)
    return int(landed[0][0])


def _instant(at: datetime) -> str:
    return f"TIMESTAMPTZ {quoted(at.isoformat())}"
