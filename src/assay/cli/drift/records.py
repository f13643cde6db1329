"""`assay drift records`: pairs of systems compared whole; what differs, what it has in common, and what it is worth."""

from __future__ import annotations

import json
import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.drift.again import again_options, keep_trend, kept_in, pass_record, show_pass, ways
from assay.cli.drift.declared import (
    at_option,
    dates_of,
    declared_pairs,
    key_text,
    rates_option,
    rows_of,
    shown,
)
from assay.cli.drift.elsewhere import elsewhere_of, on_option
from assay.cli.drift.hops import hops_of, hops_option, show_troubles, show_way
from assay.cli.drift.news import news_at_hand
from assay.cli.shared import explained, in_colour, json_option, landscape_options
from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.cli.drift.declared import Pairs
    from assay.drift.pairs.model import Crowd, Difference, Pair
    from assay.drift.pairs.policies import Proposal
    from assay.drift.pairs.rate_file import Rates
    from assay.drift.pairs.reconciling import Reconciled
    from assay.money import Money

_FORMAT = 1
_CROWDS, _FIELDS = 5, 4


@click.command()
@click.argument("names", metavar="[PAIR]...", nargs=-1)
@landscape_options
@at_option
@rates_option
@click.option("--show", type=click.IntRange(0), default=10, show_default=True, help="Differing records to print.")
@click.option(
    "--limit", type=click.IntRange(1), default=10_000, show_default=True, help="Differing records to hold and export."
)
@click.option("--memory", type=click.IntRange(100), help="Megabytes before it spills to disk; 1 GB or so without it.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a row a differing field."
)
@click.option(
    "--jsonl", "jsonl_file", type=click.Path(path_type=Path, dir_okay=False), help="Write both records, a line a key."
)
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all of it as one page."
)
@again_options
@on_option
@hops_option
@json_option
@explained
def records(
    names: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    instant: str | None,
    rates_file: Path | None,
    show: int,
    limit: int,
    memory: int | None,
    csv_file: Path | None,
    jsonl_file: Path | None,
    html_file: Path | None,
    address: str | None,
    most: int,
    as_json: bool,
    **again: bool,
) -> None:
    """Compare PAIRS (default: all of monitors/drift/*.toml): every record of both sides, none sampled.

    What differs is classed, explained by its cause, and told together where many have one cause. Accepted differences
    are taken off until their last day. Exit 0 nothing differs, 1 something does, 2 a pair is wrong, 3 a side could not
    be read, 5 there was nothing to compare.
    """
    from assay.drift.extra import need_drift_extra

    need_drift_extra()
    from assay.drift.pairs.causes import Known
    from assay.drift.pairs.rate_file import read_rates

    project = declared_pairs(profile_path, environment)
    chosen = project.declared.chosen(names)
    at, known = project.instant(instant, chosen), Known(rates=read_rates(rates_file) if rates_file else {})
    worth, hops = _Worth(project.base_currency, known.rates, at.date()), hops_of(project, chosen, most)
    done, failed = _compare(
        project,
        chosen,
        worth,
        again,
        show=None if as_json else show,
        at=at,
        known=known,
        accepted=project.declared.accepted,
        limit=limit,
        memory_mb=memory,
        hops=hops,
        on=elsewhere_of(address, project, **again),
    )
    _export(done, csv_file, jsonl_file)
    if html_file is not None:
        _write_page(html_file, project, done, failed, worth, at)
    show_troubles(hops)
    if as_json:
        _print_json(done, failed, worth, show, at)
    elif not done and not failed:
        click.echo("nothing was compared: no pair is declared in monitors/drift/*.toml, see docs/drift.md")
    sys.exit(_code(done, [error for _, error in failed]))


