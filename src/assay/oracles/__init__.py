"""The judges: pure functions over the dossier of one order, one id of the specification each.

An oracle whose witness or parameter is missing says *not evaluated*; it is never green or red by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from assay.events import Finding, Result
from assay.records import Document, Order, Payment, Shipment


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything known about one order: what each witness says, and which could not be read and why."""

    order: Order | None
    payments: tuple[Payment, ...] = ()
    documents: tuple[Document, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    def missing(self, *roles: str) -> str | None:
        """Return why one of these witnesses could not be read, or None."""
        return next((f"{role}: {why}" for role, why in self.unread if role in roles), None)


Judge = Callable[[Evidence, Order], Finding]


@dataclass(frozen=True, slots=True)
class Oracle:
    """One judge with its id, the witnesses it needs and its formula in words."""

    id: str
    needs: tuple[str, ...]
    formula: str
    judge: Judge

    def __call__(self, evidence: Evidence) -> Finding:
        """Return the verdict over one order."""
        reference = evidence.order.number if evidence.order else "?"
        blind = Finding(oracle=self.id, result=Result.NOT_EVALUATED, order_ref=reference, formula=self.formula)
        if evidence.order is None:
            return replace(blind, reason=evidence.missing("shop") or "the shop does not know the order")
        if (why := evidence.missing(*self.needs)) is not None:
            return replace(blind, reason=why)
        return replace(self.judge(evidence, evidence.order), oracle=self.id, formula=self.formula, order_ref=reference)


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
