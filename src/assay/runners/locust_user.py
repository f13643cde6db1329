"""The Locust runner: a user is a weight and a flow, nothing more; orders are judged after the load, all of them.

    class Buyer(FlowUser):
        flow = order_to_erp
        weight = 3

Steps and the whole flow are reported as requests of type FLOW. Users begin one after the other, not in one burst that
queues behind itself. At the end the output says how busy the generator itself was and how late its timers came.
Exchanges are kept of every flow that failed and of one in twenty others.

Importing this module imports locust, which patches the standard library: only ``load/`` and this module may. It also
puts the suite roots of the current folder on sys.path, since Locust itself adds only the load file's own folder.

The gate tells it by variables where the landscape is (``ASSAY_LANDSCAPE``), where outcomes go as JSON lines
(``ASSAY_OUTCOMES``) and where the line about the generator goes (``ASSAY_GENERATOR``); without them it takes the
landscape that is up and writes the reports of a run of its own.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import gevent
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

_EXCHANGES_ONE_IN = 20
_SPREAD_S, _GOLDEN = 0.5, 0.6180339887498949
_TICK_S, _TICKS_KEPT = 0.05, 20_000
_BUSY = 0.7
"""From which share of a core on a generator measures itself more than the shop."""


@dataclass(slots=True)
class Generator:
    """How much the load generator was in its own way: its CPU, and by how much its timers came late."""

    began: tuple[float, float] = (0.0, 0.0)
    late_s: deque[float] = field(default_factory=lambda: deque(maxlen=_TICKS_KEPT))
    watching: Any = None

    def begin(self) -> None:
        """Begin to measure; not in the process that only tells others what to do."""
        self.began = time.process_time(), time.perf_counter()
        self.watching = gevent.spawn(self._watch)

    def end(self) -> str:
        """Return what was measured, in one line; empty where nothing was."""
        if self.watching is None:
            return ""
        self.watching.kill()
        busy = (time.process_time() - self.began[0]) / max(time.perf_counter() - self.began[1], _TICK_S)
        late_ms = sorted(self.late_s)[int(len(self.late_s) * 0.95)] * 1000 if self.late_s else 0.0
        line = f"load generator: {busy:.0%} of a core, timers {late_ms:.0f} ms late (95th percentile)"
        if busy < _BUSY:
            return line
        return f"{line}; above {_BUSY:.0%} its times say more of itself than of the shop: use fewer users a process"

    def _watch(self) -> None:
        while True:
            asked = time.perf_counter()
            gevent.sleep(_TICK_S)
            self.late_s.append(time.perf_counter() - asked - _TICK_S)


@dataclass(slots=True)
class Load:
    """What the users of one Locust process share: one session, what they did, and what could not be done."""

    session: Session
    outcomes: list[Outcome] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    judged: list[Outcome] = field(default_factory=list)
    generator: Generator = field(default_factory=Generator)
    users: Iterator[int] = field(default_factory=itertools.count)


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

    def on_start(self) -> None:
        """Begin at an instant of one's own: the golden ratio spreads any number of users evenly."""
        number = next(_load(self.environment, self.environment_name).users)
        gevent.sleep(number * _GOLDEN % 1 * _SPREAD_S)

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
    session, measured = load.session, load.generator.end()
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
    if measured and (told := os.environ.get("ASSAY_GENERATOR")):
        Path(told).write_text(measured, encoding="utf-8")
    environment.assay_outcomes = load.judged
    print("\n".join(filter(None, [verdict_text(load.judged), *verdict.sentences(), measured])))  # noqa: T201
    environment.process_exit_code = verdict.exit_code


def open_early(environment: Any, **_: object) -> None:
    """Open the session before the clock of the load runs: the first user would pay for it, and the others wait."""
    names = [kind.environment_name for kind in environment.user_classes or () if issubclass(kind, FlowUser)]
    if names:
        _load(environment, names[0])
        # gevent counts from when its loop last looked at the clock: without a turn the load would end at once.
        time.sleep(0.01)


def measure(environment: Any, **_: object) -> None:
    """Begin to measure the generator when the load begins."""
    if hasattr(environment, "assay"):
        environment.assay.generator.begin()


events.init.add_listener(open_early)  # type: ignore[no-untyped-call]
events.test_start.add_listener(measure)  # type: ignore[no-untyped-call]
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
                exchanges_one_in=_EXCHANGES_ONE_IN,
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
