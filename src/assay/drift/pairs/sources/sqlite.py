"""SQLite by ADBC: the file is opened read-only, and each column landed as the one type that all its values have.

SQLite checks no types. A column whose values have several is landed as text, each as it is written, so that an amount
of 20 beside one of 19.9 is neither rounded nor refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import adbc_driver_sqlite.dbapi as driver
from adbc_driver_manager import Error as DriverError

from assay.drift.pairs.rows import named
from assay.drift.pairs.sources.database import refuse_twins, refused
from assay.drift.pairs.sources.landing import Parts
from assay.drift.pairs.sources.options import SqliteOptions

_TEXT = "''"
_EXAMPLES = {
    ("integer", "integer"): "1",
    ("integer", "null"): "1",
    ("real", "real"): "1.5",
    ("text", "text"): _TEXT,
    ("null", "null"): _TEXT,
    (None, None): _TEXT,
}
"""A value of a column's only type, by the least and the greatest name of a type in it; no other stands between."""


def land_sqlite(system: str, path: Path, options: SqliteOptions, parts: Parts) -> None:
    """Land a table or query of a file, as it is at one moment."""
    relation = options.relation()
    try:
        with (
            driver.connect(f"file:{quote(str(path.absolute()))}?mode=ro") as connection,
            connection.cursor() as cursor,
        ):
            # mode=ro is of this file; this is of any other that a query might attach.
            cursor.execute("PRAGMA query_only = ON")
            cursor.fetchall()
            first, columns = _columns(cursor, system, relation)
            # The driver goes by the first rows, which may hold nothing but NULL: the first one is ours.
            cursor.execute(f"SELECT {first} UNION ALL SELECT {columns} FROM {relation} AS side")  # noqa: S608
            ours = 1
            for batch in cursor.fetch_record_batch():
                parts.write(batch.slice(ours))
                ours = 0
    except (DriverError, OSError) as error:
        said = " ".join(str(error).split())[:300]
        if parts.rows:
            parts.faults.add(f"the answer ended after {parts.rows:,} rows: {said}")
            return
        kind = "write" if "readonly" in said else "query" if "no such" in said or "syntax" in said else "server"
        raise refused(system, str(path), said, kind=kind) from None


def _columns(cursor: Any, system: str, relation: str) -> tuple[str, str]:
    """Return a row of the columns' types, and what is selected: a column itself, or as text where it has several."""
    cursor.execute(f"SELECT * FROM {relation} AS side LIMIT 0")  # noqa: S608 (names are quoted)
    names = cursor.fetch_arrow_table().schema.names
    refuse_twins(system, names)
    asked = ", ".join(f"min(typeof({named(name)})), max(typeof({named(name)}))" for name in names)
    cursor.execute(f"SELECT {asked} FROM {relation} AS side")  # noqa: S608
    kinds = cursor.fetchone()
    spans = list(zip(kinds[::2], kinds[1::2], strict=True))
    examples = [f"{_EXAMPLES.get(span, _TEXT)} AS {named(name)}" for name, span in zip(names, spans, strict=True)]
    selected = [_expression(name, span) for name, span in zip(names, spans, strict=True)]
    return ", ".join(examples), ", ".join(selected)


def _expression(name: str, span: tuple[str | None, str | None]) -> str:
    column = named(name)
    if span in _EXAMPLES:
        return column
    # SQLite writes 15 digits; where those are not the number, all 17.
    exact = f"CASE WHEN CAST(CAST({column} AS TEXT) AS REAL) = {column} THEN CAST({column} AS TEXT) "
    exact += f"ELSE printf('%!.17g', {column}) END"
    return (
        f"CASE typeof({column}) WHEN 'real' THEN {exact} WHEN 'blob' THEN lower(hex({column})) "
        f"ELSE CAST({column} AS TEXT) END"
    )
