"""Connections of DuckDB that end in time and hold no more memory than whoever runs them has.

A query knows nothing of a deadline, so a watcher interrupts what still runs when the time is over. Where nobody set a
limit a connection is as it was asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import duckdb

_AGAIN_S = 0.1
"""An interrupt that comes between two queries is lost, so it is repeated."""


class TimeOver(TimeoutError):
    """What was to be compared could not be in the time there was."""


@dataclass(slots=True)
class _Limit:
    """What connections of one comparison share. over: whether its time has passed."""

    until: float
    memory_mb: int
    opened: list[duckdb.DuckDBPyConnection] = field(default_factory=list)
    over: bool = False


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


def connect(config: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open a connection as it is asked for, within the limits of the block around it; `TimeOver` where that is late."""
    limit = _limit.get()
    if limit is None:
        return duckdb.connect(config=dict(config))
    if limit.over or time.monotonic() >= limit.until:
        raise TimeOver("the time for comparing is over")
    asked = str(config.get("memory_limit", "")).removesuffix("MB")
    held = min(limit.memory_mb, int(asked)) if asked.isdecimal() else limit.memory_mb
    connection = duckdb.connect(config={**config, "memory_limit": f"{held}MB"})
    limit.opened.append(connection)
    return connection


@contextmanager
def limited(*, until: float, memory_mb: int) -> Iterator[None]:
    """Keep what is compared in the block within memory, and end it then (by time.monotonic()) with `TimeOver`."""
    limit, done = _Limit(until, memory_mb), threading.Event()
    watcher = threading.Thread(target=_watch, args=(limit, done), name="assay-drift-deadline", daemon=True)
    token = _limit.set(limit)
    watcher.start()
    try:
        yield
    except Exception as error:
        if limit.over and not isinstance(error, TimeOver):
            raise TimeOver("the time for comparing is over") from error
        raise
    finally:
        done.set()
        _limit.reset(token)
        watcher.join()


def _watch(limit: _Limit, done: threading.Event) -> None:
    if done.wait(max(0.0, limit.until - time.monotonic())):
        return
    limit.over = True
    while not done.wait(_AGAIN_S):
        for connection in list(limit.opened):
            with suppress(duckdb.Error):  # one that is closed by now
                connection.interrupt()
