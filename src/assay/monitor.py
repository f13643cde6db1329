"""A monitor: a flow or a read-only check that is run again and again, and whom it concerns when it is not well.

Declared in ``monitors/*.toml`` (`assay.suite_monitors`) or in code:

    @monitor(name="own_feed", title="Our feed is whole", interval="15m", owner="shop", runbook="own_feed.md")
    def own_feed(look: Look) -> None:
        with look.step("read the feed"):
            ...
        look.holds(len(rows) > 0, systems=("shop",), expected="rows", seen="none", cause="the export failed")
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from assay.errors import UsageError
from assay.span import seconds_of

SEVERITIES = ("page", "ticket", "info")
Severity = Literal["page", "ticket", "info"]
SAFETY = "safety"
"""The alert that takes the place of monitors whose runs are refused."""
_LOOKS = {
    SAFETY: "assay monitor plan",
    "assay_configuration": "assay monitor plan",
    "assay_undo": "assay sweep",
    "assay_self": "assay alerts list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What is promised of a monitor: the share of runs that pass, and the share of them within a latency."""

    availability: float = 0.995
    latency_s: float | None = None
    latency_share: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """When a monitor wakes somebody, and whom: routes of the profile's ``[alerts.routes]``, all where none is named.

    fire_after and resolve_after are runs in a row; None takes the profile's.
    """

    severity: Severity = "ticket"
    fire_after: int | None = None
    resolve_after: int | None = None
    remind_every_s: float | None = None
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """One monitor. It runs either a flow (its cases in rotation, or all of them) or a check, or code of its own.

    It is due every interval_s, or by a cron of five fields in UTC. jitter_s: up to so much later each time. timeout_s
    ends a run. location: only processes there run it, any where None. environments: only these (all where none).
    options are the check's. systems: what it needs; an alert of one of them takes its place. customers: what is broken
    for customers when it is red, in words. source is the file it stands in.
    """

    name: str
    title: str
    owner: str
    runbook: str
    alert: AlertRule
    customers: str = ""
    flow: str | None = None
    cases: tuple[str, ...] = ()
    rotate: bool = False
    check: str | None = None
    code: Callable[..., None] | None = field(default=None, compare=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    interval_s: float | None = None
    cron: str | None = None
    jitter_s: float = 0.0
    timeout_s: float = 300.0
    location: str | None = None
    environments: tuple[str, ...] = ()
    objective: Objective = Objective()
    systems: tuple[str, ...] = ()
    source: Path = field(default=Path(), compare=False)

    @property
    def subject(self) -> str:
        """What it runs: the flow's id or the check's name; code of its own is called as the monitor is."""
        return self.flow or self.check or self.name

    def runs_at(self, environment: str, location: str) -> bool:
        """Whether a process there runs it."""
        return (not self.environments or environment in self.environments) and self.location in (None, location)


_declared: ContextVar[list[Monitor] | None] = ContextVar("declared", default=None)


@contextmanager
def declaring() -> Iterator[list[Monitor]]:
    """Gather what `monitor` declares while the block runs, also what a later function of the same name hides."""
    found: list[Monitor] = []
    token = _declared.set(found)
    try:
        yield found
    finally:
        _declared.reset(token)


def look_again(name: str, environment: str, *, alone: bool = True) -> str:
    """Return the command that looks again at what a monitor, or an alert, is about.

    alone: it is a monitor that can be run by itself; what the process says of itself has commands of its own.
    """
    if name in _LOOKS or not alone:
        return f"{_LOOKS.get(name, 'assay doctor')} --env {shlex.quote(environment)}"
    return f"assay monitor --env {shlex.quote(environment)} --only {shlex.quote(name)} --once"


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a monitor's name is one of these, in which * stands for any letters."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def monitor(
    *,
    name: str,
    title: str,
    owner: str,
    runbook: str,
    interval: str | float | None = None,
    cron: str | None = None,
    jitter: str | float | None = None,
    timeout: str | float = 300.0,
    customers: str = "",
    alert: AlertRule | None = None,
    objective: Objective | None = None,
    location: str | None = None,
    environments: tuple[str, ...] = (),
    systems: tuple[str, ...] = (),
) -> Callable[[Callable[..., None]], Monitor]:
    """Declare a read-only check in code: a function that takes an `assay.drift.look.Look`.

    It is judged as one of a file would be (`assay.suite_monitors`): a monitor without alert rule is refused.
    """
    if alert is None:
        raise UsageError(f"monitor '{name}' has no alert rule", hint="give it alert=AlertRule(severity='ticket')")

    def declare(code: Callable[..., None]) -> Monitor:
        made = Monitor(
            name=name,
            title=title,
            owner=owner,
            runbook=runbook,
            alert=alert,
            customers=customers,
            code=code,
            interval_s=None if interval is None else seconds_of(interval),
            cron=cron,
            jitter_s=0.0 if jitter is None else seconds_of(jitter),
            timeout_s=seconds_of(timeout),
            location=location,
            environments=environments,
            objective=objective or Objective(),
            systems=systems,
            source=Path(code.__code__.co_filename),
        )
        if (gathered := _declared.get()) is not None:
            gathered.append(made)
        return made

    return declare
