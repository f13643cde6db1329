"""Simulators as real servers on free ports, with a clock the test moves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.mocks.sap_caller import SapCaller, SapServer
from tests.mocks.sap_caller import serving as serving_sap
from tests.mocks.stripe_caller import Caller
from tests.mocks.stripe_server import StripeServer
from tests.mocks.stripe_server import serving as serving_stripe

ROOT = Path(__file__).parents[2]
START_S = 20.0


@dataclass
class SimulatedClock:
    """The clock file of one test's simulators; it stands still unless it is moved."""

    path: Path
    at: datetime = field(default=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    urls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.set(self.at)

    def set(self, at: datetime) -> None:
        """Stand still at an instant; simulators refuse to go back behind one they have seen."""
        self.at = at
        microseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        draft = self.path.with_suffix(".part")
        draft.write_text(json.dumps({"mode": "frozen", "at_us": microseconds}))
        draft.replace(self.path)

    def advance(self, **span: float) -> None:
        """Move on by a `timedelta` and return when every job and webhook then due has run."""
        self.set(self.at + timedelta(**span))
        self.settle()

    def settle(self) -> None:
        """Return when nothing is due in any simulator of the test."""
        for url in self.urls:
            with urllib.request.urlopen(urllib.request.Request(f"{url}/__admin/settle", b"{}")) as answer:
                answer.read()


@pytest.fixture
def sim_clock(tmp_path: Path) -> SimulatedClock:
    """The clock of this test's simulators."""
    return SimulatedClock(tmp_path / "clock.json")


@contextmanager
def serving(folder: Path, clock: SimulatedClock) -> Iterator[Callable[..., str]]:
    """Give a function (vendor, settings=None, seed=1) that starts a simulator and returns its base URL; stop them."""
    running: list[subprocess.Popen[bytes]] = []

    def serve(vendor: str, settings: dict[str, Any] | None = None, seed: int = 1) -> str:
        home = folder / f"{vendor}-{len(running)}"
        home.mkdir()
        ready = home / "ready.json"
        config = {
            "suite_roots": [str(ROOT)],
            "dir": str(home / "state"),
            "clock": str(clock.path),
            "ready": str(ready),
            "seed": seed,
            "systems": [{"vendor": vendor, "port": 0, "settings": settings or {}}],
        }
        (home / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "assay.simkit.serve", str(home / "config.json")]
        with (home / "log.txt").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        running.append(process)
        deadline = time.monotonic() + START_S
        while not ready.exists():
            assert process.poll() is None, (home / "log.txt").read_text()
            assert time.monotonic() < deadline, f"{vendor} is not ready after {START_S} s"
            time.sleep(0.01)
        url = f"http://127.0.0.1:{json.loads(ready.read_text())['ports'][vendor]}"
        clock.urls.append(url)
        return url

    try:
        yield serve
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=10)


@pytest.fixture
def serve_simulator(tmp_path: Path, sim_clock: SimulatedClock) -> Iterator[Callable[..., str]]:
    """A function (vendor, settings=None, seed=1) that starts a simulator and returns its base URL."""
    with serving(tmp_path, sim_clock) as serve:
        yield serve


@pytest.fixture(scope="module")
def stripe_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    """The Stripe simulator of this module."""
    with serving_stripe(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture
def stripe(stripe_server: StripeServer) -> Iterator[Caller]:
    """A caller of the emptied Stripe simulator."""
    stripe_server.reset()
    with Caller(stripe_server.url) as caller:
        yield caller


@pytest.fixture(scope="module")
def sap_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SapServer]:
    """The SAP simulator of this module."""
    with serving_sap(tmp_path_factory.mktemp("sap")) as server:
        yield server


@pytest.fixture
def sap(sap_server: SapServer) -> Iterator[SapCaller]:
    """A signed-in caller of the emptied SAP simulator."""
    sap_server.reset()
    caller = SapCaller(sap_server.url).sign_in()
    yield caller
    caller.close()
