"""For tests of sources: the rows that one gives, as the engine sees them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from assay.drift.pairs.model import Side
from assay.drift.pairs.rows import named
from assay.drift.pairs.sources import Landing, rows_of


def side(source: Mapping[str, Any], *, placed: str | None = None) -> Side:
    """A side called `erp` with such a source."""
    return Side(system="erp", source=source, key=("number",), placed=placed)


def rows(source: Mapping[str, Any], folder: Path, landing: Landing | None = None) -> list[dict[str, Any]]:
    """All rows of a source that is wholly readable."""
    found, unread = read(source, folder, landing)
    assert not unread
    return found


def read(
    source: Mapping[str, Any], folder: Path, landing: Landing | None = None
) -> tuple[list[dict[str, Any]], list[str]]:
    """All rows of a source in the order of their first column, and what it could not read."""
    opened = rows_of(side(source), folder=folder, landing=landing)
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = opened.attach(connection, "erp")
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        names = [str(row[0]) for row in described]
        # Python's instants end in the year 9999, and a database's need not.
        selected = ", ".join(
            f"CAST({named(row[0])} AS VARCHAR)" if row[1] == "TIMESTAMP WITH TIME ZONE" else named(row[0])
            for row in described
        )
        answer = connection.execute(f"SELECT {selected} FROM {relation} ORDER BY 1").fetchall()
        return [dict(zip(names, row, strict=True)) for row in answer], list(opened.unread)
