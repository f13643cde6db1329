"""Starts what is missing of a landscape. Apart from `up`, so that looking at a whole one loads nothing of the edge.

Order: certificates, then edge, simulators and merchant at once, then routes, then the journal keeper. Ports are kept
over repairs, so that a merchant never notices that the edge was replaced.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from assay.edge import attach, load_routes, prepare, start_edge, touch
from assay.edge.certificate import ensure_certificates
from assay.edge.sockets import claim_port, free_port
from assay.errors import InfrastructureError
from assay.events import Listener, Progress
from assay.local import faults
from assay.local.plan import (
    EDGE,
    KEEPER,
    MERCHANT,
    SIMULATORS,
    Plan,
    merchant_config,
    platform_variables,
    processes_of,
    simulators_config,
)
from assay.local.processes import Starting, admin, clean_environment
from assay.local.routing import edge_state, route_table
from assay.local.state import Process, Running


def start_missing(plan: Plan, running: Running, missing: list[str], begun: list[Process], listen: Listener) -> None:
    """Start the missing processes into `running`; each is added to `begun` as soon as it runs."""
    _choose_ports(plan, running, missing)
    installation = prepare(progress=lambda text: listen(Progress(part=EDGE, state="starting", detail=text)))
    hosts = sorted({host for system in plan.environment.systems.values() for host in system.all_hosts})
    made = ensure_certificates(plan.home.path / "edge" / "certificates", hosts, java=installation.java)
    edge_port = running.port(EDGE, EDGE) or plan.environment.edge.port or free_port()

    mode: Literal["scenario", "load"] = "scenario" if plan.environment.edge.journal else "load"

    def edge() -> Process:
        started = start_edge(
            plan.home.path, port=edge_port, hosts=hosts, lifetime="detached", installation=installation, mode=mode
        )
        started.admin.close()
        log = str(plan.home.path / "edge" / "edge.log")
        return Process(EDGE, started.state.pid, started.state.started_at, {EDGE: started.port}, log)

    def simulators() -> Process:
        return _spawned(plan, SIMULATORS, "assay.simkit.serve", simulators_config(plan, running, edge_port), {})

    def merchant() -> Process:
        variables = platform_variables(plan.environment, edge_port, made.bundle)
        return _spawned(plan, MERCHANT, "mocks.merchant", merchant_config(plan, running, edge_port), variables)

    def keeper() -> Process:
        config = {"environment": plan.name, "store": str(plan.home.store), "home": str(plan.home.path)}
        return _spawned(plan, KEEPER, "assay.local.keeper", config, {})

    def begin(name: str, start: Callable[[], Process]) -> None:
        began = time.perf_counter()
        listen(Progress(part=name, state="starting"))
        process = start()
        with writing:
            begun.append(process)
            running.processes[name] = process
            plan.home.write(running)
        listen(Progress(part=name, state="ready", detail=f"{time.perf_counter() - began:.1f} s"))

    writing = threading.Lock()
    parts = {EDGE: edge, SIMULATORS: simulators, MERCHANT: merchant}
    with ThreadPoolExecutor(3) as workers:
        attempts = [workers.submit(begin, name, start) for name, start in parts.items() if name in missing]
    for attempt in attempts:
        attempt.result()
    if missing != [KEEPER]:
        open_edge = attach(edge_state(running, plan.home))
        table = route_table(plan, running)
        load_routes(open_edge.admin, table)
        open_edge.admin.close()
        faults.apply(running, plan.home, table, faults.in_force(plan.home))
        touch(edge_port, hosts, made.authority)
    shop_port = running.port(MERCHANT, MERCHANT)
    if MERCHANT in missing and shop_port is not None:
        admin(shop_port, "POST", "start")
    if KEEPER in missing:
        begin(KEEPER, keeper)


def _spawned(plan: Plan, name: str, module: str, config: Mapping[str, Any], variables: Mapping[str, str]) -> Process:
    plan.home.path.mkdir(parents=True, exist_ok=True)
    starting = Starting(name, module, config, folder=plan.home.path, log=plan.home.logs / f"{name}.log")
    path = os.pathsep.join(config.get("suite_roots", []))
    starting.spawn(clean_environment({**variables, "PYTHONPATH": path} if path else variables))
    return starting.ready()


def _choose_ports(plan: Plan, running: Running, missing: list[str]) -> None:
    """Keep what is about to start on its port of last time; a port of the profile wins, and must be free."""
    systems = plan.environment.systems
    wanted = {
        EDGE: {EDGE: plan.environment.edge.port},
        SIMULATORS: {name: systems[name].port for name in plan.simulated},
        MERCHANT: {MERCHANT: systems[plan.shop].port if plan.shop else 0},
    }
    for name in missing:
        declared = {system: _claimed(system, port) for system, port in wanted.get(name, {}).items() if port}
        known = running.processes.get(name)
        # What still runs was told the edge's port when it started: then the edge must have that one again.
        if known is not None and (name != EDGE or missing == processes_of(plan)):
            known.ports = {system: port for system, port in known.ports.items() if _is_free(port)} | declared


def _claimed(system: str, port: int) -> int:
    try:
        return claim_port(port)
    except InfrastructureError as error:
        raise InfrastructureError(
            f"port {port} of {system} is taken",
            where=f"port = {port} in assay.toml",
            expected="a free port",
            seen=error.seen,
            hint=f"stop that process, or give {system} another port (0 takes a free one)",
        ) from None


def _is_free(port: int) -> bool:
    try:
        return claim_port(port) == port
    except InfrastructureError:
        return False
