"""One run of a monitor as the status page shows it, whether it comes from the store or was just heard.

Many eyes see the page: secrets are masked, and mail addresses, telephone numbers and postal addresses of customers are
not shown; `assay explain` shows them to whoever may look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.events import Finding, Measure, Probe, ProbeResult, Result
from assay.masking import mask_personal
from assay.money import Money
from assay.reporting.text import clip, printable

if TYPE_CHECKING:
    from assay.store.probes import KeptProbe

_SHORT, _LONG, _MOST = 200, 2_000, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One oracle's finding: what was expected, what was seen, likely why, and the money that is at stake."""

    oracle: str
    order: str
    systems: tuple[str, ...] = ()
    expected: str = ""
    seen: str = ""
    formula: str = ""
    cause: str = ""
    at_risk: Money | None = None
    evidence: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The finding in one sentence, without the oracle's name."""
        about = self.order if " " in self.order or not self.order else f"order {self.order}"
        where = f" in {' and '.join(self.systems)}" if self.systems else ""
        return f"{about}{where}: expected {self.expected}, seen {self.seen}".lstrip(": ")

    @property
    def explained(self) -> str:
        """The order the command `assay explain` can look at; empty where the finding is about no single one."""
        return "" if " " in self.order else self.order


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """One step of a run."""

    name: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one monitor. number is the store's, 0 where it comes from memory."""

    number: int = 0
    monitor: str
    result: ProbeResult
    due_at: datetime
    location: str
    delay_s: float
    took_s: float
    faults: tuple[Fault, ...] = ()
    steps: tuple[StepLine, ...] = ()
    trouble: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    stack: str = ""
    run_id: str = ""
    trace_id: str = ""

    @property
    def why(self) -> str:
        """One sentence that says why it did not pass; empty where there is nothing to say."""
        if self.faults:
            return f"{self.faults[0].oracle}: {self.faults[0].sentence}"
        for step in self.steps:
            if step.error:
                return f"step {step.name}: {step.error}"
        if self.trouble:
            return self.trouble[0].partition("\n")[0]
        if self.result is ProbeResult.MISSED:
            return "it was due and did not start"
        return f"no answer from {', '.join(self.unreachable)}" if self.unreachable else ""


def run_of(probe: Probe) -> Run:
    """Return a probe without what is heavy: exchanges and dossiers stay with whoever keeps them."""
    delay = (probe.started_at - probe.due_at).total_seconds()
    return Run(
        monitor=probe.monitor,
        result=probe.result,
        due_at=probe.due_at,
        location=probe.location,
        delay_s=max(0.0, delay),
        took_s=probe.seconds,
        faults=tuple(_fault(each) for each in probe.all_findings if each.result is Result.FAIL)[:_MOST],
        steps=tuple(
            StepLine(name=clip(each.name, _SHORT), seconds=each.seconds, error=_said(each.error or ""))
            for each in probe.all_steps[:_MOST]
        ),
        trouble=_texts(probe.trouble),
        unreachable=_texts(probe.unreachable),
        orders=_texts(probe.order_refs),
        measures=probe.measures[:_MOST],
        stack=_said(probe.stack, 4 * _LONG),
        run_id=probe.run_id,
        trace_id=probe.trace_id,
    )


def kept_run(kept: KeptProbe) -> Run:
    """Return a run as the store kept it; what its detail does not hold is left empty."""
    detail = kept.detail
    return Run(
        number=kept.number,
        monitor=kept.monitor,
        result=kept.result,
        due_at=kept.due_at,
        location=kept.location,
        delay_s=kept.delay_s,
        took_s=kept.took_s,
        faults=tuple(_kept_fault(each) for each in detail.get("findings", ())[:_MOST]),
        steps=tuple(
            StepLine(
                name=clip(str(each.get("name", "")), _SHORT),
                seconds=float(each.get("seconds") or 0.0),
                error=_said(str(each.get("error") or "")),
            )
            for each in detail.get("steps", ())[:_MOST]
        ),
        trouble=_texts(detail.get("trouble", ())),
        unreachable=_texts(detail.get("unreachable", ())),
        orders=_texts(detail.get("orders", ())),
        measures=tuple(
            Measure(name=str(each["name"]), value=float(each["value"]), labels=dict(each.get("labels") or {}))
            for each in detail.get("measures", ())[:_MOST]
        ),
        stack=_said(str(detail.get("stack") or ""), 4 * _LONG),
        run_id=str(detail.get("run_id") or ""),
        trace_id=str(detail.get("trace_id") or ""),
    )


def _fault(finding: Finding) -> Fault:
    finding = finding.for_many()
    return Fault(
        oracle=clip(finding.oracle, _SHORT),
        order=clip(finding.order_ref, _SHORT),
        systems=_texts(finding.systems),
        expected=_said(finding.expected),
        seen=_said(finding.seen),
        formula=_said(finding.formula),
        cause=_said(finding.cause),
        at_risk=finding.at_risk,
        evidence=_texts(finding.evidence),
    )


def _kept_fault(said: Mapping[str, Any]) -> Fault:
    risk = said.get("at_risk")
    words = {
        name: str(said.get(name) or "") for name in ("oracle", "order_ref", "expected", "seen", "formula", "cause")
    }
    return _fault(
        Finding(
            result=Result.FAIL,
            systems=tuple(map(str, said.get("systems", ()))),
            at_risk=Money(int(risk["minor"]), str(risk["currency"])) if risk else None,
            evidence=tuple(map(str, said.get("evidence", ()))),
            **words,
        )
    )


def _texts(said: Sequence[object]) -> tuple[str, ...]:
    return tuple(_said(str(each)) for each in said[:_MOST])


def _said(text: str, most: int = _LONG) -> str:
    """Return a text as it may be shown, cut before it is masked: masking a megabyte takes long."""
    if len(text) > most:
        text = f"{text[:most]}… (cut; {len(text):,} characters in all)"
    return printable(mask_personal(text))
