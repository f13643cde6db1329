"""`assay gate`: may this be released."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.progress import CaseLines
from assay.cli.run import conclude, seed_option, verdict_option
from assay.cli.shared import explained, in_colour, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.runners.run_log import RunLog

_MOST = 20


@click.command()
@landscape_options
@click.option(
    "-n", "workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Cases that act side by side."
)
@seed_option
@click.option("--load", "load_s", type=int, help="Seconds of load, 0 leaves it out; what the profile says by default.")
@click.option(
    "--conformance",
    type=click.Choice(["changed", "all", "none"]),
    default="changed",
    show_default=True,
    help="Which simulators get generated requests: those changed since they were last green, all, or none.",
)
@click.option(
    "--examples", type=click.IntRange(1, 1000), default=3, show_default=True, help="Generated requests an operation."
)
@verdict_option
@explained
def gate(
    environment: str,
    profile_path: Path | None,
    workers: int,
    seed: int | None,
    load_s: int | None,
    conformance: str,
    examples: int,
    json_path: Path | None,
) -> None:
    """Decide over a release: scenarios, contracts and a short load, one verdict, one exit code, all reports.

    Contracts: what the platform and its vendors said in the scenarios, the stubs, and generated requests at simulators
    that changed, each held against the documents. What does not exist here is said to be absent; it never counts as
    passed.
    """
    from assay.runners.gate import run_gate
    from assay.runners.gate_contracts import Which

    plan = plan_for(environment, profile_path)
    with CaseLines() as lines:
        log, absent = run_gate(
            plan,
            workers=workers,
            seed=seed,
            load_s=load_s,
            conformance=Which(conformance),
            examples=examples,
            listen=lines,
        )
    _show_contracts(log)
    for part in absent:
        click.echo(f"absent: {part}")
    sys.exit(conclude(log, "gate", json_path))


def _show_contracts(log: RunLog) -> None:
    """Print how much was held against documents, and what breaks one; the rest is in the report."""
    from assay.reporting.contracts import departures_of, headline_of, held_of

    contracts = log.verdict.contracts
    if contracts is None:
        return
    held = held_of(contracts)
    click.echo(f"\ncontracts: {headline_of(contracts, held)}")
    broken = [each for each in departures_of(held) if each.is_violation]
    for each in broken[:_MOST]:
        name = in_colour(each.system, "red", sys.stdout)
        click.echo(f"  {name} {each.operation} ({each.way}): {each.sentence()}")
    if len(broken) > _MOST:
        click.echo(f"  and {len(broken) - _MOST:,} more, in the report")
