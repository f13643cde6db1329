"""What an alert says to whoever it wakes: a short subject, and what somebody needs to know before getting up."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.alerts.evidence import clean, money_at_risk
from assay.alerts.states import (
    FAILING,
    FLAPPING,
    REFUSED,
    REMINDER,
    RESOLVED,
    SILENCE,
    TEST,
    UNREACHABLE,
    Memory,
)
from assay.money import Money
from assay.monitor import SAFETY, Monitor, look_again

_LONGEST = 4000
_SUBJECT = 120
_LABEL = 11
_EXAMPLE_LASTS = timedelta(minutes=1)
_FEW_ORDERS = 5
_FEW_CHILDREN = 12
ALERT_NAMES = {
    FAILING: "AssayFailing",
    UNREACHABLE: "AssayUnreachable",
    REFUSED: "AssayRefused",
    FLAPPING: "AssayFlapping",
    TEST: "AssayTest",
}
"""The label alertname by what an alert fires as; without a verdict it is AssayUnknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every text of one environment needs. public_url: where people reach the status page, if anywhere."""

    environment: str
    public_url: str | None = None
    runbooks: str = "monitors/runbooks"

    def runbook(self, name: str) -> str:
        """Return where a runbook lies: below the profile's place, or at an address of its own."""
        return name if "://" in name else f"{self.runbooks.rstrip('/')}/{name}"

    def page(self, alert: str) -> str | None:
        """Return the address of an alert's page."""
        return f"{self.public_url.rstrip('/')}/{alert}" if self.public_url else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, ready for any route. replaces: the labels under which it was told before, where they differ."""

    kind: str
    alert: str
    subject: str
    text: str
    severity: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None = None
    link: str = ""
    replaces: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return {
            "kind": self.kind,
            "alert": self.alert,
            "subject": self.subject,
            "text": self.text,
            "severity": self.severity,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "link": self.link,
            "replaces": dict(self.replaces),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Message:
        """Read what `to_json` wrote."""
        ends = content.get("ends_at")
        return cls(
            **{
                **content,
                "starts_at": datetime.fromisoformat(content["starts_at"]),
                "ends_at": datetime.fromisoformat(ends) if ends else None,
            }
        )


def message(
    what: str,
    name: str,
    memory: Memory,
    monitor: Monitor,
    setting: Setting,
    *,
    now: datetime,
    children: Sequence[Monitor] = (),
    was: tuple[str, str] | None = None,
) -> Message:
    """Write the message of one kind (firing, reminder, resolved, flapping, test) of an alert.

    children: the monitors whose place it takes. was: as what and how severe it was told before, if it was.
    """
    severity = memory.severity or monitor.alert.severity
    summary = summary_of(name, memory, monitor)
    kind = was[0] if was and what == RESOLVED else what if what in (TEST, FLAPPING) else memory.kind
    labels = _labels(kind, monitor, setting, severity, name)
    replaces = _labels(was[0], monitor, setting, was[1], name) if was and was != (kind, severity) else {}
    since = memory.since or now
    tags = {RESOLVED: "RESOLVED", REMINDER: f"STILL {severity.upper()}", FLAPPING: "FLAPPING", TEST: "TEST"}
    tag = tags.get(what, severity.upper())
    subject = clean(f"[{tag}] {_subject(what, memory, monitor, summary, setting)}", _SUBJECT)
    text = _text(what, name, memory, monitor, setting, summary, now, children)
    link = setting.page(_path(name, monitor)) or ""
    return Message(
        kind=what,
        alert=name,
        subject=subject,
        text=text,
        severity=severity,
        labels=labels,
        annotations={
            "summary": clean(summary, 200),
            "description": text,
            "runbook_url": setting.runbook(monitor.runbook),
        },
        starts_at=since,
        ends_at=now if what == RESOLVED else now + _EXAMPLE_LASTS if what == TEST else None,
        link=link,
        replaces=replaces,
    )


def summary_of(name: str, memory: Memory, monitor: Monitor) -> str:
    """Return the alert in one short sentence, as lists show it."""
    title = clean(monitor.title, 80)
    if memory.kind == UNREACHABLE or (name.startswith("system ") and not memory.kind):
        return f"{name.removeprefix('system ')} does not answer"
    if name == SAFETY:
        return "runs are refused for safety: the kill switch, a budget or an allow list"
    if memory.kind and memory.kind != FAILING:
        if SILENCE in memory.sources and memory.heard_at is not None:
            return f"{title}: not run since {_clock(memory.heard_at)}"
        return f"{title}: never run" if SILENCE in memory.sources else f"{title}: no verdict"
    return title


def duration(seconds: float) -> str:
    """Return a span for people: ``40 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _labels(kind: str, monitor: Monitor, setting: Setting, severity: str, name: str) -> dict[str, str]:
    return {
        "alertname": ALERT_NAMES.get(kind, "AssayUnknown"),
        "environment": setting.environment,
        "monitor": name,
        "severity": severity,
        "owner": monitor.owner,
    }


