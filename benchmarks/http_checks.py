"""2,000 read-only HTTP checks every 30 s under `assay monitor`, and their CPU against prometheus-blackbox-exporter's.

Limits: p99 of lateness below 250 ms and no run missed or without a verdict, by the whole command as users start it,
with turns, store, hourly summaries, metrics and alerts; and at most 2.0 x the CPU a check of the exporter in the same
run, by what does the exporter's work: timetable, slots, the check, and metrics of it. What the whole command costs is
printed beside it. All ask the same server, a process of its own, for the same page, look at its status and for a text
in it, and open a connection for every check. The exporter is asked at the same rate over a kept connection, as
Prometheus does. CPU is that of a process between two instants, after a warm-up.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.events import Probe, ProbeResult
from assay.local.project import plan_for
from assay.local.store_place import store_of
from assay.reporting.metric_labels import Known
from assay.reporting.metrics import Metrics
from assay.runners.campaign import flows_of
from assay.runners.environment import open_environment
from assay.runners.scheduler.declared import monitors_of
from assay.runners.scheduler.probing import Prober
from assay.runners.scheduler.service import Service
from assay.store import open_store
from benchmarks.ten_steps import serving, write_project

LATE_MS, CPU_LIMIT = 250.0, 2.0
INTERVAL_S = 30
PAGE, TEXT = "/articles/0017", "Linen shirt"
EXPORTER = "prometheus-blackbox-exporter"
_WITHIN_S, _YOUNG_S = 60.0, 2.0
_CONFIGURATION = """
modules:
  page:
    prober: http
    timeout: 10s
    http:
      preferred_ip_protocol: ip4
      fail_if_body_not_matches_regexp: ["Linen shirt"]
"""
_MONITOR = """
[monitors.page_{number}]
title = "Page {number}"
check = "web"
options = {{ url = "{base_url}/articles/0017", holds = "Linen shirt" }}
interval = "30s"
timeout = "20s"
owner = "shop"
runbook = "page.md"
customers = "the page is not there"
alert = {{ severity = "ticket" }}
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run came to: CPU milliseconds a check, lateness in milliseconds, and how many have no green verdict."""

    cpu_ms: float
    late_ms: list[float]
    bad: int

    def late(self, share: float) -> float:
        """Return a quantile of the lateness."""
        return sorted(self.late_ms)[int((len(self.late_ms) - 1) * share)]


def write(folder: Path, base_url: str, monitors: int) -> Path:
    """Write a project of so many monitors and return its folder."""
    write_project(folder, base_url, cases=1)
    with (folder / "assay.toml").open("a", encoding="utf-8") as profile:
        profile.write("\n[scenarios]\nshipped = false\n")
    runbooks = folder / "monitors" / "runbooks"
    runbooks.mkdir(parents=True)
    (runbooks / "page.md").write_text("# Page\n", encoding="utf-8")
    tables = [_MONITOR.format(number=number, base_url=base_url) for number in range(monitors)]
    (folder / "monitors" / "pages.toml").write_text("".join(tables), encoding="utf-8")
    return folder


def checks_alone(base_url: str, folder: Path, monitors: int, warm_s: float, seconds: float) -> Figures:
    """Run timetable, slots, checks and metrics in this process, which does nothing else meanwhile."""
    plan = plan_for("local", write(folder, base_url, monitors) / "assay.toml")
    flows = flows_of(plan)
    found = monitors_of(plan, flows)
    with open_environment(plan, lambda _: None, runner="monitor") as session:
        prober = Prober(session, flows, location="default")
        known = Known.of(plan.profile, monitors=lambda: found, flows=flows, location="default")
        heard: list[Probe] = []
        hear: Any = heard.append  # this service says nothing but runs
        service = Service(plan.name, found, probe=prober.probe, listeners=[Metrics(known, plan.name), hear])
        running = threading.Thread(target=service.run)
        running.start()
        time.sleep(warm_s)
        before, cpu_s = len(heard), time.process_time()
        time.sleep(seconds)
        runs, cpu_s = heard[before:], time.process_time() - cpu_s
        service.stop()
        running.join()
        prober.close()
    return _figures(cpu_s, 1.0, [((run.started_at - run.due_at).total_seconds(), run.result) for run in runs])


def whole_command(base_url: str, folder: Path, monitors: int, warm_s: float, seconds: float) -> Figures:
    """Run the command, measure it for so long, and read from its store what became of each run."""
    project = write(folder, base_url, monitors)
    assay = str(Path(sys.executable).parent / "assay")
    log = (folder / "log").open("wb")
    child = subprocess.Popen([assay, "monitor", "--no-server"], cwd=project, stdout=log, stderr=subprocess.STDOUT)
    try:
        _until_it_runs(child, folder / "log")
        time.sleep(warm_s)
        began, cpu_s = datetime.now(UTC), _cpu_s(child.pid)
        time.sleep(seconds)
        ended, cpu_s = datetime.now(UTC), _cpu_s(child.pid) - cpu_s
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()
        log.close()
    if child.returncode != 0:
        raise SystemExit(f"assay monitor ended with {child.returncode}: {_tail(folder / 'log')}")
    plan = plan_for("local", project / "assay.toml")
    runs = []
    with closing(open_store(store_of(plan))) as store:
        for name in store.probes.names(plan.name):
            kept = store.probes.history(plan.name, name, since=began, until=ended - timedelta(seconds=_YOUNG_S))
            runs += [(each.delay_s, each.result) for each in kept if name.startswith("page_")]
    return _figures(cpu_s, (seconds - _YOUNG_S) / seconds, runs)


def _figures(cpu_s: float, share: float, runs: list[tuple[float, ProbeResult]]) -> Figures:
    """Sum runs up; share: of the measured time that they are of."""
    if not runs:
        raise SystemExit("no check was run")
    late_ms = [late_s * 1000 for late_s, _ in runs]
    return Figures(
        cpu_s * share / len(runs) * 1000, late_ms, sum(result is not ProbeResult.PASSED for _, result in runs)
    )


def theirs(base_url: str, folder: Path, monitors: int, seconds: float) -> float:
    """Return the exporter's CPU milliseconds a check, asked at the same rate."""
    configuration = folder / "blackbox.yml"
    configuration.write_text(_CONFIGURATION, encoding="utf-8")
    with _exporting(configuration) as (pid, port):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        target, every_s = quote(base_url + PAGE), INTERVAL_S / monitors

        def ask(count: int) -> None:
            began = time.monotonic()
            for number in range(count):
                time.sleep(max(began + number * every_s - time.monotonic(), 0))
                connection.request("GET", f"/probe?module=page&target={target}")
                if b"\nprobe_success 1\n" not in connection.getresponse().read():
                    raise SystemExit("the exporter's check failed")

        ask(int(5 / every_s))
        count, cpu_s = int(seconds / every_s), _cpu_s(pid)
        ask(count)
        cost = (_cpu_s(pid) - cpu_s) / count * 1000
        connection.close()
    return cost


