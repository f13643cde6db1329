"""`assay contracts refresh`: recorded stubs, asked for again at the sandbox they were recorded from."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runners.refreshing import Refreshed

_FORMAT = 1
_COLOURS = {"differs": "red", "no answer": "red", "same": "green", "written": "yellow", "left out": "yellow"}


@click.command()
@click.argument("systems", metavar="[SYSTEM…]", nargs=-1)
@landscape_options
@click.option("--check", "only_check", is_flag=True, help="Write nothing; say what differs.")
@json_option
@explained
def refresh(
    systems: tuple[str, ...], environment: str, profile_path: Path | None, only_check: bool, as_json: bool
) -> None:
    """Ask the sandbox again for what was recorded of it (mocks/SYSTEM/recorded), by GET alone, and compare the shape.

    Without --check the new answers are written, masked as `assay record` masks them, unless they have another status.
    Production is refused with exit 4. Exit 1 when another shape was seen and not written, 3 when a sandbox did not
    answer, 5 when nothing could be asked for.
    """
    from assay.runners.refreshing import recorded_systems
    from assay.runners.refreshing import refresh as asked_again

    plan = plan_for(environment, profile_path)
    chosen = list(dict.fromkeys(systems)) or recorded_systems(plan)
    if not chosen:
        raise UsageError(
            "nothing was recorded",
            where=str(plan.profile.folder / "mocks"),
            expected="mocks/SYSTEM/recorded/*.json",
            hint="assay record SYSTEM -- COMMAND",
        )
    found = [each for system in chosen for each in asked_again(plan, system, write=not only_check)]
    if as_json:
        rows = [{**asdict(each), "file": str(each.file), "state": _state(each)} for each in found]
        click.echo(json.dumps({"format": _FORMAT, "stubs": rows}, indent=2, ensure_ascii=False))
    else:
        _show(found, plan.profile.folder)
    if any(each.unanswered for each in found):
        sys.exit(3)
    if all(each.reason for each in found):
        sys.exit(5)
    sys.exit(1 if any(each.differs and not each.written for each in found) else 0)


def _state(each: Refreshed) -> str:
    if each.reason:
        return "no answer" if each.unanswered else "left out"
    if each.written:
        return "written"
    return "differs" if each.differs else "same"


def _show(found: list[Refreshed], folder: Path) -> None:
    for each in found:
        state = _state(each)
        name = each.file.relative_to(folder) if each.file.is_relative_to(folder) else each.file
        reason = f": {each.reason}" if each.reason else ""
        click.echo(f"{in_colour(f'{state:<11}', _COLOURS[state], sys.stdout)}{name}{reason}")
        for one in each.deviations:
            place = f" at {one.path}" if one.path else ""
            click.echo(f"{'':<11}{one.problem}{place}, expected {one.expected}, seen {one.seen}")
    counts = Counter(_state(each) for each in found)
    click.echo(f"\n{len(found)} recorded stubs: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
