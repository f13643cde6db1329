"""The HTML report: one self-contained file that opens offline, findings first, under 2 MB however long the run.

The page is laid out by the templates of the suite's ``reports/`` folder, the user's own before the shipped ones. What
does not fit is left out from the least important side (exchanges of cases that passed go first) and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.events import Outcome
from assay.oracles import ORACLES
from assay.reporting.contracts_page import ContractsSection, section_of
from assay.reporting.coverage import Coverage, coverage_of
from assay.reporting.money import COLUMNS, NOTE, NOTHING, MoneyRow, money_of
from assay.reporting.run_record import RunRecord
from assay.reporting.text import clip, duration, plural
from assay.reporting.verdict import State, Unjudged, Verdict, counts_of, lost_of, state_of, unjudged_of, verdict_of
from assay.reporting.view import (
    LONG,
    SHORT,
    CaseView,
    cards_of,
    case_view,
    facts_of,
    failures_of,
    talks_of,
    tiles_of,
)
from assay.suites import reference_suite

if TYPE_CHECKING:
    from markupsafe import Markup

LIMIT_BYTES = 1_900_000
"""What the file may weigh; the head, the map and a reserve are taken from the promised 2 MB."""
_SHARES = {"cards": 450_000, "failures": 150_000, "unjudged": 100_000, "contracts": 400_000}
_MOST = 100
_FOLD_FROM = 12
_OPEN = 3
_LISTED = 50
_FIXED = 250_000


@dataclass(frozen=True, slots=True)
class FlowView:
    """One flow: cases that need a look first, the rest folded where they are many."""

    id: str
    title: str
    summary: str
    first: Markup
    folded: Markup
    folded_label: str


@dataclass(frozen=True, slots=True)
class Money:
    """The section about money: a row for each currency at each gateway, or the words for none."""

    rows: list[MoneyRow]
    columns: Sequence[str] = COLUMNS
    note: str = NOTE
    nothing: str = NOTHING


@dataclass(frozen=True, slots=True)
class Page:
    """Everything ``run.html.j2`` lays out."""

    verdict: Verdict
    state: str
    headline: str
    lead: str
    environment: str
    tiles: list[tuple[str, str, str]]
    facts: list[tuple[str, str]]
    sections: list[tuple[str, str]]
    trouble: list[str]
    cards: Markup
    cards_left_out: int
    failures: Markup
    failures_left_out: int
    lost: list[tuple[str, str]]
    coverage: Coverage
    money: Money
    contracts: ContractsSection
    flows: list[FlowView]
    cases_left_out: int
    unjudged: Markup
    unjudged_left_out: int
    brand: str = "Assay report"


def template_folders(project: Path | None = None) -> list[Path]:
    """Return where templates are looked for: the project's ``reports/`` first, the shipped ones after."""
    roots = [project, reference_suite()] if project else [reference_suite()]
    return [root / "reports" for root in roots]


