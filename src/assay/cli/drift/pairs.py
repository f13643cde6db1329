"""`assay drift pairs`: which systems are held against each other, in what, and how far they may lie apart."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.drift.declared import check_sources, declared_pairs
from assay.cli.shared import explained, json_option, profile_option
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.drift.pairs.accepted import Accepted
    from assay.drift.pairs.model import Field, Pair

_FORMAT = 1


@click.command()
@profile_option
@json_option
@explained
def pairs(profile_path: Path | None, as_json: bool) -> None:
    """List the pairs of monitors/drift/*.toml with their fields, bounds and accepted differences. Reads no record.

    Exit 2 where one of the files is wrong, 5 where no pair is declared.
    """
    declared = declared_pairs(profile_path).declared
    if _can_compare():
        for pair in declared.pairs.values():
            check_sources(pair)
    if as_json:
        content = {
            "format": _FORMAT,
            "pairs": [_record(each) for each in declared.pairs.values()],
            "accepted": [_accepted(each) for each in declared.accepted],
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        for pair in declared.pairs.values():
            _show(pair, [each for each in declared.accepted if each.pair == pair.name])
        if not declared.pairs:
            click.echo("no pair is declared: write one in monitors/drift/*.toml, see docs/drift.md")
    sys.exit(0 if declared.pairs else 5)


def _can_compare() -> bool:
    """Whether the extra is installed; without it pairs are listed all the same, and their sources not looked at."""
    from assay.drift.extra import need_drift_extra

    try:
        need_drift_extra()
    except UsageError:
        return False
    return True


def _show(pair: Pair, accepted: list[Accepted]) -> None:
    from assay.span import span_text

    window = f"last {span_text(pair.window.total_seconds())}" if pair.window else "everything"
    grace = f", {span_text(pair.grace.total_seconds())} to get there" if pair.grace else ""
    click.echo(f"{pair.name}: {pair.left.system} against {pair.right.system}, {window}{grace}")
    click.echo(f"  {pair.about}")
    width = max(len(each.name) for each in pair.fields)
    for field in pair.fields:
        names = field.left if field.left == field.right else f"{field.left} and {field.right}"
        click.echo(f"  {field.name:<{width}}  {field.kind.value:<10}  {names}{_how(field)}")
    for name in pair.may_lack:
        click.echo(f"  {(pair.left if name == 'left' else pair.right).system} may lack what the other side has")
    for column, reason in pair.ignored.items():
        click.echo(f"  not compared: {column}: {reason}")
    for entry in accepted:
        click.echo(f"  accepted until {entry.until} by {entry.owner}: {entry.reason}")


def _how(field: Field) -> str:
    """Say what of a field's two values may differ."""
    from assay.drift.pairs.bounds import bound_of, bound_text
    from assay.drift.pairs.model import Kind

    if field.kind is Kind.MONEY:
        assert field.left_amounts is not None  # of every field of money
        currency = field.left_amounts.currency or "EUR"
        bound = bound_text(bound_of(field, currency))
        apart = "exact" if bound == "exact" else f"up to {bound} minor units apart ({currency})"
        return f": {apart}" + (f", or converted by {field.rate}" if field.rate else "")
    if field.kind is Kind.STATUS:
        return f": {len(field.statuses)} words mapped"
    if field.bounded:
        ways = ((field.below, "less"), (field.above, "more"))
        return ": up to " + " or ".join(f"{column} {word}" for column, word in ways if column) + " on the right"
    if field.skew:
        return f": up to {field.skew.total_seconds():g} s apart"
    return ""


def _record(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair.name,
        "about": pair.about,
        "left": pair.left.system,
        "right": pair.right.system,
        "window_s": pair.window.total_seconds() if pair.window else None,
        "grace_s": pair.grace.total_seconds(),
        "fields": [
            {"name": each.name, "kind": each.kind.value, "left": each.left, "right": each.right} for each in pair.fields
        ],
        "ignored": dict(pair.ignored),
        "declared_in": pair.declared_in,
    }


def _accepted(entry: Accepted) -> dict[str, Any]:
    return {
        "pair": entry.pair,
        "key": list(entry.key) if entry.key else None,
        "field": entry.field,
        "class": entry.classed.value if entry.classed else None,
        "cause": entry.cause.value if entry.cause else None,
        "owner": entry.owner,
        "reason": entry.reason,
        "until": entry.until.isoformat(),
    }
