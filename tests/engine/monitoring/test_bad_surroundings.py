"""Files that vanish, code that forks and callers that never finish asking take nothing from whoever watches."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import urllib.request
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from assay.errors import InfrastructureError
from assay.local.sole import sole_watcher
from assay.runners.scheduler.server import serving
from assay.store import open_store


def test_a_store_whose_file_is_gone_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    """SQLite would go on writing into what nobody reads; put back or replaced by a copy the store is used again."""
    file = tmp_path / "store.sqlite"
    store = open_store(file)
    assert store.turns.held("local") is not None
    file.rename(tmp_path / "away")
    with pytest.raises(InfrastructureError, match="file is gone") as caught:
        store.turns.held("local")
    assert "put it back" in str(caught.value)
    assert not file.exists()
    (tmp_path / "away").rename(file)
    store.turns.held("local")
    shutil.copy(file, tmp_path / "copy")
    (tmp_path / "copy").replace(file)
    with pytest.raises(InfrastructureError, match="replaced by another"):
        store.turns.held("local")
    store.turns.held("local")
    store.close()


def test_a_copy_that_code_forked_holds_no_lock(tmp_path: Path) -> None:
    """The next process may watch as soon as this one lets go, whatever children it left behind."""
    store = tmp_path / "store.sqlite"
    reads, writes = os.pipe()
    with sole_watcher(store, "local"):
        child = os.fork()
        if child == 0:
            os.write(writes, b"!")
            signal.pause()
            os._exit(0)
        os.read(reads, 1)
    try:
        with sole_watcher(store, "local"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reads)
        os.close(writes)


def test_a_thousand_callers_who_never_finish_asking_keep_nobody_out() -> None:
    """Whoever has asked nothing longest makes room: the process keeps its files, and others are answered."""
    callers: list[socket.socket] = []
    with serving(PlainTextResponse("ok"), "127.0.0.1", 0) as address:
        port = int(address.rpartition(":")[2])
        for _ in range(400):
            caller = socket.create_connection(("127.0.0.1", port), timeout=5)
            caller.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            callers.append(caller)
        with urllib.request.urlopen(address, timeout=5) as answer:
            assert answer.read() == b"ok"
        for caller in callers:
            caller.close()
