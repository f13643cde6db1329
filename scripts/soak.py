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
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from assay.local.project import plan_for
from assay.runners.session import Session
from assay.span import seconds_of, span_text
from assay.store import open_store
from assay.suite_flows import load_flows
from assay.suites import enter, suite_roots

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "reports" / "out" / "soak.json"
ASSAY = [str(Path(sys.executable).with_name("assay"))]
REHEARSAL = "rehearsal"
# Real time is not moved on: a rehearsal at ten times the rate needs limits that fit between two runs.
LIMITS_S = {"shop": 2, "payments": 3, "erp": 4, "carrier": 8}
CREDENTIALS = {
    "SHOP_OPERATOR_TOKEN": "operator-test-token",
    "STRIPE_API_KEY": "sk_test_assay",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_assay",
    "STRIPE_WEBHOOK_SECRET": "whsec_assay",
    "SAP_USER": "ASSAY",
    "SAP_PASSWORD": "secret-assay",
    "UPS_CLIENT_ID": "assay-client",
    "UPS_CLIENT_SECRET": "assay-secret",
}


class Receiver(BaseHTTPRequestHandler):
    """Takes whatever an alert's route sends."""

    told: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Keep one alert."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.told.append({"at": datetime.now(UTC).isoformat(), **json.loads(body or b"{}")})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(told: list[dict[str, Any]]) -> Iterator[str]:
    """Take alerts while the block lasts; the address in apprise's words."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Receiver,), {"told": told}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def landscape(folder: Path) -> Iterator[dict[str, str]]:
    """Bring the reference landscape up in this folder; the address of each system."""
    up = subprocess.run([*ASSAY, "up", "--json"], cwd=folder, capture_output=True, text=True, check=False)
    if up.returncode:
        raise SystemExit(up.stderr)
    try:
        yield {name: url for part in json.loads(up.stdout)["parts"] for name, url in part["urls"].items()}
    finally:
        subprocess.run([*ASSAY, "down"], cwd=folder, capture_output=True, check=False)


def write_profile(folder: Path, urls: dict[str, str], skus: list[str], customers: list[str]) -> None:
    """Add the environment that reads the landscape as a real one, with a budget and an allow list."""
    text = (folder / "assay.toml").read_text()
    for role, limit in LIMITS_S.items():
        text = "\n".join(f"{role} = {limit}" if line.startswith(f"{role} = ") else line for line in text.split("\n"))
    systems = "\n".join(f'{name} = {{ mode = "live", base_url = "{url}" }}' for name, url in urls.items())
    budget = ", ".join(f"{currency} = 100000000" for currency in ("EUR", "JPY", "KWD", "INR", "USD", "GBP"))
    text += f"""
[alerts.routes.here]
url = "env:SOAK_ROUTE"

[environments.{REHEARSAL}]
production = true
view = "witness"

[environments.{REHEARSAL}.safety]
skus = {json.dumps(skus)}
customers = {json.dumps(customers)}
orders_per_hour = 100000
money_per_hour = {{ {budget} }}
kill_switch = "file:STOP"
payment = "card"

[environments.{REHEARSAL}.systems]
{systems}
"""
    (folder / "assay.toml").write_text(text)


def hasten(folder: Path, rate: float) -> list[str]:
    """Write every shipped monitor with an interval so many times shorter; a file hides the shipped one of its name."""
    names = []
    for path in sorted((ROOT / "monitors").glob("*.toml")):
        raw = tomllib.loads(path.read_text())
        lines = []
        for name, table in raw["monitors"].items():
            every_s = seconds_of(table["interval"]) / rate
            table["interval"] = span_text(every_s)
            table["timeout"] = span_text(round(min(seconds_of(table.get("timeout", 300)), every_s * 0.95), 3))
            table.pop("jitter", None)
            names.append(name)
            lines += [f"[monitors.{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items()), ""]
        (folder / "monitors").mkdir(exist_ok=True)
        (folder / "monitors" / path.name).write_text("\n".join(lines))
    return names


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
        with_children = [psutil.Process(process.pid)]
        seen.append((round(passed / 60, 2), round(sum(each.memory_info().rss for each in with_children) / 2**20, 1)))
        time.sleep(10)
    return seen


def taken_back(folder: Path, since: datetime) -> dict[str, int]:
    """Return what became of every order the shop holds since then."""
    plan = plan_for(REHEARSAL, folder / "assay.toml")
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
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    told: list[dict[str, Any]] = []
    with landscape(folder) as urls, receiving(told) as route:
        names = hasten(folder, rate)
        urls.pop("edge", None)
        os.environ.update(CREDENTIALS, SOAK_ROUTE=route)
        write_profile(folder, urls, *bought(folder))
        began = datetime.now(UTC)
        with (folder / "monitor.log").open("wb") as log:
            command = [*ASSAY, "monitor", "--env", REHEARSAL, "--port", "0"]
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
            memory = watched(process, minutes)
            alive = process.poll() is None
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=300)
        swept = subprocess.run(
            [*ASSAY, "sweep", "--env", REHEARSAL, "--json"], cwd=folder, capture_output=True, text=True, check=False
        )
        plan = plan_for(REHEARSAL, folder / "assay.toml")
        store = open_store(plan.home.store)
        runs = {name: _results(store, name, began) for name in names}
        store.close()
        return {
            "minutes": minutes,
            "rate": rate,
            "alive to the end": alive,
            "exit code after SIGTERM": code,
            "runs": runs,
            "alerts": [f"{each['at']} {each.get('title', '')}" for each in told],
            "memory MiB by minute": memory[:: max(1, len(memory) // 30)],
            "memory early and late, MiB": _early_and_late(memory),
            "sweep afterwards": json.loads(swept.stdout or "{}"),
            "orders": taken_back(folder, began),
            "log ends": (folder / "monitor.log").read_text(errors="replace").splitlines()[-5:],
        }


def _results(store: Any, name: str, since: datetime) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for hour in store.probes.hours(REHEARSAL, name, since=since - timedelta(hours=1), until=datetime.now(UTC)):
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
