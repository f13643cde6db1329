"""What the HTML page shows, worked out beforehand: the template only lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from assay.events import Exchange, Finding, Outcome, Result, StepDone
from assay.profile import VIEWS
from assay.reporting.coverage import family_of
from assay.reporting.repeat import curl_line
from assay.reporting.run_record import RunRecord
from assay.reporting.side_by_side import SideBySide, side_by_side
from assay.reporting.text import clip, duration, instant, plural
from assay.reporting.verdict import Counts, at_risk, state_of, violations

SHORT, LONG, BODY = 160, 600, 1_200
"""How many characters of a name, of a sentence and of a body are shown; longer ones say how long they are."""
MOST_MORE, MOST_EVIDENCE, MOST_EXCHANGES, MOST_STEPS, MOST_DOSSIERS = 50, 12, 40, 60, 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One step on the time line, in percent of the case's duration."""

    name: str
    state: str
    left: float
    width: float
    time: str
    error: str


@dataclass(frozen=True, slots=True)
class Talk:
    """One exchange, or several identical ones in a row."""

    system: str
    method: str
    url: str
    status: str
    good: bool
    time: str
    times: int
    curl: str
    headers: str
    body: str
    error: str


@dataclass(frozen=True, slots=True)
class Note:
    """One finding, in the short form of a case."""

    oracle: str
    result: str
    text: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """One execution of a flow."""

    anchor: str
    name: str
    state: str
    orders: str
    time: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]
    passed: tuple[str, ...]
    bars: tuple[Bar, ...]
    laid_out: str
    tables: tuple[SideBySide, ...]
    tables_left_out: int


@dataclass(frozen=True, slots=True)
class Other:
    """A further order with the same finding."""

    order: str
    case: str
    anchor: str
    expected: str
    seen: str
    at_risk: str


