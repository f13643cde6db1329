"""One database behind the store: transactions that wait their turn, and trouble explained in our words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from assay.errors import InfrastructureError, UsageError

_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_WRITES, _FLUSHES, _FILE = "assay_writes", "assay_flushes", "assay_file"
_DELETED = "put it back; or end this process and start it anew, which makes an empty one"
_REPLACED = "it is used from the next try on"
# What a database says, and what it means to whoever runs Assay: (message, what to do).
_LOCKED = ("the store is locked by somebody else", "end the other process, or name another store")
_FULL = ("the store is full", "free some disk, or keep results for fewer days")
_READ_ONLY = ("the store cannot be written", "make the file and its folder writable, or name another store")
_AWAY = ("the store cannot be reached", "is the database server up, and the address right?")
_SQLITE_SAYS = {"locked": _LOCKED, "busy": _LOCKED, "is full": _FULL, "readonly": _READ_ONLY, "read-only": _READ_ONLY}
_GONE = ("57P01", "57P02", "57P03", "08000", "08001", "08003", "08006", "53300")
_POSTGRES_SAYS = {"55P03": _LOCKED, "57014": _LOCKED, "53100": _FULL, "25006": _READ_ONLY, "42501": _READ_ONLY}
_POSTGRES_SAYS |= dict.fromkeys(_GONE, _AWAY)
_JSON = json.JSONEncoder(separators=(",", ":")).encode
# A server that vanishes without a word is noticed within seconds, not when TCP gives up after a quarter of an hour.
_WATCHED: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Database:
    """An engine with two kinds of transactions: reading and writing."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{_WRITES: "plain"})
        self._durable = engine.execution_options(**{_WRITES: "durable"})
        self._statements: dict[str, Any] = {}

    @property
    def address(self) -> str:
        """Where the store is, without its password."""
        return str(self.engine.url.render_as_string(hide_password=True))

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the store; `InfrastructureError` where it cannot be read."""
        with self._explained(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sa.Connection]:
        """Give a connection that writes, all or nothing; `InfrastructureError` where the store cannot take it.

        durable: what was written survives a power cut, not only the end of this process; costs one more disk flush.
        """
        with self._explained(), (self._durable if durable else self._writer).begin() as connection:
            yield connection

    def detached(self) -> Any:
        """Return a driver's connection of its own, each statement a transaction; who asked for it closes it."""
        with self._explained():
            try:
                raw = self.engine.raw_connection()
            except self.engine.dialect.loaded_dbapi.Error as error:  # not yet SQLAlchemy's own
                raise sa.exc.OperationalError("connect", None, error) from error
        driver: Any = raw.driver_connection
        raw.detach()
        driver.autocommit = True
        return driver

    def insert(self, table: sa.Table) -> Any:
        """Return an INSERT of this database's own kind, which knows ON CONFLICT."""
        if self.engine.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            return sqlite_insert(table)
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)

    def statement(self, name: str, build: Callable[[Database], Any]) -> Any:
        """Return a statement of this database's own kind, built once: building costs more than executing it."""
        if name not in self._statements:
            self._statements[name] = build(self)
        return self._statements[name]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.DatabaseError, sa.exc.TimeoutError) as error:
            ours = isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError | sa.exc.DataError)
            if ours and _state(error) not in _POSTGRES_SAYS:
                raise
            message, hint = _meaning(error)
            raise InfrastructureError(message, where=self.address, seen=_said(error), hint=hint) from error


def connect(url: str, patience_s: float) -> Database:
    """Return the database at an SQLAlchemy URL, not asked anything yet; `UsageError` for an address of nothing.

    patience_s: how long a write waits for somebody else's before it gives up.
    """
    try:
        parsed = sa.make_url(url)
        kind, _, driver = parsed.drivername.partition("+")
        if kind not in _DIALECTS:
            raise UsageError(
                "that is no address of a store", expected="sqlite:///FILE or postgresql://HOST/DATABASE", seen=kind
            )
        if not driver:
            parsed = parsed.set(drivername=_DIALECTS[kind])
        if kind == "sqlite":
            engine = sa.create_engine(parsed, connect_args={"timeout": patience_s}, json_serializer=_JSON)
            sa.event.listen(engine, "connect", _sqlite_connected)
            sa.event.listen(engine, "begin", _sqlite_begins)
            if parsed.database and parsed.database != ":memory:" and not parsed.query:
                _keep_to_its_file(engine, parsed.database)
        else:
            options = f"{parsed.query.get('options', '')} -c lock_timeout={round(patience_s * 1000)}"
            given = {**_WATCHED, "options": options}
            # What idles in the pool may be of a server that was started anew since.
            engine = sa.create_engine(parsed, connect_args=given, json_serializer=_JSON, pool_pre_ping=True)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise UsageError(
            "that is no address of a store",
            expected="a file, or an SQLAlchemy URL whose driver is installed",
            seen=str(error).splitlines()[0],
            hint="pip install 'assay[postgres]'"
            if isinstance(error, ImportError) and "psycopg" in str(error)
            else None,
        ) from None
    return Database(engine)


def _sqlite_connected(connection: Any, _: Any) -> None:
    # Python's own BEGIN comes late and never before DDL or SELECT; we say it ourselves (see _sqlite_begins).
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        # Two processes that make one store at the same time: SQLite refuses one of them at once instead of waiting.
        for attempt in range(40):
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
                break
            except connection.OperationalError as error:
                if "locked" not in str(error) or attempt == 39:
                    raise
                time.sleep(0.05)
    finally:
        cursor.close()


def _keep_to_its_file(engine: sa.Engine, file: str) -> None:
    """Notice that the file was deleted or replaced: SQLite goes on with what nobody will ever read again."""
    known = False

    def connects(*_: Any) -> None:
        if known:
            _identity(file)  # to connect would make an empty one

    def connected(_: Any, record: Any) -> None:
        nonlocal known
        known, record.info[_FILE] = True, _identity(file)

    def begins(connection: sa.Connection) -> None:
        if _identity(file) != connection.info.get(_FILE):
            connection.invalidate()
            raise InfrastructureError(
                "the store's file was replaced by another", where=file, seen="another file of that name", hint=_REPLACED
            )

    sa.event.listen(engine, "do_connect", connects)
    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begins, insert=True)


def _identity(file: str) -> tuple[int, int]:
    try:
        stat = Path(file).stat()
    except OSError as error:
        raise InfrastructureError(
            "the store's file is gone", where=file, seen=error.strerror or str(error), hint=_DELETED
        ) from None
    return stat.st_dev, stat.st_ino


def _sqlite_begins(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    if writes is None:
        connection.exec_driver_sql("BEGIN")
        return
    wanted = "FULL" if writes == "durable" else "NORMAL"
    if connection.info.get(_FLUSHES) != wanted:  # a connection keeps it for its next transactions
        connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
        connection.info[_FLUSHES] = wanted
    # A transaction that reads first and writes later is refused without waiting when somebody wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _meaning(error: Exception) -> tuple[str, str]:
    cause, state = getattr(error, "orig", None), _state(error)
    if state in _POSTGRES_SAYS:
        return _POSTGRES_SAYS[state]
    said = _said(error)
    for words, meaning in _SQLITE_SAYS.items():
        if not state and words in said:
            return meaning
    if type(cause).__module__.startswith("psycopg") and not state:
        return _AWAY
    return "the store cannot be used", "is the disk full, or the file ours?"


def _state(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _said(error: Exception) -> str:
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