def _text(
    what: str,
    name: str,
    memory: Memory,
    monitor: Monitor,
    setting: Setting,
    summary: str,
    now: datetime,
    children: Sequence[Monitor],
) -> str:
    since = memory.since or now
    lines = [_headline(what, memory, summary, setting, since, now)]
    if what == RESOLVED:
        lines += _rows([("Lasted", _lasted(memory, since, now)), ("Was", _was(memory))])
    else:
        lines += _rows([("Customers", _customers(monitor, memory, children))])
        lines += _rows(_what_is_known(memory))
    lines += _rows(_children(children))
    lines += _rows(_whereto(name, memory, monitor, setting, look=what != RESOLVED))
    text = "\n".join(lines)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 40].rstrip()}\n… (cut; the status page has it all)"


def _subject(what: str, memory: Memory, monitor: Monitor, summary: str, setting: Setting) -> str:
    where = f"({setting.environment})"
    if what in (RESOLVED, TEST, FLAPPING) or memory.kind != FAILING:
        return f"{summary} {where}"
    harm = clean(monitor.customers, 80)
    return f"FAILING: {summary} {where}{f': {harm}' if harm else ''}"


def _headline(what: str, memory: Memory, summary: str, setting: Setting, since: datetime, now: datetime) -> str:
    when = f"since {_clock(since)} ({duration((now - since).total_seconds())})"
    where = f"in {setting.environment}"
    if what == TEST:
        return f"[TEST] Nothing is wrong: this is what an alert of '{summary}' {where} looks like."
    if what == RESOLVED:
        return f"OVER: {summary}, {where}."
    if what == FLAPPING:
        count = len(memory.changes)
        return (
            f"FLAPPING: {summary}, {where}: fired or ended {count} times lately. You hear no more until it calms down."
        )
    state = {FAILING: "FAILING", UNREACHABLE: "UNREACHABLE", REFUSED: "REFUSED"}.get(memory.kind, "UNKNOWN")
    return f"{'STILL ' if what == REMINDER else ''}{state} {when}: {summary}, {where}."


def _lasted(memory: Memory, since: datetime, now: datetime) -> str:
    span = duration((now - since).total_seconds())
    begin = since.astimezone(UTC).strftime("%H:%M") if since.date() == now.date() else _clock(since)
    runs = f"; {memory.bad} of {memory.runs} runs did not pass" if memory.bad else ""
    return f"{span}, from {begin} to {_clock(now)}{runs}"


def _was(memory: Memory) -> str:
    findings = memory.facts.get("findings", ())
    if findings:
        first = findings[0]
        return f"{first['oracle']}: expected {first['expected']}; seen {first['seen']}"
    trouble = memory.facts.get("trouble", ())
    steps = memory.facts.get("steps", ())
    if steps:
        return f"step '{steps[0]['name']}': {steps[0]['error']}"
    return trouble[0] if trouble else ""


def _customers(monitor: Monitor, memory: Memory, children: Sequence[Monitor]) -> str:
    if memory.kind in (UNREACHABLE, REFUSED):
        watches = "1 monitor that needs it" if len(children) == 1 else f"{len(children)} monitors that need it"
        return f"not known: {watches} cannot tell" if memory.kind == UNREACHABLE else "not known: nothing is tried out"
    harm = clean(monitor.customers, 300)
    # Without a verdict nothing is known to be broken.
    return harm if memory.kind == FAILING or not harm else f"not known; it may be: {harm}"


