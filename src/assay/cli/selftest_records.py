"""`assay selftest --records`: which of the catalogue's defects today's profile would catch, tried on records alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from assay.local.plan import Plan


def try_kept_records(
    plan: Plan, *, run: str | None, classes: Sequence[str], only: Sequence[str], json_path: Path | None
) -> int:
    """Try the records of a run, print the table, write it, and return the exit code.

    0 the trial ran; 1 records nobody touched give an alarm. `NoGreenRun` (5) where there is no run to try.
    """
    from assay.cli.shared import in_colour
    from assay.dossier import judging_of
    from assay.onboarding.switch import mend
    from assay.runners.record_trials import chosen_classes, kept_run, try_records
    from assay.runners.record_trials.told import as_json, summary, table, write

    chosen = chosen_classes(families=classes, only=only)
    kept = kept_run(plan.profile.folder, plan.name, run)
    trial = try_records(kept.dossiers, judging_of(plan.profile.policies), chosen, mend=mend)
    content = as_json(trial, kept)
    click.echo(f"Records of run {kept.run_id}, environment {plan.name}, {trial.orders} orders; nothing is switched.\n")
    for line in table(content):
        click.echo(line)
    click.echo("")
    for sentence in trial.alarms:
        click.echo(in_colour("alarm over records as they were: ", "red", sys.stdout) + sentence)
    click.echo(f"{summary(content)} (exit {content['exit_code']})")
    click.echo(f"table: {write(plan, content, json_path)[0]}")
    return int(content["exit_code"])
