"""What happened, as plain objects: the core emits them, reports and the command line listen.

Producers never know their listeners; a listener is any callable that takes one event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Result(StrEnum):
    """What an oracle says."""

    PASS = "pass"  # noqa: S105 (a verdict, no password)
    FAIL = "fail"
    NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One oracle's verdict over one order: what was expected, what was seen, by which formula, and likely why."""

    oracle: str
    result: Result
    order_ref: str
    systems: tuple[str, ...] = ()
    expected: str = ""
    seen: str = ""
    formula: str = ""
    cause: str = ""
    reason: str = ""

    def sentence(self) -> str:
        """The finding in one sentence for people."""
        if self.result is Result.NOT_EVALUATED:
            return f"{self.oracle} not evaluated: {self.reason}"
        if self.result is Result.PASS:
            return f"{self.oracle} holds for order {self.order_ref}"
        cause = f" Likely cause: {self.cause}." if self.cause else ""
        where = " and ".join(self.systems)
        return f"{self.oracle}: order {self.order_ref} in {where}: expected {self.expected}, seen {self.seen}.{cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One named, timed part of a flow; `error` says why it failed."""

    name: str
    started_at: datetime
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One execution of a flow, by whichever runner."""

    flow: str
    case: str
    environment: str
    steps: tuple[StepDone, ...] = ()
    order_refs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a step failed or an oracle found something."""
        return any(step.error for step in self.steps) or any(each.result is Result.FAIL for each in self.findings)

    @property
    def evaluated(self) -> int:
        """How many verdicts were reached."""
        return sum(each.result is not Result.NOT_EVALUATED for each in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One part of a longer job came a step further: `state` is one of starting, ready, failed, stopped, kept."""

    part: str
    state: str
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


Listener = Callable[[object], None]
