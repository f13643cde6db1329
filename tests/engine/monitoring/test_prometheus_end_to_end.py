"""From a defect of the shop to somebody's pager by way of real Prometheus and Alertmanager, and back again.

`assay monitor` watches the reference landscape every few seconds, Prometheus scrapes it and evaluates the rules that
`assay rules` wrote, Alertmanager sends what fires to a webhook: both with the shipped example of a configuration, made
quicker. The seconds from the defect to the message are printed.
"""

from __future__ import annotations

import json
import queue
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.conftest import ASSAY, run_assay
from tests.engine.parts import program

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "monitors/deploy"
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("prometheus")]
PATIENCE_S = 90.0
MONITOR = """
[monitors.yen_order]
title = "An order in yen"
flow = "thread"
cases = ["jpy"]
interval = "5s"
timeout = "4s"
owner = "checkout team"
runbook = "yen_order.md"
customers = "Customers in Japan may be charged wrongly."
alert = { severity = "page", fire_after = 2 }
"""


class Pager:
    """A webhook receiver: what Alertmanager sent, one message after the other."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Mapping[str, Any]] = queue.Queue()

    def wait_for(self, status: str, name: str) -> Mapping[str, Any]:
        """Return the next alert of this name and status; fail after a while."""
        deadline = time.monotonic() + PATIENCE_S
        others = []
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.messages.get(timeout=left)
            except queue.Empty:
                break
            for alert in message["alerts"]:
                if (alert["status"], alert["labels"]["alertname"]) == (status, name):
                    found: Mapping[str, Any] = alert
                    return found
                others.append((alert["status"], alert["labels"]))
        pytest.fail(f"no {status} {name} came, only {others}")


@contextmanager
def listening(pager: Pager) -> Iterator[int]:
    """Serve the pager's webhook on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/page":
                pager.messages.put(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], log: Path, url: str, cwd: Path) -> Iterator[None]:
    """Run a program until the end, once it answers at an address."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=cwd) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not _answers(url):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def changed(text: str, *pairs: tuple[str, str]) -> str:
    """Return a configuration with some of its words changed, each of which must be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def query(port: int, expr: str) -> list[Mapping[str, Any]]:
    """Ask Prometheus."""
    from urllib.parse import urlencode

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expr})}") as answer:
        found: list[Mapping[str, Any]] = json.load(answer)["data"]["result"]
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with one monitor, its landscape up."""
    folder = tmp_path_factory.mktemp("watched")
    text = (ROOT / "assay.toml").read_text()
    head = "[scenarios]\nshipped = false\n\n[policies]\n"
    (folder / "assay.toml").write_text(text.replace("[policies]\n", head, 1))
    (folder / "scenarios").mkdir()
    shutil.copy(ROOT / "scenarios/thread.py", folder / "scenarios")
    (folder / "monitors/runbooks").mkdir(parents=True)
    (folder / "monitors/runbooks/yen_order.md").write_text("# An order in yen\n")
    (folder / "monitors/yen.toml").write_text(MONITOR)
    done = run_assay("up", cwd=folder, timeout_s=180)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    run_assay("down", cwd=folder, timeout_s=60)


@contextmanager
def watched(folder: Path, pager: Pager) -> Iterator[int]:
    """Run `assay monitor`, Alertmanager and Prometheus; yield Prometheus's port."""
    prometheus, alertmanager = program("prometheus"), program("prometheus-alertmanager")
    done = run_assay("rules", "--env", "local", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    monitor, keeper, scraper = free_port(), free_port(), free_port()
    with ExitStack() as ending:
        hook = ending.enter_context(listening(pager))
        quicker = (("group_wait: 10s", "group_wait: 100ms"), ("group_interval: 1m", "group_interval: 1s"))
        text = (DEPLOY / "alertmanager.yml").read_text()
        (folder / "alertmanager.yml").write_text(changed(text, ("127.0.0.1:9095", f"127.0.0.1:{hook}"), *quicker))
        text = (DEPLOY / "prometheus.yml").read_text()
        moved = (("../rules/", "monitors/rules/"), ("127.0.0.1:9093", f"127.0.0.1:{keeper}"), (": 15s", ": 1s"))
        (folder / "prometheus.yml").write_text(changed(text, ("127.0.0.1:9464", f"127.0.0.1:{monitor}"), *moved))
        command = [str(ASSAY), "monitor", "--env", "local", "--port", str(monitor)]
        at = f"http://127.0.0.1:{monitor}/healthz"
        ending.enter_context(running(command, folder / "monitor.log", at, folder))
        command = [str(alertmanager), "--config.file=alertmanager.yml", "--storage.path=alertmanager"]
        command += [f"--web.listen-address=127.0.0.1:{keeper}", "--cluster.listen-address="]
        at = f"http://127.0.0.1:{keeper}/-/ready"
        ending.enter_context(running(command, folder / "alertmanager.log", at, folder))
        command = [str(prometheus), "--config.file=prometheus.yml", "--storage.tsdb.path=prometheus"]
        command += [f"--web.listen-address=127.0.0.1:{scraper}"]
        at = f"http://127.0.0.1:{scraper}/-/ready"
        ending.enter_context(running(command, folder / "prometheus.log", at, folder))
        yield scraper


def _until(port: int, expr: str, why: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not query(port, expr):
        assert time.monotonic() < deadline, f"{why}\n{log.read_text()}"
        time.sleep(0.2)


def test_a_defect_reaches_the_pager_and_its_end_does_too(shop: Path) -> None:
    """A defect switched on pages with its text, nothing else pages; switched off, the pager hears that it is over."""
    pager = Pager()
    with watched(shop, pager) as port:
        passed = 'assay_probes_total{monitor="yen_order",result="passed"} > 2'
        _until(port, passed, "the monitor never passed", shop / "monitor.log")
        assert query(port, 'ALERTS{alertstate="firing"}') == []
        done = run_assay("defects", "on", "MON-01", cwd=shop)
        assert done.returncode == 0, done.stderr
        began = time.monotonic()
        fired = pager.wait_for("firing", "AssayMonitorFailing")
        paged_s = time.monotonic() - began
        done = run_assay("defects", "off", "MON-01", cwd=shop)
        assert done.returncode == 0, done.stderr
        ended = time.monotonic()
        over = pager.wait_for("resolved", "AssayMonitorFailing")
        resolved_s = time.monotonic() - ended
    sys.stderr.write(f"\na run every 5 s: paged after {paged_s:.1f} s, over after {resolved_s:.1f} s\n")
    expected = {"environment": "local", "monitor": "yen_order", "severity": "page", "owner": "checkout team"}
    assert expected.items() <= fired["labels"].items()
    words = fired["annotations"]
    assert words["summary"] == "An order in yen fails in local: Customers in Japan may be charged wrongly."
    assert "failed 2 times in a row at default" in words["description"]
    assert "assay monitor --env local --only yen_order --once" in words["description"]
    assert words["runbook_url"] == "monitors/runbooks/yen_order.md"
    assert over["labels"] == fired["labels"]
    assert over["endsAt"] > over["startsAt"]
    others = {alert["labels"]["alertname"] for message in list(pager.messages.queue) for alert in message["alerts"]}
    assert others <= {"AssayMonitorFailing"}
