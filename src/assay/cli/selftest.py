"""`assay selftest`: whether the gate sees what it is there to see, and stays silent where nothing is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assay.cli.progress import CaseLines
from assay.cli.run import verdict_option
from assay.cli.shared import explained, landscape_options, plan_for


@click.command()
@landscape_options
@click.option("--class", "classes", metavar="MON,ORD", default="", help="Only defects (or INN) of these classes.")
@click.option("--only", metavar="ID,...", default="", help="Only these defects or innocent variations.")
@click.option(
    "--defects", "folders", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A further folder of defect files.",
)  # fmt: skip
@click.option("--lanes", type=click.IntRange(1, 8), default=2, show_default=True, help="Landscapes side by side.")
@verdict_option
@explained
def selftest(
    environment: str,
    profile_path: Path | None,
    classes: str,
    only: str,
    folders: tuple[Path, ...],
    lanes: int,
    json_path: Path | None,
) -> None:
    """Switch each defect of the reference merchant on, in a landscape of its own, and see whether the gate turns red.

    With nothing switched on, and under every innocent variation, it must stay green. Exit 0 only where every defect
    is caught and nothing else gives an alarm. Writes reports/out/selftest.md and .json.
    """
    from assay.runners.selftest import as_json, exit_code_of, self_test, write
    from assay.runners.trials import trials_of

    plan = plan_for(environment, profile_path, defect_folders=folders)
    trials = trials_of(plan, classes=_listed(classes), only=_listed(only))
    with CaseLines() as lines:
        tried = self_test(plan, trials, lanes=lanes, listen=lines)
    paths = write(plan, tried, json_path)
    counts = as_json(tried)["counts"]
    click.echo(
        f"\n{counts['caught']} of {counts['defects']} defects caught, {counts['alarms']} false alarms over "
        f"{counts['innocent']} innocent variations (exit {exit_code_of(tried)})"
    )
    click.echo(f"matrix: {paths[1]}")
    sys.exit(exit_code_of(tried))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
