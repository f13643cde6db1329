"""What the edge of a landscape is told, and how its process is found again."""

from __future__ import annotations

from typing import Any

from assay.edge import EdgeState, ReverseRoute, Route, RouteTable
from assay.errors import InfrastructureError
from assay.local.plan import EDGE, MERCHANT, PUBLIC, SIMULATORS, Plan
from assay.local.state import Home, Running


def route_table(plan: Plan, running: Running) -> RouteTable:
    """Return what the edge lets through, from the profile and the ports in use."""
    routes = []
    for name, system in plan.environment.systems.items():
        if system.role == "shop":
            continue
        port = running.port(SIMULATORS, name)
        target = f"http://127.0.0.1:{port}" if system.mode == "simulated" else system.base_url
        mode: Any = "simulator" if system.mode == "simulated" else system.mode
        for number, host in enumerate(system.all_hosts or (None,)):
            prefix = None if number == 0 else ""
            routes.append(Route(name, host=host, mode=mode, target=target, prefix=prefix))
    shop = running.port(MERCHANT, MERCHANT)
    reverse = (ReverseRoute(PUBLIC, f"http://127.0.0.1:{shop}"),) if shop else ()
    return RouteTable(tuple(routes), reverse, environment=plan.name)


def edge_state(running: Running, home: Home) -> EdgeState:
    """Return the edge's own description of its process, from ours."""
    process = running.processes.get(EDGE)
    if process is None:
        raise InfrastructureError("the edge is not up", where=str(home.path), hint="assay up")
    folder = home.path / "edge"
    port = process.ports[EDGE]
    return EdgeState(process.pid, process.created, port, str(folder), str(folder / "certificates"), "scenario")
