"""Says how a landscape is: each process, its ports, whether it answers, and what the journal holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.errors import InfrastructureError
from assay.local.plan import DOOR, EDGE, KEEPER, MERCHANT, SIMULATORS, Plan, made_of, processes_of
from assay.local.processes import admin
from assay.local.state import Process, Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of the landscape.

    `state` is up, down, silent (runs but does not answer), changed (the profile says otherwise now) or never started.
    """

    name: str
    state: str
    pid: int | None = None
    urls: dict[str, str] = field(default_factory=dict)
    log: str = ""
    detail: str = ""


def inspect(plan: Plan, running: Running) -> list[Part]:
    """Look at every process the landscape must have."""
    return [_part(plan, name, running.processes.get(name)) for name in processes_of(plan)]


def is_changed(plan: Plan, process: Process) -> bool:
    """Whether the profile says otherwise of a process than when it was started."""
    return process.made_of not in ("", made_of(plan, process.name))


def edge_authorization(plan: Plan, name: str) -> str:
    """Return the header by which the edge's admin API knows us; empty for other processes, or where it asks nothing."""
    if name != EDGE or not plan.home.edge_secret.is_file():
        return ""
    from assay.edge.sockets import authorization  # an edge that is open to containers alone asks for it

    return authorization(plan.home.edge_secret.read_text())


def is_healthy(parts: list[Part]) -> bool:
    """Whether every part is up."""
    return all(part.state == "up" for part in parts)


def _part(plan: Plan, name: str, process: Process | None) -> Part:
    if process is None:
        return Part(name=name, state="never started", detail="assay up")
    host = plan.environment.edge.bind if name == DOOR else "127.0.0.1"
    urls = {system: f"http://{host}:{port}" for system, port in process.ports.items()}
    if not process.alive:
        return Part(name=name, state="down", urls=urls, log=process.log, detail="assay up repairs it")
    if is_changed(plan, process):
        do = "assay.toml has changed: assay up applies it"
        return Part(name=name, state="changed", pid=process.pid, urls=urls, log=process.log, detail=do)
    try:
        detail = "; ".join(_asked(plan, name, port) for port in process.ports.values())
    except InfrastructureError as error:
        return Part(name=name, state="silent", pid=process.pid, urls=urls, log=process.log, detail=str(error.seen))
    return Part(name=name, state="up", pid=process.pid, urls=urls, log=process.log, detail=detail)


def _asked(plan: Plan, name: str, port: int) -> str:
    if name in (KEEPER, DOOR):
        return f"lets in {', '.join(plan.environment.edge.allow)}" if name == DOOR else ""
    answer: Any = admin(port, "GET", "health", timeout_s=5.0, authorization=edge_authorization(plan, name))
    if name == EDGE:
        return f"WireMock {answer.get('version', '')}".strip()
    if name in (SIMULATORS, MERCHANT):
        return f"{answer['system']}: {answer.get('calls', 0)} calls"
    return ""
