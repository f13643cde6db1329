"""`assay selftest`: whether the gate sees what it is there to see, and stays silent where nothing is wrong."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.progress import CaseLines
from assay.cli.run import verdict_option
from assay.cli.shared import explained, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runners.lane import Tried


@click.command()
@landscape_options
@click.option(
    "--class",
    "classes",
    metavar="MON,ORD",
    multiple=True,
    help="Only defects of these classes and the variations they must be told from (INN: all); may be repeated.",
)
@click.option(
    "--only",
    metavar="ID,...",
    multiple=True,
    help="Only these defects or innocent variations, or 'healthy'; may be repeated.",
)
@click.option(
    "--sample",
    metavar="COMMIT",
    help="Take one defect for each oracle that catches any, chosen by this text, and every innocent variation.",
)
@click.option(
    "--defects",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A further folder of defect files.",
)
@click.option(
    "--records",
    is_flag=True,
    help="Switch nothing: make the records of the last green run wrong, class by class, and see who notices.",
)
@click.option(
    "--run", metavar="RUN", help="With --records: this run's (an id, folder or file), not the last green one's."
)
@click.option("--lanes", type=click.IntRange(1, 8), default=2, show_default=True, help="Landscapes side by side.")
@verdict_option
@explained
def selftest(
    environment: str,
    profile_path: Path | None,
    classes: tuple[str, ...],
    only: tuple[str, ...],
    sample: str | None,
    folders: tuple[Path, ...],
    records: bool,
    run: str | None,
    lanes: int,
    json_path: Path | None,
) -> None:
    """Switch each defect of the reference merchant on, in a landscape of its own, and see whether the gate turns red.

    With nothing switched on, and under every innocent variation, it must stay green. Exit 0 only where every defect
    is caught by an oracle its file names and nothing else gives an alarm; defects that wait for a flow nobody has
    written are listed with it. Writes reports/out/selftest.md and .json.

    With --records nothing is started and nothing switched, so it works for any platform: each class of defects is
    made in the records of the last green run and judged with today's profile. Exit 0 whatever is caught, 1 where the
    records as they were give an alarm, 5 where no green run is kept. Writes reports/out/selftest-records.md and .json.
    """
    if records:
        from assay.cli.selftest_records import try_kept_records

        plan = plan_for(environment, profile_path)
        chosen = {"classes": _listed(classes), "only": _listed(only)}
        sys.exit(try_kept_records(plan, run=run, **chosen, json_path=json_path))
    if run is not None:
        raise UsageError("--run names the run whose records are tried", hint="add --records")
    from assay.runners.selftest import as_json, self_test, summary, write
    from assay.runners.trials import trials_of

    plan = plan_for(environment, profile_path, defect_folders=folders)
    trials = trials_of(plan, classes=_listed(classes), only=_listed(only), sample=sample)
    began = time.perf_counter()
    tried: list[Tried] = []
    interrupted = False
    with CaseLines() as lines:
        try:
            tried = self_test(plan, trials, lanes=lanes, listen=lines, heard=tried.append)
        except KeyboardInterrupt:
            if not tried:
                raise
            interrupted = True  # what was tried is kept
    waiting = [trial for trial in trials if trial.kind == "waiting"]
    content = as_json(tried, waiting, seconds=time.perf_counter() - began, interrupted=interrupted)
    paths = write(plan, content, json_path)
    for trial in waiting:
        click.echo(f"{trial.id:<34}waiting for {trial.waits_for}")
    if interrupted:
        click.echo(f"interrupted: {len(tried)} of {len(trials) - len(waiting)} were tried", err=True)
    click.echo(f"\n{summary(content)} (exit {content['exit_code']})")
    click.echo(f"matrix: {paths[1]}")
    sys.exit(content["exit_code"])


def _listed(given: tuple[str, ...]) -> list[str]:
    named = [part.strip() for text in given for part in text.split(",") if part.strip()]
    if given and not named:
        raise UsageError("--class and --only name what is tried", seen="nothing", hint="leave it out to try everything")
    return named
