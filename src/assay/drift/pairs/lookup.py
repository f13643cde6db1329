"""A few rows of one side asked for by themselves: any key, or what stands under one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from assay.drift.pairs.connecting import connect
from assay.drift.pairs.model import Side
from assay.drift.pairs.rows import Rows, named
from assay.errors import UsageError

_COPIES = 100
"""Of one key; more are the same story."""


def any_key(rows: Rows, side: Side) -> list[tuple[str, ...]]:
    """Return the key of some row, or nothing where no row has one."""
    if not _fetched(rows, lambda relation: f"SELECT 1 FROM {relation} LIMIT 1")[1]:  # noqa: S608 (names are quoted)
        return []  # no rows may mean no columns, either
    chosen = f"SELECT {_texts(side)} FROM", f"WHERE {_present(side)} LIMIT 1"
    found = _fetched(rows, lambda relation: f"{chosen[0]} {relation} {chosen[1]}")[1]
    return [tuple(map(str, row)) for row in found]


def rows_of_key(rows: Rows) -> list[dict[str, Any]]:
    """Return the rows of a side that was cut to a key, as mappings; of copies, a hundred."""
    columns, found = _fetched(rows, lambda relation: f"SELECT * FROM {relation} LIMIT {_COPIES}")  # noqa: S608
    return [dict(zip(columns, row, strict=True)) for row in found]


def _texts(side: Side) -> str:
    return ", ".join(f"CAST({named(each)} AS VARCHAR)" for each in side.key)


def _present(side: Side) -> str:
    return " AND ".join(f"{named(each)} IS NOT NULL" for each in side.key)


def _fetched(rows: Rows, query: Callable[[str], str]) -> tuple[list[str], list[tuple[Any, ...]]]:
    config: dict[str, Any] = {"autoinstall_known_extensions": "false", "threads": 1}
    with connect(config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = rows.attach(connection, "one_key")
        try:
            # By Arrow: an instant with a zone as a value of Python would need one package more.
            table = connection.sql(query(relation)).to_arrow_table()
        except duckdb.Error as error:
            raise UsageError(
                "the rows of a side cannot be asked for a key", seen=str(error).strip().splitlines()[0]
            ) from None
        columns = [column.to_pylist() for column in table.columns]
        return list(table.column_names), list(zip(*columns, strict=True))
