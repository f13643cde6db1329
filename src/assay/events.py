"""What happened, as plain objects: the core emits them, reports and the command line listen.

Producers never know their listeners; a listener is any callable that takes one event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # nothing here is built from them, and they cost a quick command half its time
    from assay.money import Money
    from assay.records import BalanceEntry, Displayed, Dossier, PaymentOption


class Result(StrEnum):
    """What an oracle says."""

    PASS = "pass"  # noqa: S105 (a verdict, no password)
    FAIL = "fail"
    NOT_EVALUATED = "not evaluated"


_PERSONAL = frozenset({"O-K2"})
"""Oracles whose words are somebody's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One oracle's verdict over one order: what was expected, what was seen, by which formula, and likely why.

    cause is one class of the specification's classifier in words. at_risk is the money that is wrong or could be lost,
    where that can be said. evidence are the journal lines that prove it, oldest first. reason says why a verdict was
    not possible (only when not evaluated).
    """

    oracle: str
    result: Result
    order_ref: str
    systems: tuple[str, ...] = ()
    expected: str = ""
    seen: str = ""
    formula: str = ""
    cause: str = ""
    reason: str = ""
    at_risk: Money | None = None
    evidence: tuple[str, ...] = ()

    def for_many(self) -> Finding:
        """Return the finding as alerts and pages show it: addresses are left to `assay explain`."""
        if self.oracle not in _PERSONAL or self.result is not Result.FAIL:
            return self
        promised, found = "the customer's address as it was given", "another; `assay explain` shows it"
        return replace(self, expected=promised, seen=found, evidence=())

    @property
    def about(self) -> str:
        """What the verdict is over: one order by its number, else what the oracle calls it."""
        return self.order_ref if " " in self.order_ref else f"order {self.order_ref}"

    def sentence(self) -> str:
        """The finding in one sentence for people."""
        if self.result is Result.NOT_EVALUATED:
            return f"{self.oracle} not evaluated: {self.reason}"
        if self.result is Result.PASS:
            return f"{self.oracle} holds for {self.about}"
        cause = f" Likely cause: {self.cause}." if self.cause else ""
        where = f" in {' and '.join(self.systems)}" if self.systems else ""
        return f"{self.oracle}: {self.about}{where}: expected {self.expected}, seen {self.seen}.{cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One named, timed part of a flow; `error` says why it failed, with the place in the code.

    soft: a check that failed and let the flow go on. code: the exit code a failure asks for by itself (1 a failed
    step, 2 wrong use, 3 infrastructure, 4 refused for safety), 0 when nothing failed.
    """

    name: str
    started_at: datetime
    seconds: float
    error: str | None = None
    soft: bool = False
    code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of ours and what came of it, masked. `status` is None and `error` says why when nothing came back."""

    system: str
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    status: int | None
    response_headers: Mapping[str, str]
    response_body: str
    started_at: datetime
    seconds: float
    trace_id: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One execution of a flow, by whichever runner: what was done, seen, found, and what is left to undo.

    run_id names the whole run, id this execution. tags are the flow's. retries counts repeats of the same case;
    a case that passed only when repeated is flaky and stays visible. undo: none, done, open or leaked.
    shown: the amounts the customer saw, as (order reference, place, amount); no reference where no order came of it.
    heard: what the shop told the customer at each answer. intended: how many orders the customer meant to place.
    carts: what was bought where a flow said it itself, as (order reference, lines); else the case's purchase.
    cancel_asked: whether anybody asked for one to be cancelled, None where the flow does not say.
    entries: what gateways' balances show, where all orders of a run were judged together and it was read.
    """

    flow: str
    case: str
    environment: str
    steps: tuple[StepDone, ...] = ()
    order_refs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    title: str = ""
    tags: tuple[str, ...] = ()
    run_id: str = ""
    id: str = ""
    runner: str = ""
    seed: int = 0
    started_at: datetime | None = None
    seconds: float = 0.0
    trace_id: str = ""
    retries: int = 0
    undo: str = "none"
    exchanges: tuple[Exchange, ...] = ()
    dossiers: tuple[Dossier, ...] = ()
    shown: tuple[tuple[str, str, Money], ...] = ()
    heard: tuple[str, ...] = ()
    intended: int = 1
    carts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    cancel_asked: bool | None = None
    texts: tuple[tuple[str, Displayed], ...] = ()
    options: tuple[tuple[str, tuple[PaymentOption, ...]], ...] = ()
    entries: tuple[BalanceEntry, ...] = ()

    def shown_for(self, order_ref: str) -> tuple[tuple[str, Money], ...]:
        """Return (place, amount) of what the customer saw of one order, for its dossier."""
        return tuple((place, amount) for ref, place, amount in self.shown if ref == order_ref)

    def texts_for(self, order_ref: str) -> tuple[Displayed, ...]:
        """Return the amounts the customer read as text on the way to one order, or for none in particular."""
        return tuple(text for ref, text in self.texts if ref in (order_ref, ""))

    def options_for(self, order_ref: str) -> tuple[PaymentOption, ...]:
        """Return the ways to pay that were offered for one order, at the last time they were asked for."""
        return next((options for ref, options in reversed(self.options) if ref in (order_ref, "")), ())

    @property
    def failed(self) -> bool:
        """Whether a step failed or an oracle found something."""
        return any(step.error for step in self.steps) or any(each.result is Result.FAIL for each in self.findings)

    @property
    def evaluated(self) -> int:
        """How many verdicts were reached."""
        return sum(each.result is not Result.NOT_EVALUATED for each in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run of one or more flows begins."""

    run_id: str
    runner: str
    environment: str
    view: str
    started_at: datetime
    seed: int
    commit: str | None = None
    version: str = ""
    planned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ends with the exit code the command will have; `trouble` are infrastructure or safety refusals."""

    run_id: str
    finished_at: datetime
    exit_code: int
    trouble: tuple[str, ...] = ()


class ProbeResult(StrEnum):
    """What one run of a monitor came to.

    passed and failed are verdicts: oracles held, or one did not or a step failed. The others are none: error (nothing
    could be judged: a system or the machine did not answer), refused (safety), stuck (still running long after its
    deadline), missed (it was due and did not start).
    """

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    REFUSED = "refused"
    STUCK = "stuck"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure a monitor read: a gauge. `name` is one of `assay.reporting.metrics`; labels come from closed sets."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One run of one monitor, as metrics, store, alerts and the status page hear it.

    monitor is the monitor's name, subject the flow or check it ran (``F01``, ``order_census``). due_at is when it
    should have begun, started_at when it did, both real UTC; seconds is how long it took. due_at identifies the turn:
    several processes that share a store run each (environment, monitor, due_at) once. location says where it ran.
    outcomes are what a flow's cases came to (none for a check, whose steps and findings stand here). unreachable are
    the systems that did not answer, trouble what kept it from a verdict, in sentences, stack where it hangs (stuck).
    severity: how severe what was found is, where the check decides that; empty: as the monitor declares.
    """

    id: str
    monitor: str
    subject: str
    environment: str
    location: str
    result: ProbeResult
    due_at: datetime
    started_at: datetime
    seconds: float
    steps: tuple[StepDone, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    measures: tuple[Measure, ...] = ()
    unreachable: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    stack: str = ""
    run_id: str = ""
    trace_id: str = ""
    severity: str = ""

    @property
    def good(self) -> bool | None:
        """True and False are verdicts, None is none."""
        return {ProbeResult.PASSED: True, ProbeResult.FAILED: False}.get(self.result)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Its own and those of its outcomes."""
        return self.findings + tuple(finding for outcome in self.outcomes for finding in outcome.findings)

    @property
    def all_steps(self) -> tuple[StepDone, ...]:
        """Its own and those of its outcomes."""
        return self.steps + tuple(step for outcome in self.outcomes for step in outcome.steps)

    @property
    def order_refs(self) -> tuple[str, ...]:
        """The orders its outcomes placed."""
        return tuple(ref for outcome in self.outcomes for ref in outcome.order_refs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One part of a longer job came a step further: `state` is one of starting, ready, failed, stopped, kept."""

    part: str
    state: str
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


Listener = Callable[[object], None]
