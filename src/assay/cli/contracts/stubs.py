"""`assay contracts stubs`: recorded and written stubs, held against the documents."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.contracts.stubs import HeldStubs, Stub

_FORMAT = 1
_NOTHING = 5


@click.command()
@click.argument("places", metavar="[FILE…]", nargs=-1, type=click.Path(path_type=Path))
@landscape_options
@click.option("--system", metavar="SYSTEM", help="Whose they are; by default as their folder says: mocks/SYSTEM/stubs.")
@json_option
@explained
def stubs(
    places: tuple[Path, ...], environment: str, profile_path: Path | None, system: str | None, as_json: bool
) -> None:
    """Hold every stub of your project and of ours, or these FILEs and folders, against the vendors' documents.

    A FILE is a WireMock mapping, or many in {"mappings": […]}. Exit 1 when one answers what its vendor cannot, 5 when
    there was no stub or no document to hold one against.
    """
    from assay.contracts.stubs import hold
    from assay.local.documents import documents_of
    from assay.suites import suite_roots

    plan = plan_for(environment, profile_path)
    registry = documents_of(plan)
    if system and system not in registry.systems:
        raise UsageError(f"no document of a system '{system}' is known", hint=did_you_mean(system, registry.systems))
    found = _found(places, suite_roots(plan.profile.folder), system)
    held = hold(found, registry)
    folder = plan.profile.folder
    if as_json:
        click.echo(json.dumps(_content(held, folder), indent=2, ensure_ascii=False))
    else:
        _show(held, folder)
    judged = sum(bool(each.operation or each.deviations) for each in held.stubs)
    sys.exit(1 if held.violations else 0 if judged else _NOTHING)


def _found(places: tuple[Path, ...], roots: list[Path], system: str | None) -> list[Stub]:
    from assay.contracts.stubs import find, in_file, in_folder

    if not places:
        return find(roots, [system] if system else [])
    found: list[Stub] = []
    for place in places:
        if not place.exists():
            raise UsageError("there is no such file or folder", where=str(place))
        found += in_folder(place, system or "") if place.is_dir() else in_file(place, None, system or "")
    return found


def _show(held: HeldStubs, folder: Path) -> None:
    if not held.stubs:
        click.echo("no stub is here: mocks/SYSTEM/stubs holds written ones, `assay record SYSTEM` makes recorded ones")
        return
    for each in held.stubs:
        breaks = [one for one in each.deviations if not one.problem.is_additive]
        state = "broken" if breaks else "excused" if each.file in held.excused else "kept"
        if not each.operation and not breaks:
            state = "undecided"
        colour = {"broken": "red", "kept": "green"}.get(state, "yellow")
        name = _near(each.file, folder)
        click.echo(f"{in_colour(f'{state:<11}', colour, sys.stdout)}{name:<56} {each.operation}".rstrip())
        for one in each.deviations:
            values = f", expected {one.expected}" if one.expected else ""
            values += f", seen {one.seen}" if one.seen else ""
            click.echo(f"{'':<11}{one.problem}{f' at {one.path}' if one.path else ''}{values}")
        if each.file in held.excused:
            click.echo(f"{'':<11}outside the contract on purpose: {held.excused[each.file]}")
        for reason in held.undecided.get(each.file, ()):
            click.echo(f"{'':<11}undecided: {reason}")
    broken = {each.file for each in held.stubs if any(not one.problem.is_additive for one in each.deviations)}
    click.echo(
        f"\n{len(held.stubs)} stubs: {len(broken)} broken, {len(held.excused)} excused, "
        f"{len(held.undecided)} with something no document decides"
    )
    if broken:
        click.echo('mend them, or say in the mapping why: "metadata": {"outside_contract": "…"}')


def _content(held: HeldStubs, folder: Path) -> dict[str, object]:
    rows = []
    for each in held.stubs:
        row = asdict(each)
        row["file"] = _near(each.file, folder)
        row["excused"] = held.excused.get(each.file, "")
        row["undecided"] = list(held.undecided.get(each.file, ()))
        rows.append(row)
    return {"format": _FORMAT, "violations": held.violations, "stubs": rows}


def _near(name: str, folder: Path) -> str:
    for base in (folder.resolve(), Path.cwd()):
        if name.startswith(f"{base}/"):
            return name[len(str(base)) + 1 :]
    return name
