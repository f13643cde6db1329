"""One run as reports see it: its start, its outcomes in the order they came, its end; gathered from events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.contracts.model import Deviation
from assay.contracts.results import Contracts
from assay.events import Finding, Outcome, RunFinished, RunStarted, StepDone
from assay.masking import mask_text

if TYPE_CHECKING:  # only handed on: a quick command need not load the records
    from assay.records import Dossier


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything a report says. `finished` is None for a run that broke off.

    `evaluated_before` are the oracles that reached a verdict in the last run of the same environment. `contracts` is
    None for a run that held nothing against a document.
    """

    started: RunStarted | None = None
    outcomes: tuple[Outcome, ...] = ()
    finished: RunFinished | None = None
    evaluated_before: frozenset[str] = frozenset()
    contracts: Contracts | None = None

    @property
    def environment(self) -> str:
        """The environment's name, empty when nothing was told."""
        if self.started:
            return self.started.environment
        return self.outcomes[0].environment if self.outcomes else ""

    @property
    def seconds(self) -> float | None:
        """How long the run took, or None for one that never started or ended."""
        if self.started is None or self.finished is None:
            return None
        return max(0.0, (self.finished.finished_at - self.started.started_at).total_seconds())

    def evaluated(self) -> frozenset[str]:
        """The oracles that reached a verdict in this run."""
        return frozenset(
            finding.oracle
            for outcome in self.outcomes
            for finding in outcome.findings
            if finding.result is not finding.result.NOT_EVALUATED
        )


def record_of(events: Iterable[object], *, evaluated_before: Iterable[str] = ()) -> RunRecord:
    """Gather a run from its events; other events are passed over, and free text is masked."""
    started, finished, contracts = None, None, None
    outcomes: list[Outcome] = []
    for event in events:
        event = masked(event)
        if isinstance(event, RunStarted):
            started = event
        elif isinstance(event, Outcome):
            outcomes.append(event)
        elif isinstance(event, RunFinished):
            finished = event
        elif isinstance(event, Contracts):
            contracts = event
    return RunRecord(started, tuple(outcomes), finished, frozenset(evaluated_before), contracts)


def masked(event: object) -> object:
    """Return the event with secrets and card numbers replaced in every free text.

    Exchanges are masked when they are recorded; what flows and oracles write may quote a secret all the same, and so
    may what systems wrote to customers and into documents.
    """
    if isinstance(event, RunFinished):
        return replace(event, trouble=tuple(mask_text(line) for line in event.trouble))
    if isinstance(event, Contracts):
        return _masked_contracts(event)
    if isinstance(event, Outcome):
        steps = tuple(_masked_step(step) for step in event.steps)
        findings = tuple(_masked_finding(each) for each in event.findings)
        return replace(
            event, steps=steps, findings=findings, dossiers=tuple(_masked_dossier(each) for each in event.dossiers)
        )
    return event


def _masked_contracts(contracts: Contracts) -> Contracts:
    """Mask once more what generated requests and examples quote, whoever made them."""
    tested = tuple(
        replace(
            each,
            failed=tuple(
                replace(one, message=mask_text(one.message), repeat=mask_text(one.repeat)) for one in each.failed
            ),
        )
        for each in contracts.tested
    )
    observed = tuple(
        replace(
            each,
            counted=tuple(
                replace(one, deviation=_masked_deviation(one.deviation), example=mask_text(one.example))
                for one in each.counted
            ),
        )
        for each in contracts.observed
    )
    stubs = tuple(
        replace(each, deviations=tuple(_masked_deviation(one) for one in each.deviations)) for each in contracts.stubs
    )
    return replace(
        contracts,
        tested=tested,
        observed=observed,
        stubs=stubs,
        undecided=_masked_reasons(contracts.undecided),
        left_out=_masked_reasons(contracts.left_out),
        excused=_masked_reasons(contracts.excused),
    )


def _masked_reasons(reasons: Mapping[str, str]) -> dict[str, str]:
    return {system: mask_text(reason) for system, reason in reasons.items()}


def _masked_deviation(deviation: Deviation) -> Deviation:
    return replace(deviation, seen=mask_text(deviation.seen))


def _masked_step(step: StepDone) -> StepDone:
    return replace(step, error=mask_text(step.error)) if step.error else step


def _masked_dossier(dossier: Dossier) -> Dossier:
    """Mask the free texts among an order's records; a tracking number is no card, whatever its digits sum up to."""
    known = {each.tracking_number for each in dossier.shipments} | {
        *(dossier.order.tracking_numbers if dossier.order else ())
    }
    pieces = re.compile("(" + "|".join(re.escape(number) for number in sorted(known)) + ")") if known else None

    def masked_text(text: str) -> str:
        parts = pieces.split(text) if pieces else [text]
        return "".join(part if part in known else mask_text(part) for part in parts)

    return replace(
        dossier,
        messages=tuple(
            replace(each, subject=masked_text(each.subject), text=masked_text(each.text)) for each in dossier.messages
        ),
        documents=tuple(
            replace(each, texts=tuple(masked_text(text) for text in each.texts)) if each.texts else each
            for each in dossier.documents
        ),
        before_replay=_masked_dossier(dossier.before_replay) if dossier.before_replay else None,
    )


def _masked_finding(finding: Finding) -> Finding:
    if finding.result is finding.result.PASS and not finding.evidence:
        return finding
    return replace(
        finding,
        expected=mask_text(finding.expected),
        seen=mask_text(finding.seen),
        cause=mask_text(finding.cause),
        reason=mask_text(finding.reason),
        evidence=tuple(mask_text(line) for line in finding.evidence),
    )
