"""Starts what is missing of a landscape. Apart from `up`, so that looking at a whole one loads nothing of the edge.

Order: certificates, then edge, simulators and merchant at once, then routes, then the journal keeper; where no edge
stands between them (view witness), simulators before the merchant. Ports are kept over repairs, so that a merchant
never notices that the edge was replaced.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from assay.edge import attach, load_routes, prepare, start_edge, touch
from assay.edge.certificate import Certificates, ensure_certificates
from assay.edge.sockets import claim_port, free_port
from assay.errors import InfrastructureError
from assay.events import Listener, Progress
from assay.local import faults
from assay.local.plan import (
    DOOR,
    EDGE,
    KEEPER,
    MERCHANT,
    SIMULATORS,
    Addresses,
    Plan,
    made_of,
    merchant_config,
    platform_variables,
    processes_of,
    simulators_config,
)
from assay.local.processes import Starting, admin, clean_environment
from assay.local.routing import edge_state, route_table
from assay.local.state import Process, Running
from assay.local.uninterrupted import uninterrupted


def start_missing(plan: Plan, running: Running, missing: list[str], begun: list[Process], listen: Listener) -> None:
    """Start the missing processes into `running`; each is added to `begun` as soon as it runs."""
    _choose_ports(plan, running, missing)
    starter = _Starter(plan, running, begun, listen)
    parts = {EDGE: starter.edge, SIMULATORS: starter.simulators, MERCHANT: starter.merchant}
    wanted = [(name, start) for name, start in parts.items() if name in missing]
    # A platform that calls its vendors directly is told their ports when it starts.
    rounds = [wanted] if plan.has_edge else [[each] for each in wanted]
    for each in rounds:
        workers = ThreadPoolExecutor(3)
        try:
            attempts = [workers.submit(starter.begin, name, start) for name, start in each]
            wait(attempts)
        finally:
            with uninterrupted():  # what a worker has spawned is known, and can be stopped, when it is through
                workers.shutdown()
        for attempt in attempts:
            attempt.result()
    if set(missing) - {KEEPER, DOOR}:
        starter.open_edge()
    shop_port = running.port(MERCHANT, MERCHANT)
    if MERCHANT in missing and shop_port is not None:
        admin(shop_port, "POST", "start")
    if KEEPER in missing:
        starter.begin(KEEPER, starter.keeper)
    if DOOR in missing:
        starter.begin(DOOR, starter.door)


class _Starter:
    """Starts the parts of one landscape; certificates are made and addresses chosen before the first of them."""

    def __init__(self, plan: Plan, running: Running, begun: list[Process], listen: Listener) -> None:
        self._plan = plan
        self._running = running
        self._begun = begun
        self._listen = listen
        self._writing = threading.Lock()
        self._made: Certificates | None = None
        edge_port = 0
        if plan.has_edge:
            systems = plan.environment.systems.values()
            self._hosts = sorted({host for system in systems for host in system.all_hosts})
            self._installation = prepare(progress=self._tell_of_edge)
            folder = plan.home.path / "edge" / "certificates"
            self._made = ensure_certificates(folder, self._hosts, java=self._installation.java)
            edge_port = running.port(EDGE, EDGE) or plan.environment.edge.port or free_port()
        self.addresses = Addresses(edge=edge_port, shop=self._shop_port())

    def begin(self, name: str, start: Callable[[], Process]) -> None:
        """Start one part, remember it, and tell how long it took."""
        began = time.perf_counter()
        self._listen(Progress(part=name, state="starting"))
        process = start()
        process.made_of = made_of(self._plan, name)
        with self._writing:
            self._begun.append(process)
            self._running.processes[name] = process
            self._plan.home.write(self._running)
        self._listen(Progress(part=name, state="ready", detail=f"{time.perf_counter() - began:.1f} s"))

    def edge(self) -> Process:
        """Start the edge."""
        settings = self._plan.environment.edge
        started = start_edge(
            self._plan.home.path,
            port=self.addresses.edge,
            hosts=self._hosts,
            lifetime="detached",
            installation=self._installation,
            mode="scenario" if settings.journal else "load",
            proxy=settings.proxy,
            secret=self._edge_secret(),
        )
        started.admin.close()
        log = str(self._plan.home.path / "edge" / "edge.log")
        return Process(EDGE, started.state.pid, started.state.started_at, {EDGE: started.port}, log)

    def simulators(self) -> Process:
        """Start every simulated vendor."""
        config = simulators_config(self._plan, self._running, self.addresses)
        return _spawned(self._plan, SIMULATORS, "assay.simkit.serve", config, {})

    def merchant(self) -> Process:
        """Start the reference merchant."""
        bundle = self._made.bundle if self._made else None
        variables = platform_variables(self._plan, self.addresses.edge, bundle)
        config = merchant_config(self._plan, self._running, self.addresses)
        return _spawned(self._plan, MERCHANT, "mocks.merchant", config, variables)

    def keeper(self) -> Process:
        """Start what keeps the edge's journal."""
        home = self._plan.home
        config = {"environment": self._plan.name, "store": str(home.store), "home": str(home.path)}
        return _spawned(self._plan, KEEPER, "assay.local.keeper", config, {})

    def door(self) -> Process:
        """Start what lets a platform in a container in, at the edge's own port of another address."""
        settings = self._plan.environment.edge
        port = self._running.port(DOOR, DOOR) or self.addresses.edge
        config = {"bind": settings.bind, "allow": settings.allow, "port": port, "edge": self.addresses.edge}
        return _spawned(self._plan, DOOR, "assay.local.door", config, {})

    def open_edge(self) -> None:
        """Tell the edge its routes and faults; before that it refuses every call."""
        if self._made is None:
            return
        open_edge = attach(edge_state(self._running, self._plan.home))
        table = route_table(self._plan, self._running)
        load_routes(open_edge.admin, table)
        open_edge.admin.close()
        faults.apply(self._running, self._plan.home, table, faults.in_force(self._plan.home))
        touch(self.addresses.edge, self._hosts, self._made.authority)

    def _edge_secret(self) -> str:
        """Make what the edge's admin API asks for where others than this machine reach the edge; else nothing."""
        file = self._plan.home.edge_secret
        file.unlink(missing_ok=True)
        if self._plan.environment.edge.bind is None:
            return ""
        secret = secrets.token_urlsafe(24)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secret)
        return secret

    def _shop_port(self) -> int:
        """Return the merchant's port, chosen already where vendors without an edge must know it; 0 for any."""
        if self._plan.shop is None:
            return 0
        known = self._running.port(MERCHANT, MERCHANT) or self._plan.environment.systems[self._plan.shop].port
        return known or (0 if self._plan.has_edge else free_port())

    def _tell_of_edge(self, text: str) -> None:
        self._listen(Progress(part=EDGE, state="starting", detail=text))


def _spawned(plan: Plan, name: str, module: str, config: Mapping[str, Any], variables: Mapping[str, str]) -> Process:
    plan.home.path.mkdir(parents=True, exist_ok=True)
    starting = Starting(name, module, config, folder=plan.home.path, log=plan.home.logs / f"{name}.log")
    path = os.pathsep.join(config.get("suite_roots", []))
    starting.spawn(clean_environment({**variables, "PYTHONPATH": path} if path else variables))
    try:
        return starting.ready()
    except BaseException:
        starting.kill()
        raise


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
