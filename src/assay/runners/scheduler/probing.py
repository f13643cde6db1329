"""One run of a monitor: a flow performed, judged and taken back, or a read-only check; what it came to is a `Probe`.

Where the landscape's clock is ours to move, one run at a time has it. Elsewhere runs go on side by side, each with a
session of its own, and real time passes: the second look, twice the ERP's limit after the first, is taken where the
monitor's timeout leaves room for it, else after what there is. Younger orders are judged with the limits they have.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look, OutOfTime, Project
from assay.errors import AssayError, InfrastructureError, SafetyError
from assay.events import Finding, Measure, Outcome, Probe, ProbeResult, Result, StepDone
from assay.flow import Case, Flow
from assay.http import Unanswered, own_until, until
from assay.local.plan import EDGE, MERCHANT, SIMULATORS, Plan
from assay.monitor import Monitor
from assay.runners.allowance import Allowance, allowed
from assay.runners.scheduler.contract_watch import hearing
from assay.runners.scheduler.timetable import turn_of
from assay.runners.session import Session
from assay.runners.shared_time import Stopped
from assay.runners.verdict import code_of_reason
from assay.suites import suite_roots

_HEARD_WITHIN_S, _JOURNAL_BACK = 0.2, timedelta(days=1)
_FOR_JUDGING = 0.25
"""The share of a monitor's timeout that is kept for reading and judging when a real landscape is given time to rest."""
_SAFETY, _MOST_REASONS = 4, 8


@dataclass(slots=True)
class _Told:
    """What a run has come to so far."""

    steps: list[StepDone] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    refused: bool = False
    blind: bool = False
    late: bool = False
    shop_broke: bool = False
    severity: str = ""

    @property
    def result(self) -> ProbeResult:
        """What it is in a word: a violation counts whatever else happened, and green is only what was judged.

        What cannot be judged because nobody declared it or no system has the verb is no error, where something was; a
        witness that could not be read is one.
        """
        findings = self.findings + [each for outcome in self.outcomes for each in outcome.findings]
        steps = self.steps + [step for outcome in self.outcomes for step in outcome.steps]
        codes = {step.code or 1 for step in steps if step.error}
        if any(each.result is Result.FAIL for each in findings):
            return ProbeResult.FAILED
        if self.refused or _SAFETY in codes:
            return ProbeResult.REFUSED
        if self.late or 1 in codes or (self.shop_broke and (self.blind or 3 in codes)):
            return ProbeResult.FAILED
        if self.blind or codes:
            return ProbeResult.ERROR
        return ProbeResult.ERROR if self.unjudged() else ProbeResult.PASSED

    def unjudged(self) -> list[str]:
        """Return why it cannot be green: witnesses that could not be read, or nothing that was judged."""
        findings = self.findings + [each for outcome in self.outcomes for each in outcome.findings]
        unread = [each for each in findings if each.reason and code_of_reason(each.reason) == 3]
        if not unread and any(each.result is not Result.NOT_EVALUATED for each in findings):
            return []
        reasons = dict.fromkeys(f"{each.oracle} not evaluated: {each.reason}" for each in unread or findings)
        return list(reasons)[:_MOST_REASONS] or ["nothing was there to judge: no oracle was evaluated"]

    def fail(self, error: BaseException) -> None:
        """Take up what kept the run from a verdict, or refused it."""
        self.refused |= isinstance(error, SafetyError)
        self.blind = True
        text = str(error) if isinstance(error, AssayError | OutOfTime) else f"{type(error).__name__}: {error}"
        self.trouble.append(text)


