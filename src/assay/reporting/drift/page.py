"""The report of compared records as one HTML file that opens offline: causes first, then figures, then the records.

It says nothing of when it was written, so that the same comparison gives the same file. What does not fit is left out
and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError
from assay.money import sums_by_currency
from assay.reporting.drift.pair import PairView, pair_view
from assay.reporting.html import laid_out
from assay.reporting.text import clip, instant, plural
from assay.reporting.view import LONG, SHORT

if TYPE_CHECKING:
    from assay.drift.pairs.reconciling import Reconciled
    from assay.drift.pairs.trend import Compared

_SAMPLES_BYTES, _MOST_PAIRS = 1_300_000, 100


@dataclass(frozen=True, slots=True)
class Told:
    """One pair that was compared: what it came to, how it was before, and its worth in the base currency, in words."""

    found: Reconciled
    history: Sequence[Compared] = ()
    together: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A pair that could not be compared at all."""

    anchor: str
    name: str
    about: str
    error: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything ``drift/records.html.j2`` lays out."""

    state: str
    headline: str
    lead: str
    environment: str
    tiles: list[tuple[str, str, str]]
    facts: list[tuple[str, str]]
    sections: list[tuple[str, str]]
    pairs: list[PairView]
    failed: list[Failed]
    pairs_left_out: int
    brand: str = "Assay drift report"


def render_records(
    told: Sequence[Told],
    failed: Sequence[tuple[str, str, AssayError]],
    *,
    at: datetime,
    environment: str,
    folders: Sequence[Path],
) -> str:
    """Return what pairs came to as one HTML page; failed: name, about and why of those that were not compared.

    at: the instant of the comparison. `UsageError` names a template that is missing or wrong and its line.
    """
    return laid_out(
        folders,
        "drift/records.html.j2",
        "drift/parts.html.j2",
        lambda parts: _page(told, failed, at, environment, parts),
    )


def _page(
    told: Sequence[Told], failed: Sequence[tuple[str, str, AssayError]], at: datetime, environment: str, parts: Any
) -> Page:
    budget = _SAMPLES_BYTES // max(1, min(len(told), _MOST_PAIRS))
    pairs = [
        pair_view(
            each.found,
            anchor=f"pair-{number}",
            history=each.history,
            together=each.together,
            at=at,
            parts=parts,
            budget=budget,
        )
        for number, each in enumerate(told[:_MOST_PAIRS], 1)
    ]
    broken = [
        Failed(f"failed-{number}", clip(name, SHORT), clip(about, LONG), clip(f"{error}", 4 * LONG))
        for number, (name, about, error) in enumerate(failed[:_MOST_PAIRS], 1)
    ]
    state, headline, lead = _verdict(told, pairs, broken)
    sections = [("overview", "Overview")] if len(pairs) + len(broken) > 1 else []
    return Page(
        state=state,
        headline=headline,
        lead=lead,
        environment=clip(environment, SHORT),
        tiles=_tiles(told, broken),
        facts=[("Environment", clip(environment, SHORT)), ("Compared as of", instant(at))],
        sections=[
            *sections,
            *((each.anchor, each.name) for each in broken),
            *((each.anchor, each.name) for each in pairs),
        ],
        pairs=pairs,
        failed=broken,
        pairs_left_out=max(0, len(told) - _MOST_PAIRS) + max(0, len(failed) - _MOST_PAIRS),
    )


def _verdict(told: Sequence[Told], pairs: Sequence[PairView], failed: Sequence[Failed]) -> tuple[str, str, str]:
    """Return the state, the headline and the sentence under it."""
    if not pairs and not failed:
        return "open", "Nothing was compared", "No pair is declared in monitors/drift/*.toml; docs/drift.md says how."
    found = sum(each.found.open.found for each in told)
    differing = [each.name for each in pairs if each.state == "bad"]
    unjudged = [each.name for each in failed] + [each.name for each in pairs if each.state == "open"]
    said = []
    if differing and len(pairs) + len(failed) > 1:
        verb = "differs" if len(differing) == 1 else "differ"
        said.append(f"{len(differing):,} of {len(pairs) + len(failed):,} pairs {verb}: {_some(differing)}")
    if unjudged:
        said.append(f"There is no verdict of {_some(unjudged)}")
    if causes := [row.sentence for each in pairs for row in each.causes[:1]]:
        said.append(f"The first cause: {causes[0].rstrip('.')}")
    lead = f"{'. '.join(said)}." if said else ""
    if found:
        return "bad", f"{plural(found, 'record')} {'differs' if found == 1 else 'differ'}", lead
    if unjudged:
        return "open", "Not everything could be judged", lead
    return "good", "Nothing differs", f"{plural(len(pairs), 'pair')} compared whole, every record of both sides."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _tiles(told: Sequence[Told], failed: Sequence[Failed]) -> list[tuple[str, str, str]]:
    records = [count for each in told for count in (each.found.outcome.counts.left, each.found.outcome.counts.right)]
    accepted = sum(len(each.found.open.accepted) for each in told)
    pending = sum(len(each.found.confirmed.pending) for each in told if each.found.confirmed)
    not_read = len(failed) + sum(bool(each.found.outcome.unread) for each in told)
    tiles = [
        ("Pairs", f"{len(told) + len(failed):,}", f"{not_read:,} not or not all read" if not_read else "all read"),
        ("Records read", f"{sum(records):,}", "of both sides"),
        (
            "Differ",
            f"{sum(each.found.open.found for each in told):,}",
            f"{accepted:,} more accepted" if accepted else "",
        ),
    ]
    if pending:
        tiles.append(("Pending", f"{pending:,}", "told when their time is over"))
    worth = [amount for each in told for amount in each.found.at_risk.values()]
    if worth:
        at_least = any(each.found.outcome.cut for each in told)
        totals = list(sums_by_currency(worth).values())
        rest = [f"{each}" for each in totals[1:4]] + ([f"{len(totals) - 4} more currencies"] if totals[4:] else [])
        aside = f"and {', '.join(rest)}" if rest else ""
        tiles.append(("Money at risk", f"{totals[0]}", ", ".join(filter(None, [aside, "at least" * at_least]))))
    return tiles
