"""A marked example of an alert, to see whether every route takes it and what it looks like there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from assay.alerts.evidence import clean
from assay.alerts.reckoning import OWN
from assay.alerts.routes import routes_for
from assay.alerts.states import FAILING, TEST, Memory
from assay.alerts.text import Message, Setting, message
from assay.errors import UsageError, did_you_mean
from assay.monitor import SEVERITIES, Monitor
from assay.profile_watch import Alerts

_LASTED = timedelta(minutes=12)


def example_of(
    name: str,
    monitors: Mapping[str, Monitor],
    rules: Mapping[str, Mapping[str, Any]],
    alerts: Alerts,
    setting: Setting,
    now: datetime,
) -> tuple[Message, tuple[str, ...]]:
    """Return an example of the alert of a monitor, of the process itself or of a Prometheus rule, and its routes.

    `UsageError` with a suggestion for a name that is none of them.
    """
    monitor = monitors.get(name) or OWN.get(name)
    if monitor is not None:
        written = message(TEST, name, _memory(monitor, now), monitor, setting, now=now)
        return written, routes_for(alerts, monitor.alert.routes, monitor.alert.severity)
    if name in rules:
        return _of_rule(name, rules[name], alerts, setting, now)
    raise UsageError(
        f"there is no alert '{name}'",
        expected="the name of a monitor, or of an alert in monitors/rules",
        hint=did_you_mean(name, (*monitors, *OWN, *rules)),
    )


def rules_of(folders: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """Return the alerts that the rule files of these folders define, by name, the first of each."""
    import yaml

    found: dict[str, Mapping[str, Any]] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is no YAML", seen=clean(str(error)), hint="write it anew: assay rules") from None
        for group in (content or {}).get("groups", ()):
            for rule in group.get("rules", ()):
                if "alert" in rule:
                    found.setdefault(rule["alert"], rule)
    return found


def _memory(monitor: Monitor, now: datetime) -> Memory:
    memory = Memory(kind=FAILING, since=now - _LASTED, severity=monitor.alert.severity, runs=3, bad=3)
    finding = {
        "oracle": "an oracle",
        "about": "an order",
        "expected": "what is right (this is an example)",
        "seen": "what was found instead",
        "cause": "what the difference looks like",
    }
    memory.facts = {"verdict": True, "systems": list(monitor.systems), "findings": [finding]}
    return memory


def _of_rule(
    name: str, rule: Mapping[str, Any], alerts: Alerts, setting: Setting, now: datetime
) -> tuple[Message, tuple[str, ...]]:
    severity = str(rule.get("labels", {}).get("severity", "ticket"))
    severity = severity if severity in SEVERITIES else "ticket"
    annotations = {key: clean(str(value), 600) for key, value in rule.get("annotations", {}).items()}
    text = (
        f"[TEST] Nothing is wrong: Prometheus would say this, through its Alertmanager, in {setting.environment}.\n"
        + "\n".join(f"{key}: {value}" for key, value in annotations.items())
    )
    labels = {"alertname": "AssayTest", "environment": setting.environment, "monitor": name, "severity": severity}
    written = Message(
        kind=TEST,
        alert=name,
        subject=clean(f"[TEST] {name} ({setting.environment})", 120),
        text=text,
        severity=severity,
        labels=labels,
        annotations={"runbook_url": "", **annotations, "description": text},
        starts_at=now,
        ends_at=now + timedelta(minutes=1),
    )
    return written, routes_for(alerts, (), severity)
