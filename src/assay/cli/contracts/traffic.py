"""`assay contracts traffic`: what a platform and its vendors said to each other, held against the documents."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.clock import parse_span
from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.contracts.results import Counted, Observed
    from assay.contracts.traffic import Traffic

_FORMAT = 1
_NAMED = 3


@click.command()
@click.argument("systems", metavar="[SYSTEM]...", nargs=-1)
@landscape_options
@click.option("--since", metavar="SPAN", help="Only exchanges of this last while, such as 30m, 1h, 2d.")
@click.option("--run", metavar="RUN", help="Only the exchanges of this run: its id, or 'latest'.")
@click.option("--all", "everything", is_flag=True, help="List every undocumented field and parameter, too.")
@json_option
@explained
def traffic(
    systems: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    since: str | None,
    run: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Hold every exchange that was kept against the documents of the systems, without a call of our own.

    Taken from the edge's journal; without one from the simulators' access logs, else from what the connectors said.
    Undocumented fields and parameters are information. Exit 0 nothing else, 1 violations, 5 nothing could be judged.
    """
    from assay.runners.contract_traffic import traffic_of

    if since and run:
        raise UsageError("--since and --run both say which exchanges", hint="give one of them")
    plan = plan_for(environment, profile_path)
    begin = datetime.now(UTC) - parse_span(since) if since else None
    held = traffic_of(plan, systems, since=begin, run=run)
    observed = held.observed()
    broken = sum(not counted.deviation.problem.is_additive for each in observed for counted in each.counted)
    if as_json:
        click.echo(json.dumps(_content(plan.name, held, observed, broken), indent=2, default=str, ensure_ascii=False))
    else:
        for each in observed:
            _show(each, everything=everything)
        _sum_up(held, observed, broken)
    sys.exit(1 if broken else 0 if held.judged else 5)


def _content(environment: str, held: Traffic, observed: tuple[Observed, ...], broken: int) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "environment": environment,
        "sources": held.sources,
        "exchanges": held.exchanges,
        "judged": held.judged,
        "violations": broken,
        "left_out": dict(held.left_out),
        "excused": held.excused,
        "observed": [asdict(each) for each in observed],
    }


def _show(each: Observed, *, everything: bool) -> None:
    statuses = ", ".join(f"{status} x{count:,}" for status, count in each.statuses.items())
    name = each.operation or in_colour(f"{each.path} (undocumented)", "red", sys.stdout)
    by = ", ".join(dict.fromkeys(source.partition(":")[0] for source in each.judged_by))
    click.echo(f"{each.system:<16}{name:<56} {each.exchanges:>7,}  {statuses}{f'  by {by}' if by else ''}")
    information = [counted for counted in each.counted if counted.deviation.problem.is_additive]
    for counted in each.counted:
        if everything or counted not in information:
            for line in _lines(counted):
                click.echo(f"{'':<16}{line}")
    if information and not everything:
        paths = [counted.deviation.path or f"a body of the {counted.direction}" for counted in information]
        more = ", …" if len(paths) > _NAMED else ""
        click.echo(f"{'':<18}information: {len(paths)} undocumented or deprecated: {', '.join(paths[:_NAMED])}{more}")


def _lines(counted: Counted) -> Iterator[str]:
    deviation = counted.deviation
    additive = deviation.problem.is_additive
    kind = "information" if additive else in_colour("violation", "red", sys.stdout)
    path = f" {deviation.path}" if deviation.path else ""
    expected = f": expected {deviation.expected}" if deviation.expected else ""
    seen = f", seen {deviation.seen}" if deviation.seen else ""
    yield f"  {kind}: {counted.direction}{path}: {deviation.problem}{expected}{seen} ({counted.count:,} x)"
    if counted.example and not additive:
        yield f"    {counted.example}"


def _sum_up(held: Traffic, observed: tuple[Observed, ...], broken: int) -> None:
    additive = sum(counted.deviation.problem.is_additive for each in observed for counted in each.counted)
    operations = len({(each.system, each.operation) for each in observed if each.operation})
    source = " and ".join(held.sources) or "nowhere: no exchange is kept"
    click.echo(f"\n{held.exchanges:,} exchanges, from {source}; {held.judged:,} judged, {operations} operations seen")
    for system, reasons in held.left_out.items():
        click.echo(f"left out, {system}: {reasons}")
    for system, excused in held.excused.items():
        for reason, count in excused.items():
            click.echo(f"known, {system}: {count:,} x {reason}")
    click.echo(f"{in_colour(f'{broken} violations', 'red' if broken else 'green', sys.stdout)}, {additive} additive")
