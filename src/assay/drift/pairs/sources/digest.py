"""One number for all rows of a PostgreSQL side, reckoned by the server: what did not change need not be read.

Two digests that are equal say that the same rows stand there, copies counted; two that differ say nothing of where, and
a digest of another rule (another version of the server, other columns or types) says nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from assay.drift.pairs.model import Side
from assay.drift.pairs.rows import named
from assay.drift.pairs.sources.options import PostgresOptions, options_of
from assay.drift.pairs.sources.postgresql import Postgres
from assay.errors import UsageError, did_you_mean

_FUNCTIONS = {
    "smallint": "hashint2extended",
    "integer": "hashint4extended",
    "bigint": "hashint8extended",
    "numeric": "hash_numeric_extended",
    "timestamp without time zone": "timestamp_hash_extended",
}
"""Types whose own hash tells apart what their comparison does."""
_AS_RECORD = ("date", "timestamp with time zone")
"""The same of these, of which not every version of the server has the function."""


@dataclass(frozen=True, slots=True)
class Digest:
    """How many rows there are, and the sum of their 64-bit hashes. rule: how it was reckoned."""

    rows: int
    total: int
    rule: str

    def same_rows(self, other: Digest) -> bool | None:
        """Whether both are of the same rows; None where they were not reckoned alike."""
        if self.rule != other.rule:
            return None
        return (self.rows, self.total) == (other.rows, other.total)


def digest_of(side: Side, columns: Sequence[str], *, folder: Path) -> Digest:
    """Return the digest of a side's columns by one query; columns: at least one, in an order that both sides share.

    `UsageError` for a side that is no PostgreSQL, or has no such column.
    """
    return _digests(side, columns, None, folder)[None]


def digests_by_day(side: Side, columns: Sequence[str], *, folder: Path) -> Mapping[date | None, Digest]:
    """Return a digest for each day (UTC) that rows of a side were placed on, by one query; None: rows that do not say.

    `UsageError` for a side that names no column `placed`.
    """
    if side.placed is None:
        raise UsageError(f"{side.system} does not say which day a row is of", expected='placed = "COLUMN"')
    day = f"CAST(side.{named(side.placed)} AS date)"
    return _digests(side, columns, day, folder)


def _server(side: Side, folder: Path) -> Postgres:
    options = options_of(side.source)
    if not isinstance(options, PostgresOptions):
        raise UsageError(
            f"a digest is reckoned by PostgreSQL, and {side.system} is read from something else", seen=options.kind
        )
    return Postgres(side.system, options, folder)


def _digests(side: Side, columns: Sequence[str], by: str | None, folder: Path) -> Mapping[Any, Digest]:
    server = _server(side, folder)
    with server.connected() as cursor:
        types = server.types(cursor)
        for column in columns:
            if column not in types:
                raise UsageError(
                    f"the rows of {side.system} have no column '{column}'", hint=did_you_mean(column, types)
                )
        rule = _rule(cursor, types, columns)
        # Each column's hash has a seed of its own, and what they give together is mixed once more: two rows that
        # exchange a value do not cancel out. Cheaper than a record's hash by a third, and than text by half.
        hashes = " # ".join(_hash(number, column, types[column]) for number, column in enumerate(columns, 1))
        cursor.execute(
            f"SELECT {by or 'NULL::date'} AS part, count(*) AS rows, "  # noqa: S608 (names are quoted)
            f"coalesce(sum(hashint8extended({hashes}, 0)), 0)::text AS total "
            f"FROM {server.relation} AS side {'GROUP BY 1' if by else ''}"
        )
        rows = cursor.fetch_arrow_table().to_pylist()
    return {row["part"]: Digest(row["rows"], int(row["total"]), rule) for row in rows}


def _hash(number: int, name: str, kind: str) -> str:
    """Return the SQL of one column's hash, another one for each place a column may have."""
    column = f"side.{named(name)}"
    if kind == "boolean":
        return f"CASE {column} WHEN true THEN {_constant(number, 1)} WHEN false THEN {_constant(number, 0)} " + (
            f"ELSE {_constant(number, 2)} END"
        )
    if kind in _FUNCTIONS:
        hashed = f"{_FUNCTIONS[kind]}({column}, {number})"
    elif kind in _AS_RECORD:
        return f"hash_record_extended(ROW({column}), {number})"
    else:
        # A collation may call two texts equal that are not the same bytes.
        hashed = f'hashtextextended({column}::text COLLATE "C", {number})'
    return f"coalesce({hashed}, {_constant(number, 2)})"


def _constant(number: int, value: int) -> str:
    """Return a number of 64 bits that stands for a value without a hash: yes, no, nothing."""
    drawn = sha256(f"{number}:{value}".encode()).digest()[:8]
    return f"({int.from_bytes(drawn, signed=True)})::bigint"


def _rule(cursor: Any, types: Mapping[str, str], columns: Sequence[str]) -> str:
    cursor.execute("SELECT current_setting('server_version_num')::int / 10000 AS version")
    version = cursor.fetch_arrow_table().to_pylist()[0]["version"]
    if version < 14:
        raise UsageError("digests need PostgreSQL 14 or later", seen=f"PostgreSQL {version}")
    kinds = ", ".join(_kind(types[column]) for column in columns)
    return f"PostgreSQL {version}, rows of ({kinds})"


def _kind(kind: str) -> str:
    return kind if kind in _FUNCTIONS or kind in (*_AS_RECORD, "boolean") else "text"
