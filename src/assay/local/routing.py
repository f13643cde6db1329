"""What the edge of a landscape is told, and how its process is found again."""

from __future__ import annotations

from typing import Any

from assay.edge import EdgeState, ReverseRoute, Route, RouteTable
from assay.errors import InfrastructureError
from assay.local.plan import EDGE, MERCHANT, PUBLIC, SIMULATORS, Plan, stubs_of
from assay.local.state import Home, Running
from assay.profile import System


def route_table(plan: Plan, running: Running) -> RouteTable:
    """Return what the edge lets through, from the profile and the ports in use."""
    routes = []
    for name, system in plan.environment.systems.items():
        if system.role != "shop":
            routes += _routes_of(plan, running, name, system)
    port = running.port(MERCHANT, MERCHANT)
    shop = f"http://127.0.0.1:{port}" if plan.shop and port else plan.own_shop
    reverse = (ReverseRoute(PUBLIC, shop),) if shop else ()
    bind = plan.environment.edge.bind
    names = ("127.0.0.1", "localhost", *((bind,) if bind else ()))
    return RouteTable(tuple(routes), reverse, local_names=names, environment=plan.name)


def _routes_of(plan: Plan, running: Running, name: str, system: System) -> list[Route]:
    """Return a route for each host of a system; its stubs go with the first, whose base URL they answer too."""
    port = running.port(SIMULATORS, name)
    target = f"http://127.0.0.1:{port}" if system.mode == "simulated" else system.base_url
    mode: Any = "simulator" if system.mode == "simulated" else system.mode
    first, *more = system.all_hosts or (None,)
    routes = [Route(name, host=first, mode=mode, target=target, stubs=stubs_of(plan, name))]
    for host in more:
        # What a vendor runs under another name in its sandbox, nobody knows: its further hosts are called as they are.
        passed = f"https://{host}" if mode in ("sandbox", "live") and host and "*" not in host else target
        routes.append(Route(name, host=host, mode=mode, target=passed, prefix=""))
    return routes


def edge_state(running: Running, home: Home) -> EdgeState:
    """Return the edge's own description of its process, from ours."""
    process = running.processes.get(EDGE)
    if process is None:
        raise InfrastructureError("the edge is not up", where=str(home.path), hint="assay up")
    folder = home.path / "edge"
    port = process.ports[EDGE]
    return EdgeState(
        process.pid,
        process.created,
        port,
        str(folder),
        str(folder / "certificates"),
        "scenario",
        home.edge_secret.read_text() if home.edge_secret.is_file() else "",
    )
