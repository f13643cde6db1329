"""Monitors of every kind of schedule, and the files of rules and tests made of them, for tests of rules."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from assay.alerts.rule_files import rule_files, write
from assay.alerts.rules import Setting
from assay.monitor import AlertRule, Monitor, Objective
from assay.profile import Policies, RatePolicy, StockPolicy
from assay.reporting.metric_families import DURATION_BUCKETS_S, LATENESS_BUCKETS_S
from tests.engine.parts import program

SETTING = Setting(
    environment="production",
    production=True,
    policies=Policies(rates=RatePolicy(max_age_days=7), stock=StockPolicy(reservation_ttl_s=1800)),
    public_url="https://watch.example/",
    duration_buckets=DURATION_BUCKETS_S,
    lateness_buckets=LATENESS_BUCKETS_S,
)


def monitor(name: str, interval_s: float | None, **more: Any) -> Monitor:
    """Return a monitor of an order flow."""
    told: dict[str, Any] = {
        "title": "A customer's order reaches the carrier",
        "owner": "shop",
        "runbook": f"{name}.md",
        "alert": AlertRule(severity="page"),
        "flow": "F01",
        "objective": Objective(latency_s=20.0),
        "customers": "nobody can buy",
    }
    return Monitor(name=name, interval_s=interval_s, **{**told, **more})


def check(name: str) -> Monitor:
    """Return a monitor that runs a check every ten minutes."""
    return monitor(name, 600.0, flow=None, check=name, alert=AlertRule())


MONITORS = (
    monitor("minute", 60.0),
    monitor("five_minutes", 300.0),
    monitor("quarter", 900.0, alert=AlertRule(severity="ticket", fire_after=1)),
    monitor("half_hour", 1800.0, alert=AlertRule(fire_after=5), objective=Objective(availability=0.9)),
    monitor("nightly", None, cron="15 2 * * *", alert=AlertRule(severity="info"), objective=Objective()),
    *(check(name) for name in ("order_census", "stock", "rates", "parcels", "hooks")),
    monitor("pair", 600.0, flow=None, check="records", alert=AlertRule(fire_after=1), options={"pair": "orders"}),
)


def written(folder: Path, monitors: Sequence[Monitor] = MONITORS, setting: Setting = SETTING) -> Path:
    """Write rules and tests into a folder and return it."""
    write(folder, rule_files(monitors, setting))
    return folder


def read(path: Path) -> Any:
    """Read a file of YAML, by the quick reader where there is one."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def rules_in(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every rule below a folder with its file."""
    for path in sorted(folder.glob("*.yaml")):
        for group in read(path)["groups"]:
            yield from ((path, rule) for rule in group["rules"])


def units_in(folder: Path) -> list[Path]:
    """Return the unit tests below a folder."""
    return sorted([*folder.glob("tests/*.yaml"), *folder.glob("tests/days/*.yaml")])


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool; skip where it is not installed."""
    command = [str(program("promtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def metrics_in(expr: str) -> set[str]:
    """Return the names of our metrics in an expression, a histogram's and a recording rule's by what they are of."""
    names = set(re.findall(r"\bassay_[a-z_]+", re.sub(r'"[^"]*"|monitor:assay_\w+:\w+', "", expr)))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
