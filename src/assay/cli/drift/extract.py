"""`assay drift extract [PAIR…]`: the listings of pairs read and landed, without comparing anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.drift.declared import declared_pairs, rows_of
from assay.cli.shared import explained, in_colour, json_option, landscape_options
from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.drift.extracting import Extracted, ListingRows

_FORMAT = 1


@click.command()
@click.argument("names", metavar="[PAIR]...", nargs=-1)
@landscape_options
@json_option
@explained
def extract(names: tuple[str, ...], environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Read the listings of PAIRS (default: all) by their systems' APIs and land them below .assay/ENV/drift/landed.

    What a killed read left is gone on with; what was read before is read on from its watermark. Exit 0 all is landed,
    2 a source is wrong, 3 a system could not be read, 5 no pair has a listing.
    """
    from assay.drift.extra import need_drift_extra

    need_drift_extra()
    from assay.drift.extracting import ListingRows

    project = declared_pairs(profile_path, environment)
    sides: dict[tuple[str, str, str], ListingRows] = {}
    for pair in project.declared.chosen(names):
        for side in rows_of(pair, project):
            if isinstance(side, ListingRows):
                sides.setdefault((side.system, side.listing.name, repr(side.options)), side)
    done: list[tuple[ListingRows, Extracted]] = []
    failed: list[tuple[ListingRows, AssayError]] = []
    for side in sides.values():
        try:
            done.append((side, side.land()))
        except AssayError as error:
            failed.append((side, error))
            if not as_json:
                told = in_colour(f"{side.system} {side.listing.name}: not read: ", "red", sys.stdout)
                click.echo(told + str(error))
            continue
        if not as_json:
            _show(done[-1][1])
    if as_json:
        content = {
            "format": _FORMAT,
            "landed": [_record(each) for _, each in done],
            "failed": [
                {"system": side.system, "listing": side.listing.name, "error": str(error), "exit_code": error.exit_code}
                for side, error in failed
            ],
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif not sides:
        click.echo('no pair has a side of kind "listing", see docs/extraction.md')
    codes = {error.exit_code for _, error in failed} | {3 for _, each in done if each.mark.faults}
    sys.exit(next((code for code in (4, 2, 3) if code in codes), max(codes, default=0 if done else 5)))


def _show(found: Extracted) -> None:
    from assay.reporting.text import instant, plural

    mark = found.mark
    how = "fresh enough, not read again" if found.again else f"{_HOW[mark.mode]}, asked {plural(mark.reads, 'time')}"
    resumed = ", gone on after it was cut off" if mark.resumed and not found.again else ""
    newest = f", youngest change {instant(mark.newest)}" if mark.newest else ""
    click.echo(f"{mark.system} {mark.listing}: {plural(mark.rows, 'row')} up to {instant(mark.until)}{newest}")
    click.echo(f"  {how}{resumed}: {found.folder}")
    for sentence in mark.faults:
        click.echo(f"  not landed: {sentence}")


_HOW = {"census": "read whole", "changes": "read on from the last time"}


def _record(found: Extracted) -> dict[str, Any]:
    mark = found.mark
    return {
        "system": mark.system,
        "listing": mark.listing,
        "rows": mark.rows,
        "until": mark.until.isoformat(),
        "newest": mark.newest.isoformat() if mark.newest else None,
        "census": mark.census.isoformat(),
        "mode": mark.mode,
        "reads": mark.reads,
        "resumed": mark.resumed,
        "again": found.again,
        "folder": str(found.folder),
        "unread": list(mark.faults),
    }
