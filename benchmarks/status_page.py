"""Server CPU of a flow's history page over 90 days, and of the overview of 200 monitors, from a real store.

The history is of a monitor that ran every minute for 90 days: 2,160 hourly summaries, and three days of single runs.
Limit: 300 ms of CPU for the history page, the median of several. The overview is measured beside it: first, when
each monitor's small line is worked out, and again. /healthz shows what the server itself costs.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpcore

from assay.events import Probe, ProbeResult
from assay.reporting.status.app import status_app
from assay.reporting.status.auth import Guard
from assay.store import Store, open_store
from tests.engine.monitoring import status_data
from tests.engine.monitoring.status_data import DAY, ENVIRONMENT, MINUTE, NOW, Source, a_monitor, serving

LIMIT_MS = 300.0
DAYS, MONITORS, RUNS_EACH, READS = 90, 200, 60, 9


def a_run(name: str, number: int) -> Probe:
    """Return a run so many minutes ago; one in two hundred failed."""
    due = NOW - number * MINUTE
    failed = number % 200 == 7
    return Probe(
        id=f"{name}-{number}", monitor=name, subject="F01", environment=ENVIRONMENT, location="paris",
        result=ProbeResult.FAILED if failed else ProbeResult.PASSED, due_at=due, started_at=due,
        seconds=2.0 + number % 97 / 20, findings=(status_data.YEN,) if failed else (),
    )  # fmt: skip


def fill(store: Store) -> None:
    """Write 90 days of one monitor, as they would lie there, and the last hour of the others."""
    day = 24 * 60
    for first in range(0, DAYS * day, day):
        store.probes.keep([a_run("flow", number) for number in range(first, first + day)])
    store.probes.retain(
        NOW, probes_s=3 * DAY.total_seconds(), bad_s=90 * DAY.total_seconds(), hours_s=400 * DAY.total_seconds()
    )
    for number in range(MONITORS):
        store.probes.keep([a_run(f"monitor_{number}", minute) for minute in range(RUNS_EACH)])


def cpu_ms(address: str, path: str, reads: int = READS) -> list[float]:
    """Return the CPU the whole process spent on each reading of a page, its reader's own left out."""
    spent = []
    with httpcore.ConnectionPool() as pool:
        for _ in range(reads):
            before, ours = time.process_time(), time.thread_time()
            answer = pool.request("GET", address + path)
            assert answer.status == 200, answer.content
            spent.append((time.process_time() - before - (time.thread_time() - ours)) * 1000)
    return spent


def said(what: str, spent: Sequence[float], limit: str = "") -> None:
    """Print one figure."""
    print(f"{what:<58} {statistics.median(spent):7.1f} ms CPU   (worst {max(spent):.1f}){limit}")


def main() -> int:
    """Print each figure, the history's against its limit; 1 when it is over."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "store.sqlite")
        fill(store)
        source = Source(store=store, project=Path(folder))
        names = ["flow", *(f"monitor_{number}" for number in range(MONITORS - 1))]
        source.declared = {name: a_monitor(name, f"Monitor {name}", MINUTE, flow="F01") for name in names}
        source.due = dict.fromkeys(names, NOW + timedelta(seconds=30))
        with serving(status_app(source, Guard())) as address:
            cpu_ms(address, "/silences", 2)
            history = cpu_ms(address, "/monitors/flow?span=90d")
            day = cpu_ms(address, "/monitors/flow")
            first = cpu_ms(address, "/", 1)
            again = cpu_ms(address, "/")
            health = cpu_ms(address, "/healthz")
        store.close()
    within = statistics.median(history) <= LIMIT_MS
    said("history page of a flow over 90 days", history, f"   limit {LIMIT_MS:.0f} ms")
    said("history page of a flow over 24 hours", day)
    said(f"overview of {MONITORS} monitors, the first time", first)
    said(f"overview of {MONITORS} monitors, again", again)
    said("/healthz, what the server itself costs", health)
    print("within" if within else "OVER")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
