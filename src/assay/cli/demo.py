"""`assay demo`: the main job on the embedded landscape."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assay.cli.landscape import show_progress
from assay.cli.shared import explained, landscape_options, plan_for


@click.command()
@landscape_options
@explained
def demo(environment: str, profile_path: Path | None) -> None:
    """Start a landscape of its own, buy in EUR and in JPY, show what each system says, and stop it again."""
    from assay.runners.demo import demonstrate, journal_summary, landscape_of_its_own
    from assay.runners.session import verdict_text

    plan = plan_for(environment, profile_path)
    click.echo("Starting shop, payment gateway, ERP, carrier and rate feed on this machine:")
    with landscape_of_its_own(plan, show_progress) as session:
        click.echo("\nTwo orders through the storefront; an hour for the warehouse, three days for the parcel:")
        told = demonstrate(session)
        for each in told:
            click.echo("")
            for label, text in each.lines:
                click.echo(f"  {label:<26}{text}")
        click.echo("\nThe edge's journal, by system (webhook calls into the shop are under 'platform'):")
        for system, calls, failed, refused in journal_summary(session):
            click.echo(f"  {system:<26}{calls} calls, {failed} answered 400 or worse, {refused} refused")
        click.echo("\n" + verdict_text([each.outcome for each in told]) + "\n")
    good = len(told) == 2 and all(each.arrived and not each.outcome.failed for each in told)
    click.echo("Nothing is left running. " + ("All well." if good else "Something did not arrive."))
    sys.exit(0 if good else 1)
