"""The coverage map: flows by systems against failure modes, so that what nobody looks at is seen as an empty cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.events import Finding, Outcome, Result
from assay.records import Dossier

FAMILIES = {
    "M": "Money",
    "O": "Orders",
    "S": "Stock",
    "C": "Catalogue",
    "U": "Customers",
    "K": "Carriers",
    "E": "Books",
    "P": "Payments",
    "X": "Punchout",
    "A": "Sign-on",
    "Z": "Security",
    "L": "Load",
    "D": "Drift",
    "T": "Time",
}
"""The families of oracles of the domain specification: the failure modes the map has a column for."""
OTHER = "Other"
MOST_ROWS = 120
_SPOKEN_BY = {"catalogue": "shop", "messages": "shop", "scans": "shop", "stock": "erp"}
"""What an oracle may need that is no role: part of what a system of this role says. The journal is the edge's."""


@dataclass(slots=True)
class Cell:
    """The verdicts of one family over one system in one flow."""

    passed: int = 0
    failed: int = 0
    not_evaluated: int = 0

    @property
    def state(self) -> str:
        """One of fail, pass, open (nothing but not evaluated) and empty."""
        if self.failed:
            return "fail"
        if self.passed:
            return "pass"
        return "open" if self.not_evaluated else "empty"


@dataclass(frozen=True, slots=True)
class Row:
    """One system within one flow; a cell for each column, empty ones included."""

    system: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The map: columns are failure modes, a group of rows is a flow; flows and systems that did not fit are counted."""

    columns: tuple[str, ...] = ()
    flows: tuple[tuple[str, tuple[Row, ...]], ...] = ()
    flows_left_out: int = 0
    systems_left_out: int = 0


@dataclass(slots=True)
class _Tally:
    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)

    def add(self, flow: str, system: str, family: str, result: Result) -> None:
        cell = self.cells.setdefault((flow, system, family), Cell())
        if result is Result.PASS:
            cell.passed += 1
        elif result is Result.FAIL:
            cell.failed += 1
        else:
            cell.not_evaluated += 1


def family_of(oracle: str) -> str:
    """Return the failure mode an oracle's id stands for: ``O-M1`` is Money."""
    found = re.match(r"O-([A-Z])\d", oracle)
    return FAMILIES.get(found[1], OTHER) if found else OTHER


def coverage_of(outcomes: Sequence[Outcome], needs: Mapping[str, tuple[str, ...]]) -> Coverage:
    """Return the map of a run; `needs` says which roles each oracle reads, for verdicts that name no system."""
    tally = _Tally()
    flows: dict[str, bool] = {}
    anywhere = _together([systems_of(dossier) for outcome in outcomes for dossier in outcome.dossiers])
    for outcome in outcomes:
        flows[outcome.flow] = flows.get(outcome.flow, False) or outcome.failed
        holders = {dossier.order.number: systems_of(dossier) for dossier in outcome.dossiers if dossier.order}
        for finding in outcome.findings:
            # A verdict over all orders of a run belongs to whoever spoke of any of them.
            spoke = holders.get(finding.order_ref) or ({} if outcome.dossiers else anywhere)
            for system in _systems(finding, spoke, needs):
                tally.add(outcome.flow, system, family_of(finding.oracle), finding.result)
    named = sorted({system for _, system, _ in tally.cells}, key=lambda name: (name.startswith("("), name))
    systems = named[:MOST_ROWS]
    columns = tuple(FAMILIES.values())
    if any(family == OTHER for _, _, family in tally.cells):
        columns = (*columns, OTHER)
    # Failed flows first: on a map too long to be read they are what it is for.
    order = sorted(flows, key=lambda flow: not flows[flow])
    shown = order[: max(1, MOST_ROWS // max(1, len(systems)))]
    groups = tuple(
        (
            flow,
            tuple(
                Row(system, _row(tally, flow, system, columns)) for system in systems if _belongs(tally, flow, system)
            ),
        )
        for flow in shown
    )
    return Coverage(columns, groups if systems else (), len(order) - len(shown), len(named) - len(systems))


def systems_of(dossier: Dossier) -> dict[str, tuple[str, ...]]:
    """Return which systems spoke of an order, by role."""
    return {
        "shop": (dossier.order.system,) if dossier.order else (),
        "payments": tuple(sorted({payment.system for payment in dossier.payments})),
        "erp": tuple(sorted({document.system for document in dossier.documents})),
        "carrier": tuple(sorted({shipment.system for shipment in dossier.shipments})),
        "rates": tuple(sorted({rate.system for rate in dossier.rates})),
    }


def _systems(
    finding: Finding, holders: Mapping[str, tuple[str, ...]], needs: Mapping[str, tuple[str, ...]]
) -> Sequence[str]:
    if finding.systems:
        # Oracles may say "shop" for the platform itself; the map has one row for it.
        return sorted({name for system in finding.systems for name in (holders.get(system) or (system,))})
    found: list[str] = []
    for role in ("shop", *needs.get(finding.oracle, ())):
        spoken_by = _SPOKEN_BY.get(role, role)
        found += ("edge",) if role == "journal" else holders.get(spoken_by) or (f"({spoken_by}: nothing read)",)
    return sorted(set(found))


def _together(spoken: Sequence[Mapping[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    roles = sorted({role for each in spoken for role in each})
    return {role: tuple(sorted({system for each in spoken for system in each.get(role, ())})) for role in roles}


def _belongs(tally: _Tally, flow: str, system: str) -> bool:
    """Whether a row stands in a flow's group: a system always does, a role nobody spoke for only with a verdict."""
    return not system.startswith("(") or any(each[:2] == (flow, system) for each in tally.cells)


def _row(tally: _Tally, flow: str, system: str, columns: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(tally.cells.get((flow, system, family)) or Cell() for family in columns)
