"""What a run comes to: one exit code over everything that happened, and the verdict as JSON for programs.

The verdict file, version 1 (``--json PATH``), is one JSON object:

    version       1; a reader refuses a number it does not know, new members do not change it
    command       run, gate or selftest;  run_id, environment, view, seed: of the run
    exit_code     the command's own;  verdict: "passed", "failed", "misused", "infrastructure", "refused",
                  "nothing ran" or "interrupted"
    counts        cases, failed_cases, not_judged_cases, failed_steps, passed, failed, not_evaluated (verdicts)
    oracles       by id: {"passed": n, "failed": n, "not_evaluated": n}
    findings      each violation: oracle, flow, case, order, systems, expected, seen, formula, cause, at_risk (null or
                  {"amount": "12.34", "currency": "EUR"}), evidence (journal lines), sentence
    failed_steps  each: flow, case, step, error
    not_evaluated each: oracle, reason, count;  required: {"oracle": reason} of those the profile requires
    lost          oracles evaluated in the last run of this environment and not in this one
    trouble       what kept the run from a verdict, in words;  reports: {"html": path, …}
    contracts     null where nothing was held against a document, else operations (looked at), violations,
                  known_failures, broken (each: system, operation, way, sentence) and left_out ({system: reason})
    notes         what goes with the verdict and does not change it: parts that were absent, how busy the load
                  generator was

Exit codes: 0 all passed, 1 a finding or a failed step, 2 wrong use, 3 infrastructure, 4 refused for safety, 5 nothing
ran (no oracle was evaluated), 130 interrupted. Of several, 4 comes before 2 before 3 before 1.
"""

from __future__ import annotations

import json
import re
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.contracts.results import Contracts
from assay.errors import AssayError, InfrastructureError, UsageError
from assay.events import Finding, Outcome, Result
from assay.reporting.contracts import departures_of, held_of
from assay.reporting.run_record import RunRecord
from assay.reporting.verdict import counts_of, lost_of, violations
from assay.roles import ROLES

VERSION = 1
INTERRUPTED, NOTHING_RAN = 130, 5
_NAMES = {
    0: "passed", 1: "failed", 2: "misused", 3: "infrastructure", 4: "refused", 5: "nothing ran", 130: "interrupted",
}  # fmt: skip
_WORST_FIRST = (4, 2, 3, 1)
# `assay.dossier` begins the reason with the witness that was not read: a role, or one part of what it shows.
_UNREAD = re.compile(rf"({'|'.join([*ROLES, 'journal', 'messages', 'catalogue', 'scans'])}): ")
_ABSENT = re.compile(r"no system of (this )?role|no verb|no edge|may be searched")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What kept a run from a verdict, with the exit code it asks for."""

    code: int
    text: str

    @classmethod
    def of(cls, error: Exception, what: str = "") -> Trouble:
        """Return an error as trouble; what: the case it happened to. One that is not ours is told with its place."""
        if isinstance(error, AssayError):
            code, text = error.exit_code, str(error)
        else:
            last = traceback.extract_tb(error.__traceback__)[-1:]
            place = "".join(f" ({frame.filename}:{frame.lineno})" for frame in last)
            code, text = 3, f"{type(error).__name__}: {error}{place}"
        return cls(code, f"{what}: {text}" if what else text)


@dataclass(slots=True)
class Verdict:
    """Everything an exit code is made of; outcomes and trouble are added as they come.

    require: the oracles that must be evaluated in this environment. notes: sentences that change no exit code.
    contracts: what was held against documents; a violation there is a finding like any other.
    """

    require: Sequence[str] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False
    contracts: Contracts | None = None

    @property
    def exit_code(self) -> int:
        """The command's exit code."""
        if self.interrupted:
            return INTERRUPTED
        codes = {trouble.code for trouble in self.trouble}
        codes |= {step.code or 1 for outcome in self.outcomes for step in outcome.steps if step.error}
        codes |= {1 for outcome in self.outcomes if violations(outcome) or outcome.undo == "leaked"}
        codes |= {3 for outcome in self.outcomes if outcome.undo == "open"}
        codes |= {1} if self.contracts and self.contracts.violations else set()
        codes |= {code_of_reason(reason) for reason in self.missing_required().values()} if self.evaluated else set()
        worst = next((code for code in _WORST_FIRST if code in codes), 0)
        return worst or (0 if self.evaluated else NOTHING_RAN)

    @property
    def evaluated(self) -> int:
        """How many verdicts were reached."""
        return sum(outcome.evaluated for outcome in self.outcomes)

    def missing_required(self) -> dict[str, str]:
        """Return the required oracles that reached no verdict, each with the reason."""
        reached, reasons = set(), {}
        for finding in _findings(self.outcomes):
            if finding.result is Result.NOT_EVALUATED:
                reasons[finding.oracle] = finding.reason
            else:
                reached.add(finding.oracle)
        return {
            oracle: reasons.get(oracle) or "no case of this run asked for it"
            for oracle in self.require
            if oracle not in reached
        }

    def sentences(self) -> tuple[str, ...]:
        """Return trouble in words, required oracles that were not evaluated among it."""
        required = [
            f"{oracle} is required here and was not evaluated: {reason}"
            for oracle, reason in self.missing_required().items()
            if self.evaluated
        ]
        return (*(trouble.text for trouble in self.trouble), *required)


