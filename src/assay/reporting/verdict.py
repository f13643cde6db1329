"""What a run comes to: one verdict, the counts behind it, what was not judged and why, and what is no longer judged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from assay.events import Finding, Outcome, Result
from assay.money import Money
from assay.reporting.run_record import RunRecord
from assay.reporting.text import plural


class State(StrEnum):
    """What one case, or a whole run, came to."""

    PASSED = "passed"
    FLAKY = "flaky"
    FAILED = "failed"
    NOT_JUDGED = "not judged"


ENDINGS = {
    2: "Not run: wrong use or configuration",
    3: "No verdict: infrastructure trouble",
    4: "Refused for safety",
    5: "Nothing ran",
    130: "Interrupted",
}
"""What the command's exit codes 2 and up say (README, exit codes)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases and verdicts of each kind."""

    cases: int
    failed_cases: int
    flaky_cases: int
    unjudged_cases: int
    passed: int
    failed: int
    not_evaluated: int
    failed_steps: int
    leaked: int

    @property
    def passed_cases(self) -> int:
        """Cases that passed the first time, judged by at least one oracle."""
        return self.cases - self.failed_cases - self.flaky_cases - self.unjudged_cases

    @property
    def evaluated(self) -> int:
        """Verdicts reached."""
        return self.passed + self.failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """The run in a headline and a sentence; `good` is whether it may be trusted to go on."""

    good: bool
    headline: str
    sentence: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Oracles that gave no verdict for one reason: how often, and what makes them evaluated."""

    reason: str
    oracles: tuple[str, ...]
    verdicts: int
    remedy: str


def state_of(outcome: Outcome) -> State:
    """Return what one case came to; a case that no oracle judged is never green."""
    if outcome.failed:
        return State.FAILED
    if not outcome.evaluated:
        return State.NOT_JUDGED
    return State.FLAKY if outcome.retries else State.PASSED


def violations(outcome: Outcome) -> list[Finding]:
    """Return the findings of an outcome that failed."""
    return [finding for finding in outcome.findings if finding.result is Result.FAIL]


def counts_of(outcomes: Iterable[Outcome]) -> Counts:
    """Count cases by state and verdicts by result."""
    outcomes = list(outcomes)
    states = [state_of(outcome) for outcome in outcomes]
    results = [finding.result for outcome in outcomes for finding in outcome.findings]
    return Counts(
        cases=len(outcomes),
        failed_cases=states.count(State.FAILED),
        flaky_cases=states.count(State.FLAKY),
        unjudged_cases=states.count(State.NOT_JUDGED),
        passed=results.count(Result.PASS),
        failed=results.count(Result.FAIL),
        not_evaluated=results.count(Result.NOT_EVALUATED),
        failed_steps=sum(bool(step.error) for outcome in outcomes for step in outcome.steps),
        leaked=sum(outcome.undo == "leaked" for outcome in outcomes),
    )


def verdict_of(run: RunRecord) -> Verdict:
    """Return the verdict: the exit code's, but never green over a failed case, a broken contract or nothing."""
    counts = counts_of(run.outcomes)
    broken = run.contracts.violations if run.contracts else 0
    sentence = _sentence(counts, broken)
    if run.finished is None:
        return Verdict(False, "Unfinished: the run broke off", sentence, counts)
    code = run.finished.exit_code
    if code in ENDINGS:
        return Verdict(False, ENDINGS[code], sentence, counts)
    if code or counts.failed_cases or broken:
        return Verdict(False, "Failed", sentence, counts)
    if not counts.evaluated:
        return Verdict(False, ENDINGS[5], sentence, counts)
    return Verdict(True, "Passed", sentence, counts)


def at_risk(outcomes: Iterable[Outcome]) -> list[Money]:
    """Return the money at risk by currency; an order counts once, by the largest amount any oracle names for it."""
    largest: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        for finding in violations(outcome):
            if finding.at_risk is not None:
                key = (finding.order_ref, finding.at_risk.currency)
                largest[key] = max(largest.get(key, 0), abs(finding.at_risk.minor))
    sums: dict[str, int] = {}
    for (_, currency), minor in largest.items():
        sums[currency] = sums.get(currency, 0) + minor
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]


def unjudged_of(run: RunRecord) -> list[Unjudged]:
    """Return what was not evaluated, by reason, the most frequent first."""
    found: dict[str, list[str]] = {}
    for outcome in run.outcomes:
        for finding in outcome.findings:
            if finding.result is Result.NOT_EVALUATED:
                found.setdefault(finding.reason or "no reason was given", []).append(finding.oracle)
    groups = [
        Unjudged(reason, tuple(sorted(set(oracles))), len(oracles), remedy(reason, run.environment))
        for reason, oracles in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.verdicts, group.reason))


def lost_of(run: RunRecord) -> list[tuple[str, str]]:
    """Return the oracles evaluated last time but not now, each with the reason."""
    reasons = {
        finding.oracle: finding.reason
        for outcome in run.outcomes
        for finding in outcome.findings
        if finding.result is Result.NOT_EVALUATED
    }
    return [
        (oracle, reasons.get(oracle) or "no case of this run asked for it")
        for oracle in sorted(run.evaluated_before - run.evaluated())
    ]


def remedy(reason: str, environment: str) -> str:
    """Return the line or verb that makes an oracle evaluated, read from its reason; empty when that is not known."""
    if found := re.search(r"no system of role '(\w+)'", reason):
        return f'add [environments.{environment}.systems.ID] with role = "{found[1]}" to assay.toml'
    if found := re.search(r"\b(policies(?:\.\w+)+)", reason):
        return f"declare {found[1]} in assay.toml"
    if found := re.search(r"(?:no|lacks(?: the)?) (?:verb|method) '?(\w+)'?", reason):
        return f"give the connector the verb {found[1]} (see assay.roles)"
    if "not production" in reason or "in production" in reason:
        return "covered by read-only checks over real orders"
    if re.match(r"(shop|payments|erp|wms|carrier|crm|marketing|marketplace|punchout|identity|rates): ", reason):
        return f"make {reason.partition(':')[0]} readable: `assay status --env {environment}` says how it is"
    return ""


def _sentence(counts: Counts, broken: int) -> str:
    if not counts.cases and not broken:
        return "No case was run, so nothing is known."
    parts = []
    if counts.failed_cases:
        parts.append(f"{counts.failed_cases:,} of {plural(counts.cases, 'case')} failed")
    else:
        parts.append(f"none of {plural(counts.cases, 'case')} failed")
    if counts.failed:
        parts.append(plural(counts.failed, "finding"))
    if counts.failed_steps:
        parts.append(plural(counts.failed_steps, "failed step"))
    if broken:
        parts.append(plural(broken, "contract violation"))
    if counts.flaky_cases:
        parts.append(f"{counts.flaky_cases:,} passed only when repeated")
    if counts.leaked:
        parts.append(f"{counts.leaked:,} left something behind")
    parts.append(f"{counts.not_evaluated:,} of {counts.evaluated + counts.not_evaluated:,} verdicts not evaluated")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
