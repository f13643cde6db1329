"""Brings a landscape up on this machine or mends it, and takes it down; what cannot be finished is stopped again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay.events import Listener, Progress
from assay.local.plan import DOOR, EDGE, KEEPER, MERCHANT, SIMULATORS, Plan, processes_of
from assay.local.processes import admin, stop
from assay.local.state import Home, Process, Running
from assay.local.status import is_changed
from assay.local.uninterrupted import uninterrupted


def bring_up(plan: Plan, listen: Listener) -> Running:
    """Start what does not run and return everything that does; `InfrastructureError` says what failed and why."""
    with plan.home.locked():
        running = plan.home.read()
        _end_what_changed(plan, running, listen)
        missing = [name for name in processes_of(plan) if not running.alive(name)]
        for name in processes_of(plan):
            if name not in missing:
                listen(Progress(part=name, state="kept"))
        if missing:
            from assay.local.starting import start_missing  # a landscape that is whole should answer at once

            begun: list[Process] = []
            try:
                start_missing(plan, running, missing, begun, listen)
            except BaseException:
                with uninterrupted():
                    for process in reversed(begun):
                        stop(process)
                raise
        return running


def take_down(home: Home, listen: Listener, *, forget: bool = False) -> int:
    """Stop every process of a landscape, the platform first, and return how many; `forget` removes its data too."""
    with home.locked(), uninterrupted():
        running = home.read()
        ended = 0
        for name in (MERCHANT, SIMULATORS, KEEPER, DOOR, EDGE):
            process = running.processes.get(name)
            if process is not None and process.alive:
                stop(process)
                ended += 1
                listen(Progress(part=name, state="stopped"))
        if forget:
            shutil.rmtree(home.path, ignore_errors=True)
        return ended


def _end_what_changed(plan: Plan, running: Running, listen: Listener) -> None:
    """Stop what the profile no longer wants, or wants otherwise than it was started."""
    wanted = processes_of(plan)
    for name in (MERCHANT, SIMULATORS, KEEPER, DOOR, EDGE):
        process = running.processes.get(name)
        if process is None or (name in wanted and not is_changed(plan, process)):
            continue
        if process.alive:
            stop(process)
            listen(Progress(part=name, state="stopped", detail="assay.toml has changed"))
        if name not in wanted:
            del running.processes[name]
    plan.home.write(running)


@dataclass(slots=True)
class Settler:
    """Asks one simulator or the merchant to run what is due, and remembers which of its jobs failed."""

    system: str
    port: int
    failing: Mapping[str, str] = field(default_factory=dict)

    def __call__(self) -> datetime | None:
        """Return when its next job or webhook is due."""
        told = admin(self.port, "POST", "settle", {})
        self.failing = told.get("failing") or {}
        due = told["next_due"]
        return datetime.fromisoformat(due) if due else None

    def __str__(self) -> str:
        """Name the system and every job that failed when it ran last."""
        jobs = ", ".join(f"job '{name}' fails: {error}" for name, error in self.failing.items())
        return f"{self.system}: {jobs}" if jobs else self.system


def settlers(running: Running) -> list[Settler]:
    """Return, for every simulator and the merchant, a call that runs what is due and tells when the next is."""
    parts = [running.processes[name] for name in (SIMULATORS, MERCHANT) if name in running.processes]
    return [Settler(system, port) for process in parts for system, port in process.ports.items()]
