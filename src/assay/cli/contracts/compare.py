"""`assay contracts compare`: holds what a contract says against the vendor's whole document."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.contracts.comparing import Compared, Departure

_FORMAT = 1
_SHOWN = 20


@click.command()
@click.argument("names", metavar="[SYSTEM]...", nargs=-1)
@landscape_options
@click.option("--values", type=click.IntRange(0, 100_000), default=200, show_default=True, help="Values to draw.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the drawing.")
@click.option("--all", "show_all", is_flag=True, help="Every place: listed ones with their reason, undecided ones too.")
@json_option
@explained
def compare(
    names: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    values: int,
    seed: int,
    show_all: bool,
    as_json: bool,
) -> None:
    """Hold the contract of SYSTEMs (default: all that have a vendor's document here) against that document.

    Path by path: operation, field, type, requiredness, fixed values; then by values drawn from the contract and judged
    by the document. What departs on purpose is listed with its reason in deviations.toml beside the contract; a
    reason for what departs no more is an error. Exit 1 with a departure that has no reason or a reason that has no
    departure, 2 where a document cannot be read (the others are compared), 5 where nothing could be compared.
    """
    from assay.cli.contracts.pull import check_names
    from assay.contracts.comparing import comparable
    from assay.contracts.comparing import compare as hold
    from assay.local.documents import documents_of

    plan = plan_for(environment, profile_path)
    check_names(names, plan.environment.systems, environment)
    registry = documents_of(plan)
    chosen = list(names) or comparable(registry)
    found, wrong = [], []
    for name in chosen:
        try:
            found.append(hold(registry, name, values=values, seed=seed))
        except UsageError as error:
            if len(chosen) == 1:
                raise
            wrong.append(name)
            click.echo(f"assay: {error}", err=True)
    missing = {each.system: each for each in registry.absent() if each.system not in chosen}
    if as_json:
        content = {
            "format": _FORMAT,
            "systems": [_record(each) for each in found],
            "not_compared": {name: {"problem": each.problem, "do": each.hint} for name, each in missing.items()},
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        for each in found:
            _show(each, show_all=show_all)
        for name, absent in missing.items():
            click.echo(f"{name}: not compared, {absent.problem}: {absent.hint}")
        if not found and not wrong:
            click.echo("nothing was compared: no system has both a contract and a vendor's document here")
            click.echo("fetch the documents of the vendors we know: assay contracts pull")
    bad = any(each.unexplained or each.stale for each in found)
    sys.exit(2 if wrong else 5 if not found else 1 if bad else 0)


def _show(found: Compared, *, show_all: bool) -> None:
    listed = len(found.departures) - len(found.unexplained)
    click.echo(
        f"{found.system}: {found.operations} operations, {found.places:,} places, {found.values} values; "
        f"{len(found.unexplained)} depart, {listed} listed with a reason, "
        f"{len(found.undecided)} undecided ({100 * found.undecided_share:.1f} %)"
    )
    click.echo(f"  {found.contract} against {', '.join(found.documents)}")
    if found.limits_left or found.narrower:
        click.echo(
            f"  {found.limits_left} places leave lengths and patterns to the document, "
            f"{found.narrower} take less than the vendor does"
        )
    unexplained = found.unexplained
    for each in unexplained if show_all else unexplained[:_SHOWN]:
        click.echo(f"  {_line(each)}")
    if len(unexplained) > _SHOWN and not show_all:
        click.echo(f"  … and {len(unexplained) - _SHOWN} more: --all")
    for stale in found.stale:
        click.echo(f"  {stale.where}: nothing departs at {stale.operation} {stale.path or 'body'} any more; remove it")
    if show_all:
        for each in found.departures:
            if each.reason:
                click.echo(f"  listed: {_line(each)}; {each.reason}")
        for open_ in found.undecided:
            place = f"{open_.operation} {open_.direction} {open_.status} {open_.path or 'body'}"
            click.echo(f"  undecided: {place}: {open_.why}")
    else:
        for why, count in Counter(each.why for each in found.undecided).most_common():
            click.echo(f"  undecided {count}: {why}")


def _line(each: Departure) -> str:
    deviation = each.deviation
    said = f"the document: {deviation.expected or 'nothing'}; the contract: {deviation.seen or 'nothing'}"
    where = " ".join(part for part in (each.operation, each.direction, each.status) if part)
    return f"{where}: {deviation.path or 'body'}: {deviation.problem.value} ({said}; by {each.by})"


def _record(found: Compared) -> dict[str, Any]:
    return {
        "system": found.system,
        "contract": found.contract,
        "documents": list(found.documents),
        "operations": found.operations,
        "unknown_operations": found.unknown,
        "places": found.places,
        "values": found.values,
        "undecided": len(found.undecided),
        "undecided_share": round(found.undecided_share, 4),
        "limits_left": found.limits_left,
        "narrower": found.narrower,
        "departures": [
            {
                "operation": each.operation,
                "direction": each.direction,
                "status": each.status,
                "problem": each.deviation.problem.value,
                "path": each.deviation.path,
                "expected": each.deviation.expected,
                "seen": each.deviation.seen,
                "by": each.by,
                "reason": each.reason,
            }
            for each in found.departures
        ],
        "undecided_places": [
            {
                "operation": each.operation,
                "direction": each.direction,
                "status": each.status,
                "path": each.path,
                "why": each.why,
            }
            for each in found.undecided
        ],
        "stale_reasons": [each.where for each in found.stale],
    }