def _print_json(
    done: Sequence[Reconciled], failed: Sequence[tuple[Pair, AssayError]], worth: _Worth, show: int, at: datetime
) -> None:
    content = {
        "format": _FORMAT,
        "at": at.isoformat(),
        "pairs": [_record(each, worth, show) for each in done],
        "failed": [_failure(*each) for each in failed],
    }
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _compare(
    project: Pairs,
    chosen: Sequence[Pair],
    worth: _Worth,
    again: Mapping[str, bool],
    *,
    show: int | None,
    at: datetime,
    **more: Any,
) -> tuple[list[Reconciled], list[tuple[Pair, AssayError]]]:
    """Compare pair after pair, and return what each came to, and which could not be compared.

    show: how many records are printed as soon as a pair is compared; None prints nothing.
    """
    from assay.drift.pairs.reconciling import reconcile
    from assay.drift.schema_news import news_of, with_news, words_of

    changes = news_at_hand(project, chosen)
    done: list[Reconciled] = []
    failed: list[tuple[Pair, AssayError]] = []
    for pair in chosen:
        try:
            left, right = rows_of(pair, project)
            found = reconcile(pair, left, right, at=at, **more, **ways(project, pair, **again))
        except AssayError as error:
            failed.append((pair, error))
            if show is not None:
                click.echo(in_colour(f"{pair.name}: not compared: ", "red", sys.stdout) + str(error))
                _show_news([f"{words_of(each)}: look there first" for each in news_of(pair, changes)])
            continue
        done.append(with_news(found, changes))
        keep_trend(project, found, at)
        if show is not None:
            _show(done[-1], worth, most=show)
    return done, failed


@dataclass(frozen=True, slots=True)
class _Worth:
    """What amounts are worth in the base currency, where it is declared and rates are at hand."""

    base: str | None
    rates: Rates
    day: date

    def of(self, amounts: Mapping[str, Money]) -> tuple[Money, tuple[str, ...]] | None:
        """Return the sum, and the currencies that no rate was found for."""
        from assay.drift.pairs.rate_file import in_base

        if self.base is None or not self.rates or not amounts:
            return None
        return in_base(amounts, self.base, self.rates, self.day)

    def text(self, amounts: Mapping[str, Money]) -> str:
        """Say it in half a sentence; nothing where it is not known."""
        worth = self.of(amounts)
        if worth is None:
            return ""
        total, without = worth
        return f"; together {total}" + (f" without {', '.join(without)}, of which no rate is known" if without else "")


def _code(done: Sequence[Reconciled], failed: Sequence[AssayError]) -> int:
    """Return the exit code: refused, wrong use, unreadable, a finding, nothing, in that order.

    Both sides that answer and hold no record are nothing to compare, and no outage.
    """
    compared = [each for each in done if not _is_empty(each)]
    codes = {each.exit_code for each in failed} | {3 for each in compared if each.outcome.unread}
    codes |= {1 for each in compared if each.open.found}
    worst = next((code for code in (4, 2, 3, 1) if code in codes), 0)
    return 5 if not worst and not compared else worst


def _is_empty(found: Reconciled) -> bool:
    counts = found.outcome.counts
    return not counts.left and not counts.right and len(found.outcome.unread) == 1


def _export(done: Sequence[Reconciled], csv_file: Path | None, jsonl_file: Path | None) -> None:
    from assay.drift.pairs.exporting import write_csv, write_jsonl

    rows = [(each.outcome.pair, one) for each in done for one in each.open.left]
    for file, write in ((csv_file, write_csv), (jsonl_file, write_jsonl)):
        if file is not None:
            write(file, rows)
            click.echo(f"{len(rows):,} differing records written to {file}", err=True)


def _write_page(
    file: Path,
    project: Pairs,
    done: Sequence[Reconciled],
    failed: Sequence[tuple[Pair, AssayError]],
    worth: _Worth,
    at: datetime,
) -> None:
    from assay.drift.pairs.trend import Trend
    from assay.reporting.drift import Told, render_records
    from assay.reporting.html import template_folders
    from assay.reporting.output import write_text

    trend = Trend(kept_in(project))
    told = [
        Told(each, trend.read(each.outcome.pair.name), worth.text(each.at_risk).removeprefix("; ")) for each in done
    ]
    broken = [(pair.name, pair.about, error) for pair, error in failed]
    folders = template_folders(project.folder)
    write_text(file, render_records(told, broken, at=at, environment=project.environment, folders=folders))
    click.echo(f"written to {file}", err=True)


