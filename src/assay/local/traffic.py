"""What a platform sent through the edge of a landscape: hosts seen, hosts declared, and the calls of one span."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from assay.edge import attach
from assay.errors import InfrastructureError, UsageError
from assay.local.plan import EDGE, Plan
from assay.local.routing import edge_state
from assay.local.state import Running
from assay.records import Call
from assay.store import CalledHost, Store, open_store

_JOURNAL_WITHIN_S = 30.0
UNDECLARED = "undeclared"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSeen:
    """One host: the system it belongs to (``undeclared`` for none), its calls, and when the first and last were."""

    host: str
    system: str
    mode: str = ""
    calls: int = 0
    failed: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None


def hosts(plan: Plan, *, since: datetime | None = None) -> list[HostSeen]:
    """Return every host the platform called since then, and every declared one it did not; declared ones first.

    A call by base URL counts for its system's first host.
    """
    let_journal_arrive(plan, plan.home.read())
    declared = _declared(plan)
    called: dict[str, list[CalledHost]] = {}
    for seen in _from_store(plan, lambda store: store.hosts(plan.name, since=since)):
        called.setdefault(_name_of(plan, seen, declared), []).append(seen)
    modes = {name: system.mode or "" for name, system in plan.environment.systems.items()}
    found = [_merged(host, system, modes[system], called.pop(host, [])) for host, system in declared.items()]
    for host, group in sorted(called.items()):
        system = group[0].system
        found.append(_merged(host, system if system in modes else UNDECLARED, modes.get(system, ""), group))
    return found


def calls_of(plan: Plan, system: str, since: datetime) -> list[Call]:
    """Return the platform's calls to one system since then, oldest first."""
    return [call for call in outgoing(plan, since) if call.system == system]


def outgoing(plan: Plan, since: datetime | None) -> list[Call]:
    """Return the platform's calls to all systems since then, oldest first; webhooks into it are none."""
    let_journal_arrive(plan, plan.home.read())
    calls = _from_store(plan, lambda store: store.calls(plan.name, since=since))
    return [call for call in calls if call.way != "reverse"]


def must_journal(plan: Plan) -> None:
    """Raise where this environment keeps no journal, or its edge is not up."""
    if not plan.has_edge or not plan.environment.edge.journal:
        line = "journal = false" if plan.has_edge else f'view = "{plan.environment.view}"'
        raise UsageError(
            f"environment '{plan.name}' keeps no journal of the platform's calls",
            where=f"environments.{plan.name}",
            seen=line,
            hint='view = "forward_proxy" or "base_url", with a journal, puts an edge in between',
        )
    if not plan.home.read().alive(EDGE):
        raise InfrastructureError(
            f"the edge of '{plan.name}' is not up", where=str(plan.home.path), hint=f"assay up --env {plan.name}"
        )


def let_journal_arrive(plan: Plan, running: Running, wait: Callable[[float], None] = time.sleep) -> bool:
    """Wait until the keeper has taken every call from the edge; False where it has not after half a minute.

    wait: lets real time pass, and raises where whoever waits has none left.
    """
    if not running.alive(EDGE) or not plan.environment.edge.journal:
        return True
    admin = attach(edge_state(running, plan.home)).admin
    deadline = time.monotonic() + _JOURNAL_WITHIN_S
    try:
        while admin.get("/requests?limit=1")["meta"]["total"]:
            if time.monotonic() > deadline:
                return False
            wait(0.1)
        return True
    finally:
        admin.close()


def _from_store(plan: Plan, read: Callable[[Store], Sequence[T]]) -> Sequence[T]:
    if not plan.home.store.exists():
        return ()
    store = open_store(plan.home.store)
    try:
        return read(store)
    finally:
        store.close()


def _declared(plan: Plan) -> dict[str, str]:
    systems = plan.environment.systems.items()
    return {host.lower(): name for name, system in systems if system.role != "shop" for host in system.all_hosts}


def _name_of(plan: Plan, seen: CalledHost, declared: dict[str, str]) -> str:
    """Return the declared host a call was meant for: its own, the wildcard it fits, or its system's first."""
    host = seen.host.lower()
    if host in declared:
        return host
    wildcard = f"*.{host.partition('.')[2]}"
    if wildcard in declared:
        return wildcard
    system = plan.environment.systems.get(seen.system)
    return system.all_hosts[0].lower() if system is not None and system.all_hosts else host


def _merged(host: str, system: str, mode: str, group: Sequence[CalledHost]) -> HostSeen:
    return HostSeen(
        host=host,
        system=system,
        mode=mode,
        calls=sum(each.calls for each in group),
        failed=sum(each.failed for each in group),
        refused=sum(each.refused for each in group),
        first=min((each.first for each in group), default=None),
        last=max((each.last for each in group), default=None),
    )
