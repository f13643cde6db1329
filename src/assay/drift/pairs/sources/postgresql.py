"""PostgreSQL by ADBC: rows as Arrow by the binary COPY protocol, in one read-only transaction over one snapshot.

The server refuses writes, whatever the query hides: the session is read-only by default, the transaction is, and what
is asked stands within a SELECT of ours. Types without a counterpart in the comparison come as the text the server
writes; `numeric` as text in any case, for it may hold more digits than any number here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import adbc_driver_postgresql.dbapi as driver  # type: ignore[import-untyped]
import pyarrow as pa
from adbc_driver_manager import Error as DriverError

from assay.drift.pairs.rows import named, quoted
from assay.drift.pairs.sources.database import Address, address_of, refuse_twins, refused, whole_numbers
from assay.drift.pairs.sources.landing import Parts
from assay.drift.pairs.sources.options import PostgresOptions
from assay.errors import AssayError

_AS_THEY_ARE = frozenset(
    (
        "smallint", "integer", "bigint", "boolean", "text", "character varying", "numeric", "real", "double precision",
        "date", "timestamp without time zone", "timestamp with time zone",
    )
)  # fmt: skip
_WHOLE = ("smallint", "integer", "bigint")
_WAITS = {
    "connect_timeout": "10",
    "application_name": "assay",
    "client_encoding": "UTF8",
    # A server that vanishes without a word is noticed within seconds.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_STATE = re.compile(r"SQLSTATE: (\w{5})")
_WRITES = ("25006", "25001")
"""Codes of a refused write: read_only_sql_transaction, and a transaction that was to be made writable."""


class Postgres:
    """One side's table or query in a PostgreSQL database."""

    def __init__(self, system: str, options: PostgresOptions, folder: Path) -> None:
        self.system, self.options = system, options
        self.relation = options.relation()
        self._address = address_of(system, options, folder, ("postgresql", "postgres"))

    def land(self, parts: Parts) -> None:
        """Land all rows. Where the answer ends half-way, what came is kept and the end is named."""
        with self.opened() as snapshot:
            snapshot.land(parts)

    @contextmanager
    def opened(self) -> Iterator[PostgresSnapshot]:
        """Give the database as it is now."""
        with self.connected() as cursor:
            yield PostgresSnapshot(self, cursor)

    def masked(self, error: Exception) -> str:
        """Return an error as it was said, without what is secret."""
        return self._address.masked(str(error))

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Give a cursor in a read-only transaction that sees one state of the database."""
        try:
            connection = driver.connect(self._url())
        except (DriverError, OSError) as error:
            raise self.explained(error) from None
        cursor = connection.cursor()
        try:
            yield cursor
        except (DriverError, OSError) as error:
            raise self.explained(error) from None
        finally:
            cursor.close()
            connection.close()

    def types(self, cursor: Any) -> dict[str, str]:
        """Return the columns and what PostgreSQL calls their types; `UsageError` where two have one name."""
        cursor.execute(f"SELECT * FROM {self.relation} AS side LIMIT 0")  # noqa: S608
        names = list(cursor.fetch_arrow_table().schema.names)
        refuse_twins(self.system, names)
        if not names:
            return {}
        asked = ", ".join(f"pg_typeof(side.{named(name)})::text AS {named(name)}" for name in names)
        cursor.execute(
            f"SELECT {asked} FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM {self.relation} AS asked LIMIT 1) "  # noqa: S608
            "AS side ON true"
        )
        return {name: str(value) for name, value in cursor.fetch_arrow_table().to_pylist()[0].items()}

    def explained(self, error: Exception) -> AssayError:
        """Return the server's or the driver's error in our words."""
        state = getattr(error, "sqlstate", None) or next(iter(_STATE.findall(str(error))), "")
        kind = "write" if state in _WRITES else "query" if state[:2] in ("42", "22", "0A") else "server"
        return refused(self.system, self._address.shown, self._address.masked(str(error)), kind=kind)

    def _url(self) -> str:
        address: Address = self._address
        given = dict(parse_qsl(address.parts.query, keep_blank_values=True))
        settings = {
            "default_transaction_read_only": "on",
            "default_transaction_isolation": r"repeatable\ read",
            "statement_timeout": f"{round(self.options.timeout * 1000)}",
            "TimeZone": "UTC",
            "DateStyle": "ISO",
            "extra_float_digits": "1",
        }
        options = " ".join([given.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())])
        query = urlencode({**_WAITS, **given, "options": options.strip()}, quote_via=quote)
        return f"postgresql://{address.netloc}{address.parts.path}?{query}"


class PostgresSnapshot:
    """What one transaction sees: see `landing.Snapshot`."""

    def __init__(self, server: Postgres, cursor: Any) -> None:
        self.server, self._cursor = server, cursor
        self._types = server.types(cursor)

    def since(self, column: str, moment: datetime) -> str | None:
        """Return a condition; an instant that no calendar of ours holds (infinity, a year before 1) is none."""
        kind = self._types.get(column)
        if kind not in ("timestamp with time zone", "timestamp without time zone", "date"):
            return None
        name, zone = f"side.{named(column)}", "timestamptz" if kind == "timestamp with time zone" else "timestamp"
        first = f"{zone} '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00'"
        return f"({name} >= {first} OR {name} IS NULL OR {name} < {zone} '0001-01-02 00:00:00+00')"

    def among(self, column: str, values: Sequence[str]) -> str | None:
        """Return a condition, of the column itself where that is a number or text: an index may know it."""
        kind, name = self._types.get(column), f"side.{named(column)}"
        if kind in _WHOLE:
            return f"{name} = ANY('{{{', '.join(whole_numbers(values))}}}'::bigint[])"
        if kind not in ("text", "character varying", "numeric", "uuid"):
            return None
        text = name if kind in ("text", "character varying") else f"{name}::text"
        return f"{text} = ANY(ARRAY[{', '.join(quoted(each) for each in values if chr(0) not in each)}]::text[])"

    def land(self, parts: Parts, where: str = "") -> None:
        """Land rows. Where the answer ends half-way, what came is kept and the end is named."""
        columns = ", ".join(f"{_expression(name, kind)} AS {named(name)}" for name, kind in self._types.items())
        query = f"SELECT {columns} FROM {self.server.relation} AS side"  # noqa: S608 (names are quoted)
        query += f" WHERE {where}" if where else ""
        try:
            self._cursor.execute(query)
            for batch in self._cursor.fetch_record_batch():
                parts.write(_plain(batch))
        except (DriverError, OSError) as error:
            if not parts.rows:
                raise self.server.explained(error) from None
            parts.faults.add(f"the answer ended after {parts.rows:,} rows: {self.server.masked(error)}")


def _expression(name: str, kind: str) -> str:
    column = f"side.{named(name)}"
    if kind in _AS_THEY_ARE:
        return column
    # As text, money depends on the server's locale.
    return f"{column}::numeric" if kind == "money" else f"{column}::text"


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows without the types that Arrow knows by name only: what they are stored as is plain text."""
    columns = [each.storage if isinstance(each.type, pa.BaseExtensionType) else each for each in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
