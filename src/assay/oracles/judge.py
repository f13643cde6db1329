"""The shape of a judge, and the register of them: pure functions over one dossier, or over a set of orders.

An oracle whose witness or parameter is missing says *not evaluated*; it is never green or red by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from assay.events import Finding, Result
from assay.money import Money
from assay.oracles.judging import UNDECLARED, Judging
from assay.records import Attempt, Call, Dossier, Order, Population

Judge = Callable[[Dossier, Order, Judging], Finding]
PopulationJudge = Callable[[Population, Judging], Finding]
AttemptJudge = Callable[[Attempt, Judging], Finding]

_MOST_EVIDENCE = 8


@dataclass(frozen=True, slots=True)
class _Named:
    """What every judge has: its id, the witnesses or listings it needs, its formula in words."""

    id: str
    needs: tuple[str, ...]
    formula: str

    def _blind(self, about: str, why: str) -> Finding:
        """Return that nothing could be judged, and why."""
        return Finding(oracle=self.id, result=Result.NOT_EVALUATED, order_ref=about, formula=self.formula, reason=why)

    def _signed(self, finding: Finding, about: str, calls: Sequence[Call] = (), *also: str) -> Finding:
        """Return the judge's finding with its name and subject, a violation with the calls that prove it."""
        if finding.result is Result.FAIL and not finding.evidence:
            finding = replace(finding, evidence=evidence(calls, (*finding.systems, *also)))
        return replace(finding, oracle=self.id, formula=self.formula, order_ref=about)


@dataclass(frozen=True, slots=True)
class Oracle(_Named):
    """One judge of one order."""

    judge: Judge

    def __call__(self, dossier: Dossier, judging: Judging = UNDECLARED) -> Finding:
        """Return the verdict over one order, with the journal lines that prove a violation."""
        about = dossier.order.number if dossier.order else "?"
        if dossier.order is None:
            return self._blind(about, dossier.missing("shop") or "the shop does not know the order")
        if (why := dossier.missing(*self.needs)) is not None:
            return self._blind(about, why)
        return self._signed(self.judge(dossier, dossier.order, judging), about, dossier.calls)


@dataclass(frozen=True, slots=True)
class PopulationOracle(_Named):
    """One judge of a set of orders and a closed window."""

    judge: PopulationJudge

    def __call__(self, population: Population, judging: Judging = UNDECLARED) -> Finding:
        """Return one verdict over the whole set; its order reference says how many orders were looked at."""
        about = f"{max(len(population.orders), len(population.dossiers))} orders"
        if (why := population.missing(*self.needs)) is not None:
            return self._blind(about, why)
        finding = self.judge(population, judging)
        return self._signed(finding, finding.order_ref or about)


@dataclass(frozen=True, slots=True)
class AttemptOracle(_Named):
    """One judge of a purchase that came to no order."""

    judge: AttemptJudge

    def __call__(self, attempt: Attempt, judging: Judging = UNDECLARED) -> Finding:
        """Return the verdict; instead of an order's number it names the customer and the case."""
        about = f"the purchase of {attempt.customer} ({attempt.case})"
        if (why := attempt.missing(*self.needs)) is not None:
            return self._blind(about, why)
        return self._signed(self.judge(attempt, judging), about, attempt.calls, "platform")


ORACLES: dict[str, Oracle] = {}
POPULATION_ORACLES: dict[str, PopulationOracle] = {}
ATTEMPT_ORACLES: dict[str, AttemptOracle] = {}


def oracle(id: str, *, needs: Iterable[str], formula: str) -> Callable[[Judge], Oracle]:
    """Register a judge of one order under its id."""

    def register(judge: Judge) -> Oracle:
        ORACLES[id] = Oracle(id, tuple(needs), formula, judge)
        return ORACLES[id]

    return register


def population_oracle(id: str, *, needs: Iterable[str], formula: str) -> Callable[[PopulationJudge], PopulationOracle]:
    """Register a judge of a set of orders under its id."""

    def register(judge: PopulationJudge) -> PopulationOracle:
        POPULATION_ORACLES[id] = PopulationOracle(id, tuple(needs), formula, judge)
        return POPULATION_ORACLES[id]

    return register


def attempt_oracle(id: str, *, needs: Iterable[str], formula: str) -> Callable[[AttemptJudge], AttemptOracle]:
    """Register a judge of purchases that came to no order under its id."""

    def register(judge: AttemptJudge) -> AttemptOracle:
        ATTEMPT_ORACLES[id] = AttemptOracle(id, tuple(needs), formula, judge)
        return ATTEMPT_ORACLES[id]

    return register


def passed() -> Finding:
    """Return a verdict that the formula holds; the oracle fills in its id and order."""
    return Finding(oracle="", result=Result.PASS, order_ref="")


def failed(*systems: str, expected: str, seen: str, cause: str, at_risk: Money | None = None) -> Finding:
    """Return a verdict that it does not: what was expected and seen in which systems, the likely cause, the money."""
    unique = tuple(dict.fromkeys(systems))
    return Finding(
        oracle="",
        result=Result.FAIL,
        order_ref="",
        systems=unique,
        expected=expected,
        seen=seen,
        cause=cause,
        at_risk=at_risk,
    )


def unjudged(reason: str) -> Finding:
    """Return that no verdict was possible, and why."""
    return Finding(oracle="", result=Result.NOT_EVALUATED, order_ref="", reason=reason)


def evidence(calls: Sequence[Call], systems: Sequence[str]) -> tuple[str, ...]:
    """Return the journal lines of these systems, oldest first: time, system, method, path, status."""
    lines = [each for each in sorted(calls, key=lambda call: call.at) if each.system in systems]
    return tuple(
        f"{each.at:%Y-%m-%dT%H:%M:%S.%f}Z {each.system} {each.method} {each.path} {each.status}"
        + (f" fault={each.fault}" if each.fault else "")
        for each in lines[:_MOST_EVIDENCE]
    )
