"""`assay rules`: Prometheus rules, and their unit tests, written from the monitors and the profile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, plan_for, profile_option
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.alerts.rules import Setting
    from assay.local.plan import Plan
    from assay.monitor import Monitor

_FOLDER = "monitors/rules"


@click.command()
@click.option("--env", "environment", default="production", show_default=True, help="Environment that is watched.")
@profile_option
@click.option(
    "--out", "folder", type=click.Path(path_type=Path, file_okay=False), help=f"Folder; {_FOLDER} of the project."
)
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 where a file is not up to date.")
@explained
def rules(environment: str, profile_path: Path | None, folder: Path | None, only_check: bool) -> None:
    """Write Prometheus rules for the monitors of an environment, with unit tests for promtool.

    One file a monitor, made from its interval, objective and alert rule, and assay.yaml for the environment itself.
    Files of monitors that are gone are removed. `promtool check rules DIR/*.yaml` and `promtool test rules
    DIR/tests/*.yaml DIR/tests/days/*.yaml` judge them.
    """
    from assay.alerts.rule_files import differences, rule_files, write

    plan = plan_for(environment, profile_path)
    monitors = _monitors(plan)
    files = rule_files(monitors, _setting(plan, monitors))
    place = folder or plan.profile.folder / _FOLDER
    if only_check:
        wrong = differences(place, files)
        for line in wrong:
            click.echo(line)
        command = f"assay rules --env {environment}" + (f" --out {folder}" if folder else "")
        click.echo(f"write them anew: {command}" if wrong else f"{len(files)} files up to date")
        sys.exit(1 if wrong else 0)
    for gone in write(place, files):
        click.echo(f"removed {gone}: its monitor is gone")
    click.echo(f"{len(files)} files for {len(monitors)} monitors of '{environment}' written to {place}")


def _monitors(plan: Plan) -> list[Monitor]:
    from assay.runners.scheduler.declared import monitors_of

    found = [each for each in monitors_of(plan).values() if not each.environments or plan.name in each.environments]
    if not found:
        raise UsageError(
            f"no monitor runs on '{plan.name}'",
            where=str(plan.profile.folder / "monitors"),
            expected="a [monitors.NAME] table in monitors/*.toml",
            hint="write one, or choose another --env",
        )
    return sorted(found, key=lambda each: each.name)


def _setting(plan: Plan, monitors: list[Monitor]) -> Setting:
    from assay.alerts.rules import Setting
    from assay.reporting.metric_families import DURATION_BUCKETS_S, LATENESS_BUCKETS_S

    promised = {each.objective.latency_s for each in monitors if each.objective.latency_s}
    return Setting(
        environment=plan.name,
        production=plan.environment.production,
        policies=plan.profile.policies,
        alerts=plan.profile.alerts,
        public_url=plan.profile.monitoring.public_url,
        duration_buckets=sorted({*DURATION_BUCKETS_S, *promised}),
        lateness_buckets=LATENESS_BUCKETS_S,
    )