@dataclass(frozen=True, slots=True)
class Card:
    """One finding at length, with the further orders that show the same."""

    oracle: str
    family: str
    sentence: str
    case: str
    anchor: str
    facts: tuple[tuple[str, str], ...]
    evidence: tuple[str, ...]
    others: tuple[Other, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed step."""

    case: str
    anchor: str
    step: str
    error: str


def facts_of(run: RunRecord) -> list[tuple[str, str]]:
    """Return what the run was, as label and value; what is not known is left out."""
    start, end = run.started, run.finished
    facts = [("Environment", run.environment)]
    if start:
        facts += [
            ("Platform seen by", VIEWS.get(start.view, start.view)),
            ("Runner", start.runner),
            ("Commit", start.commit or "unknown"),
            ("Seed", str(start.seed)),
            ("Started", instant(start.started_at)),
        ]
    if run.seconds is not None:
        facts.append(("Duration", duration(run.seconds)))
    if start:
        facts += [("Run", start.run_id), ("Assay", start.version)]
    if end:
        facts.append(("Exit code", str(end.exit_code)))
    return [(label, clip(value, SHORT)) for label, value in facts if value]


def tiles_of(run: RunRecord, counts: Counts) -> list[tuple[str, str, str]]:
    """Return the counts as (label, number, what of it) for the head of the page."""
    risk = [str(money) for money in at_risk(run.outcomes)]
    aside = [f"{counts.flaky_cases:,} only when repeated"] if counts.flaky_cases else []
    aside += [f"{counts.unjudged_cases:,} judged by no oracle"] if counts.unjudged_cases else []
    tiles = [
        ("Cases passed", f"{counts.passed_cases + counts.flaky_cases:,}", f"of {counts.cases:,}"),
        ("Cases failed", f"{counts.failed_cases:,}", "; ".join(aside)),
        ("Verdicts passed", f"{counts.passed:,}", f"of {counts.evaluated:,} evaluated"),
        ("Findings", f"{counts.failed:,}", plural(counts.failed_steps, "failed step") if counts.failed_steps else ""),
        ("Not evaluated", f"{counts.not_evaluated:,}", "verdicts"),
    ]
    if risk:
        tiles.append(("Money at risk", risk[0], "and " + ", ".join(risk[1:4]) if risk[1:] else ""))
    if run.contracts:
        broken = run.contracts.violations
        tiles.append(("Contracts", f"{broken:,}", "violations" if broken != 1 else "violation"))
    if counts.leaked:
        tiles.append(("Left behind", f"{counts.leaked:,}", "run `assay sweep`"))
    return tiles


def anchors_of(outcomes: Sequence[Outcome]) -> dict[int, str]:
    """Return the page's own name of each outcome, by its place in the run."""
    return {number: f"case-{number + 1}" for number in range(len(outcomes))}


def cards_of(outcomes: Sequence[Outcome]) -> list[Card]:
    """Return the findings, those with the same oracle, systems and cause as one; the most frequent first."""
    groups: dict[tuple[object, ...], list[tuple[int, Outcome, Finding]]] = {}
    for number, outcome in enumerate(outcomes):
        for finding in violations(outcome):
            groups.setdefault((finding.oracle, finding.systems, finding.cause), []).append((number, outcome, finding))
    anchors = anchors_of(outcomes)
    return [_card(group, anchors) for group in sorted(groups.values(), key=len, reverse=True)]


def failures_of(outcomes: Sequence[Outcome]) -> list[Failure]:
    """Return the failed steps in the order of the run."""
    anchors = anchors_of(outcomes)
    return [
        Failure(_case_name(outcome), anchors[number], clip(step.name, SHORT), clip(step.error, LONG))
        for number, outcome in enumerate(outcomes)
        for step in outcome.steps
        if step.error
    ]


def case_view(outcome: Outcome, anchor: str) -> CaseView:
    """Return one case without its exchanges, which `talks_of` gives where there is room for them."""
    bars, laid_out = bars_of(outcome.steps)
    return CaseView(
        anchor=anchor,
        name=clip(outcome.case, SHORT),
        state=str(state_of(outcome)),
        orders=clip(", ".join(outcome.order_refs), SHORT),
        time=duration(outcome.seconds),
        facts=_case_facts(outcome),
        notes=tuple(_note(finding) for finding in outcome.findings if finding.result is not Result.PASS),
        passed=tuple(sorted({clip(each.oracle, SHORT) for each in outcome.findings if each.result is Result.PASS})),
        bars=bars[:MOST_STEPS],
        laid_out=laid_out,
        tables=tuple(_tables(outcome)),
        tables_left_out=max(0, len(outcome.dossiers) - MOST_DOSSIERS),
    )


def bars_of(steps: Sequence[StepDone]) -> tuple[tuple[Bar, ...], str]:
    """Return the steps on a time line and how they were laid out.

    Steps start by the landscape's clock and last by the real one. Where the first was moved in between, starts say
    nothing about real time and the steps are laid end to end.
    """
    if not steps:
        return (), ""
    first = min(step.started_at for step in steps)
    starts = [(step.started_at - first) / timedelta(seconds=1) for step in steps]
    total = max(start + step.seconds for start, step in zip(starts, steps, strict=True))
    busy, laid_out = sum(step.seconds for step in steps), "by their start"
    if total > 2 * busy + 1:
        starts, end = [], 0.0
        for step in steps:
            starts.append(end)
            end += step.seconds
        total, laid_out = busy, "end to end, because the landscape's clock was moved in between"
    scale = 100 / total if total > 0 else 0.0
    return tuple(_bar(step, start * scale, scale) for start, step in zip(starts, steps, strict=True)), laid_out


def talks_of(exchanges: Sequence[Exchange]) -> tuple[tuple[Talk, ...], int]:
    """Return the exchanges in their order, identical ones in a row (polling) as one, and how many are left out."""
    grouped: list[tuple[Exchange, int, float]] = []
    for exchange in exchanges:
        if grouped and _same(grouped[-1][0], exchange):
            known, times, seconds = grouped[-1]
            grouped[-1] = (known, times + 1, seconds + exchange.seconds)
        else:
            grouped.append((exchange, 1, exchange.seconds))
    left_out = sum(times for _, times, _ in grouped[MOST_EXCHANGES:])
    return tuple(_talk(*group) for group in grouped[:MOST_EXCHANGES]), left_out


def _same(one: Exchange, other: Exchange) -> bool:
    return (one.method, one.url, one.status, one.error, one.request_body, one.response_body) == (
        other.method,
        other.url,
        other.status,
        other.error,
        other.request_body,
        other.response_body,
    )


def _talk(exchange: Exchange, times: int, seconds: float) -> Talk:
    headers = "\n".join(f"{name}: {value}" for name, value in exchange.response_headers.items())
    return Talk(
        system=clip(exchange.system, SHORT),
        method=clip(exchange.method, 16),
        url=clip(exchange.url, 2 * SHORT),
        status=str(exchange.status) if exchange.status is not None else "no answer",
        good=exchange.status is not None and exchange.status < 400,
        time=duration(seconds),
        times=times,
        curl=clip(curl_line(exchange), 2 * BODY),
        headers=clip(headers, LONG),
        body=clip(exchange.response_body, BODY),
        error=clip(exchange.error or "", LONG),
    )


def _bar(step: StepDone, left: float, scale: float) -> Bar:
    left = min(max(left, 0.0), 100.0)
    state = "passed" if not step.error else "failed, went on" if step.soft else "failed"
    width = min(max(step.seconds * scale, 0.4), 100.0 - left if left < 99.6 else 0.4)
    return Bar(clip(step.name, SHORT), state, left, width, duration(step.seconds), clip(step.error or "", LONG))


def _card(group: Sequence[tuple[int, Outcome, Finding]], anchors: Mapping[int, str]) -> Card:
    number, outcome, finding = group[0]
    facts = [
        ("Systems", ", ".join(finding.systems)),
        ("Order", finding.order_ref),
        ("Expected", finding.expected),
        ("Seen", finding.seen),
        ("Formula", finding.formula),
        ("Likely cause", finding.cause),
        ("Money at risk", str(finding.at_risk) if finding.at_risk else ""),
    ]
    return Card(
        oracle=clip(finding.oracle, SHORT),
        family=family_of(finding.oracle),
        sentence=clip(finding.sentence().removeprefix(f"{finding.oracle}: "), LONG),
        case=_case_name(outcome),
        anchor=anchors[number],
        facts=tuple((label, clip(text, LONG)) for label, text in facts if text),
        evidence=tuple(clip(line, LONG) for line in finding.evidence[:MOST_EVIDENCE]),
        others=tuple(_other(outcome, each, anchors[place]) for place, outcome, each in group[1 : MOST_MORE + 1]),
        count=len(group),
    )


def _other(outcome: Outcome, finding: Finding, anchor: str) -> Other:
    return Other(
        clip(finding.order_ref, SHORT),
        _case_name(outcome),
        anchor,
        clip(finding.expected, SHORT),
        clip(finding.seen, SHORT),
        str(finding.at_risk) if finding.at_risk else "",
    )


def _case_name(outcome: Outcome) -> str:
    return clip(f"{outcome.flow} / {outcome.case}", SHORT)


def _case_facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    facts = [
        ("Started, by the landscape's clock", instant(outcome.started_at)),
        ("Trace", outcome.trace_id),
        ("Seed", str(outcome.seed)),
        ("Retries", str(outcome.retries) if outcome.retries else ""),
        ("Undo", outcome.undo if outcome.undo != "none" else ""),
        ("Tags", ", ".join(outcome.tags)),
        ("Outcome", outcome.id),
    ]
    return tuple((label, clip(text, SHORT)) for label, text in facts if text)


def _note(finding: Finding) -> Note:
    text = finding.reason if finding.result is Result.NOT_EVALUATED else finding.sentence().partition(": ")[2]
    return Note(clip(finding.oracle, SHORT), str(finding.result), clip(text, LONG))


def _tables(outcome: Outcome) -> list[SideBySide]:
    failed = violations(outcome)
    tables = []
    for dossier in outcome.dossiers[:MOST_DOSSIERS]:
        names = {dossier.order.number, dossier.order.ref} if dossier.order else set(outcome.order_refs)
        tables.append(side_by_side(dossier, [finding for finding in failed if finding.order_ref in names]))
    return tables
