"""What alerts keep of a monitor's run: masked, cut to what is read at night, and without personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from assay.alerts.states import Heard
from assay.events import Finding, Probe, ProbeResult, Result
from assay.masking import mask_personal, mask_text
from assay.monitor import SAFETY

_LIMIT = 400
_STACK = 1500
_FEW = 3
_ORDERS = 20
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")


def clean(text: str, limit: int = _LIMIT) -> str:
    """Return a text on one line, cut, with secrets, cards, mail addresses and phone numbers replaced."""
    # Cut twice: masking a megabyte takes long, and what is cut off first cannot be seen anyway.
    line = " ".join(_UNSEEN.sub(" ", text[: limit * 4]).split())
    line = mask_personal(line)
    if len(line) > limit or len(text) > limit * 4:
        return f"{line[:limit].rstrip()}… (cut)"
    return line


def heard(probe: Probe, *, rotates: bool, at: datetime) -> Heard:
    """Return a run as alerts see it. rotates: whether its cases take turns, so that each is counted by itself."""
    source = probe.location
    cases = sorted({outcome.case for outcome in probe.outcomes})
    if rotates and probe.good is not None and cases:
        source = f"{probe.location}/{clean(', '.join(cases), 80)}"
    refused = (SAFETY,) if probe.result is ProbeResult.REFUSED else ()
    if probe.good:
        facts: Mapping[str, Any] = {}
        orders: Mapping[str, Mapping[str, int]] = {}
    else:
        facts, orders = _facts(probe, cases), _orders(probe)
    return Heard(
        monitor=probe.monitor,
        source=source,
        good=probe.good,
        result=probe.result.value,
        began=probe.started_at,
        at=at,
        seconds=probe.seconds,
        unreachable=tuple(dict.fromkeys((*probe.unreachable, *refused))),
        facts=facts,
        orders=orders,
    )


def money_at_risk(orders: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the sum of what is at risk, in minor units by currency."""
    total: dict[str, int] = {}
    for amounts in orders.values():
        for currency, minor in amounts.items():
            total[currency] = total.get(currency, 0) + minor
    return dict(sorted(total.items()))


def _facts(probe: Probe, cases: list[str]) -> dict[str, Any]:
    failed = [finding.for_many() for finding in probe.all_findings if finding.result is Result.FAIL]
    steps = [step for step in probe.all_steps if step.error]
    systems = dict.fromkeys(system for finding in failed for system in finding.systems)
    facts: dict[str, Any] = {
        "verdict": probe.result is ProbeResult.FAILED,
        "result": probe.result.value,
        "location": probe.location,
        "cases": [clean(case, 80) for case in cases[:_FEW]],
        "systems": list(dict.fromkeys((*systems, *probe.unreachable)))[:8],
        "findings": [_finding(finding) for finding in failed[:_FEW]],
        "more": max(0, len(failed) - _FEW),
        "steps": [{"name": clean(step.name, 80), "error": clean(step.error or "")} for step in steps[:_FEW]],
        "trouble": [clean(each) for each in probe.trouble[:_FEW]],
        "journal": _first(clean(line, 240) for finding in failed for line in finding.evidence),
        "stack": mask_text(probe.stack[-_STACK:]),
        "unreachable": list(probe.unreachable),
        "trace_id": probe.trace_id,
        "severity": probe.severity,
    }
    return {name: value for name, value in facts.items() if value not in ("", [], 0, None)}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "oracle": clean(finding.oracle, 60),
        "about": clean(finding.about, 120),
        "expected": clean(finding.expected),
        "seen": clean(finding.seen),
        "cause": clean(finding.cause),
    }


def _orders(probe: Probe) -> dict[str, dict[str, int]]:
    """Return what is at risk by order, and by what else findings are about; the most of several findings counts."""
    orders: dict[str, dict[str, int]] = {}
    for finding in probe.all_findings:
        if finding.result is not Result.FAIL:
            continue
        amounts = orders.setdefault(clean(finding.order_ref, 120), {})
        if finding.at_risk is not None:
            currency, minor = finding.at_risk.currency, abs(finding.at_risk.minor)
            amounts[currency] = max(amounts.get(currency, 0), minor)
    for outcome in probe.outcomes:
        if outcome.failed:
            for ref in outcome.order_refs:
                orders.setdefault(clean(ref, 120), {})
    return dict(list(orders.items())[:_ORDERS])


def _first(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))[:_FEW]
