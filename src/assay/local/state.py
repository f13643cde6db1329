"""What runs where: the folder of one environment's landscape and the file that remembers its processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from assay.errors import InfrastructureError


@dataclass(slots=True)
class Process:
    """One of our processes: its pid counts only together with the instant it was created.

    made_of: a digest of what the profile said of it when it was started; empty where nobody knows.
    """

    name: str
    pid: int
    created: float
    ports: dict[str, int] = field(default_factory=dict)
    log: str = ""
    made_of: str = ""

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a pid may have been given to somebody else)."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 0.05 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@dataclass(slots=True)
class Running:
    """The processes of one landscape by name, as written in its folder."""

    environment: str
    processes: dict[str, Process] = field(default_factory=dict)

    def alive(self, process: str) -> bool:
        """Whether that process was started and still runs."""
        return process in self.processes and self.processes[process].alive

    def port(self, process: str, name: str) -> int | None:
        """Return a port of a process, or None where it has none."""
        found = self.processes.get(process)
        return found.ports.get(name) if found else None


class Home:
    """The folder of one environment's landscape: ``.assay/<environment>`` beside assay.toml."""

    def __init__(self, project: Path, environment: str) -> None:
        self.environment = environment
        self.path = project / ".assay" / environment
        self.clock = self.path / "clock.json"
        self.logs = self.path / "logs"
        self.store = self.path / "store.sqlite"
        self.edge_secret = self.path / "edge" / "admin.secret"
        self._file = self.path / "landscape.json"

    @classmethod
    def at(cls, path: Path, environment: str) -> Home:
        """Return the home that lies at this very path, as a process of the landscape is told it."""
        return cls(path.parents[1], environment)

    def read(self) -> Running:
        """Return what was written last; nothing runs where nothing was written."""
        try:
            content = json.loads(self._file.read_text())
        except FileNotFoundError:
            return Running(self.environment)
        return Running(self.environment, {name: Process(**each) for name, each in content["processes"].items()})

    def write(self, running: Running) -> None:
        """Remember the processes; written whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".part")
        draft.write_text(json.dumps({"processes": {name: asdict(each) for name, each in running.processes.items()}}))
        draft.replace(self._file)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one command at a time change this landscape."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = self.path / "lock"
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
            _lock(handle)
        except BlockingIOError:
            raise InfrastructureError(
                f"another assay command is changing '{self.environment}'", where=str(self.path), hint="wait for it"
            ) from None
        try:
            yield
        finally:
            os.close(handle)


def _lock(handle: int) -> None:
    import fcntl  # absent on Windows, where WSL2 is the way

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
