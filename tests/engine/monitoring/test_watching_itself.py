"""`assay monitor` refuses to look healthy while its own edge hangs: page, metrics, heartbeat and check say the same."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ASSAY
from tests.serving import Quiet, serving

pytestmark = pytest.mark.needs_java
_PATIENCE_S = 90.0


class Watching:
    """A running `assay monitor`, asked from outside; beats are the calls its dead man's switch got."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, beats: list[str]) -> None:
        self.process = process
        self.log = log
        self.beats = beats
        self.address = ""

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """Return one sample by its name and labels as they are written; -1 where it is not there."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else -1

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; fail with the process's own words where it never does."""
        deadline = time.monotonic() + _PATIENCE_S
        while not holds():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def find_address(self) -> bool:
        """Take the address of the status page from the banner."""
        found = re.search(r"status page\s+(http\S+)", self.log.read_text())
        self.address = found[1] if found else ""
        return found is not None

    @property
    def edge(self) -> psutil.Process:
        """Its edge."""
        ours = psutil.Process(self.process.pid).children(recursive=True)
        return next(each for each in ours if "wiremock" in " ".join(each.cmdline()))


@pytest.fixture
def watching(project: Path, write: Callable[..., Path], tmp_path: Path) -> Iterator[Watching]:
    """A process that watches nothing but itself, once a second, with a dead man's switch that notes its calls."""
    beats: list[str] = []

    class DeadMan(Quiet):
        def do_GET(self) -> None:
            beats.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    write(itself='check = "self"\ninterval = "1s"\ntimeout = "700ms"')
    profile = project / "assay.toml"
    monitoring = '\n[monitoring]\nheartbeat = "env:DEAD_MAN"\nheartbeat_every = "500ms"\n'
    profile.write_text(profile.read_text() + monitoring)
    log = tmp_path / "log"
    with serving(DeadMan) as address, log.open("wb") as out:
        process = subprocess.Popen(
            [ASSAY, "monitor", "--env", "local", "--port", "0"],
            cwd=project,
            env={**os.environ, "DEAD_MAN": f"{address}/ping/hush"},
            stdout=out,
            stderr=out,
        )
        it = Watching(process, log, beats)
        try:
            it.until(it.find_address)
            yield it
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


@pytest.mark.full
def test_while_its_edge_hangs_nothing_calls_it_healthy(watching: Watching) -> None:
    """Ready, beating and green; with an edge that lives and hangs neither, saying why; and so again when it answers."""
    success = 'assay_probe_success{environment="local",location="default",monitor="itself"}'
    withheld = 'assay_heartbeats_total{environment="local",result="withheld"}'
    watching.until(lambda: watching.get("/readyz")[0] == 200 and watching.metric(success) == 1)
    watching.until(lambda: watching.beats)
    assert set(watching.beats) == {"/ping/hush"}
    edge = watching.edge
    edge.suspend()
    try:
        watching.until(lambda: watching.get("/readyz")[0] == 503)
        assert "the edge is not well: it runs and does not answer" in watching.get("/readyz")[1]
        assert watching.get("/healthz")[0] == 200
        watching.until(lambda: watching.metric(withheld) > 0 and watching.metric(success) == 0)
        assert watching.metric('assay_edge_up{environment="local"}') == 0
        assert watching.metric('assay_self_problems{environment="local"}') == 1
        kept = len(watching.beats)
        watching.until(lambda: watching.metric(withheld) > 5)
        assert len(watching.beats) == kept
    finally:
        edge.resume()
    watching.until(lambda: watching.get("/readyz")[0] == 200 and watching.metric(success) == 1)
    watching.until(lambda: len(watching.beats) > kept)
    text = watching.log.read_text()
    assert "heartbeat withheld: the edge is not well" in text
    assert "hush" not in text
    watching.process.send_signal(signal.SIGTERM)
    assert watching.process.wait(timeout=60) == 0
