"""A monitor's run as one small row: what people look up later of a run worth reading, and nothing of a plain pass.

Separate from the table's reads and writes because rows wait on disk, too, while the store is away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from assay.events import Finding, Measure, Probe, ProbeResult, Result, StepDone
from assay.store.schema import storable, us

RESULTS = (
    ProbeResult.PASSED,
    ProbeResult.FAILED,
    ProbeResult.ERROR,
    ProbeResult.REFUSED,
    ProbeResult.STUCK,
    ProbeResult.MISSED,
)
"""As they are numbered in the store. New ones go to the end; PASSED stays 0 (see `schema.BAD`)."""
_MOST, _MOST_LINES, _LONGEST, _LONGEST_STACK = 100, 20, 2_000, 16_000
_MOST_MS = 2**31 - 1


class ProbeRow(TypedDict):
    """One run as it is stored, and as it waits on disk: JSON and nothing else."""

    environment: str
    monitor: str
    location: str
    due_us: int
    delay_ms: int
    took_ms: int
    result: int
    detail: dict[str, Any] | None


def row_of(probe: Probe) -> ProbeRow:
    """Return a run as it is stored. It is masked before; long texts are cut."""
    return ProbeRow(
        environment=probe.environment,
        monitor=probe.monitor,
        location=probe.location,
        due_us=us(probe.due_at),
        delay_ms=_ms((probe.started_at - probe.due_at) / timedelta(seconds=1)),
        took_ms=_ms(probe.seconds),
        result=RESULTS.index(probe.result),
        detail=_detail(probe),
    )


def _detail(probe: Probe) -> dict[str, Any] | None:
    measures = [_measure(each) for each in probe.measures[: 2 * _MOST] if math.isfinite(each.value)]
    if probe.result is ProbeResult.PASSED:
        return {"subject": probe.subject, "measures": measures} if measures else None
    failed = [each for each in probe.all_findings if each.result is Result.FAIL]
    steps = probe.all_steps
    detail: dict[str, Any] = {
        "subject": probe.subject,
        "steps": [_step(each) for each in steps[:_MOST]],
        "findings": [_finding(each) for each in failed[:_MOST]],
        "trouble": _lines(probe.trouble),
        "unreachable": list(probe.unreachable),
        "orders": list(probe.order_refs[:_MOST]),
        "outcomes": [each.id for each in probe.outcomes[:_MOST]],
        "measures": measures,
        "run_id": probe.run_id,
        "trace_id": probe.trace_id,
        "stack": probe.stack[-_LONGEST_STACK:],
        # What was left out, lest a hundred shown are taken for all.
        "more_findings": max(0, len(failed) - _MOST),
    }
    whole: dict[str, Any] = storable({name: value for name, value in detail.items() if value})
    return whole


def _finding(finding: Finding) -> Mapping[str, Any]:
    risk = finding.at_risk
    return {
        "oracle": finding.oracle,
        "result": str(finding.result),
        "order_ref": _cut(finding.order_ref),
        "systems": list(finding.systems),
        "expected": _cut(finding.expected),
        "seen": _cut(finding.seen),
        "formula": _cut(finding.formula),
        "cause": _cut(finding.cause),
        "reason": _cut(finding.reason),
        "at_risk": None if risk is None else {"minor": risk.minor, "currency": risk.currency},
        "evidence": _lines(finding.evidence),
    }


def _step(step: StepDone) -> Mapping[str, Any]:
    return {"name": step.name, "seconds": round(step.seconds, 3), "error": _cut(step.error) if step.error else None}


def _measure(measure: Measure) -> Mapping[str, Any]:
    return {"name": measure.name, "value": measure.value, "labels": dict(measure.labels)}


def _lines(lines: Iterable[str]) -> list[str]:
    every = [_cut(line) for line in lines]
    left_out = len(every) - _MOST_LINES
    return every if left_out <= 0 else [*every[:_MOST_LINES], f"… and {left_out} more"]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text) - _LONGEST} characters more)"


def _ms(seconds: float) -> int:
    return min(max(round(seconds * 1000), 0), _MOST_MS) if math.isfinite(seconds) else _MOST_MS


def started_at(due_at: datetime, delay_s: float) -> datetime:
    """Return when a kept run began."""
    return due_at + timedelta(seconds=delay_s)
