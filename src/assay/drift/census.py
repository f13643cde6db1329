"""The census: shop, gateways and ERP hold the same orders over a closed window (O-O8, O-O2), each once (O-O1).

The window ends where every system has had its time (``policies.freshness``, and `lag` more). A suspicion is read a
second time, further back in the shop's list, and what then remains is looked at order by order, so that the finding
says which order it is and what it is worth.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.twice import seen_twice
from assay.events import Finding, Result
from assay.oracles import ORACLES, POPULATION_ORACLES
from assay.oracles.census import Difference, differences
from assay.records import Document, Population
from assay.span import seconds_of

_BACK, _FURTHER_BACK = timedelta(days=3), timedelta(days=30)
_OVER_ALL, _OF_EACH = ("O-O8", "O-O2", "O-O1"), ("O-O1", "O-O2")
_MOST_SUSPECTS = 10


@dataclass(slots=True)
class _Count:
    """One reading: what the population oracles say, where ids differ, which orders look as if they were there twice."""

    population: Population
    findings: list[Finding]
    differences: list[Difference]
    doubled: dict[str, str]
    closed: datetime
    is_whole: bool

    @property
    def is_suspect(self) -> bool:
        """Whether anything looks wrong."""
        return bool(self.doubled) or any(each.result is Result.FAIL for each in self.findings)


@check(
    "order_census",
    needs=("shop", "payments", "erp"),
    oracles=("O-O8", "O-O2", "O-O1"),
    judge=judged(spans=("window", "lag", "settle")),
    window="2h",
    lag="1m",
    settle="10s",
    numbers="",
)
def order_census(look: Look) -> None:
    """Compare the orders of shop, gateways and ERP over a closed window, and count what is missing or there twice.

    window: its length. lag: how much longer than policies.freshness a system may take. settle: how long after a
    suspicion it is read again. numbers: a regular expression the shop's order numbers fit, where the ERP also books
    what other channels sell.
    """
    began = look.now()
    first: list[_Count] = []

    def read() -> _Count:
        first.append(_count(look, began, *first))
        return first[-1]

    count = seen_twice(look, read, lambda found: found.is_suspect)
    with look.step("look at the orders that differ" if count.is_suspect else "judge"):
        for finding in count.findings:
            look.verdict(finding)
        if count.is_suspect:
            for finding in _each(look, count):
                look.verdict(finding)
    _measure(look, count)


def _count(look: Look, began: datetime, before: _Count | None = None) -> _Count:
    """Read the window once; with what was seen before, further back, and of what is strange only what was so then."""
    judging = look.judging
    lag = max(judging.slack("erp"), judging.slack("payments")) + timedelta(seconds=seconds_of(look.options["lag"]))
    window = timedelta(seconds=seconds_of(look.options["window"]))
    now = look.now()
    since, closed = began - lag - window, began - lag
    # The window is the same at both readings; what is read of the ERP reaches to now, for what came late.
    population = look.gatherer.population(since, now, (), back=_BACK if before is None else _FURTHER_BACK)
    strange = None if before is None else {name for each in before.differences for name in each.names}
    numbers = {order.number for order in population.orders}

    def counts(document: Document) -> bool:
        ours = _is_ours(document.order_ref, look.options["numbers"])
        # An ERP lists whole days: what was sold while it was read is not in the shop's list yet.
        return ours and (
            strange is None or bool(_whole(str(document.order_ref), numbers)) or document.order_ref in strange
        )

    population = replace(
        population,
        read_at=now,
        payments=tuple(each for each in population.payments if each.created_at < closed),
        documents=tuple(each for each in population.documents if counts(each)),
    )
    patient = replace(judging, freshness={**judging.freshness, "erp": now - closed})
    findings = [POPULATION_ORACLES[name](population, patient) for name in _OVER_ALL]
    silent = any(each.result is Result.NOT_EVALUATED and each.oracle == "O-O8" for each in findings)
    return _Count(
        population=population,
        findings=findings,
        differences=[] if silent else differences(population, closed),
        doubled=_doubled(population, closed),
        closed=closed,
        is_whole=not silent,
    )


def _is_ours(number: str | None, pattern: str) -> bool:
    return not pattern or (number is not None and re.match(pattern, number) is not None)


def _doubled(population: Population, closed: datetime) -> dict[str, str]:
    """Return the orders of the window of which a system lists more than one thing, with it: O-O1 must look at them."""
    placed = {order.number for order in population.orders if population.since <= order.placed_at < closed}
    booked = Counter(each.reference or each.order_ref for each in population.documents if not each.rejected)
    found = {str(name): "erp" for name, count in booked.items() if count > 1 and name}
    numbers = {name: order.number for order in population.orders for name in (order.ref, order.number)}
    paid = Counter(
        (each.system, each.order_ref, each.purpose)
        for each in population.payments
        if each.captured.minor > each.refunded.minor
    )
    for (system, name, _), count in paid.items():
        if count > 1 and name in numbers:
            found[numbers[name]] = system
    # An ERP lists whole days, and what is of an earlier window was told then.
    return {name: system for name, system in found.items() if _whole(name, placed)}


def _whole(name: str, numbers: Iterable[str]) -> str:
    """Return the order a reference is of; a part's begins with the order's number."""
    return next((each for each in numbers if name == each or name.startswith(f"{each}-")), "")


def _each(look: Look, count: _Count) -> list[Finding]:
    """Return what O-O1 and O-O2 say of each order that differs: the money at risk, the documents, the cause."""
    found, twice = [], set()
    by_number = {order.number: order.ref for order in count.population.orders}
    whole = {name: _whole(name, by_number) for name in count.doubled}
    names = [*whole.values(), *(name for each in count.differences for name in each.names if name in by_number)]
    for number in list(dict.fromkeys(filter(None, names)))[:_MOST_SUSPECTS]:
        look.in_time()
        dossier = look.gatherer.dossier(by_number[number])
        said = [ORACLES[oracle](dossier, look.judging) for oracle in _OF_EACH]
        found += [finding for finding in said if finding.result is Result.FAIL]
        if said[0].result is Result.FAIL:
            twice.add(number)
    # An order in parts, or a further charge, looks as if it were there twice, and is not.
    count.doubled = {name: system for name, system in count.doubled.items() if whole[name] in twice}
    return found


def _measure(look: Look, count: _Count) -> None:
    if not count.is_whole:
        return  # what could not be read is not missing
    systems = [*look.landscape.environment.with_role("payments"), *look.landscape.environment.with_role("erp")]
    by_role = {"erp": next(iter(look.landscape.environment.with_role("erp")), "erp")}
    missing, doubled = Counter[str](), Counter[str]()
    for each in count.differences:
        missing[by_role.get(each.system, each.system)] += len(each.names)
    for system in count.doubled.values():
        doubled[by_role.get(system, system)] += 1
    for system in systems:
        look.measure("assay_drift_census_missing", missing[system], system=system)
        look.measure("assay_drift_census_duplicate", doubled[system], system=system)
    placed = [each for each in count.population.orders if count.population.since <= each.placed_at < count.closed]
    look.measure("assay_drift_census_orders", len(placed))