class _Queue:
    """Lets one run at a time have the landscape, in the order in which they asked for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked: deque[object] = deque()

    @contextmanager
    def taken(self, allowance: Allowance) -> Iterator[None]:
        """Wait for a turn, no longer than may be waited, and hold it while the block runs."""
        me = object()
        with self._changed:
            self._asked.append(me)
        try:
            with self._changed:
                while self._asked[0] is not me:
                    self._changed.wait(_HEARD_WITHIN_S)
                    if not allowance.left_s:
                        raise InfrastructureError(
                            "other monitors had the landscape until this one's time was over",
                            hint="its clock serves one run at a time: longer intervals, or fewer monitors that move it",
                        )
                    allowance.check()
            yield
        finally:
            with self._changed:
                self._asked.remove(me)
                self._changed.notify_all()


class Prober:
    """Runs monitors on one environment. Safe for threads; `close` ends the sessions it opened, not the one given.

    session: open on the environment. flows: by id. location: where this process stands. keeps: whether it learns from
    what systems answer.
    """

    def __init__(self, session: Session, flows: Mapping[str, Flow], *, location: str, keeps: bool = True) -> None:
        self._session = session
        self._flows = dict(flows)
        self._location = location
        self._keeps = keeps
        self._simulated = session.plan.moves_time
        self._undo_budget_s = session.plan.profile.monitoring.undo_budget
        self._queue = _Queue()
        self._ending = ExitStack()
        self.watch = self._ending.enter_context(hearing(session, keeps=keeps))
        self._idle: list[Session] = []
        self._all: list[Session] = []
        self._changing = threading.Lock()
        self._running: set[str] = set()
        load_checks()

    def runs(self, run_id: str) -> bool:
        """Whether a run of that id goes on in this process, its undo included."""
        return run_id in self._running

    def close(self) -> None:
        """Close the sessions that were opened here."""
        with self._changing:
            opened, self._all, self._idle = self._all, [], []
        for session in opened:
            session.close()
        self._ending.close()

    @property
    def sessions(self) -> int:
        """How many sessions were opened beside the one given: as many as runs went on at once."""
        return len(self._all)

    def take_flows(self, flows: Mapping[str, Flow]) -> None:
        """Run these from now on: what the files say was read again."""
        self._flows = dict(flows)

    def probe(self, monitor: Monitor, *, due_at: datetime, stop: threading.Event) -> Probe:
        """Run a monitor once and say what it came to; whatever goes wrong is part of that, and nothing is raised.

        stop: set when the process wants to end; the run gives up where it waits, and takes back what it created.
        """
        # A context of its own, so that no run's limits reach what its thread does next.
        return copy_context().run(self._probe, monitor, due_at, stop)

    def _probe(self, monitor: Monitor, due_at: datetime, stop: threading.Event) -> Probe:
        allowance = Allowance(time.monotonic() + monitor.timeout_s, stop)
        told, run_id = _Told(), ""
        started_at, began = datetime.now(UTC), time.perf_counter()
        try:
            with self._turn(monitor, allowance) as session:
                started_at, began = datetime.now(UTC), time.perf_counter()
                run_id = session.begin()
                self._running.add(run_id)
                with allowed(allowance), until(allowance.until):
                    if monitor.flow is not None:
                        self._flow(session, monitor, due_at, allowance, told)
                    else:
                        self._check(session, monitor, allowance, told)
        except Stopped:
            told.blind = True
            told.trouble.append("it was ended with its process before it came to a verdict")
        except Exception as error:  # a connector's, a check's, a flow's own: all are what this run came to
            if isinstance(error, Unanswered) and error.failure.kind != "over":
                allowance.silent[error.system] = None  # a check may ask by a client of its own
            told.fail(error)
        finally:
            self._running.discard(run_id)
        shops = self._session.plan.environment.with_role("shop")
        # Customers get that error, too; of a check it only says that there was nothing to judge.
        told.shop_broke = monitor.flow is not None and bool(allowance.broken.keys() & shops.keys())
        result = told.result
        if result is ProbeResult.ERROR and not told.trouble:
            told.trouble += told.unjudged()
        return Probe(
            id=f"{run_id or 'none'}-{secrets.token_hex(2)}",
            monitor=monitor.name,
            subject=monitor.subject,
            environment=self._session.plan.name,
            location=self._location,
            result=result,
            due_at=due_at,
            started_at=started_at,
            seconds=time.perf_counter() - began,
            steps=tuple(told.steps),
            findings=tuple(told.findings),
            outcomes=tuple(told.outcomes),
            measures=tuple(told.measures),
            unreachable=() if result is ProbeResult.PASSED else self._unreachable(allowance, result),
            trouble=tuple(dict.fromkeys(told.trouble)),
            run_id=run_id,
            trace_id=told.outcomes[0].trace_id if told.outcomes else "",
            severity=told.severity if result is ProbeResult.FAILED else "",
        )

    # --- whose session -----------------------------------------------------------------------------------------------

    @contextmanager
    def _turn(self, monitor: Monitor, allowance: Allowance) -> Iterator[Session]:
        """Lend a session: the given one, one run at a time, where its clock is moved; else one of the run's own."""
        if self._simulated and not self._reads_no_system(monitor):
            with self._queue.taken(allowance):
                yield self._session
            return
        with self._changing:
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = self._session.sibling()
            with self._changing:
                self._all.append(session)
        try:
            yield session
        finally:
            with self._changing:
                if session in self._all:
                    self._idle.append(session)

    def _reads_no_system(self, monitor: Monitor) -> bool:
        """Whether it is a check that asks no system of the landscape, and so may run while the clock is moved."""
        return monitor.check is not None and not check_named(monitor.check).needs

    # --- flows -------------------------------------------------------------------------------------------------------

    def _flow(self, session: Session, monitor: Monitor, due_at: datetime, allowance: Allowance, told: _Told) -> None:
        flow = self._flows.get(monitor.flow or "")
        if flow is None:
            raise LookupError(f"there is no flow '{monitor.flow}' any more: its file was changed")
        cases = [flow.case(name) for name in monitor.cases] or list(flow.cases)
        if monitor.rotate:
            cases = [cases[turn_of(monitor, due_at) % len(cases)]]
        performed: list[Outcome] = []
        judged: Sequence[Outcome] = ()
        try:
            session.settle()
            self._perform(session, flow, cases, performed, told)
            broken = any(step.error for outcome in performed for step in outcome.steps)
            told.late = broken and not allowance.left_s and not allowance.silent
            if performed:
                if any(outcome.order_refs for outcome in performed):
                    self._rest(session, allowance)
                judged = session.judge_all(performed, undo=False)
                told.findings += [each for each in session.beside() if each.result is Result.FAIL]
        finally:
            kept = [replace(each, dossiers=()) for each in (judged or performed)]
            told.outcomes += self._undone(session, kept, told)

    def _perform(
        self, session: Session, flow: Flow, cases: Sequence[Case], performed: list[Outcome], told: _Told
    ) -> None:
        for case in cases:
            try:
                performed.append(session.perform(flow, case))
            except Exception as error:  # one case that may not run, or cannot: the others go on
                told.fail(error)

    def _rest(self, session: Session, allowance: Allowance) -> None:
        """Let late changes show themselves: the landscape's time at once, of real time what there is."""
        if self._simulated:
            session.rest()
            return
        spare_s = allowance.left_s * (1 - _FOR_JUDGING)
        if spare_s > 0:
            session.pass_time(timedelta(seconds=min(session.rest_s, spare_s)))

    def _undone(self, session: Session, outcomes: list[Outcome], told: _Told) -> list[Outcome]:
        """Take back what was created, with time of its own, whatever the run itself came to."""
        budget = Allowance(time.monotonic() + self._undo_budget_s)
        try:
            with allowed(budget), own_until(budget.until):
                # All of the run at once: a case that was broken off has no outcome, and may have created things.
                reckoning = session.take_back()
        except (Exception, Stopped) as error:
            told.trouble.append(f"what it created is not taken back yet; the next sweep will: {_first_line(error)}")
            return [replace(each, undo="open" if each.undo != "none" else "none") for each in outcomes]
        told.trouble += [f"left behind, and somebody must take it back: {line}" for line in reckoning.leaks]
        told.trouble += [f"not taken back yet; the next sweep will: {line}" for line in reckoning.waiting]
        return [replace(each, undo=reckoning.state if each.undo != "none" else "none") for each in outcomes]

    # --- checks ------------------------------------------------------------------------------------------------------

    def _check(self, session: Session, monitor: Monitor, allowance: Allowance, told: _Told) -> None:
        if monitor.code is None:
            chosen = check_named(monitor.check or "")
            act: Callable[[Look], Any] = chosen.act
            options = {**chosen.options, **monitor.options}
        else:
            act, options = monitor.code, dict(monitor.options)
        with session.gatherer(since=datetime.now(UTC) - _JOURNAL_BACK) as gatherer:
            look = Look(
                environment=session.plan.name,
                landscape=session.landscape,
                gatherer=gatherer,
                judging=session.judging,
                now=session.now,
                deadline=allowance.until,
                options=options,
                journal=session.calls if session.has_journal else None,
                pause=lambda seconds: session.pass_time(timedelta(seconds=seconds)),
                watch=self.watch,
                store=lambda: session.shared_store,
                learns=self._keeps,
                project=project_of(session.plan),
            )
            try:
                act(look)
            finally:
                told.steps += look.steps
                told.findings += look.findings
                told.measures += look.measures
                told.severity = look.severity or ""

    def _unreachable(self, allowance: Allowance, result: ProbeResult) -> tuple[str, ...]:
        """Return the systems that did not answer, and those whose process in our own landscape is gone.

        What a verdict is over has answered, if only with an error.
        """
        plan = self._session.plan
        judged = allowance.broken if result is ProbeResult.FAILED else {}
        silent = {name: None for name in allowance.silent if name not in judged}
        running = plan.home.read()
        gone = {name for name, each in running.processes.items() if not each.alive}
        if plan.has_edge and EDGE in gone:
            silent[EDGE] = None
        for name in (SIMULATORS, MERCHANT):
            if name in gone:
                silent |= dict.fromkeys(running.processes[name].ports)
        return tuple(silent)


def project_of(plan: Plan) -> Project:
    """Return where the files of a landscape's project are."""
    folder = plan.profile.folder
    return Project(folder=folder, home=plan.home.path, profile=plan.profile, roots=suite_roots(folder))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
