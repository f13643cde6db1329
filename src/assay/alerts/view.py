"""What the status page shows of alerts: plain values, the same for all who read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from assay.alerts.states import FLAPPING, Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert now. monitor is None for one of a system or of refusals. kind: what it fires as; empty: it is well.

    told: whether people know of it. suppressed_by: the alert that takes its place. children: those whose place it
    takes. quiet: why nobody is woken although it is not well. summary: its sentence.
    """

    name: str
    monitor: str | None
    state: str
    since: datetime
    severity: str
    kind: str = ""
    told: bool = False
    told_at: datetime | None = None
    flapping: bool = False
    suppressed_by: str | None = None
    children: tuple[str, ...] = ()
    quiet: str = ""
    summary: str = ""


def view_of(name: str, monitor: str | None, memory: Memory, *, severity: str, otherwise_since: datetime) -> AlertView:
    """Return the view of one alert. otherwise_since: where nothing is known of it yet."""
    told = memory.told
    return AlertView(
        name=name,
        monitor=monitor,
        state=memory.state,
        since=memory.state_since or otherwise_since,
        severity=memory.severity or severity,
        kind=memory.kind,
        told=told is not None,
        told_at=told.at if told else None,
        flapping=memory.flapping or (told is not None and told.kind == FLAPPING),
        suppressed_by=memory.suppressed_by or None,
        children=memory.children,
        quiet=memory.quiet,
        summary=memory.summary,
    )
