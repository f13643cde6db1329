"""Watch a healthy shop at many times the usual rate and see that nobody is woken, nothing grows, nothing stays behind.

    python scripts/soak.py --minutes 30 --rate 10

The reference landscape is brought up and read as a real one is: by address, in real time, orders placed within a
budget and taken back through the ledger. The shipped monitors run in `assay monitor` at that multiple of their rate;
alerts go to a receiver here. Afterwards: how many runs of each monitor came to what, every alert that was told, how
the process's memory went, and whether every synthetic order was cancelled and its money given back. The figures are
printed and lie in reports/out/soak.json. Exit 0 when all of it is so, else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from assay.drift import load_checks
from assay.drift.checks import CHECKS
from assay.local.plan import Plan
from assay.runners.session import Session
from assay.span import seconds_of, span_text
from assay.store import open_store
from assay.suite_flows import load_flows
from assay.suites import enter, suite_roots

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.rehearsal import NAME, receiving, rehearsal

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "reports" / "out" / "soak.json"


def hasten(folder: Path, rate: float, *, full_after_s: float) -> list[str]:
    """Write every shipped monitor with an interval so many times shorter; a file hides the shipped one of its name.

    full_after_s: no check reads further back, so that from then on each reads as many orders as at the end; else the
    process would grow with the orders, and nobody could tell that from a leak.
    """
    load_checks()
    names = []
    for path in sorted((ROOT / "monitors").glob("*.toml")):
        raw = tomllib.loads(path.read_text())
        lines = []
        for name, table in raw["monitors"].items():
            every_s = seconds_of(table["interval"]) / rate
            table["interval"] = span_text(every_s)
            table["timeout"] = span_text(round(min(seconds_of(table.get("timeout", 300)), every_s * 0.95), 3))
            table.pop("jitter", None)
            if (window := _window(table)) is not None:
                table["options"] = {**table.get("options", {}), "window": span_text(min(window / rate, full_after_s))}
            names.append(name)
            lines += [f"[monitors.{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items()), ""]
        (folder / "monitors").mkdir(exist_ok=True)
        (folder / "monitors" / path.name).write_text("\n".join(lines))
    return names


def _window(table: dict[str, Any]) -> float | None:
    """Return how far back a check reads, in seconds; None where it has no window."""
    known = CHECKS[table["check"]].options if table.get("check") in CHECKS else {}
    window = table.get("options", {}).get("window", known.get("window"))
    return None if window is None else seconds_of(window)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def bought(folder: Path) -> tuple[list[str], list[str]]:
    """Return the articles and customers of the cases that the shipped monitors buy."""
    roots = suite_roots(folder)
    enter(roots)
    flows = load_flows(roots)
    skus: dict[str, None] = {}
    customers: dict[str, None] = {}
    for path in sorted((folder / "monitors").glob("*.toml")):
        for table in tomllib.loads(path.read_text())["monitors"].values():
            flow = flows.get(table.get("flow", ""))
            for case in flow.cases if flow else ():
                if flow and not flow.read_only and case.name in table.get("cases", [case.name]):
                    skus |= dict.fromkeys(case.goods)
                    customers[case.purchase.email] = None
    return list(skus), list(customers)


def watched(process: subprocess.Popen[bytes], minutes: float) -> list[tuple[float, float]]:
    """Return (minute, MiB) of the process's memory every ten seconds, until the time is over or it ends."""
    began, seen = time.monotonic(), []
    while (passed := time.monotonic() - began) < minutes * 60 and process.poll() is None:
        seen.append((round(passed / 60, 2), round(psutil.Process(process.pid).memory_info().rss / 2**20, 1)))
        time.sleep(10)
    return seen


def taken_back(plan: Plan, since: datetime) -> dict[str, int]:
    """Return what became of every order the shop holds since then."""
    came_to: Counter[str] = Counter()
    with Session(plan, plan.home.read()) as session:
        shop, gateway = session.landscape.by_role("shop"), session.landscape.by_role("payments")
        for order in shop.orders(since - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1)):
            paid = [gateway.payment(ref) for ref in order.payment_refs]
            back = all(each.captured.minor == each.refunded.minor for each in paid)
            came_to["taken back" if order.status == "cancelled" and back else f"{order.status}, kept"] += 1
    return dict(came_to)


