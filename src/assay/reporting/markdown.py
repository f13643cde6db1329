"""Markdown for a CI job's summary (GitHub flavour): the verdict, the findings, and what was not judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from assay.events import Outcome
from assay.profile import VIEWS
from assay.reporting.contracts import departures_of, headline_of, held_of, open_of, systems_of
from assay.reporting.money import COLUMNS, money_of
from assay.reporting.run_record import RunRecord
from assay.reporting.text import clip, duration, one_line, plural
from assay.reporting.verdict import (
    State,
    Verdict,
    at_risk,
    counts_of,
    lost_of,
    state_of,
    unjudged_of,
    verdict_of,
    violations,
)

MOST = 50
"""How many findings, failed steps, flaky cases or reasons are listed each; the rest is counted."""
_LONGEST = 300
_MEANING = re.compile(r"([\\`*_{}\[\]<>|~#!&])")
_BARE_LINK = re.compile(r"\b(https?|ftp)://|\bwww\.|@", re.IGNORECASE)


def render_markdown(run: RunRecord) -> str:
    """Return the run as Markdown, findings first."""
    verdict = verdict_of(run)
    mark = "✅" if verdict.good else "❌"
    parts = [f"## {mark} Assay: {_safe(verdict.headline)}", _safe(verdict.sentence), _facts(run, verdict)]
    trouble = run.finished.trouble if run.finished else ()
    parts.append(_section("Trouble", [f"- {_safe(text)}" for text in trouble]))
    parts.append(_section("Findings", _findings(run.outcomes)))
    parts.append(_section("Failed steps", _failed_steps(run.outcomes)))
    parts.append(_section("Passed only when repeated", _flaky(run.outcomes)))
    parts.append(_section("Flows", _flows(run.outcomes)))
    parts.append(_section("Money", _money(run.outcomes)))
    parts.append(_section("Contracts", _contracts(run)))
    parts.append(_section("Broken contracts", _broken(run)))
    parts.append(_section("Evaluated last time, not now", _lost(run)))
    parts.append(_section("Not evaluated", _unjudged(run)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(run: RunRecord, verdict: Verdict) -> str:
    facts = [("environment", run.environment)]
    if start := run.started:
        facts += [
            ("platform seen by", VIEWS.get(start.view, start.view)),
            ("runner", start.runner),
            ("commit", start.commit or "unknown"),
        ]
        facts += [("seed", str(start.seed)), ("run", start.run_id)]
    if run.seconds is not None:
        facts.append(("duration", duration(run.seconds)))
    counts = verdict.counts
    facts.append(("cases", f"{counts.cases:,}"))
    facts.append(
        ("oracles", f"{counts.passed:,} passed, {counts.failed:,} failed, {counts.not_evaluated:,} not evaluated")
    )
    if risk := at_risk(run.outcomes):
        facts.append(("money at risk", ", ".join(str(money) for money in risk)))
    return " · ".join(f"{label} **{_safe(value)}**" for label, value in facts if value)


def _findings(outcomes: Iterable[Outcome]) -> list[str]:
    lines = []
    for outcome in outcomes:
        for finding in violations(outcome):
            place = f"{_safe(outcome.flow)} / {_safe(outcome.case)}"
            text = finding.sentence().removeprefix(f"{finding.oracle}: ")
            text += f" At risk: {finding.at_risk}." if finding.at_risk else ""
            lines.append(f"- **{_safe(finding.oracle)}** ({place}): {_safe(text)}")
    return lines


def _failed_steps(outcomes: Iterable[Outcome]) -> list[str]:
    return [
        f"- {_safe(outcome.flow)} / {_safe(outcome.case)}, step **{_safe(step.name)}**: {_safe(step.error)}"
        for outcome in outcomes
        for step in outcome.steps
        if step.error
    ]


def _flaky(outcomes: Iterable[Outcome]) -> list[str]:
    return [
        f"- {_safe(outcome.flow)} / {_safe(outcome.case)}: {plural(outcome.retries, 'repeat')}"
        for outcome in outcomes
        if state_of(outcome) is State.FLAKY
    ]


def _flows(outcomes: Sequence[Outcome]) -> list[str]:
    by_flow: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_flow.setdefault(outcome.flow, []).append(outcome)
    if not by_flow:
        return []
    lines = [
        "| Flow | Cases | Passed | Failed | Flaky | Not judged | Findings | Not evaluated |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for flow, group in by_flow.items():
        counts = counts_of(group)
        name = f"{flow} {group[0].title}".strip()
        numbers = (
            counts.cases,
            counts.passed_cases,
            counts.failed_cases,
            counts.flaky_cases,
            counts.unjudged_cases,
            counts.failed,
            counts.not_evaluated,
        )
        lines.append(f"| {_safe(name)} | " + " | ".join(f"{number:,}" for number in numbers) + " |")
    return lines


def _money(outcomes: Sequence[Outcome]) -> list[str]:
    rows = money_of(outcomes)
    if not rows:
        return []
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|---|--:|--:|--:|--:|--:|"]
    for row in rows:
        cells = (row.currency, row.gateway, row.orders, row.charged, row.refunded, row.settled, row.residual)
        lines.append("| " + " | ".join(_safe(cell) for cell in cells) + " |")
    return lines


def _contracts(run: RunRecord) -> list[str]:
    """Return a table of the systems, and what was not looked at."""
    if run.contracts is None:
        return []
    held = held_of(run.contracts)
    told = [f"- {_safe(system)}, {kind}: {_safe(reason)}" for system, kind, reason in open_of(run.contracts)]
    systems = systems_of(run.contracts, held)
    if not systems:
        return told
    lines = [f"{_safe(headline_of(run.contracts, held))}.", "", "| System | What was looked at |", "|---|---|"]
    for system in systems:
        mark = {"fail": "❌ ", "pass": "✅ "}.get(system.state, "")
        lines.append(f"| {mark}{_safe(system.name)} | {_safe(' · '.join(system.facts))} |")
    return [*lines, "", *told[:MOST]] if told else lines


def _broken(run: RunRecord) -> list[str]:
    if run.contracts is None:
        return []
    found = [each for each in departures_of(held_of(run.contracts)) if each.is_violation]
    return [
        f"- **{_safe(each.system)}** {_safe(each.operation)} ({each.way}): {_safe(each.sentence())}" for each in found
    ]


def _lost(run: RunRecord) -> list[str]:
    return [f"- **{_safe(oracle)}**: {_safe(reason)}" for oracle, reason in lost_of(run)]


def _unjudged(run: RunRecord) -> list[str]:
    lines = []
    for group in unjudged_of(run):
        remedy = f" → {_safe(group.remedy)}" if group.remedy else ""
        lines.append(f"- {_safe(', '.join(group.oracles))} ({group.verdicts:,}): {_safe(group.reason)}{remedy}")
    return lines


def _section(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    listed = lines[:MOST] if lines[0].startswith("-") else lines
    if len(lines) > len(listed):
        listed = [*listed, f"- … and {len(lines) - MOST:,} more"]
    return f"### {title}\n\n" + "\n".join(listed)


def _safe(text: str | None) -> str:
    """Return foreign text that Markdown shows as it is: on one line, no markup, no link, nobody addressed."""
    escaped = _MEANING.sub(r"\\\1", one_line(clip(text or "", _LONGEST)))
    # A bare address would become a link, and a name after @ a person who is told; an empty comment parts them.
    return _BARE_LINK.sub(lambda match: f"{match[0][:-1]}<!-- -->{match[0][-1]}", escaped)
