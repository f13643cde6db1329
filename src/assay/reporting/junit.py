"""JUnit XML for CI: a testsuite a flow, a testcase a case; a testsuite a system's contract, a testcase an operation.

The dialect is the one Jenkins, GitLab and GitHub actions share (testsuites, testsuite, testcase, properties, failure,
error, skipped, system-out). A testcase carries at most one failure, because several of these readers show the first
alone; its text holds every finding and failed step. What no oracle judged is skipped, never green. Infrastructure
trouble, a safety refusal, a run that broke off and a run in which nothing ran are errors of a testcase of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from xml.etree import ElementTree as ET

from assay.events import Finding, Outcome, Result
from assay.reporting.contracts_junit import contract_suites
from assay.reporting.run_record import RunRecord
from assay.reporting.text import printable
from assay.reporting.verdict import ENDINGS, State, state_of, verdict_of, violations

_OWN_SUITE = "assay"


def render_junit(run: RunRecord) -> str:
    """Return the run as JUnit XML."""
    root = ET.Element("testsuites", name="assay")
    by_flow: dict[str, list[Outcome]] = {}
    for outcome in run.outcomes:
        by_flow.setdefault(outcome.flow, []).append(outcome)
    suites = [_suite(root, run, flow, outcomes) for flow, outcomes in by_flow.items()]
    suites += contract_suites(root, run)
    if problems := _problems(run):
        suites.append(_own_suite(root, run, problems))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, run: RunRecord, flow: str, outcomes: list[Outcome]) -> ET.Element:
    states = [state_of(outcome) for outcome in outcomes]
    suite = ET.SubElement(
        root,
        "testsuite",
        name=printable(flow),
        tests=str(len(outcomes)),
        failures=str(states.count(State.FAILED)),
        errors="0",
        skipped=str(states.count(State.NOT_JUDGED)),
        time=f"{sum(outcome.seconds for outcome in outcomes):.3f}",
    )
    if run.started is not None:  # cases start by the landscape's clock, which may be weeks ahead of the CI server's
        suite.set("timestamp", run.started.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    _properties(suite, _run_properties(run))
    seen: dict[str, int] = {}
    for outcome, state in zip(outcomes, states, strict=True):
        seen[outcome.case] = seen.get(outcome.case, 0) + 1
        repeat = f" #{seen[outcome.case]}" if seen[outcome.case] > 1 else ""
        _case(suite, outcome, state, outcome.case + repeat)
    return suite


def _case(suite: ET.Element, outcome: Outcome, state: State, name: str) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=printable(outcome.flow),
        name=printable(name),
        time=f"{outcome.seconds:.3f}",
    )
    _properties(case, _case_properties(outcome, state))
    if state is State.FAILED:
        _failure(case, outcome)
    elif state is State.NOT_JUDGED:
        ET.SubElement(case, "skipped", message="no oracle was evaluated")
    if lines := _notes(outcome, state):
        ET.SubElement(case, "system-out").text = printable("\n".join(lines))


def _failure(case: ET.Element, outcome: Outcome) -> None:
    steps = [step for step in outcome.steps if step.error]
    found = violations(outcome)
    sentences = [finding.sentence() for finding in found]
    sentences += [f"step '{step.name}' failed: {step.error}" for step in steps]
    more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
    kinds = dict.fromkeys([finding.oracle for finding in found] + ["step"] * bool(steps))
    blocks = [_block(finding) for finding in found] + sentences[len(found) :]
    failure = ET.SubElement(case, "failure", message=printable(sentences[0] + more), type=printable(" ".join(kinds)))
    failure.text = printable("\n\n".join(blocks))


def _block(finding: Finding) -> str:
    rows = [
        ("expected", finding.expected),
        ("seen", finding.seen),
        ("formula", finding.formula),
        ("cause", finding.cause),
        ("at risk", str(finding.at_risk) if finding.at_risk else ""),
        *(("journal", line) for line in finding.evidence),
    ]
    return "\n".join([finding.sentence(), *(f"  {label + ':':<10}{text}" for label, text in rows if text)])


def _notes(outcome: Outcome, state: State) -> list[str]:
    lines = []
    if state is State.FLAKY:
        lines.append(f"flaky: passed only after {outcome.retries} repeats of the same case")
    if outcome.undo in ("open", "leaked"):
        lines.append(f"undo: {outcome.undo}; `assay sweep` finishes it")
    missing = [finding for finding in outcome.findings if finding.result is Result.NOT_EVALUATED]
    return lines + [f"{each.sentence()} (order {each.order_ref})" for each in missing]


def _run_properties(run: RunRecord) -> list[tuple[str, str]]:
    properties = [("environment", run.environment)]
    if start := run.started:
        properties += [("run_id", start.run_id), ("runner", start.runner), ("view", start.view)]
        properties += [("seed", str(start.seed)), ("commit", start.commit or ""), ("version", start.version)]
    if run.finished:
        properties.append(("exit_code", str(run.finished.exit_code)))
    return properties


def _case_properties(outcome: Outcome, state: State) -> list[tuple[str, str]]:
    return [
        ("outcome_id", outcome.id),
        ("environment", outcome.environment),
        ("seed", str(outcome.seed)),
        *(("order", ref) for ref in outcome.order_refs),
        ("trace_id", outcome.trace_id),
        ("retries", str(outcome.retries)),
        ("flaky", "true" if state is State.FLAKY else "false"),
        ("undo", outcome.undo),
    ]


def _properties(parent: ET.Element, properties: Iterable[tuple[str, str]]) -> None:
    holder = ET.SubElement(parent, "properties")
    for name, value in properties:
        if value:
            ET.SubElement(holder, "property", name=name, value=printable(value))


def _problems(run: RunRecord) -> list[tuple[str, str, str]]:
    """Return what kept the run from a verdict as (name, type, text)."""
    code = run.finished.exit_code if run.finished else None
    kind = "safety" if code == 4 else "infrastructure"
    problems = [(f"{kind} {number}", kind, text) for number, text in enumerate(_trouble(run), start=1)]
    verdict = verdict_of(run)
    if not problems and not verdict.good and (code is None or code in ENDINGS or not verdict.counts.evaluated):
        problems.append(("run", "run", f"{verdict.headline}. {verdict.sentence}"))
    return problems


def _trouble(run: RunRecord) -> tuple[str, ...]:
    return run.finished.trouble if run.finished else ()


def _own_suite(root: ET.Element, run: RunRecord, problems: list[tuple[str, str, str]]) -> ET.Element:
    count = str(len(problems))
    suite = ET.SubElement(
        root, "testsuite", name=_OWN_SUITE, tests=count, failures="0", errors=count, skipped="0", time="0.000"
    )
    _properties(suite, _run_properties(run))
    for name, kind, text in problems:
        case = ET.SubElement(suite, "testcase", classname=_OWN_SUITE, name=name, time="0.000")
        first, *_ = printable(text).splitlines() or [""]
        ET.SubElement(case, "error", message=first, type=kind).text = printable(text)
    return suite
