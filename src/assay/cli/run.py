"""`assay run`: flows against an environment, judged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.progress import CaseLines
from assay.cli.shared import explained, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runners.run_log import RunLog

verdict_option = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), metavar="PATH", help="Write the verdict to a JSON file."
)
workers_option = click.option(
    "-n", "workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Cases that act side by side."
)
seed_option = click.option("--seed", type=int, help="Seed of what simulators draw; the environment's own by default.")


@click.command()
@click.argument("flows", nargs=-1, metavar="[FLOW|FLOW[CASE]]...")
@click.option("-k", "words", default="", metavar="TEXT", help="Only cases whose id, name or title holds this text.")
@click.option("-t", "tags", multiple=True, metavar="TAG", help="Only flows with this tag; again for several.")
@landscape_options
@workers_option
@seed_option
@verdict_option
@explained
def run(
    flows: tuple[str, ...],
    words: str,
    tags: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    workers: int,
    seed: int | None,
    json_path: Path | None,
) -> None:
    """Run flows (all but the self-test's innocent variations, where none is chosen) and judge every order they cause.

    A simulated environment that is not up is started for the run and removed afterwards. Reports go to
    reports/out/RUN and reports/out/latest. Exit codes: see `assay --help`.
    """
    from assay.runners.campaign import run_flows

    plan = plan_for(environment, profile_path)
    with CaseLines() as lines:
        log = run_flows(plan, names=flows, tags=tags, words=words, workers=workers, seed=seed, listen=lines)
    sys.exit(conclude(log, "run", json_path))


def conclude(log: RunLog, command: str, json_path: Path | None) -> int:
    """Print what a run came to and where its reports are, write the verdict file, and return the exit code."""
    from assay.runners.verdict import as_json, write_json

    show_verdict(log)
    if json_path is not None:
        write_json(json_path, as_json(log.verdict, log.record, command=command, reports=log.paths))
    return log.verdict.exit_code


def show_verdict(log: RunLog) -> None:
    """Print findings first, then what kept the run from a verdict, then the counts and the reports."""
    from assay.cli.shared import in_colour
    from assay.profile import VIEWS
    from assay.reporting.verdict import lost_of, verdict_of
    from assay.runners.session import verdict_text

    click.echo("")
    click.echo(verdict_text(log.verdict.outcomes))
    for oracle, reason in lost_of(log.record):
        click.echo(f"{oracle} was evaluated last time and is not now: {reason}")
    for sentence in log.verdict.sentences():
        click.echo(in_colour("assay: ", "red", sys.stdout) + sentence)
    if log.record.started is not None:
        click.echo(f"{log.record.environment}: {VIEWS.get(log.record.started.view, log.record.started.view)}")
    reached = verdict_of(log.record)
    headline = in_colour(reached.headline, "green" if reached.good else "red", sys.stdout)
    click.echo(f"{headline} (exit {log.verdict.exit_code}). {reached.sentence}")
    if "html" in log.paths and log.paths["html"].is_file():
        click.echo(f"report: {log.paths['html']}")


def refuse_empty(found: object, hint: str) -> None:
    """Raise `UsageError` where a choice that must hold something is empty."""
    if not found:
        raise UsageError("nothing was chosen", hint=hint)
