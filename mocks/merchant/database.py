"""The merchant's one SQLite file: WAL, one connection a thread, writes one at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

_SCHEMA = (Path(__file__).parent / "schema.sql").read_text()
_BUSY_S = 30.0


class Database:
    """Connections to one file. Reads see the last commit; a write holds the process-wide lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.RLock()
        self._opened: list[sqlite3.Connection] = []
        connection = self.read()
        connection.executescript(_SCHEMA)

    def read(self) -> sqlite3.Connection:
        """Return this thread's connection, in autocommit."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one write transaction; an exception rolls it back. A block inside a block joins it."""
        connection = self.read()
        with self._lock:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row, or None."""
        row: sqlite3.Row | None = self.read().execute(statement, values).fetchone()
        return row

    def all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """Return every row."""
        return self.read().execute(statement, values).fetchall()

    def clear(self) -> None:
        """Forget everything stored."""
        with self.write() as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for (name,) in names.fetchall():
                connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - names come from the schema itself

    def close(self) -> None:
        """Close every connection; nothing may use the database afterwards."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()


def pack(document: Any) -> str:
    """Return a document as it is stored."""
    return orjson.dumps(document).decode()


def unpack(text: str) -> Any:
    """Return a stored document."""
    return orjson.loads(text)
