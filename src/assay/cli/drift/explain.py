"""`assay drift explain PAIR KEY`: one record as both sides hold it, side by side, and what is wrong with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.drift.declared import (
    at_option,
    dates_of,
    declared_pairs,
    key_text,
    rates_option,
    rows_of,
    shown,
)
from assay.cli.drift.hops import hops_of, show_hops, show_troubles
from assay.cli.shared import explained, in_colour, json_option, landscape_options

if TYPE_CHECKING:
    from assay.drift.pairs.model import Pair
    from assay.drift.pairs.reconciling import KeyExplained

_FORMAT = 1


@click.command()
@click.argument("name", metavar="PAIR")
@click.argument("key", nargs=-1, required=True)
@landscape_options
@at_option
@rates_option
@json_option
@explained
def explain(
    name: str,
    key: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    instant: str | None,
    rates_file: Path | None,
    as_json: bool,
) -> None:
    """Show the record of PAIR with this KEY, its columns one after the other, as both sides hold it now.

    Exit 0 the sides agree, or the record is still in flight; 1 they differ; 3 a side could not be read; 5 neither side
    has such a record.
    """
    from assay.drift.extra import need_drift_extra

    need_drift_extra()
    from assay.drift.pairs.causes import Known
    from assay.drift.pairs.rate_file import read_rates
    from assay.drift.pairs.reconciling import explain_key

    project = declared_pairs(profile_path, environment)
    pair = project.declared.chosen([name])[0]
    left, right = rows_of(pair, project)
    known, hops = Known(rates=read_rates(rates_file) if rates_file else {}), hops_of(project, [pair], 1)
    found = explain_key(pair, key, left, right, at=project.instant(instant, [pair]), known=known, hops=hops)
    show_troubles(hops)
    if as_json:
        content = {"format": _FORMAT, "pair": pair.name, **_record(found)}
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        _show(pair, found)
    if found.unread:
        sys.exit(3)
    if not found.left and not found.right:
        sys.exit(5)
    sys.exit(1 if found.difference is not None and not found.in_flight else 0)


def _record(found: KeyExplained) -> dict[str, Any]:
    from assay.drift.pairs.exporting import difference_record, plain

    return {
        "key": list(found.key),
        "in_flight": found.in_flight,
        "difference": difference_record(found.difference) if found.difference else None,
        "left": [plain(each) for each in found.left],
        "right": [plain(each) for each in found.right],
        "unread": list(found.unread),
    }


def _show(pair: Pair, found: KeyExplained) -> None:
    difference = found.difference
    for sentence in found.unread:
        click.echo(f"not read: {shown(sentence)}")
    if not found.left and not found.right:
        click.echo(f"neither {pair.left.system} nor {pair.right.system} has {key_text(found.key)}")
        return
    if found.unread and difference is None:
        word = in_colour("could not be compared", "yellow", sys.stdout)
    elif difference is None:
        word = in_colour("the same on both sides", "green", sys.stdout)
    elif found.in_flight:
        word = f"in flight, {difference.classed.value} as yet"
    else:
        word = in_colour(difference.classed.value, "red", sys.stdout)
    click.echo(f"{pair.name} {key_text(found.key)}: {word}")
    for each in (pair.left, pair.right):
        rows = found.left if each is pair.left else found.right
        if len(rows) != 1:
            click.echo(f"  {each.system} has {'none' if not rows else f'{len(rows)} records'} of this key")
    if difference is not None:
        _show_what(pair, found)
    _show_rows(pair, found)


def _show_what(pair: Pair, found: KeyExplained) -> None:
    difference = found.difference
    assert difference is not None  # asked by the caller
    if difference.why and not difference.fields:
        click.echo(f"  {difference.cause.value}: {shown(difference.why)}")
    for apart in difference.fields:
        why = f": {shown(apart.why)}" if apart.why else ""
        click.echo(f"  {apart.field}: {shown(apart.left)} -> {shown(apart.right)}  {apart.cause.value}{why}")
    if difference.at_risk is not None:
        click.echo(f"  at risk: {difference.at_risk}")
    if dates := dates_of(pair, difference):
        click.echo(f"  {dates}")
    if difference.way is not None:
        show_hops(difference.way)


def _show_rows(pair: Pair, found: KeyExplained) -> None:
    """Print both records side by side: the compared fields first, then what else each side says."""
    left, right = (rows[0] if rows else {} for rows in (found.left, found.right))
    apart = {each.field for each in found.difference.fields} if found.difference else set()
    lines = [("*" if each.name in apart else " ", each.name, each.left, each.right) for each in pair.fields]
    told = {column for _, _, own, other in lines for column in (("left", own), ("right", other))}
    rest = [column for column in left if ("left", column) not in told]
    rest += [column for column in right if ("right", column) not in told and column not in rest]
    table = [("", "", pair.left.system, pair.right.system)]
    table += [(mark, name, shown(left.get(own)), shown(right.get(other))) for mark, name, own, other in lines]
    for column in rest:
        own = shown(left[column]) if column in left and ("left", column) not in told else ""
        other = shown(right[column]) if column in right and ("right", column) not in told else ""
        table.append((" ", column, own, other))
    widths = [max(len(row[place]) for row in table) for place in (1, 2)]
    for mark, name, own, other in table:
        click.echo(f"  {mark or ' '} {name:<{widths[0]}}  {own:<{min(widths[1], 60)}}  {other}".rstrip())
