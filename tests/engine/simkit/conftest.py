"""The demo simulator as a real server, a clock the test moves, and a receiver of webhooks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.local.clock import LandscapeClock
from assay.local.processes import admin
from tests.serving import Quiet, serving

SUITE = Path(__file__).parent / "suite"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_START_WITHIN_S = 20.0


@dataclass(frozen=True)
class Seen:
    """What a client saw."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Demo:
    """One simulator process."""

    folder: Path
    clock: Path
    seed: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    capture: Path | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, on the port it had."""
        self.folder.mkdir(exist_ok=True)
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        config = {
            "suite_roots": [str(SUITE)],
            "dir": str(self.folder / "state"),
            "clock": str(self.clock),
            "ready": str(ready),
            "seed": self.seed,
            "capture": str(self.capture) if self.capture else None,
            "systems": [{"vendor": "demo", "port": self.port, "settings": self.settings}],
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        with (self.folder / "log.txt").open("ab") as log:
            command = [sys.executable, "-m", "assay.simkit.serve", str(self.folder / "config.json")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_WITHIN_S
        while not ready.exists():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, "the demo simulator is not ready"
            time.sleep(0.01)
        self.port = json.loads(ready.read_text())["ports"]["demo"]

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=10)

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log.txt").read_text()

    def call(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Seen:
        """Call it on a connection of its own."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.request(method, path, body, headers or {})
            answer = link.getresponse()
            return Seen(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            link.close()

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Call an admin route."""
        return admin(self.port, method, path, body)

    def settle(self) -> datetime | None:
        """Have it run what is due."""
        due = self.admin("POST", "settle", {})["next_due"]
        return datetime.fromisoformat(due) if due else None

    def plan(self, in_s: float, job: str, payload: object = None) -> None:
        """Plan a job that many simulated seconds from now."""
        planned = json.dumps({"in_s": in_s, "job": job, "payload": payload})
        assert self.call("POST", "/plans", planned).status == 202

    def notes(self) -> list[tuple[str, datetime]]:
        """What its jobs noted, and when in simulated time."""
        return [(text, datetime.fromisoformat(at)) for text, at in self.call("GET", "/notes").json()]

    def things(self) -> list[dict[str, Any]]:
        """Its things."""
        found = self.call("GET", "/things").json()
        assert isinstance(found, list)
        return found


def _stand_at_start(path: Path) -> Path:
    micros = (START - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    path.write_text(json.dumps({"mode": "frozen", "at_us": micros}))
    return path


@pytest.fixture
def clock(tmp_path: Path) -> LandscapeClock:
    """The clock of the simulators this test starts, standing at START."""
    return LandscapeClock(_stand_at_start(tmp_path / "clock.json"))


@pytest.fixture
def serve(tmp_path: Path, clock: LandscapeClock) -> Iterator[Callable[..., Demo]]:
    """A function (seed=1, settings=None) that starts a demo simulator."""
    begun: list[Demo] = []

    def start(seed: int = 1, settings: dict[str, Any] | None = None) -> Demo:
        begun.append(Demo(tmp_path / f"demo-{len(begun)}", tmp_path / "clock.json", seed, settings or {}))
        begun[-1].start()
        return begun[-1]

    yield start
    for each in begun:
        if each.process is not None and each.process.poll() is None:
            each.end()


@pytest.fixture(scope="session")
def shared_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One simulator for all tests that need neither the clock nor a restart."""
    folder = tmp_path_factory.mktemp("demo")
    started = Demo(folder / "demo", _stand_at_start(folder / "clock.json"))
    started.start()
    yield started
    started.end()


@pytest.fixture
def demo(shared_demo: Demo) -> Demo:
    """The session's simulator, reset, with an empty log; its clock stands at START."""
    shared_demo.admin("POST", "reset", {"seed": 1})
    os.truncate(shared_demo.folder / "log.txt", 0)
    return shared_demo


@dataclass
class Receiver:
    """Takes webhooks: answers the next of `answers`, then 200; notes bodies, headers and how many came at once."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    hold_s: float = 0.0
    got: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    at_once: int = 0
    inside: int = 0

    @property
    def bodies(self) -> list[str]:
        """The bodies received."""
        return [body for body, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port."""
    told = Receiver()
    guard = threading.Lock()

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            with guard:
                told.inside += 1
                told.at_once = max(told.at_once, told.inside)
            time.sleep(told.hold_s)
            with guard:
                told.inside -= 1
                told.got.append((body, {name.lower(): value for name, value in self.headers.items()}))
                status = told.answers.pop(0) if told.answers else 200
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

    with serving(Handler) as url:
        told.url = f"{url}/hook"
        yield told
