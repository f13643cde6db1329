"""A real PostgreSQL 15 for tests: a throwaway cluster with Debian's binaries, a database of its own for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.edge.sockets import free_port
from tests.engine.parts import missing

BINARIES = Path("/usr/lib/postgresql/15/bin")
_USER = "assay"
_START_S = 30.0


class Cluster:
    """A running cluster that anybody on this machine may use until the tests end."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._numbers = itertools.count(1)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        where = ("-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port), "-F")
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(_command("postgres", *where), cwd=self.folder, stdout=log, stderr=log)
        _await(self._server, self.port, self.folder / "log")

    def stop(self) -> None:
        """Stop the server; whoever is connected loses the connection."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # "fast": ends whoever is still connected
            self._server.wait(timeout=30)

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"


def _require() -> None:
    """Skip where there can be no cluster, with the command that brings one."""
    if not (BINARIES / "initdb").exists():
        missing("no PostgreSQL 15 here", "postgresql-15")
    try:
        import psycopg  # noqa: F401
    except ImportError:
        pytest.skip("no psycopg here: pip install 'psycopg[binary]'")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster in a folder of its own and remove both; skips with the command that brings one."""
    _require()
    folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
    try:
        _give_away(folder)
        data = folder / "data"
        initialise = ("-D", str(data), "-U", _USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        subprocess.run(_command("initdb", *initialise), check=True, capture_output=True, cwd=folder)
        made = Cluster(folder, free_port())
        try:
            made.start()
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(program: str, *arguments: str) -> Sequence[str]:
    # PostgreSQL refuses to run as root, and initdb to initialise.
    ordinary = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.geteuid() == 0 else ()
    return (*ordinary, str(BINARIES / program), *arguments)


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    ready = (str(BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port))
    while subprocess.run(ready).returncode != 0:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
