"""The faults in force in a landscape: kept in its folder, so that a repaired edge has them again."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from assay.edge import Fault, RouteTable, attach, set_faults
from assay.errors import InfrastructureError
from assay.local.plan import EDGE, Plan
from assay.local.routing import edge_state, route_table
from assay.local.state import Home, Running

_INSTANTS = ("since", "until")


def in_force(home: Home) -> list[Fault]:
    """Return the faults of a landscape, the first that fits a call being the one it meets."""
    file = home.path / "faults.json"
    return [_read(each) for each in json.loads(file.read_text())] if file.exists() else []


def put(plan: Plan, faults: list[Fault]) -> None:
    """Make exactly these faults be in force; a refused one leaves the earlier ones as they were."""
    running = plan.home.read()
    if not running.alive(EDGE):
        raise InfrastructureError("the edge is not up", where=str(plan.home.path), hint=f"assay up --env {plan.name}")
    apply(running, plan.home, route_table(plan, running), faults)
    (plan.home.path / "faults.json").write_text(json.dumps([_written(fault) for fault in faults], indent=1))


def apply(running: Running, home: Home, table: RouteTable, faults: list[Fault]) -> None:
    """Tell the edge."""
    edge = attach(edge_state(running, home))
    try:
        set_faults(edge.admin, table, faults)
    finally:
        edge.admin.close()


def _written(fault: Fault) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(fault).items()}


def _read(content: dict[str, Any]) -> Fault:
    instants = {key: datetime.fromisoformat(content[key]) for key in _INSTANTS if content.get(key)}
    return Fault(**{**content, **instants, "resend": tuple(content.get("resend", ()))})
