"""Tries every class over the records of one run: each made wrong, judged with the profile of today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from assay.errors import UsageError
from assay.events import Finding, Result
from assay.oracles import ORACLES, POPULATION_ORACLES, Judging
from assay.records import Dossier, Population, Purchases
from assay.runners.record_trials.shape import CLASSES, Lacking, RecordClass

MOST_OF_A_CASE = 3
"""How many orders of one case are tried: a load run has hundreds that are alike."""
NO_JUDGE = "this version of Assay has no such judge"
Verdict = Literal["caught", "missed", "not evaluated", "not made"]
Mend = Callable[[str], str]
_BEFORE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Blind:
    """One oracle that could have seen a class and reached no verdict: why, and what switches it on."""

    oracle: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one class: from how many orders it was made, in how many it was seen, by whom, in which words.

    Of a class over all orders together `made` and `seen` are 0 or 1. blind: oracles named for it that were not
    evaluated. lacking: what the records hold nothing of, where it could not be made.
    """

    record_class: RecordClass
    verdict: Verdict
    made: int
    seen: int
    oracles: tuple[str, ...] = ()
    sentence: str = ""
    blind: tuple[Blind, ...] = ()
    passed: tuple[str, ...] = ()
    lacking: str = ""


@dataclass(frozen=True, slots=True)
class RecordTrial:
    """The whole trial: what every class came to, and the alarms of records nobody touched."""

    orders: int
    tried: tuple[Tried, ...]
    alarms: tuple[str, ...]


def try_records(
    dossiers: Sequence[tuple[str, Dossier]],
    judging: Judging,
    classes: Sequence[RecordClass] = (),
    *,
    mend: Callable[[str], str],
) -> RecordTrial:
    """Make each class of the orders' records and judge it. dossiers: (case, records), as a run kept them.

    classes: those to try; all of them where none is named. mend: the line or verb that ends a reason an oracle gives
    for no verdict; the reason itself, or nothing, where that is not known.
    """
    chosen = _few_of_each(dossiers)
    healthy = [(dossier, _judged(dossier, judging)) for dossier in chosen]
    population = population_of(chosen)
    together = _judged_together(population, judging)
    found = []
    for each in classes or CLASSES.values():
        if each.change is not None:
            found.append(_tried(each, healthy, judging, mend))
        else:
            found.append(_tried_together(each, population, together, judging, mend))
    alarms = [
        finding.sentence()
        for findings in (*(findings for _, findings in healthy), together)
        for finding in findings.values()
        if finding.result is Result.FAIL
    ]
    return RecordTrial(len(chosen), tuple(found), tuple(alarms))


def population_of(dossiers: Sequence[Dossier]) -> Population:
    """Return the set of orders their dossiers make, as if everybody had listed no more than these."""
    orders = [dossier.order for dossier in dossiers if dossier.order is not None]
    read_at = max((dossier.read_at for dossier in dossiers if dossier.read_at is not None), default=None)
    placed = [order.placed_at for order in orders]
    by_email: dict[str, list[str]] = {}
    for order in orders:
        if order.email:
            by_email.setdefault(order.email, []).append(order.ref)
    unread = sorted({pair for dossier in dossiers for pair in dossier.unread})
    return Population(
        since=min(placed) - _BEFORE,
        until=(read_at or max(placed)) + _BEFORE,
        dossiers=tuple(dossiers),
        orders=tuple(orders),
        payments=tuple(payment for dossier in dossiers for payment in dossier.payments),
        documents=tuple(document for dossier in dossiers for document in dossier.documents),
        stock=tuple(count for dossier in dossiers for count in dossier.stock),
        purchases=tuple(
            Purchases(email=email, intended=len(refs), order_refs=tuple(refs)) for email, refs in by_email.items()
        ),
        unread=tuple(unread),
        read_at=read_at,
    )


def _few_of_each(dossiers: Sequence[tuple[str, Dossier]]) -> list[Dossier]:
    counted: Counter[str] = Counter()
    chosen = []
    for case, dossier in dossiers:
        counted[case] += 1
        if counted[case] <= MOST_OF_A_CASE:
            chosen.append(dossier)
    return chosen


def _judged(dossier: Dossier, judging: Judging) -> dict[str, Finding]:
    return {name: oracle(dossier, judging) for name, oracle in ORACLES.items()}


def _judged_together(population: Population, judging: Judging) -> dict[str, Finding]:
    return {name: oracle(population, judging) for name, oracle in POPULATION_ORACLES.items()}


