"""A lane of the self-test: one warm edge, and behind it a fresh landscape for each trial.

Simulators, merchant and clock are new each time, on ports of their own; edge and journal keeper, whose start costs
most, stay, with journal, faults and store emptied.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from assay.edge import Fault, attach
from assay.events import Outcome
from assay.local import faults
from assay.local.clock import LandscapeClock
from assay.local.plan import EDGE, MERCHANT, SIMULATORS, Plan
from assay.local.routing import edge_state
from assay.local.state import Home
from assay.local.uninterrupted import uninterrupted
from assay.local.up import bring_up, take_down
from assay.runners.run import run_cases
from assay.runners.session import Session
from assay.runners.trials import Trial
from assay.runners.verdict import Trouble, Verdict
from assay.store import open_store

_PERISHABLE = (MERCHANT, SIMULATORS)
_WARM = ("edge", "logs", "landscape.json", "lock")


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one trial. fresh_s: how long its landscape took to be there; seconds: the whole of it."""

    trial: Trial
    verdict: Verdict
    seconds: float
    fresh_s: float


class Lane:
    """Runs trials one after the other. `close` leaves no process and no folder."""

    def __init__(self, plan: Plan, folder: Path, run_id: str) -> None:
        self._plan = replace(plan, home=Home(folder, plan.name))
        self._run_id = run_id
        self._since: float | None = None

    @property
    def busy_s(self) -> float:
        """How long the present trial has been going on; 0 between two."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def interrupt(self) -> None:
        """End the landscape under the present trial, whose next call then fails: for whoever will not wait for it."""
        running = self._plan.home.read()
        for name in _PERISHABLE:
            if running.alive(name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(running.processes[name].pid).kill()

    def attempt(self, trial: Trial) -> Tried:
        """Run a trial in a fresh landscape; trouble of the landscape is part of what came of it."""
        self._since = time.monotonic()
        try:
            return self._attempt(trial)
        finally:
            self._since = None

    def _attempt(self, trial: Trial) -> Tried:
        began = time.perf_counter()
        plan = self._plan_of(trial)
        self._clean(plan)
        if trial.start is not None:
            LandscapeClock(plan.home.clock).start_at(trial.start)
        running = bring_up(plan, lambda _: None)
        fresh_s = time.perf_counter() - began
        verdict = Verdict()
        with Session(plan, running, runner="selftest", run_id=f"{self._run_id}-{trial.id}") as session:
            for fault in trial.faults:
                faults.put(plan, [*faults.in_force(plan.home), Fault(**fault)])
            for pairs in (trial.pairs, trial.later):
                if pairs and not verdict.exit_code % 5:  # so far green, or nothing judged yet
                    self._run(session, pairs, verdict)
        return Tried(trial, verdict, time.perf_counter() - began, fresh_s)

    def close(self) -> None:
        """Stop everything and remove the lane's folder."""
        with uninterrupted():
            take_down(self._plan.home, lambda _: None)
            shutil.rmtree(self._plan.home.path.parents[1], ignore_errors=True)

    def _run(self, session: Session, pairs: Any, verdict: Verdict) -> None:
        def heard(outcome: Outcome) -> None:
            verdict.outcomes.append(outcome)

        def trouble(each: Trouble) -> None:
            verdict.trouble.append(each)

        run_cases(session, pairs, heard=heard, trouble=trouble, workers=len(pairs))

    def _plan_of(self, trial: Trial) -> Plan:
        environment = self._plan.environment
        shop = self._plan.shop
        if shop is not None and trial.settings:
            system = environment.systems[shop]
            changed = system.model_copy(update={"settings": {**system.settings, **trial.settings}})
            environment = environment.model_copy(update={"systems": {**environment.systems, shop: changed}})
        defects = (trial.id,) if trial.kind == "defect" else ()
        return replace(self._plan, environment=environment, defects=defects)

    def _clean(self, plan: Plan) -> None:
        """End what the last trial left and forget everything it knew, but for the edge."""
        running = plan.home.read()
        for name in _PERISHABLE:
            process = running.processes.pop(name, None)
            if process is not None and process.alive:
                # Killed, not asked: its data are thrown away in the next line.
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(process.pid).kill()
                while process.alive:
                    time.sleep(0.005)
        # Forgotten with their ports: the edge still holds connections to them, on which a successor would not answer.
        plan.home.write(running)
        for path in plan.home.path.iterdir():
            if not path.name.startswith((*_WARM, plan.home.store.name)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if running.alive(EDGE):
            admin = attach(edge_state(running, plan.home)).admin
            try:
                admin.delete("/requests")
            finally:
                admin.close()
            store = open_store(plan.home.store)
            store.forget(plan.name)
            store.close()