def _what_is_known(memory: Memory) -> list[tuple[str, str]]:
    facts = memory.facts
    rows = [("Systems", " and ".join(facts.get("systems", ())))]
    if SILENCE in memory.sources:
        rows.append(("Trouble", "no run of it was heard of for more than two intervals: does `assay monitor` run?"))
    for finding in facts.get("findings", ()):
        rows += [
            ("Found", f"{finding['oracle']} for {finding['about']}"),
            ("Expected", finding["expected"]),
            ("Seen", finding["seen"]),
            ("Likely", finding["cause"]),
        ]
    if facts.get("more"):
        rows.append(("", f"and {facts['more']} more like these"))
    rows += [("Step", f"{step['name']}: {step['error']}") for step in facts.get("steps", ())]
    rows += [("Trouble", each) for each in facts.get("trouble", ())]
    risk = [_amount(Money(minor, currency)) for currency, minor in money_at_risk(memory.orders).items() if minor]
    refs = _refs(memory)
    more = f" and {len(refs) - _FEW_ORDERS} more" if len(refs) > _FEW_ORDERS else ""
    rows += [("At risk", ", ".join(risk)), ("Orders", ", ".join(refs[:_FEW_ORDERS]) + more)]
    rows += [("Journal", line) for line in facts.get("journal", ())]
    rows.append(("Runs", _runs(memory)))
    if facts.get("stack"):
        last = [line.strip() for line in facts["stack"].splitlines() if line.strip()][-4:]
        rows += [("Hangs at", clean(line, 160)) for line in last]
    return rows


def _runs(memory: Memory) -> str:
    if not memory.runs:
        return ""
    where = " at " + memory.facts["location"] if memory.facts.get("location", "default") != "default" else ""
    cases = f"; case {', '.join(memory.facts['cases'])}" if memory.facts.get("cases") else ""
    did_not = {UNREACHABLE: "reach it", REFUSED: "go ahead"}.get(memory.kind, "pass")
    return f"{memory.bad} of {memory.runs} since then did not {did_not}{where}{cases}"


def _children(children: Sequence[Monitor]) -> list[tuple[str, str]]:
    names = [f"{each.name} ({clean(each.title, 60)})" for each in children]
    more = [f"and {len(names) - _FEW_CHILDREN} more"] if len(names) > _FEW_CHILDREN else []
    return [("Not well", each) for each in names[:_FEW_CHILDREN] + more]


def _whereto(name: str, memory: Memory, monitor: Monitor, setting: Setting, *, look: bool) -> list[tuple[str, str]]:
    environment = shlex.quote(setting.environment)
    rows: list[tuple[str, str]] = []
    if look:
        rows += [("Look", f"assay explain {shlex.quote(ref)} --env {environment}") for ref in _refs(memory)[:1]]
        alone = bool(monitor.flow or monitor.check or monitor.code)
        rows.append(("Look", look_again(name, setting.environment, alone=alone)))
    rows += [
        ("Runbook", setting.runbook(monitor.runbook) if monitor.runbook else ""),
        ("Status", setting.page(_path(name, monitor)) or ""),
        ("Owner", clean(monitor.owner, 80)),
    ]
    return rows


def _refs(memory: Memory) -> list[str]:
    """Return the orders; what else findings are about has a blank in it."""
    return [ref for ref in memory.orders if ref and " " not in ref]


def _path(name: str, monitor: Monitor) -> str:
    return f"monitors/{name}" if monitor.flow or monitor.check or monitor.code else "alerts"


def _rows(rows: Sequence[tuple[str, str]]) -> list[str]:
    lines, last = [], ""
    for label, value in rows:
        if value:
            lines.append(f"{f'{label}:' if label and label != last else '':<{_LABEL}}{value}")
            last = label or last
    return lines


def _amount(money: Money) -> str:
    return f"{money.amount:,f} {money.currency}"


def _clock(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%H:%M UTC on %d %b %Y")
