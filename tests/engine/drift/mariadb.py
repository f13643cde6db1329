"""A real MariaDB for tests: a throwaway server with Debian's binaries, reached over a port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assay.edge.sockets import free_port
from tests.engine.parts import missing

_SERVER = Path("/usr/sbin/mariadbd")
_TABLES = Path("/usr/share/mysql")
_START_S = 30.0
_SMALL = ("--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M")
PASSWORD = "p@ss w/rd"


@contextmanager
def mariadb() -> Iterator[int]:
    """Run a server in a folder of its own, give its port, and remove both; skips with the command that brings one.

    Its users are `root` without a password and `reader`, who may do everything, with `PASSWORD`.
    """
    if not _SERVER.exists():
        missing("no MariaDB here", "mariadb-server-core")
    folder = Path(tempfile.mkdtemp(prefix="assay-mariadb-"))
    server: subprocess.Popen[bytes] | None = None
    try:
        (folder / "data").mkdir()
        for each in (folder, folder / "data"):
            if os.geteuid() == 0:
                shutil.chown(each, "nobody", "nogroup")
        where = ("--no-defaults", f"--datadir={folder / 'data'}", *_SMALL)
        tables = "".join((_TABLES / f"mysql_system_tables{each}.sql").read_text() for each in ("", "_data"))
        accounts = (
            "FLUSH PRIVILEGES;\n"
            f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO reader@'127.0.0.1';\n"
        )
        script = f"CREATE DATABASE mysql;\nUSE mysql;\n{tables}\n{accounts}"
        subprocess.run(_command(*where, "--bootstrap"), input=script.encode(), capture_output=True, check=True)
        port = free_port()
        network = (f"--socket={folder / 'socket'}", f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve")
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(_command(*where, *network), stdout=log, stderr=log)
        _await(server, port, folder / "log")
        yield port
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _command(*arguments: str) -> Sequence[str]:
    # It refuses to run as root.
    ordinary = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.geteuid() == 0 else ()
    return (*ordinary, str(_SERVER), *arguments)


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
