"""From a defect of the shop to somebody's pager by way of real Prometheus and Alertmanager, and back again.

`assay monitor` watches the reference landscape every few seconds, Prometheus scrapes it and evaluates the rules that
`assay rules` wrote, Alertmanager sends what fires to a webhook: all with the shipped configurations, made quicker. The
seconds from the defect to the message are printed.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from assay.edge.sockets import free_port
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
    """A webhook receiver: the alerts that Alertmanager sent, one after the other, each with the way it came."""

    def __init__(self) -> None:
        self.alerts: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self.seen: list[Mapping[str, Any]] = []

    def wait_for(self, status: str, name: str) -> Mapping[str, Any]:
        """Return the next alert of this name and status; fail after a while."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := deadline - time.monotonic()) > 0:
            try:
                alert = self.alerts.get(timeout=left)
            except queue.Empty:
                break
            self.seen.append(alert)
            if (alert["status"], alert["labels"]["alertname"]) == (status, name):
                return alert
        pytest.fail(f"no {status} {name} came, only {[(each['status'], each['labels']) for each in self.seen]}")


@contextmanager
def listening(pager: Pager) -> Iterator[int]:
    """Serve the pager's webhook on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for alert in json.loads(body)["alerts"]:
                pager.alerts.put({**alert, "way": self.path})
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
    for path in (folder / "monitors/rules").glob("*.yaml"):
        path.write_text(re.sub(r"\bfor: \w+", "for: 1s", path.read_text()))
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


@dataclass(frozen=True)
class Watching:
    """A watched shop: its folder, where alerts arrive, Prometheus's port."""

    folder: Path
    pager: Pager
    port: int

    def after(self, *command: str, status: str, alert: str) -> tuple[Mapping[str, Any], float]:
        """Run a command of ours; return the alert that came of it, and how many seconds after its end."""
        done = run_assay(*command, cwd=self.folder, timeout_s=180)
        assert done.returncode == 0, done.stdout + done.stderr
        began = time.monotonic()
        return self.pager.wait_for(status, alert), time.monotonic() - began

    def until(self, expr: str, why: str) -> None:
        """Wait for Prometheus to know something."""
        deadline = time.monotonic() + PATIENCE_S
        while not query(self.port, expr):
            assert time.monotonic() < deadline, f"{why}\n{(self.folder / 'monitor.log').read_text()}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def watching(shop: Path) -> Iterator[Watching]:
    """The shop, watched for long enough that the monitor has passed."""
    pager = Pager()
    with watched(shop, pager) as port:
        made = Watching(shop, pager, port)
        made.until('assay_probes_total{monitor="yen_order",result="passed"} > 2', "the monitor never passed")
        yield made


def test_a_defect_reaches_the_pager_and_its_end_does_too(watching: Watching) -> None:
    """A defect switched on pages with its text, nothing else pages; switched off, the pager hears that it is over."""
    assert query(watching.port, 'ALERTS{alertstate="firing"}') == []
    fired, paged_s = watching.after("defects", "on", "MON-01", status="firing", alert="AssayMonitorFailing")
    over, resolved_s = watching.after("defects", "off", "MON-01", status="resolved", alert="AssayMonitorFailing")
    sys.stderr.write(f"\na run every 5 s: paged after {paged_s:.1f} s, over after {resolved_s:.1f} s\n")
    expected = {"environment": "local", "monitor": "yen_order", "severity": "page", "owner": "checkout team"}
    assert expected.items() <= fired["labels"].items()
    words = fired["annotations"]
    assert words["summary"] == "An order in yen fails in local: Customers in Japan may be charged wrongly."
    assert "failed 2 times in a row at default" in words["description"]
    assert "assay monitor --env local --only yen_order --once" in words["description"]
    assert words["runbook_url"] == "monitors/runbooks/yen_order.md"
    assert fired["way"] == "/page"
    assert over["labels"] == fired["labels"]
    assert over["endsAt"] > over["startsAt"]
    others = {alert["labels"]["alertname"] for alert in watching.pager.seen}
    # That no run ends in three times its interval of 5 s is true of a machine that is busy with other things.
    assert others - {"AssayMonitorAbsent"} == {"AssayMonitorFailing"}


@pytest.mark.full
def test_an_edge_that_is_gone_becomes_a_ticket(watching: Watching) -> None:
    """The edge killed, a ticket says so and how to mend it; mended so, the ticket is over and the monitor passes."""
    parts = json.loads(run_assay("status", "--json", cwd=watching.folder).stdout)["parts"]
    os.kill(next(part["pid"] for part in parts if part["name"] == "edge"), signal.SIGKILL)
    fired = watching.pager.wait_for("firing", "AssayEdgeDown")
    assert (fired["way"], fired["labels"]["severity"]) == ("/ticket", "ticket")
    assert fired["annotations"]["summary"] == "The edge of local does not answer"
    assert "assay up --env local" in fired["annotations"]["description"]
    watching.after("up", "--env", "local", status="resolved", alert="AssayEdgeDown")
    passing = 'assay_probe_success{monitor="yen_order"} == 1 and on () assay_probe_judged{monitor="yen_order"} == 1'
    watching.until(passing, "the monitor did not recover")