def soak(folder: Path, minutes: float, rate: float) -> dict[str, Any]:
    """Run the whole of it in a folder of its own and return the figures."""
    told: list[dict[str, Any]] = []
    names = hasten(folder, rate, full_after_s=minutes * 60 / 5)
    skus, customers = bought(folder)
    route = '[alerts.routes.here]\nurl = "env:SOAK_ROUTE"\n'
    with receiving(told) as url:
        environ = {"SOAK_ROUTE": url.replace("http:", "json:", 1)}
        with rehearsal(folder, skus=skus, customers=customers, more=route, environ=environ) as place:
            os.environ.update(place.environ)
            began = datetime.now(UTC)
            with (folder / "monitor.log").open("wb") as log:
                command = place.command("monitor", "--env", NAME, "--port", "0")
                process = subprocess.Popen(command, cwd=folder, env=place.environ, stdout=log, stderr=subprocess.STDOUT)
                memory = watched(process, minutes)
                alive = process.poll() is None
                process.send_signal(signal.SIGTERM)
                code = process.wait(timeout=300)
            swept = place.assay("sweep", "--env", NAME, "--json")
            with closing(open_store(place.plan.home.store)) as store:
                runs = {name: _results(store, name, began) for name in names}
            return {
                "minutes": minutes,
                "rate": rate,
                "alive to the end": alive,
                "exit code after SIGTERM": code,
                "runs": runs,
                "alerts": [each.get("title", "?") for each in told],
                "memory MiB by minute": memory[:: max(1, len(memory) // 30)],
                "memory early and late, MiB": _early_and_late(memory),
                "sweep afterwards": json.loads(swept.stdout or "{}"),
                "orders": taken_back(place.plan, began),
                "log ends": (folder / "monitor.log").read_text(errors="replace").splitlines()[-5:],
            }


def _results(store: Any, name: str, since: datetime) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for hour in store.probes.hours(NAME, name, since=since - timedelta(hours=1), until=datetime.now(UTC)):
        counts.update({result.value: count for result, count in hour.counts.items() if count})
    return dict(counts)


def _early_and_late(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the median of the third tenth of the time and of the last tenth: what comes before is warming up."""
    tenth = max(1, len(memory) // 10)
    values = [size for _, size in memory]
    return statistics.median(values[2 * tenth : 3 * tenth] or values), statistics.median(values[-tenth:])


def faults(figures: dict[str, Any]) -> list[str]:
    """Return what is not as it should be, in words."""
    early, late = figures["memory early and late, MiB"]
    found = [f"{name}: {counts}" for name, counts in figures["runs"].items() if set(counts) - {"passed"}]
    found += [f"{name} never ran" for name, counts in figures["runs"].items() if not counts]
    found += [f"alert: {each}" for each in figures["alerts"]]
    found += [f"orders {what}: {count}" for what, count in figures["orders"].items() if what != "taken back"]
    if not figures["orders"]:
        found.append("no order was placed")
    if late > early * 1.1 + 5:
        found.append(f"memory grew from {early} to {late} MiB")
    if not figures["alive to the end"] or figures["exit code after SIGTERM"]:
        found.append(f"the process ended with {figures['exit code after SIGTERM']}")
    if figures["sweep afterwards"].get("leak_count"):
        found.append(f"leaks: {figures['sweep afterwards']['leaks']}")
    return found


def main() -> int:
    """Run it and say how it went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=10.0, help="how many times the usual rate")
    parser.add_argument("--keep", type=Path, help="folder to run in and to leave; a temporary one by default")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        figures = soak(given.keep.resolve(), given.minutes, given.rate)
    else:
        with tempfile.TemporaryDirectory(prefix="assay-soak-") as folder:
            figures = soak(Path(folder), given.minutes, given.rate)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1))
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    found = faults(figures)
    sys.stdout.write("\n".join(found or ["0 false alarms, memory flat, every synthetic order taken back"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