@contextmanager
def _exporting(configuration: Path) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        EXPORTER,
        f"--config.file={configuration}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    child = subprocess.Popen(command)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield child.pid, port
    finally:
        child.terminate()
        child.wait()


def _until_it_runs(child: subprocess.Popen[bytes], log: Path) -> None:
    began = time.monotonic()
    while b"page_" not in log.read_bytes():
        if child.poll() is not None or time.monotonic() - began > _WITHIN_S:
            raise SystemExit(f"assay monitor did not begin: {_tail(log)}")
        time.sleep(0.2)


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-800:]


def _cpu_s(pid: int) -> float:
    process = psutil.Process(pid)
    each = [process, *process.children(recursive=True)]
    return sum(times.user + times.system for times in (one.cpu_times() for one in each))


def main() -> int:
    """Print the figures and the limits; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monitors", type=int, default=2000)
    parser.add_argument("--warm", type=float, default=35.0, help="seconds before anything is measured")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    given = (options.monitors, options.warm, options.seconds)
    with serving() as base_url, tempfile.TemporaryDirectory() as name:
        folder, peer = Path(name), None
        whole = whole_command(base_url, folder / "whole", *given)
        alone = checks_alone(base_url, folder / "alone", *given)
        if shutil.which(EXPORTER):
            peer = theirs(base_url, folder, options.monitors, min(options.seconds, 30.0))
    print(f"{options.monitors} HTTP checks every {INTERVAL_S} s, for {options.seconds:g} s    CPU a check, lateness")
    for label, each in (("checks, slots, metrics", alone), ("the whole of assay monitor", whole)):
        late = f"p50 {each.late(0.5):.1f} ms, p99 {each.late(0.99):.1f} ms"
        print(f"  {label:<28}{each.cpu_ms:>6.2f} ms   {late}   ({len(each.late_ms)} runs)")
    bad = float(whole.bad + alone.bad)
    rows = [("lateness p99", whole.late(0.99), LATE_MS, "ms"), ("missed or not passed", bad, 0.0, "")]
    if peer is None:
        print(f"  {EXPORTER} skipped: apt-get install {EXPORTER}")
    else:
        print(f"  {EXPORTER:<28}{peer:>6.2f} ms   and {whole.cpu_ms / peer:.2f} x that by the whole of assay monitor")
        rows.append(("CPU / the exporter's", alone.cpu_ms / peer, CPU_LIMIT, "x"))
    for label, value, limit, unit in rows:
        print(f"{label:<28}{value:>8.2f} {unit:<2}  limit {limit:g} {unit}  {'within' if value <= limit else 'OVER'}")
    return 0 if all(value <= limit for _, value, limit, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
