"""10,000 monitors at 30 s with an empty check: how late runs begin, and the CPU of the service against a bare loop.

The service runs a check that holds one thing, through the prober, in slots, and tells one listener. The peer, in the
same run: a heap of due times, the standard library's thread pool of the same size, an empty function; no deadline, no
overlap refused, no missed run seen, nobody told. Limits: lateness p99 50 ms, CPU at
most 2.5 x the bare loop's. Rounds alternate; the least disturbed of each counts.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from assay.drift.checks import check
from assay.drift.look import Look
from assay.events import Probe, ProbeResult
from assay.local.project import plan_for
from assay.monitor import AlertRule, Monitor
from assay.runners.scheduler.probing import Prober
from assay.runners.scheduler.service import Service
from assay.runners.session import Session

LATENESS_LIMIT_S, CPU_LIMIT = 0.050, 2.5
WORKERS = 16
PROFILE = """
[environments.bench]
view = "witness"
[environments.bench.systems.ecb]
role = "rates"
mode = "live"
base_url = "http://127.0.0.1:9"
"""


class Late:
    """How late each run began."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def share(self, share: float) -> float:
        """Return the lateness that this share of runs stays below."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@check("empty")
def empty(look: Look) -> None:
    """Hold what is true: a run without a verdict would be an error, and told as one."""
    look.holds(True)


def by_service(prober: Prober, monitors: dict[str, Monitor], seconds: float) -> tuple[float, Late, int]:
    """Run the service for so long and return its CPU seconds, lateness and runs that did not pass."""
    late, bad = Late(), 0

    def hear(event: object) -> None:
        nonlocal bad
        if isinstance(event, Probe):
            bad += event.result is not ProbeResult.PASSED
            late.seconds.append((event.started_at - event.due_at).total_seconds())

    service = Service("bench", monitors, probe=prober.probe, listeners=[hear], workers=WORKERS)
    threading.Timer(seconds, service.stop).start()
    began = time.process_time()
    service.run()
    return time.process_time() - began, late, bad


def by_bare_loop(monitors: dict[str, Monitor], seconds: float) -> tuple[float, Late]:
    """Run a heap of due times and a pool for so long and return CPU seconds and lateness."""
    late = Late()

    def nothing(due: float) -> None:
        late.seconds.append(time.time() - due)

    began, now = time.process_time(), time.time()
    count = len(monitors)
    every = {name: each.interval_s or 0.0 for name, each in monitors.items()}
    heap = [(now + every[name] * number / count, name) for number, name in enumerate(monitors)]
    heapq.heapify(heap)
    until = now + seconds
    with ThreadPoolExecutor(WORKERS) as pool:
        while (now := time.time()) < until:
            while heap[0][0] <= now:
                due, name = heap[0]
                heapq.heapreplace(heap, (due + every[name], name))
                pool.submit(nothing, due)
            time.sleep(max(0.0, min(heap[0][0] - time.time(), 0.25)))
    return time.process_time() - began, late


@contextmanager
def landscape() -> Iterator[Prober]:
    """Yield what runs monitors, on an environment of which nothing is read."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        file = Path(folder, "assay.toml")
        file.write_text(PROFILE)
        plan = plan_for("bench", file)
        with Session(plan, plan.home.read(), runner="monitor") as session:
            prober = Prober(session, {}, location="bench")
            yield prober
            prober.close()


def main() -> int:
    """Print figures against limits; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monitors", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=30.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the service, in two rounds")
    options = parser.parse_args()
    names = [f"m{number}" for number in range(options.monitors)]
    monitors = {
        name: Monitor(
            name=name, title=name, owner="bench", runbook="none", alert=AlertRule(), check="empty",
            interval_s=options.interval, timeout_s=options.interval * 0.9, source=Path(),
        )
        for name in names
    }  # fmt: skip
    ours: list[float] = []
    bare: list[float] = []
    worst_s, bad, runs = 0.0, 0, 0
    with landscape() as prober:
        for _ in range(2):
            cpu_s, late, gone = by_service(prober, monitors, options.seconds / 2)
            ours.append(cpu_s / len(late.seconds))
            worst_s, bad, runs = max(worst_s, late.share(0.99)), bad + gone, runs + len(late.seconds)
            cpu_s, late = by_bare_loop(monitors, options.seconds / 2)
            bare.append(cpu_s / len(late.seconds))
            print(f"bare loop: {len(late.seconds)} runs, p99 {late.share(0.99) * 1000:.1f} ms late")
    ratio = min(ours) / min(bare)
    print(f"{runs} runs of {options.monitors} monitors at {options.interval:g} s")
    print(f"service {min(ours) * 1e6:.0f} us CPU a run, bare loop {min(bare) * 1e6:.0f} us")
    figures = [
        ("lateness p99", worst_s * 1000, LATENESS_LIMIT_S * 1000, "ms"),
        ("service / bare loop", ratio, CPU_LIMIT, "x"),
        ("missed or failed", float(bad), 0.0, "runs"),
    ]
    for name, seen, limit, unit in figures:
        said = "within" if seen <= limit else "OVER"
        print(f"{name:<22}{seen:.2f} {unit}   limit {limit:g} {unit}   {said}")
    return 0 if all(seen <= limit for _, seen, limit, _ in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
