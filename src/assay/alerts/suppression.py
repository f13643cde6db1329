"""One alert for a system that is down, with the monitors that suffer from it listed: theirs wait until it is back.

Checking goes on meanwhile. When the system is back a monitor that is still bad fires by itself, as soon as a run of it
that began after that has been heard of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from assay.alerts.states import REFUSED, SILENCE, UNREACHABLE, Heard, Memory
from assay.monitor import SAFETY, SEVERITIES, AlertRule, Monitor, Severity

EDGE = "edge"
SYSTEM = "system "
"""What the name of a system's alert begins with."""
_NO_CONTACT = frozenset({"refused", "missed", "stuck", "error"})


def alert_of(system: str) -> str:
    """Return the name of the alert that stands for a system, or for refusals."""
    return system if system == SAFETY else f"{SYSTEM}{system}"


def is_shared(name: str) -> bool:
    """Whether an alert stands for a system, or for refusals, and for no single monitor."""
    return name == SAFETY or name.startswith(SYSTEM)


def kind_of(name: str) -> str | None:
    """Return what such an alert fires as; None for a monitor's, whose runs say it."""
    return (REFUSED if name == SAFETY else UNREACHABLE) if is_shared(name) else None


def reached(system: str, run: Heard) -> bool | None:
    """Say whether a run reached a system; None where it does not say."""
    if system in run.unreachable:
        return False
    if system == SAFETY:
        return None if run.result in ("missed", "stuck") else True
    return None if run.result in _NO_CONTACT else True


def needs(monitor: Monitor, memory: Memory) -> frozenset[str]:
    """Return the systems whose alert takes this monitor's place: those it names and those its last bad run missed."""
    passes_edge = (EDGE,) if monitor.flow else ()
    return frozenset((*monitor.systems, *passes_edge, *memory.facts.get("unreachable", ()), *_refusals(memory)))


def parent_of(name: str, memory: Memory, monitor: Monitor, shared: Mapping[str, Memory]) -> str:
    """Return the alert that takes this one's place now, or nothing.

    shared: the alerts of systems by name. The edge stands before every vendor, so its alert takes theirs, too.
    """
    wanted = {EDGE} - {name.removeprefix(SYSTEM)} if is_shared(name) else needs(monitor, memory)
    if name == SAFETY:
        return ""
    down = sorted(
        (alert_of(system) for system in wanted if (each := shared.get(alert_of(system))) is not None and each.firing),
        key=lambda each: (each != alert_of(EDGE), each),
    )
    if down:
        return down[0]
    before = shared.get(memory.suppressed_by)
    if before is None or before.ended_at is None or is_shared(name) or SILENCE in memory.sources:
        return ""
    # A last run made while the system was away says nothing of now.
    old = memory.heard_at is None or memory.heard_at < before.ended_at
    return memory.suppressed_by if old else ""


def children_of(parent: str, memories: Mapping[str, Memory], monitors: Mapping[str, Monitor]) -> tuple[str, ...]:
    """Return the monitors that are not well and whose place an alert takes."""
    system = parent.removeprefix(SYSTEM)
    return tuple(
        name
        for name, monitor in sorted(monitors.items())
        if (memory := memories.get(name)) is not None
        and any(source.bad for source in memory.sources.values())
        and system in needs(monitor, memory)
    )


def shared_monitor(name: str, children: Collection[Monitor], runbooks: Mapping[str, str]) -> Monitor:
    """Return what stands for a monitor in a shared alert: as severe as its worst child, told to all their routes."""
    severity: Severity = "ticket" if not children else min((e.alert.severity for e in children), key=SEVERITIES.index)
    everywhere = any(not each.alert.routes for each in children)
    routes = () if everywhere else tuple(dict.fromkeys(route for each in children for route in each.alert.routes))
    owners = sorted({each.owner for each in children if each.owner})
    return Monitor(
        name=name,
        title=name,
        owner=owners[0] if len(owners) == 1 else "",
        runbook=runbooks["safety" if name == SAFETY else "system"],
        alert=AlertRule(severity=severity, routes=routes),
    )


def drop_gone(memory: Memory, monitors: Iterable[str]) -> None:
    """Forget what monitors that are no more said of a system."""
    known = set(monitors)
    for name in [each for each in memory.sources if each not in known]:
        del memory.sources[name]


def _refusals(memory: Memory) -> tuple[str, ...]:
    return (SAFETY,) if memory.facts.get("result") == "refused" else ()
