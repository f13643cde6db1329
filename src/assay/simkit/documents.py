"""State of a simulator: tables of JSON documents, appended to a file before each answer and replayed at start.

A document is never changed in place: read it, build the next one, assign it. Only what is assigned is remembered,
and only assignments are undone when a handler fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import orjson

Document = Any
_GONE = object()


class Table(MutableMapping[str, Document]):
    """Documents of one kind by id, in the order in which they were first stored."""

    def __init__(self, name: str, log: Documents) -> None:
        self.name = name
        self._log = log
        self._rows: dict[str, Document] = {}

    def __getitem__(self, key: str) -> Document:
        return self._rows[key]

    def __setitem__(self, key: str, document: Document) -> None:
        self._log._changed(self, key, self._rows.get(key, _GONE))
        self._rows[key] = document

    def __delitem__(self, key: str) -> None:
        self._log._changed(self, key, self._rows[key])
        del self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Documents:
    """All tables of one simulator; `commit` makes changes durable against SIGKILL, `rollback` forgets them."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._tables: dict[str, Table] = {}
        self._undo: list[tuple[Table, str, Document]] = []
        self._file: int | None = None
        if path is not None:
            self._replay(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def table(self, name: str) -> Table:
        """Return the table of that name, made empty when first asked for."""
        if name not in self._tables:
            self._tables[name] = Table(name, self)
        return self._tables[name]

    def commit(self) -> None:
        """Append everything changed since the last commit in one write (no fsync) and forget how to undo it."""
        if not self._undo:
            return
        if self._file is not None:
            changed = {(table.name, key): table for table, key, _ in self._undo}
            lines = [
                orjson.dumps([name, key, table[key]]) if key in table else orjson.dumps([name, key])
                for (name, key), table in changed.items()
            ]
            # One line a commit, so that a torn write loses the whole request and never half of it.
            os.write(self._file, b"[" + b",".join(lines) + b"]\n")
        self._undo.clear()

    def rollback(self) -> None:
        """Restore every document changed since the last commit."""
        for table, key, old in reversed(self._undo):
            if old is _GONE:
                table._rows.pop(key, None)
            else:
                table._rows[key] = old
        self._undo.clear()

    def clear(self) -> None:
        """Empty every table and the file."""
        for table in self._tables.values():
            table._rows.clear()
        self._undo.clear()
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file; committed documents stay in it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _changed(self, table: Table, key: str, old: Document) -> None:
        self._undo.append((table, key, old))

    def _replay(self, path: Path) -> None:
        if not path.exists():
            return
        whole = 0
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                for entry in orjson.loads(line):
                    rows = self.table(entry[0])._rows
                    if len(entry) == 3:
                        rows[entry[1]] = entry[2]
                    else:
                        rows.pop(entry[1], None)
                whole += len(line)
        os.truncate(path, whole)


def null_in(value: Document) -> tuple[str, ...]:
    """Return the names and positions that lead to the first null within a document; none where there is no null."""
    inner: Iterable[tuple[str, Document]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list):
        inner = ((str(number), each) for number, each in enumerate(value))
    for name, each in inner:
        if each is None:
            return (name,)
        if beneath := null_in(each):
            return (name, *beneath)
    return ()