def _tried(
    each: RecordClass, healthy: Sequence[tuple[Dossier, dict[str, Finding]]], judging: Judging, mend: Mend
) -> Tried:
    """Make one class of every order it can be made of, and judge each."""
    assert each.change is not None
    judged: list[tuple[dict[str, Finding], dict[str, Finding]]] = []
    lacking: Counter[str] = Counter()
    for dossier, before in healthy:
        try:
            changed = each.change(dossier, judging)
            if changed == dossier:
                raise Lacking("this mistake leaves the records as they are")
        except Lacking as why:
            lacking[str(why)] += 1
            continue
        except UsageError as error:  # an amount or currency the arithmetic of money refuses
            lacking[error.message] += 1
            continue
        judged.append((before, _judged(changed, judging)))
    return _summed(each, [findings for _, findings in healthy], judged, lacking, mend)


def _tried_together(
    each: RecordClass, population: Population, before: dict[str, Finding], judging: Judging, mend: Mend
) -> Tried:
    assert each.together is not None
    try:
        changed = each.together(population, judging)
    except Lacking as why:
        return _summed(each, [before], [], Counter([str(why)]), mend)
    judged = [(before, _judged_together(changed, judging))]
    return _summed(each, [before], judged, Counter(), mend)


def _summed(
    each: RecordClass,
    healthy: Sequence[dict[str, Finding]],
    judged: Sequence[tuple[dict[str, Finding], dict[str, Finding]]],
    lacking: Counter[str],
    mend: Mend,
) -> Tried:
    """Sum up one class over its orders. An oracle that was red before the change proves nothing by being red after."""
    if not judged:
        return _unmade(each, healthy, lacking, mend)
    counts: Counter[str] = Counter()
    told: list[Finding] = []
    for before, after in judged:
        red = [
            finding
            for name, finding in after.items()
            if finding.result is Result.FAIL and before[name].result is not Result.FAIL
        ]
        counts.update(finding.oracle for finding in red)
        if red:
            told.append(_best(red, each))
    passed = {
        name for name in each.oracles if any(name in after and after[name].result is Result.PASS for _, after in judged)
    }
    blind = [
        _blind(name, [after for _, after in judged], mend)
        for name in each.oracles
        if name not in counts and name not in passed and not _judges_otherwise(name, each)
    ]
    if counts:
        verdict: Verdict = "caught"
    else:
        verdict = "missed" if passed else "not evaluated"
    return Tried(
        each,
        verdict,
        made=len(judged),
        seen=len(told),
        oracles=tuple(sorted(counts, key=lambda name: (name not in each.oracles, name))),
        sentence=_best(told, each).sentence() if told else "",
        blind=tuple(blind),
        passed=tuple(sorted(passed - counts.keys())),
    )


def _best(told: Sequence[Finding], each: RecordClass) -> Finding:
    """Return the finding that tells most: of the oracle named first for the class, with a cause."""
    rank = {name: place for place, name in enumerate(each.oracles)}
    return min(told, key=lambda finding: (rank.get(finding.oracle, len(rank)), not finding.cause))


def _judges_otherwise(name: str, each: RecordClass) -> bool:
    """Say whether an oracle judges sets of orders where the class is of one order, or the other way round."""
    mine, others = (ORACLES, POPULATION_ORACLES) if each.change is not None else (POPULATION_ORACLES, ORACLES)
    return name in others and name not in mine


def _unmade(each: RecordClass, healthy: Sequence[dict[str, Finding]], lacking: Counter[str], mend: Mend) -> Tried:
    """Say that a class could not be made; where nobody would see it anyway, that is said, and what opens an eye."""
    why = "; ".join(text for text, _ in lacking.most_common(2))
    named = [name for name in each.oracles if not _judges_otherwise(name, each)]
    eyes = [
        name
        for name in named
        if any(name in findings and findings[name].result is not Result.NOT_EVALUATED for findings in healthy)
    ]
    if eyes:
        return Tried(each, "not made", 0, 0, lacking=why)
    blind = tuple(_blind(name, healthy, mend) for name in named)
    return Tried(each, "not evaluated", 0, 0, blind=blind, lacking=why)


def _blind(name: str, judged: Sequence[dict[str, Finding]], mend: Mend) -> Blind:
    if name not in ORACLES and name not in POPULATION_ORACLES:
        return Blind(name, NO_JUDGE, "")
    reasons = Counter(after[name].reason for after in judged if name in after and after[name].reason)
    reason = reasons.most_common(1)[0][0] if reasons else "it was red over the records as they were"
    remedy = mend(reason)
    return Blind(name, reason, "" if remedy == reason else remedy)
