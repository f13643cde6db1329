"""Stand-ins for tests of monitoring: monitors, clocks moved by hand, and runs that come to what they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assay.events import Probe, ProbeResult
from assay.monitor import AlertRule, Monitor
from assay.profile import Environment, Profile
from assay.runners.scheduler.telling import utc_now
from assay.runners.scheduler.timetable import Clock

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


def of_one_gateway(profile: Profile) -> Environment:
    """Return the local environment with those systems that tests of checks make up: one of each role."""
    local = profile.environment("local")
    made_up = {name: each for name, each in local.systems.items() if name not in ("adyen", "paypal", "frankfurter")}
    return local.model_copy(update={"systems": made_up})


def watching(name: str, **more: Any) -> Monitor:
    """Return a monitor of a check, every minute where nothing else is said."""
    given: dict[str, Any] = {"title": name, "owner": "me", "runbook": "x.md", "alert": AlertRule(), "check": "nothing"}
    if "cron" not in more:
        given["interval_s"] = 60.0
    given |= more
    given.setdefault("timeout_s", 0.9 * (given.get("interval_s") or 60.0))
    return Monitor(name=name, **given)


@dataclass(slots=True)
class Hands:
    """A wall clock and a monotonic one, both moved by hand."""

    at: float = NOON.timestamp()
    runs: float = 1_000.0

    def clock(self) -> Clock:
        """Return both as the clock of a service."""
        return Clock(wall=lambda: self.at, monotonic=lambda: self.runs)

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
        self.runs += seconds

    def is_set(self, seconds: float) -> None:
        """Set the wall clock on, or back; no time passes."""
        self.at += seconds

    @property
    def now(self) -> datetime:
        """What the wall clock says."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(slots=True)
class Acting:
    """A prober whose runs come to what `results` says by name, and take as long as `acts` makes them."""

    results: dict[str, ProbeResult] = field(default_factory=dict)
    acts: dict[str, Callable[[threading.Event], object]] = field(default_factory=dict)
    ran: list[tuple[str, datetime]] = field(default_factory=list)
    now: Callable[[], datetime] = utc_now

    def __call__(self, monitor: Monitor, *, due_at: datetime, stop: threading.Event) -> Probe:
        """Run it."""
        started_at = self.now()
        self.ran.append((monitor.name, due_at))
        if act := self.acts.get(monitor.name):
            act(stop)
        return Probe(
            id=f"{monitor.name}-{due_at:%H%M%S%f}",
            monitor=monitor.name,
            subject=monitor.subject,
            environment="local",
            location="here",
            result=self.results.get(monitor.name, ProbeResult.PASSED),
            due_at=due_at,
            started_at=started_at,
            seconds=0.0,
        )
