"""`assay contracts watch`: what live answers were learned to be, what has changed, and what is the new normal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.contracts.watch import Watch
    from assay.contracts.watch_judging import Change
    from assay.local.plan import Plan
    from assay.store.learned import LearnedRow

_FORMAT = 1
_COLOURS = {"breaking": "red", "additive": "yellow"}


@click.command()
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@landscape_options
@click.option("--learn", "learn", default="1d", show_default=True, help="Only what was known so long counts.")
@click.option("--paths", is_flag=True, help="Show every path: how often it was there, its types, nulls and codes.")
@click.option("--accept", metavar="PATH", help="Take what a path, or a header, is now as normal.")
@click.option("--forget", metavar="SYSTEM", help="Forget what was learned of a system, and begin anew.")
@json_option
@explained
def watch(
    systems: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    learn: str,
    paths: bool,
    accept: str | None,
    forget: str | None,
    as_json: bool,
) -> None:
    """Show what live answers were learned to be, and what has changed; `assay monitor` learns it.

    SYSTEM: only these. Exit 0 when nothing that breaks a reader has changed, 1 when something has, 5 when nothing was
    learned yet.
    """
    from assay.runners.scheduler.contract_watch import opened_watch

    plan = plan_for(environment, profile_path)
    _refuse_unknown(plan, [*systems, *filter(None, [forget])])
    if accept is not None and forget:
        raise UsageError("a path is accepted or a system forgotten", hint="one of --accept and --forget at a time")
    with opened_watch(plan) as opened:
        if forget:
            _forget(opened, plan, forget, as_json)
        elif accept is not None:
            _accept(opened, plan, accept, systems, as_json)
        else:
            _show(opened, plan, systems, learn, paths, as_json)


def _forget(opened: Watch, plan: Plan, system: str, as_json: bool) -> None:
    number = opened.forget(system)
    if as_json:
        _print({"environment": plan.name, "forgotten": {"system": system, "operations": number}})
    else:
        click.echo(f"forgot what was learned of {number} operations of {system}; it is learned anew")


def _accept(opened: Watch, plan: Plan, path: str, systems: Sequence[str], as_json: bool) -> None:
    keys = [key for system in systems or (None,) for key in opened.accept(path, system)]
    if as_json:
        accepted = [{"system": key.system, "operation": key.operation, "status": key.status} for key in keys]
        _print({"environment": plan.name, "path": path, "accepted": accepted})
        return
    for key in keys:
        click.echo(
            f"accepted: {path or 'the body'} of {key.system}, {key.operation}, status {key.status}, as it is now"
        )
    if not keys:
        click.echo(f"{path} was accepted before")


def _show(opened: Watch, plan: Plan, systems: Sequence[str], learn: str, paths: bool, as_json: bool) -> None:
    from assay.drift.contract_drift import judgement_of

    try:
        judgement = judgement_of({"learn": learn}, datetime.now(UTC))
    except UsageError as error:
        error.where = error.where or "--learn"
        raise
    rows = [row for row in opened.rows() if not systems or row.key.system in systems]
    changes = opened.changes(judgement, rows)
    if as_json:
        content = {
            "environment": plan.name,
            "learned": [_row(row, paths) for row in rows],
            "changes": [_change(each) for each in changes],
        }
        _print(content)
    else:
        _tell(rows, changes, paths, plan.name)
    sys.exit(5 if not rows else 1 if any(each.level == "breaking" for each in changes) else 0)


def _tell(rows: Sequence[LearnedRow], changes: Sequence[Change], paths: bool, environment: str) -> None:
    if not rows:
        click.echo(f"nothing was learned yet on '{environment}': assay monitor --env {environment}")
        return
    width = min(max(len(row.key.operation) for row in rows), 60)
    system = ""
    for row in rows:
        if row.key.system != system:
            system = row.key.system
            click.echo(system)
        number, answers = len(_places(row)), row.memory.get("answers", 0)
        more = ", more than is watched" if row.memory.get("cut") else ""
        click.echo(f"  {row.key.operation:<{width}}  {row.key.status}  {answers:>7} answers, {number} paths{more}")
        for place in _places(row) if paths else ():
            click.echo(f"    {place['path']:<{width}}  {_words(place)}")
    click.echo("")
    for each in changes:
        word = in_colour(each.level, _COLOURS[each.level], sys.stdout)
        where = f"{each.key.system} {each.key.operation}, status {each.key.status}"
        click.echo(f"{word}: {each.path or 'the body'} of {where}: {each.problem}")
        click.echo(f"    expected {each.expected}, seen {each.seen}")
        click.echo(f"    since {each.since:%Y-%m-%d %H:%M} UTC, {each.count} times; {each.cause}")
    breaking = sum(each.level == "breaking" for each in changes)
    click.echo(f"{breaking} changes that break a reader, {len(changes) - breaking} that do not")
    if changes:
        click.echo(f"take one as the new normal: assay contracts watch --accept PATH --env {environment}")


def _places(row: LearnedRow) -> list[dict[str, Any]]:
    from assay.contracts.watch_answer import path_of

    return [
        {
            "path": path_of(container, name),
            "present": stat["k"],
            "of": stat["n"],
            "absent_now": stat["run"],
            "longest_absence": stat["gap"],
            "nulls": stat["nulls"],
            "types": {kind: told[0] for kind, told in stat["types"].items()},
            "codes": None if stat["codes"] is None else {code: told[0] for code, told in stat["codes"].items()},
        }
        for container, kept in row.memory.get("places", {}).items()
        for name, stat in kept["members"].items()
    ]


def _words(place: Mapping[str, Any]) -> str:
    words = [f"{place['present']} of {place['of']}", " or ".join(place["types"]) or "null"]
    if place["nulls"]:
        words.append(f"null in {place['nulls']}")
    if place["codes"]:
        words.append("one of " + ", ".join(place["codes"]))
    if place["absent_now"]:
        words.append(f"not in the last {place['absent_now']}")
    return ", ".join(words)


def _row(row: LearnedRow, paths: bool) -> dict[str, Any]:
    content = {
        "system": row.key.system,
        "operation": row.key.operation,
        "status": row.key.status,
        "answers": row.memory.get("answers", 0),
        "paths": len(_places(row)),
        "changed_at": row.changed_at.isoformat(),
    }
    return content | ({"places": _places(row)} if paths else {})


def _change(each: Change) -> dict[str, Any]:
    return {
        "level": each.level,
        "kind": each.kind,
        "problem": each.problem,
        "system": each.key.system,
        "operation": each.key.operation,
        "status": each.key.status,
        "path": each.path,
        "expected": each.expected,
        "seen": each.seen,
        "since": each.since.isoformat(),
        "last": each.last.isoformat(),
        "count": each.count,
        "cause": each.cause,
        "until": each.until.isoformat() if each.until else None,
    }


def _refuse_unknown(plan: Plan, systems: Sequence[str]) -> None:
    for system in systems:
        if system not in plan.environment.systems:
            hint = did_you_mean(system, plan.environment.systems)
            raise UsageError(f"no system '{system}' in environment '{plan.name}'", hint=hint)


def _print(content: Mapping[str, Any]) -> None:
    click.echo(json.dumps({"format": _FORMAT, **content}, indent=2, ensure_ascii=False))