def _show(found: Reconciled, worth: _Worth, *, most: int) -> None:
    outcome, pair = found.outcome, found.outcome.pair
    counts = outcome.counts
    records = f"{counts.left:,} records of {pair.left.system}, {counts.right:,} of {pair.right.system}"
    click.echo(f"{pair.name}: {_verdict(found)}: {records}{_reach(found)}")
    for sentence in outcome.unread:
        click.echo(f"  not read: {shown(sentence)}")
    for sentence in found.ahead:
        click.echo(f"  not compared: {shown(sentence)}")
    _show_news(found.news)
    show_pass(found)
    for crowd in outcome.crowds[:_CROWDS]:
        click.echo(f"  {shown(crowd.sentence)}")
    if outcome.found:
        classes = ", ".join(f"{count:,} {name.value}" for name, count in outcome.classes.items() if count)
        fields = ", ".join(f"{name} {count:,}" for name, count in outcome.fields.items() if count)
        click.echo(f"  {classes}" + (f"; by field: {fields}" if fields else ""))
    if found.at_risk:
        held = "at least " if outcome.cut else ""
        click.echo(f"  at risk: {held}{', '.join(map(str, found.at_risk.values()))}{worth.text(found.at_risk)}")
    if counts.in_flight:
        click.echo(f"  in flight, younger than the grace: {counts.in_flight:,}, of which nothing is said")
    told = {crowd.sentence for crowd in outcome.crowds}
    for each in found.open.left[:most]:
        _show_difference(each, pair, told)
    if found.open.found > most:
        click.echo(f"  … and {found.open.found - most:,} more: --csv FILE or --jsonl FILE has them, up to --limit")
    _show_accepted(found)
    for proposal in found.proposals:
        _show_proposal(proposal, pair)


def _show_news(news: Sequence[str]) -> None:
    from assay.reporting.text import clip, one_line

    for sentence in news:
        click.echo(f"  schema: {one_line(clip(sentence, 400))}")


def _verdict(found: Reconciled) -> str:
    """Return how a pair came out, in colour."""
    if found.outcome.unread:
        return in_colour("not all could be read", "yellow", sys.stdout)
    if found.open.found:
        return in_colour(f"{found.open.found:,} differ", "red", sys.stdout)
    if found.confirmed is not None and found.confirmed.pending:
        return in_colour("nothing is confirmed as yet", "yellow", sys.stdout)
    return in_colour("the same", "green", sys.stdout)


def _reach(found: Reconciled) -> str:
    from assay.reporting.text import instant

    since, until = found.outcome.since, found.outcome.until
    return f", {instant(since)} to {instant(until)}" if since and until else ""


def _show_difference(each: Difference, pair: Pair, told: Container[str]) -> None:
    """Print one difference; a sentence that all share was printed above."""
    head = f"  {key_text(each.key)}  {each.classed.value}"
    risk = f"  {each.at_risk}" if each.at_risk else ""
    if not each.fields:
        why = f"  {each.cause.value}: {shown(each.why)}" if each.why and each.why not in told else ""
        copies = f"  {each.copies[0]} and {each.copies[1]} times" if each.copies not in ((1, 1), (1, 0), (0, 1)) else ""
        click.echo(f"{head}{copies}{risk}{why}")
    for apart in each.fields[:_FIELDS]:
        why = f"  {apart.cause.value}" + (f": {shown(apart.why)}" if apart.why and apart.why not in told else "")
        click.echo(f"{head}  {apart.field}: {shown(apart.left)} -> {shown(apart.right)}{why}")
    if dates := dates_of(pair, each):
        click.echo(f"    {dates}")
    show_way(each.way, "    ")
    if len(each.fields) > _FIELDS:
        click.echo(f"{head}  … and {len(each.fields) - _FIELDS} more fields: assay drift explain {pair.name} KEY")


