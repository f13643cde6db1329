"""What vendors answer, held against their documents and against what was learned of them (O-D1).

Nothing is asked of any system: every monitor's witnesses are heard, and this check reads what was learned of their
answers. It is told on two levels, by two monitors: what breaks whoever reads the answers, and what was only added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.contracts.watch import FORMULA, ORACLE
from assay.contracts.watch_judging import ADDITIVE, BREAKING, KINDS, LEVELS, Change, Judgement
from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.verdicts import quiet
from assay.errors import UsageError, did_you_mean
from assay.events import Finding, Result
from assay.span import seconds_of

_MOST_TOLD = 20
_spans = judged(spans=("learn", "news", "urgent"))


def _judge(options: Mapping[str, Any]) -> None:
    _spans(options)
    level = options.get("level", BREAKING)
    if level not in LEVELS:
        raise UsageError(
            f"no level '{level}'", where="level", expected=" or ".join(LEVELS), hint=did_you_mean(str(level), LEVELS)
        )


@check("contract_drift", oracles=(ORACLE,), judge=_judge, level=BREAKING, learn="1d", news="1d", urgent="14d")
def contract_drift(look: Look) -> None:
    """Hold the vendors' live answers against their documents, and against what was learned of them.

    level: breaking, or additive: new optional fields, deprecations, other versions. learn: only what was known so long
    counts as learned. news: how long what is additive is told, once for each path. urgent: so long before an API ends
    its announcement is breaking.
    """
    if look.watch is None:
        look.unjudged(ORACLE, "nobody hears live answers here: the process of assay monitor does")
        return
    with look.step("learn"):
        look.watch.learn()
    with look.step("compare"):
        rows = look.watch.rows()
        changes = look.watch.changes(judgement_of(look.options, datetime.now(UTC)), rows)
    told = told_of(changes, str(look.options["level"]))
    by_system: dict[str, list[Change]] = {row.key.system: [] for row in rows}
    for change in told:
        by_system[change.key.system].append(change)
    for system, found in by_system.items():
        _verdicts(look, system, found)
    if not by_system:
        quiet(look, "no live answer was heard yet")
    _measure(look, changes)


def judgement_of(options: Mapping[str, Any], now: datetime) -> Judgement:
    """Return by what is judged, from a monitor's options; the usual of each that is left out."""
    given = {name: options.get(name, usual) for name, usual in contract_drift.options.items() if name != "level"}
    spans = {name: timedelta(seconds=seconds_of(value)) for name, value in given.items()}
    return Judgement(now=now, learn=spans["learn"], news=spans["news"], urgent=spans["urgent"])


def told_of(changes: Sequence[Change], level: str) -> list[Change]:
    """Return the changes of a level; of the additive ones those that are news."""
    return [each for each in changes if each.level == level and (level == BREAKING or each.news)]


def findings_of(changes: Sequence[Change]) -> list[Finding]:
    """Return the violations of one system: a change each, and one for a header that several operations answer with."""
    alike: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        where = () if change.kind == "deprecated" else tuple(map(str, change.key))
        alike.setdefault((*where, change.path, change.problem, change.seen), []).append(change)
    return [_finding(each) for each in alike.values()]


def _finding(changes: Sequence[Change]) -> Finding:
    change = changes[0]
    key = change.key
    where = f"{key.operation} of {key.system}, status {key.status}"
    if len(changes) > 1:
        where = f"{len(changes)} operations of {key.system}, among them {key.operation}"
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=f"{where}, {change.path or 'the body'}",
        systems=(key.system,),
        expected=change.expected,
        seen=f"{change.seen}, since {change.since:%Y-%m-%d %H:%M} UTC",
        formula=FORMULA,
        cause=f"{change.cause} (`assay contracts watch --accept '{change.path}'` takes it as the new normal)",
    )


def _verdicts(look: Look, system: str, changes: Sequence[Change]) -> None:
    found = findings_of(changes)
    for finding in found[:_MOST_TOLD]:
        look.verdict(finding)
    if len(found) > _MOST_TOLD:
        rest = len(found) - _MOST_TOLD
        look.holds(
            False,
            oracle=ORACLE,
            about=f"answers of {system}",
            systems=(system,),
            expected="answers as they were learned",
            seen=f"{rest} more changes",
            cause=f"see all of them: assay contracts watch {system} --env {look.environment}",
        )
    if not found:
        look.holds(True, oracle=ORACLE, about=f"answers of {system}")


def _measure(look: Look, changes: Sequence[Change]) -> None:
    open_ = [*told_of(changes, BREAKING), *told_of(changes, ADDITIVE)]
    for kind in KINDS:
        look.measure("assay_drift_schema_change", sum(each.kind == kind for each in open_), kind=kind)
    ends = [each.until for each in changes if each.until is not None]
    if ends:
        days = (min(ends) - datetime.now(UTC)).total_seconds() / 86_400
        look.measure("assay_drift_sunset_days", round(days, 2))
