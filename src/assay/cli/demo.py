"""`assay demo`: the main job on the embedded landscape."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.landscape import show_progress
from assay.cli.progress import CaseLines
from assay.cli.run import show_verdict
from assay.cli.shared import explained, in_colour, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.runners.session import Session

_LOAD_S, _ROUNDS = 15, 2
_WITHOUT_HELP = ("# ",)


@click.command()
@landscape_options
@click.option("--orders", is_flag=True, help="Only the two orders of the first part.")
@explained
def demo(environment: str, profile_path: Path | None, orders: bool) -> None:
    """Start a landscape of its own and do the main job on it, in under three minutes; nothing is left running.

    Two orders told by every system; a gate that is green; a defect switched on and the gate red, with the reason; a
    short load, judged; two rounds of the monitor with their metrics; the HTML report. Exit 0 when all of it went as
    it should: the red gate is part of that.
    """
    from assay.runners.demo import landscape_of_its_own

    began = time.perf_counter()
    plan = _plan(environment, profile_path)
    click.echo("Starting shop, payment gateway, ERP, carrier and rate feed on this machine:")
    with landscape_of_its_own(plan, show_progress) as session:
        good = _two_orders(session)
        if not orders:
            good = _main_job(session) and good
        click.echo("")
    word = "All well." if good else "Something did not go as it should."
    click.echo(f"Nothing is left running. {word} ({time.perf_counter() - began:.0f} s)")
    sys.exit(0 if good else 1)


def _plan(environment: str, profile_path: Path | None) -> Plan:
    """Return the plan of the reference shop, also where the project at hand is about another one."""
    from assay.profile import FILE_NAME
    from assay.suites import reference_suite

    plan = plan_for(environment, profile_path)
    if plan.profile.scenarios.shipped or profile_path is not None:
        return plan
    shipped = plan_for(environment, reference_suite() / FILE_NAME)
    return replace(shipped, profile=shipped.profile.model_copy(update={"folder": plan.profile.folder}))


def _two_orders(session: Session) -> bool:
    from assay.runners.demo import demonstrate, journal_summary
    from assay.runners.session import verdict_text

    click.echo("\nTwo orders through the storefront; an hour for the warehouse, three days for the parcel:")
    told = demonstrate(session)
    for each in told:
        click.echo("")
        for label, text in each.lines:
            click.echo(f"  {label:<26}{text}")
    click.echo("\nThe edge's journal, by system (webhook calls into the shop are under 'platform'):")
    for system, calls, failed, refused in journal_summary(session):
        click.echo(f"  {system:<26}{calls} calls, {failed} answered 400 or worse, {refused} refused")
    click.echo("\n" + verdict_text([each.outcome for each in told]))
    return len(told) == 2 and all(each.arrived and not each.outcome.failed for each in told)


def _main_job(session: Session) -> bool:
    from assay.runners.demo import DEFECT, decide, in_one_sentence, monitored, switch, under_load

    good = []
    _headline("The gate, nothing wrong: it must be green")
    with CaseLines() as lines:
        green = decide(session, lines)
    show_verdict(green.log)
    good.append(green.log.verdict.exit_code == 0)

    _headline(f"The same gate with {DEFECT} switched on (JPY 80 is charged as JPY 8000): it must be red, and say why")
    switch(session, on=[DEFECT])
    try:
        with CaseLines() as lines:
            red = decide(session, lines)
    finally:
        switch(session, off=[DEFECT])
    show_verdict(red.log)
    click.echo(f"In one sentence: {in_one_sentence(red.log.verdict.outcomes)}")
    good.append(red.log.verdict.exit_code == 1)

    _headline(f"{_LOAD_S} seconds of load, every order judged")
    with CaseLines() as lines:
        load = under_load(session, _LOAD_S, lines)
    for part in load.absent:
        click.echo(f"absent: {part}")
    good.append(bool(load.absent) or load.log.verdict.exit_code == 0)

    _headline(f"{_ROUNDS} rounds of the monitor, and what a scrape of its metrics shows")
    with CaseLines() as lines:
        well, text = monitored(session, _ROUNDS, lines)
    click.echo("".join(f"  {line}\n" for line in text.splitlines() if _is_worth_showing(line)).rstrip())
    good.append(well)
    click.echo(f"\nThe red run as a page to open: {red.log.paths['html']}")
    return all(good)


def _headline(text: str) -> None:
    click.echo("\n" + in_colour(f"== {text}", "blue", sys.stdout))


def _is_worth_showing(line: str) -> bool:
    return not line.startswith(_WITHOUT_HELP) and "_bucket{" not in line and "_created{" not in line