def _show_accepted(found: Reconciled) -> None:
    from assay.reporting.text import plural

    reasons: dict[Any, int] = {}
    for _, entries in found.open.accepted:
        for entry in entries:
            reasons[entry] = reasons.get(entry, 0) + 1
    for entry, count in reasons.items():
        click.echo(f"  accepted until {entry.until} by {entry.owner}: {plural(count, 'record')}: {entry.reason}")
    if found.outcome.cut and reasons:
        held = len(found.outcome.differences)
        click.echo(f"  only {held:,} of {found.outcome.found:,} were held against what is accepted: raise --limit")
    for entry, count in found.open.over:
        still = (
            f"{plural(count, 'record')} still as it was"
            if count
            else "nothing held here differs so: take the entry out"
        )
        word = in_colour("over", "red" if count else None, sys.stdout)
        click.echo(f"  accepted until {entry.until} by {entry.owner}, {word}: {entry.reason}; {still} ({entry.where})")


def _show_proposal(proposal: Proposal, pair: Pair) -> None:
    from assay.drift.pairs.policies import policy_toml

    click.echo(f"  proposal: {proposal.sentence()}")
    if proposal.left.rounding is not None and proposal.right.rounding is not None:
        click.echo(f"    [pairs.{pair.name}.left]   rounding = {policy_toml(proposal.left.rounding)}")
        click.echo(f"    [pairs.{pair.name}.right]  rounding = {policy_toml(proposal.right.rounding)}")


def _record(found: Reconciled, worth: _Worth, show: int) -> dict[str, Any]:
    from assay.drift.pairs.exporting import difference_record
    from assay.drift.pairs.policies import policy_toml

    outcome, counts = found.outcome, found.outcome.counts
    together = worth.of(found.at_risk)
    return {
        "name": outcome.pair.name,
        "left": {"system": outcome.pair.left.system, "records": counts.left},
        "right": {"system": outcome.pair.right.system, "records": counts.right},
        "since": outcome.since.isoformat() if outcome.since else None,
        "until": outcome.until.isoformat() if outcome.until else None,
        "matched": counts.matched,
        "only_left": counts.only_left,
        "only_right": counts.only_right,
        "in_flight": counts.in_flight,
        "found": outcome.found,
        "open": found.open.found,
        "classes": {name.value: count for name, count in outcome.classes.items() if count},
        "fields": {name: count for name, count in outcome.fields.items() if count},
        "crowds": [_crowd(each) for each in outcome.crowds],
        "schema": list(found.news),
        "ahead": list(found.ahead),
        "at_risk": {code: f"{amount.amount:f}" for code, amount in found.at_risk.items()},
        "at_risk_together": {"amount": f"{together[0].amount:f}", "currency": together[0].currency}
        if together
        else None,
        "held": len(outcome.differences),
        **pass_record(found),
        "unread": list(outcome.unread),
        "accepted": [
            {"key": list(each.key), "owner": entries[0].owner, "until": entries[0].until.isoformat()}
            for each, entries in found.open.accepted
        ],
        "over": [
            {"where": entry.where, "owner": entry.owner, "until": entry.until.isoformat(), "records": count}
            for entry, count in found.open.over
        ],
        "proposals": [
            {
                "field": each.field,
                "sentence": each.sentence(),
                "left": policy_toml(each.left.rounding) if each.left.rounding else None,
                "right": policy_toml(each.right.rounding) if each.right.rounding else None,
                "orders": each.orders,
                "beyond": each.beyond,
            }
            for each in found.proposals
        ],
        "differences": [difference_record(each) for each in found.open.left[:show]],
    }


def _crowd(each: Crowd) -> dict[str, Any]:
    return {
        "sentence": each.sentence,
        "cause": each.cause.value,
        "class": each.classed.value,
        "field": each.field,
        "of": each.of,
        "among": each.among,
        "dimension": each.dimension,
        "value": each.value,
    }


def _failure(pair: Pair, error: AssayError) -> dict[str, Any]:
    return {"pair": pair.name, "error": str(error), "exit_code": error.exit_code}
