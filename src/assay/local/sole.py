"""One process of monitors at a time where their store is a file: nobody else could be told whose turn it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assay.errors import InfrastructureError


@contextmanager
def sole_watcher(store: Path | str, environment: str) -> Iterator[None]:
    """Be the one process that watches an environment over this store; over a server's store any number may.

    `InfrastructureError` where another does, with its process id. A process that ends, however, lets go at once.
    """
    if isinstance(store, str) and not store.startswith("sqlite"):
        yield
        return
    file = Path(str(store).removeprefix("sqlite:///"))
    lock = file.with_name(f"{file.name}.{environment}.monitor")
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    _held.add(handle)
    try:
        _lock(handle, lock, environment)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        _held.discard(handle)
        os.close(handle)


_held: set[int] = set()


def _let_go() -> None:
    """Leave the lock to the parent alone: a copy that somebody's code forked would hold it as long as it lives."""
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _lock(handle: int, lock: Path, environment: str) -> None:
    import fcntl  # absent on Windows, where WSL2 is the way

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, 32, 0).decode().strip() or "unknown"
        raise InfrastructureError(
            f"another assay monitor watches '{environment}' already: process {pid}",
            where=str(lock),
            expected="one process for each environment whose store is a file",
            hint=f"end it (kill {pid}), or share a PostgreSQL between them: [store] url",
        ) from None