def render_html(run: RunRecord, folders: Sequence[Path], needs: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """Return the run as one HTML page; `UsageError` names a template that is missing or wrong and its line.

    `needs` says which roles each oracle reads (the registered oracles when absent): the coverage map places verdicts
    by it that name no system.
    """
    by = {name: oracle.needs for name, oracle in ORACLES.items()} if needs is None else needs
    return laid_out(folders, "run.html.j2", "parts.html.j2", lambda parts: _page(run, parts, by))


def laid_out(folders: Sequence[Path], template: str, parts: str, page: Callable[[Any], Any]) -> str:
    """Return a page laid out by a template; `page` makes what it shows, from the macros of the template `parts`.

    `UsageError` names a template that is missing or wrong and its line.
    """
    import jinja2

    loader = jinja2.FileSystemLoader([str(folder) for folder in folders])
    templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    try:
        return templates.get_template(template).render(page=page(templates.get_template(parts).module))
    except jinja2.TemplateSyntaxError as error:
        where = f"{error.filename or error.name}:{error.lineno}"
        raise UsageError("a report template is wrong", where=where, seen=str(error.message), hint=_MEND) from None
    except jinja2.TemplateNotFound as error:
        looked = ", ".join(str(folder) for folder in folders)
        raise UsageError(f"there is no report template {error.name}", expected=f"in {looked}", hint=_MEND) from None
    except jinja2.UndefinedError as error:
        raise UsageError("a report template asks for what is not there", seen=str(error), hint=_MEND) from None


_MEND = "mend the template in your project's reports/, or delete it to use the shipped one"


def _page(run: RunRecord, parts: Any, needs: Mapping[str, tuple[str, ...]]) -> Page:
    verdict, outcomes = verdict_of(run), run.outcomes
    cards, cards_out = fragments(parts.card, cards_of(outcomes), _SHARES["cards"])
    failures, failures_out = fragments(parts.failure, failures_of(outcomes), _SHARES["failures"])
    groups = [_shown(group) for group in unjudged_of(run)]
    unjudged, unjudged_out = fragments(parts.unjudged, groups, _SHARES["unjudged"])
    contracts = section_of(run.contracts, parts, _SHARES["contracts"])
    spent = sum(_size(part) for part in (cards, failures, unjudged)) + contracts.size
    cases = _Cases(parts, outcomes, LIMIT_BYTES - _FIXED - spent)
    lost = [(clip(oracle, SHORT), clip(reason, LONG)) for oracle, reason in lost_of(run)[:_LISTED]]
    trouble = [clip(line, LONG) for line in (run.finished.trouble if run.finished else ())[:_LISTED]]
    sections = [
        ("trouble", "Trouble", bool(trouble)),
        ("findings", f"Findings ({verdict.counts.failed:,})", True),
        ("steps", f"Failed steps ({verdict.counts.failed_steps:,})", bool(failures)),
        ("lost", "No longer evaluated", bool(lost)),
        ("coverage", "Coverage", True),
        ("money", "Money", True),
        ("contracts", "Contracts", True),
        ("flows", f"Flows ({len({outcome.flow for outcome in outcomes}):,})", True),
        ("open", f"Not evaluated ({verdict.counts.not_evaluated:,})", True),
    ]
    return Page(
        verdict=verdict,
        state="good" if verdict.good else "bad",
        headline=verdict.headline,
        lead=verdict.sentence,
        environment=clip(run.environment, SHORT),
        tiles=tiles_of(run, verdict.counts),
        facts=facts_of(run),
        sections=[(anchor, label) for anchor, label, shown in sections if shown],
        trouble=trouble,
        cards=cards,
        cards_left_out=cards_out,
        failures=failures,
        failures_left_out=failures_out,
        lost=lost,
        coverage=_clipped(coverage_of(outcomes, needs)),
        money=Money(money_of(outcomes)),
        contracts=contracts,
        flows=cases.flows(),
        cases_left_out=cases.left_out,
        unjudged=unjudged,
        unjudged_left_out=unjudged_out,
    )


class _Cases:
    """The cases as fragments: every one as a line, then as many details as fit, the ones that need a look first."""

    def __init__(self, parts: Any, outcomes: Sequence[Outcome], budget: int) -> None:
        self._parts, self._outcomes, self._budget = parts, outcomes, budget
        self._views: dict[int, CaseView] = {}
        self._shown: dict[int, Markup] = {}
        worst = (State.FAILED, State.FLAKY, State.NOT_JUDGED, State.PASSED)
        self._states = states = [state_of(outcome) for outcome in outcomes]
        order = sorted(range(len(outcomes)), key=lambda number: worst.index(states[number]))
        urgent = [number for number in order if states[number] is not State.PASSED]
        calm = [number for number in order if states[number] is State.PASSED]
        self._open = set(urgent[:_OPEN])
        self._each(order, self._line)
        self._each(urgent, self._full)
        self._each(urgent, self._detail)
        self._each(calm, self._detail)
        self._each(calm, self._full)

    @property
    def left_out(self) -> int:
        """How many cases are not even listed."""
        return len(self._outcomes) - len(self._shown)

    def flows(self) -> list[FlowView]:
        """Return the flows, those with a failed case first, and failed cases first within each."""
        by_flow: dict[str, list[int]] = {}
        for number, outcome in enumerate(self._outcomes):
            if number in self._shown:
                by_flow.setdefault(outcome.flow, []).append(number)
        failed = {outcome.flow for outcome in self._outcomes if outcome.failed}
        order = sorted(by_flow, key=lambda flow: flow not in failed)
        return [self._flow(flow, by_flow[flow]) for flow in order]

    def _flow(self, flow: str, numbers: list[int]) -> FlowView:
        from markupsafe import Markup

        outcomes = [self._outcomes[number] for number in numbers]
        counts = counts_of(outcomes)
        first = [number for number in numbers if self._states[number] is not State.PASSED]
        calm = [number for number in numbers if self._states[number] is State.PASSED]
        if len(calm) <= _FOLD_FROM:
            first, calm = first + calm, []
        times = [outcome.seconds for outcome in outcomes]
        summary = [plural(counts.cases, "case"), f"{counts.failed_cases:,} failed", f"{counts.flaky_cases:,} flaky"]
        summary += [plural(counts.failed, "finding"), f"longest {duration(max(times))}"]
        return FlowView(
            id=clip(flow, SHORT),
            title=clip(outcomes[0].title, SHORT),
            summary=" · ".join(summary),
            first=Markup("").join(self._shown[number] for number in first),
            folded=Markup("").join(self._shown[number] for number in calm),
            folded_label=f"{plural(len(calm), 'case')} that passed",
        )

    def _each(self, numbers: Iterable[int], render: Callable[[int], Markup | None]) -> None:
        """Render these cases so, as long as there is room; a few that do not fit end it."""
        misses = 0
        for number in numbers:
            if misses >= 5:
                return
            fragment = render(number)
            if fragment is None:
                continue
            cost = _size(fragment) - _size(self._shown.get(number))
            if cost > self._budget:
                misses += 1
                continue
            self._budget -= cost
            self._shown[number] = fragment

    def _line(self, number: int) -> Markup:
        fragment: Markup = self._parts.short_case(self._view(number))
        return fragment

    def _detail(self, number: int) -> Markup | None:
        if number not in self._shown or self._shown[number].startswith("\n<details"):
            return None
        count = len(self._outcomes[number].exchanges)
        return self._case(number, self._parts.no_exchanges(count) if count else "")

    def _full(self, number: int) -> Markup | None:
        exchanges = self._outcomes[number].exchanges
        if number not in self._shown:
            return None
        if not exchanges:
            return self._detail(number)
        talks, left_out = talks_of(exchanges)
        return self._case(number, self._parts.exchanges(talks, left_out))

    def _case(self, number: int, exchanges: str) -> Markup:
        fragment: Markup = self._parts.case(self._view(number), exchanges, number in self._open)
        return fragment

    def _view(self, number: int) -> CaseView:
        if number not in self._views:
            self._views[number] = case_view(self._outcomes[number], f"case-{number + 1}")
        return self._views[number]


def fragments(render: Callable[[Any], Markup], items: Sequence[Any], budget: int) -> tuple[Markup, int]:
    """Return as many fragments as fit, joined, and how many did not."""
    from markupsafe import Markup

    taken: list[Markup] = []
    for item in items[:_MOST]:
        fragment = render(item)
        budget -= _size(fragment)
        if budget < 0:
            break
        taken.append(fragment)
    return Markup("").join(taken), len(items) - len(taken)


def _shown(group: Unjudged) -> Mapping[str, str]:
    return {
        "oracles": clip(", ".join(group.oracles), LONG),
        "verdicts": f"{group.verdicts:,}",
        "reason": clip(group.reason, LONG),
        "remedy": clip(group.remedy, LONG),
    }


def _clipped(coverage: Coverage) -> Coverage:
    flows = tuple(
        (clip(flow, SHORT), tuple(replace(row, system=clip(row.system, 48)) for row in rows))
        for flow, rows in coverage.flows
    )
    return replace(coverage, flows=flows)


def _size(fragment: str | None) -> int:
    return len(fragment.encode("utf-8", "replace")) if fragment else 0
