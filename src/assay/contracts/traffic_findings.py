"""What broke a document in traffic, as findings of O-D1: one for each place, told like any other fault."""

from __future__ import annotations

from collections.abc import Iterable

from assay.contracts.model import Problem
from assay.contracts.results import ANSWER, Counted, Observed
from assay.events import Finding, Result

ORACLE = "O-D1"
FORMULA = "every exchange is as the document has it, and live answers are as they were learned"
_ABOUT = "the platform's traffic"
_MOST = 20


def findings(observed: Iterable[Observed]) -> list[Finding]:
    """Return a failed finding for each place where traffic broke a document, twenty at most of one system.

    What is only additive, a field or parameter nobody documented, is no finding.
    """
    found: dict[str, list[Finding]] = {}
    for each in observed:
        for counted in each.counted:
            of_system = found.setdefault(each.system, [])
            if not counted.deviation.problem.is_additive and len(of_system) < _MOST:
                of_system.append(_finding(each, counted))
    return [finding for of_system in found.values() for finding in of_system]


def passed(exchanges: int) -> Finding:
    """Return the finding that so many exchanges broke no document."""
    return Finding(oracle=ORACLE, result=Result.PASS, order_ref=f"{exchanges} exchanges", formula=FORMULA)


def unjudged(reason: str) -> Finding:
    """Return the finding that no exchange could be judged, and why."""
    return Finding(oracle=ORACLE, result=Result.NOT_EVALUATED, order_ref=_ABOUT, formula=FORMULA, reason=reason)


def place_of(observed: Observed, counted: Counted) -> str:
    """Return where a deviation is, as people say it: `request of POST /v1/charges, amount`."""
    name = observed.operation or observed.path
    path = f", {counted.deviation.path}" if counted.deviation.path else ""
    return f"{counted.direction} of {name}{path}"


def _finding(observed: Observed, counted: Counted) -> Finding:
    deviation = counted.deviation
    times = f" ({counted.count} times)" if counted.count > 1 else ""
    by = f"; judged by {', '.join(observed.judged_by)}" if observed.judged_by else ""
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=_ABOUT,
        systems=("platform", observed.system),
        expected=f"{deviation.expected or 'what the document has'} in {place_of(observed, counted)}",
        seen=f"{deviation.seen or deviation.problem.value}{times}",
        formula=FORMULA,
        cause=f"{deviation.problem.value}: {_cause(deviation.problem, counted.direction)}{by}",
        evidence=(counted.example,) if counted.example else (),
    )


def _cause(problem: Problem, direction: str) -> str:
    if direction == ANSWER:
        if problem == Problem.SCHEMA:
            return "what answers asks for more, or other things, than its document says"
        return "what answers has changed, or its document is wrong"
    if problem == Problem.OPERATION:
        return "the caller uses what is not documented, or a version that is gone"
    return "the caller sends what the document does not allow"
