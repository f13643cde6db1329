"""The Locust runner: a user is a weight and a flow, nothing more; orders are judged after the load, all of them.

    class Buyer(FlowUser):
        flow = order_to_erp
        weight = 3

Steps and the whole flow are reported as requests of type FLOW. Importing this module imports locust, which patches
the standard library: only ``load/`` and this module may. It also puts the suite roots of the current folder on
sys.path, since Locust itself adds only the load file's own folder.

The gate tells it by variables where the landscape is (``ASSAY_LANDSCAPE``) and where outcomes go as JSON lines
(``ASSAY_OUTCOMES``); without them it takes the landscape that is up and writes the reports of a run of its own.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from locust import User, constant, events, task

from assay.errors import AssayError
from assay.events import Outcome
from assay.flow import Flow
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.state import Home
from assay.reporting.jsonl import JsonLines
from assay.reporting.run_record import masked
from assay.runners.run_log import RunLog
from assay.runners.session import Session, new_run_id, verdict_text
from assay.runners.verdict import Trouble, Verdict
from assay.suites import enter, suite_roots

enter(suite_roots(Path.cwd()))


@dataclass(slots=True)
class Load:
    """What the users of one Locust process share: one session, what they did, and what could not be done."""

    session: Session
    outcomes: list[Outcome] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    judged: list[Outcome] = field(default_factory=list)


class FlowUser(User):
    """A customer who runs the cases of one flow in turn."""

    abstract = True
    wait_time = constant(0)
    flow: ClassVar[Flow]
    environment_name: ClassVar[str] = "local"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A case that moves the clock or breaks the edge would do so to every other user as well.
        self._cases = itertools.cycle([case for case in self.flow.cases if not case.alone] or self.flow.cases)

    @task
    def run_flow(self) -> None:
        """Run the next case and report it."""
        load = _load(self.environment, self.environment_name)
        began = time.perf_counter()
        case = next(self._cases)
        try:
            outcome = load.session.perform(self.flow, case)
        except AssayError as error:
            load.trouble.append(Trouble.of(error, f"{self.flow.id}[{case.name}]"))
            self._report(self.flow.id, time.perf_counter() - began, str(error))
            return
        load.outcomes.append(outcome)
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
    """Judge every order of the load, and all together; Locust then ends with the exit code of the verdict."""
    if not hasattr(environment, "assay"):
        return
    load: Load = environment.assay
    session = load.session
    verdict = Verdict(require=session.plan.environment.require, trouble=load.trouble)
    lines = os.environ.get("ASSAY_OUTCOMES")
    if lines:
        write = JsonLines(Path(lines))
        _judge(load, lambda outcome: write(masked(outcome)))
        verdict.outcomes += load.judged
    else:
        log = RunLog(
            session.plan,
            verdict,
            runner=session.runner,
            run_id=session.run_id,
            seed=session.seed,
            planned=len(load.outcomes),
        )
        with suppress(AssayError), log:
            _judge(load, log.add)
    session.close()
    environment.assay_outcomes = load.judged
    print("\n".join([verdict_text(load.judged), *verdict.sentences()]))  # noqa: T201
    environment.process_exit_code = verdict.exit_code


def open_early(environment: Any, **_: object) -> None:
    """Open the session before the clock of the load runs: the first user would pay for it, and the others wait."""
    names = [kind.environment_name for kind in environment.user_classes or () if issubclass(kind, FlowUser)]
    if names:
        _load(environment, names[0])
        # gevent counts from when its loop last looked at the clock: without a turn the load would end at once.
        time.sleep(0.01)


events.init.add_listener(open_early)  # type: ignore[no-untyped-call]
events.test_stop.add_listener(judge_all)  # type: ignore[no-untyped-call]


def _judge(load: Load, heard: Any) -> None:
    load.session.rest()
    load.judged = load.session.judge_all(load.outcomes)
    together = load.session.judge_all_orders(load.judged)
    if together is not None:
        load.judged.append(together)
    for outcome in load.judged:
        heard(outcome)


def _load(environment: Any, name: str) -> Load:
    """Return what the users of this Locust process share, opened by whichever comes first."""
    if not hasattr(environment, "assay"):
        plan = _plan(name)
        environment.assay = Load(
            Session(
                plan,
                plan.home.read(),
                transport="geventhttpclient",
                runner="load",
                run_id=os.environ.get("ASSAY_RUN_ID") or new_run_id(),
                leasing=False,
            )
        )
        environment.assay.session.settle()
    load: Load = environment.assay
    return load


def _plan(name: str) -> Plan:
    landscape = os.environ.get("ASSAY_LANDSCAPE")
    if not landscape:
        return plan_for(name, None)
    home = Path(landscape)
    plan = plan_for(home.name, None)
    return replace(plan, home=Home.at(home, home.name))
