"""`assay edges`: every host the platform was seen to call."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from assay.cli.clock import parse_span
from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for


@click.command()
@landscape_options
@click.option("--since", metavar="SPAN", help="Only calls of this last while, such as 30m, 1h, 2d.")
@json_option
@explained
def edges(environment: str, profile_path: Path | None, since: str | None, as_json: bool) -> None:
    """List every host the platform was seen to call, declared or not, with counts, first and last time (UTC).

    Calls to a system with `contract = "openapi.yaml"` are held against it: exit 1 where one breaks it.
    """
    from assay.local.traffic import UNDECLARED, contracts, hosts

    plan = plan_for(environment, profile_path)
    begin = datetime.now(UTC) - parse_span(since) if since else None
    found, judged = hosts(plan, since=begin), contracts(plan, since=begin)
    if as_json:
        broken = {system: [asdict(each) for each in problems] for system, _, _, problems in judged}
        rows = [{**asdict(each), "broken": broken.get(each.system, [])} for each in found]
        click.echo(json.dumps(rows, indent=2, default=str))
        sys.exit(1 if any(broken.values()) else 0)
    for each in found:
        what = each.system if each.system == UNDECLARED else f"{each.system} {each.mode}"
        calls = f"{each.calls} calls" if each.calls else "never called" if plan.has_edge else "not watched"
        trouble = f", {each.failed} answered 400 or worse" if each.failed else ""
        trouble += f", {each.refused} refused" if each.refused else ""
        span = f"{each.first:%Y-%m-%d %H:%M:%S} to {each.last:%H:%M:%S}" if each.first and each.last else ""
        name = in_colour(f"{what:<24}", "red" if each.system == UNDECLARED else None, sys.stdout)
        click.echo(f"{each.host:<36}{name}{span:<34}{calls}{trouble}")
    unknown = [each.host for each in found if each.system == UNDECLARED]
    if unknown:
        click.echo(f'\n{len(unknown)} undeclared. Let one through: [systems.NAME] role = "other" host = "{unknown[0]}"')
        click.echo(f'and in [environments.{environment}.systems] NAME = "live" (or stub, recorded)')
    if not plan.has_edge:
        click.echo(f'view = "{plan.environment.view}": no edge sees the platform\'s calls here')
    for system, held, contract, problems in judged:
        note = "" if contract.judges_bodies else "; bodies are not judged without jsonschema-rs"
        state = in_colour("broken" if problems else "kept", "red" if problems else "green", sys.stdout)
        click.echo(f"\ncontract of {system} {state}: {held} calls, {len(problems)} problems{note}")
        for problem in problems:
            click.echo(f"  {problem.call}, {problem.place}: {problem.problem}")
    if any(problems for _, _, _, problems in judged):
        sys.exit(1)
