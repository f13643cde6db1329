"""The Locust runner: a user is a weight and a flow, nothing more; orders are judged after the load, all of them.

    class Buyer(FlowUser):
        flow = order_to_erp
        weight = 3

Steps and the whole flow are reported as requests of type FLOW. Importing this module imports locust, which patches
the standard library: only ``load/`` and this module may. It also puts the suite roots of the current folder on
sys.path, since Locust itself adds only the load file's own folder.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any, ClassVar

from locust import User, constant, events, task

from assay.events import Outcome
from assay.flow import Flow
from assay.local.project import plan_for
from assay.runners.session import Session, verdict_text
from assay.suites import enter, suite_roots

enter(suite_roots(Path.cwd()))


class FlowUser(User):
    """A customer who runs the cases of one flow in turn."""

    abstract = True
    wait_time = constant(0)
    flow: ClassVar[Flow]
    environment_name: ClassVar[str] = "local"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cases = itertools.cycle(self.flow.cases)

    @task
    def run_flow(self) -> None:
        """Run the next case and report it."""
        session, outcomes = _session(self.environment, self.environment_name)
        began = time.perf_counter()
        outcome = session.perform(self.flow, next(self._cases))
        outcomes.append(outcome)
        for step in outcome.steps:
            self._report(f"{self.flow.id}: {step.name}", step.seconds, step.error)
        broken = next((step.error for step in outcome.steps if step.error), None)
        self._report(self.flow.id, time.perf_counter() - began, broken)

    def _report(self, name: str, seconds: float, error: str | None) -> None:
        self.environment.events.request.fire(
            request_type="FLOW",
            name=name,
            response_time=seconds * 1000,
            response_length=0,
            exception=RuntimeError(error) if error else None,
            context={},
        )


def judge_all(environment: Any, **_: object) -> None:
    """Judge every order of the run; a finding makes Locust end with exit code 1."""
    if not hasattr(environment, "assay"):
        return
    session, outcomes = environment.assay
    session.rest()
    judged = [session.judge(outcome) for outcome in outcomes]
    environment.assay_outcomes = judged
    print(verdict_text(judged))  # noqa: T201
    if any(outcome.failed for outcome in judged):
        environment.process_exit_code = 1


events.test_stop.add_listener(judge_all)  # type: ignore[no-untyped-call]


def _session(environment: Any, name: str) -> tuple[Session, list[Outcome]]:
    """Return the one session of this Locust process, opened by whichever user comes first."""
    if not hasattr(environment, "assay"):
        plan = plan_for(name, None)
        environment.assay = (Session(plan, plan.home.read(), transport="geventhttpclient"), [])
    pair: tuple[Session, list[Outcome]] = environment.assay
    return pair