def code_of_reason(reason: str) -> int:
    """Return 3 where a witness could not be read, 1 where a parameter, verb or system is not there at all."""
    return 3 if _UNREAD.match(reason) and not _ABSENT.search(reason) else 1


def as_json(verdict: Verdict, run: RunRecord, *, command: str, reports: Mapping[str, Path]) -> dict[str, Any]:
    """Return the verdict file's content; see the top of this module."""
    started, counts = run.started, counts_of(verdict.outcomes)
    by_oracle: dict[str, Counter[str]] = {}
    unjudged: Counter[tuple[str, str]] = Counter()
    for finding in _findings(verdict.outcomes):
        by_oracle.setdefault(finding.oracle, Counter())[finding.result.value] += 1
        if finding.result is Result.NOT_EVALUATED:
            unjudged[finding.oracle, finding.reason] += 1
    return {
        "version": VERSION,
        "command": command,
        "run_id": started.run_id if started else "",
        "environment": run.environment,
        "view": started.view if started else "",
        "seed": started.seed if started else 0,
        "exit_code": verdict.exit_code,
        "verdict": _NAMES[verdict.exit_code],
        "counts": {
            "cases": counts.cases,
            "failed_cases": counts.failed_cases,
            "not_judged_cases": counts.unjudged_cases,
            "failed_steps": counts.failed_steps,
            "passed": counts.passed,
            "failed": counts.failed,
            "not_evaluated": counts.not_evaluated,
        },
        "oracles": {
            oracle: {
                result.value.replace(" ", "_").replace("pass", "passed").replace("fail", "failed"): seen[result.value]
                for result in Result
            }
            for oracle, seen in sorted(by_oracle.items())
        },
        "findings": [_finding(outcome, each) for outcome in verdict.outcomes for each in violations(outcome)],
        "failed_steps": [
            {"flow": outcome.flow, "case": outcome.case, "step": step.name, "error": step.error}
            for outcome in verdict.outcomes
            for step in outcome.steps
            if step.error
        ],
        "not_evaluated": [
            {"oracle": oracle, "reason": reason, "count": count} for (oracle, reason), count in sorted(unjudged.items())
        ],
        "required": verdict.missing_required(),
        "lost": [oracle for oracle, _ in lost_of(run)],
        "trouble": list(verdict.sentences()),
        "contracts": _contracts(verdict.contracts),
        "notes": list(verdict.notes),
        "reports": {name: str(path) for name, path in reports.items()},
    }


def _contracts(contracts: Contracts | None) -> dict[str, Any] | None:
    if contracts is None:
        return None
    held = held_of(contracts)
    departures = departures_of(held)
    return {
        "operations": len({(each.system, each.operation) for each in held}),
        "violations": contracts.violations,
        "known_failures": sum(bool(each.known) for each in departures),
        "broken": [
            {"system": each.system, "operation": each.operation, "way": str(each.way), "sentence": each.sentence()}
            for each in departures
            if each.is_violation
        ],
        "left_out": {**contracts.undecided, **contracts.left_out},
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a verdict file whole or not at all; `InfrastructureError` where the folder does not take it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        raise InfrastructureError(
            f"the verdict could not be written: {error.strerror}", where=str(path), hint="give --json another path"
        ) from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a verdict file; `UsageError` for another version or none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["version"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError("that is no verdict file", where=str(path), seen=f"{type(error).__name__}: {error}") from None
    if version != VERSION:
        raise UsageError(
            "unknown version of the verdict file", where=str(path), expected=str(VERSION), seen=str(version)
        )
    found: dict[str, Any] = content
    return found


def _findings(outcomes: Iterable[Outcome]) -> Iterable[Finding]:
    return (finding for outcome in outcomes for finding in outcome.findings)


def _finding(outcome: Outcome, finding: Finding) -> dict[str, Any]:
    risk = finding.at_risk
    return {
        "oracle": finding.oracle,
        "flow": outcome.flow,
        "case": outcome.case,
        "order": finding.order_ref,
        "systems": list(finding.systems),
        "expected": finding.expected,
        "seen": finding.seen,
        "formula": finding.formula,
        "cause": finding.cause,
        "at_risk": {"amount": f"{risk.amount:f}", "currency": risk.currency} if risk else None,
        "evidence": list(finding.evidence),
        "sentence": finding.sentence(),
    }
