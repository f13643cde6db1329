"""The judges: pure functions over the dossier of one order, one id of the specification each.

An oracle whose witness or parameter is missing says *not evaluated*; it is never green or red by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from assay.events import Finding, Result
from assay.records import Dossier, Order

Judge = Callable[[Dossier, Order], Finding]


@dataclass(frozen=True, slots=True)
class Oracle:
    """One judge with its id, the witnesses it needs and its formula in words."""

    id: str
    needs: tuple[str, ...]
    formula: str
    judge: Judge

    def __call__(self, dossier: Dossier) -> Finding:
        """Return the verdict over one order."""
        reference = dossier.order.number if dossier.order else "?"
        blind = Finding(oracle=self.id, result=Result.NOT_EVALUATED, order_ref=reference, formula=self.formula)
        if dossier.order is None:
            return replace(blind, reason=dossier.missing("shop") or "the shop does not know the order")
        if (why := dossier.missing(*self.needs)) is not None:
            return replace(blind, reason=why)
        return replace(self.judge(dossier, dossier.order), oracle=self.id, formula=self.formula, order_ref=reference)


ORACLES: dict[str, Oracle] = {}


def oracle(id: str, *, needs: Iterable[str], formula: str) -> Callable[[Judge], Oracle]:
    """Register a judge under its id."""

    def register(judge: Judge) -> Oracle:
        ORACLES[id] = Oracle(id, tuple(needs), formula, judge)
        return ORACLES[id]

    return register


def passed() -> Finding:
    """Return a verdict that the formula holds; the oracle fills in its id and order."""
    return Finding(oracle="", result=Result.PASS, order_ref="")


def failed(*systems: str, expected: str, seen: str, cause: str) -> Finding:
    """Return a verdict that it does not, with what was expected and seen in which systems, and the likely cause."""
    return Finding(
        oracle="", result=Result.FAIL, order_ref="", systems=systems, expected=expected, seen=seen, cause=cause
    )


def unjudged(reason: str) -> Finding:
    """Return that no verdict was possible, and why."""
    return Finding(oracle="", result=Result.NOT_EVALUATED, order_ref="", reason=reason)
