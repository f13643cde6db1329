"""MySQL and MariaDB by PyMySQL: rows streamed in one read-only transaction over one snapshot, landed as Arrow.

Decimals, dates and times come as the text the server writes, which rounds nothing and keeps `0000-00-00` apart from
nothing; whole numbers as numbers; bytes as hexadecimal text. Instants of TIMESTAMP columns are UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pymysql
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from assay.drift.pairs.sources.database import address_of, refuse_twins, refused, whole_numbers
from assay.drift.pairs.sources.landing import Parts
from assay.drift.pairs.sources.options import MySqlOptions
from assay.errors import AssayError, UsageError

_ROWS = 20_000
_WAIT_S = 10
_PORT = 3306
_WHOLE = frozenset((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG))
_MOMENTS = frozenset((FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE))
_TEXTS = frozenset((FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING))
_BINARY = 63
"""The character set of bytes."""
_WRITES = (1290, 1792, 1836)
"""Codes of a refused write: the server, the transaction or the session is read-only."""
_QUERY = (1052, 1054, 1060, 1064, 1146, 1305, 1248)
_BEGIN = (
    "SET SESSION TRANSACTION READ ONLY",
    "SET time_zone = '+00:00'",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


class MySql:
    """One side's table or query in a MySQL or MariaDB database."""

    def __init__(self, system: str, options: MySqlOptions, folder: Path) -> None:
        self.system, self.options, self._folder = system, options, folder
        self.relation = options.relation("`")
        self._address = address_of(system, options, folder, ("mysql", "mariadb"))
        try:
            self._port = self._address.parts.port or _PORT
        except ValueError:
            raise UsageError(
                f"the port of {system}'s database is none", where="address", seen=self._address.shown
            ) from None

    def land(self, parts: Parts) -> None:
        """Land all rows. Where the answer ends half-way, what came is kept and the end is named."""
        with self.opened() as snapshot:
            snapshot.land(parts)

    @contextmanager
    def opened(self) -> Iterator[MySqlSnapshot]:
        """Give the database as it is now."""
        with self._connected() as connection:
            try:
                with SSCursor(connection) as cursor:
                    for statement in (_limited(connection.get_server_info(), self.options.timeout), *_BEGIN):
                        cursor.execute(statement)
            except (pymysql.Error, OSError) as error:
                raise self.explained(error) from None
            yield MySqlSnapshot(self, connection)

    def masked(self, error: Exception) -> str:
        """Return an error as it was said, without what is secret."""
        return self._address.masked(str(error))

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        parts = self._address.parts
        authority = self.options.ca_file
        tls = {"ssl_ca": str(self._folder / authority), "ssl_verify_identity": True} if authority else {}
        try:
            connection = pymysql.connect(
                host=parts.hostname or "127.0.0.1",
                port=self._port,
                user=unquote(parts.username or ""),
                password=self._address.password or "",
                database=unquote(parts.path.strip("/")) or None,
                charset="utf8mb4",
                conv=encoders,  # values come as text: decoding them here would round and guess
                connect_timeout=_WAIT_S,
                read_timeout=self.options.timeout + _WAIT_S,
                program_name="assay",
                **tls,
            )
        except (pymysql.Error, OSError) as error:
            raise self.explained(error) from None
        try:
            yield connection
        finally:
            connection.close()

    def explained(self, error: Exception) -> AssayError:
        """Return the server's or the driver's error in our words."""
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        kind = "write" if code in _WRITES else "query" if code in _QUERY else "server"
        said = str(error.args[1]) if len(error.args) > 1 else str(error)
        return refused(self.system, self._address.shown, self._address.masked(said), kind=kind)


class MySqlSnapshot:
    """What one transaction sees: see `landing.Snapshot`."""

    def __init__(self, server: MySql, connection: Any) -> None:
        self.server, self._connection = server, connection
        self._fields: dict[str, Any] | None = None

    def since(self, column: str, moment: datetime) -> str | None:
        """Return a condition; a date of zeros, or of a month or day that is zero, is none."""
        field, name = self._field(column), f"side.{_named(column)}"
        if field is None or field.type_code not in _MOMENTS:
            return None
        first = f"'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
        return f"({name} >= {first} OR {name} IS NULL OR MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0)"

    def among(self, column: str, values: Sequence[str]) -> str | None:
        """Return a condition; the server may call more texts equal than are the same, and those come as well."""
        field, name = self._field(column), f"side.{_named(column)}"
        if field is not None and field.type_code in _WHOLE:
            return f"{name} IN ({', '.join(whole_numbers(values)) or 'NULL'})"
        if field is None or field.type_code not in _TEXTS or field.charsetnr == _BINARY:
            return None
        return f"{name} IN ({', '.join(self._connection.escape(each) for each in values) or 'NULL'})"

    def land(self, parts: Parts, where: str = "") -> None:
        """Land rows. Where the answer ends half-way, what came is kept and the end is named."""
        query = f"SELECT * FROM {self.server.relation} AS side"  # noqa: S608 (names are quoted)
        query += f" WHERE {where}" if where else ""
        try:
            with SSCursor(self._connection) as cursor:
                cursor.execute(query)
                schema = _schema(self.server.system, cursor)
                while rows := cursor.fetchmany(_ROWS):
                    parts.write(_batch(rows, schema))
        except (pymysql.Error, OSError) as error:
            self._connection._force_close()  # an answer that is half read cannot be taken back otherwise
            if not parts.rows:
                raise self.server.explained(error) from None
            parts.faults.add(f"the answer ended after {parts.rows:,} rows: {self.server.masked(error)}")

    def _field(self, column: str) -> Any:
        if self._fields is None:
            try:
                with SSCursor(self._connection) as cursor:
                    cursor.execute(f"SELECT * FROM {self.server.relation} AS side LIMIT 0")  # noqa: S608
                    names = [each[0] for each in cursor.description]
                    self._fields = dict(zip(names, cursor._result.fields, strict=True))
            except (pymysql.Error, OSError) as error:
                raise self.server.explained(error) from None
        return self._fields.get(column)


def _named(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _schema(system: str, cursor: Any) -> pa.Schema:
    names = [column[0] for column in cursor.description]
    refuse_twins(system, names)
    fields = cursor._result.fields  # the description leaves out what is unsigned
    return pa.schema([pa.field(name, _type(field)) for name, field in zip(names, fields, strict=True)])


def _limited(version: str, timeout_s: float) -> str:
    """Return the statement that limits how long a query may take; the two servers have no word in common for it."""
    if "MariaDB" in version:
        return f"SET SESSION max_statement_time = {timeout_s:.3f}"
    return f"SET SESSION max_execution_time = {max(1, round(timeout_s * 1000))}"


def _type(field: Any) -> pa.DataType:
    if field.type_code not in _WHOLE:
        return pa.string()
    return pa.uint64() if field.flags & FLAG.UNSIGNED else pa.int64()


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        pa.array([value.hex() if isinstance(value, bytes) else value for value in values], pa.string()).cast(field.type)
        for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
