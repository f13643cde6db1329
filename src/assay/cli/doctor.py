"""`assay doctor`: what this machine, an environment or an own connector lacks, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.local.doctor import Check
    from assay.local.plan import Plan

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red", "broken": "red"}


@click.command()
@landscape_options
@click.option(
    "--onboard", is_flag=True, help="Walk the shop's functions too, one live call each, and say what to write next."
)
@json_option
@explained
def doctor(environment: str, profile_path: Path | None, onboard: bool, as_json: bool) -> None:
    """Check Java, npm, ports, clock, disk, credentials by name and vendors' reachability, and say what to do.

    With --onboard one order is bought and every function of your shop's connector called; then the checks that are
    evaluated now are listed, and for each other the line or verb that switches it on, the most useful first.

    Exit 2 when something is configured or written wrongly, 3 when the machine or a vendor lacks something.
    """
    from assay.local.doctor import examine, exit_code

    plan = plan_for(environment, profile_path)
    checks = examine(plan)
    more: dict[str, Any] = {}
    if onboard:
        # What is well with the machine is not what one asks here; a folder that hides others ends it.
        checks = [check for check in checks if check.state in ("wrong", "broken")]
        if not any(check.name == "suite folders" for check in checks):
            walked, more = _walked(plan)
            checks += walked
    if as_json:
        content = {"exit_code": exit_code(checks), "checks": [asdict(each) for each in checks], **more}
        click.echo(json.dumps(content, indent=2))
    else:
        _show(checks)
        if more:
            _show_oracles(more)
    sys.exit(exit_code(checks))


def _walked(plan: Plan) -> tuple[list[Check], dict[str, Any]]:
    from assay.onboarding.switch import evaluated, switches
    from assay.onboarding.walk import walk

    walked = walk(plan)
    if not walked.findings:
        return walked.checks, {}
    offers = [asdict(each) for each in switches(walked.findings)]
    return walked.checks, {"evaluated": evaluated(walked.findings), "switches": offers}


def _show(checks: list[Check]) -> None:
    for check in checks:
        state = in_colour(f"{check.state:<8}", _COLOURS[check.state], sys.stdout)
        click.echo(f"{state}{check.name:<28}{check.seen}")
        if check.do and check.state != "ok":
            click.echo(f"{'':<8}{'':<28}do: {check.do}")
    bad = sum(check.state in ("wrong", "broken") for check in checks)
    click.echo("all well" if not bad else f"{bad} of {len(checks)} need something")


def _show_oracles(more: dict[str, Any]) -> None:
    on, off = more["evaluated"], more["switches"]
    click.echo(f"\n{len(on)} of {len(on) + len(off)} oracles are evaluated now: {', '.join(on)}")
    if off:
        click.echo("What switches on the others, the one that catches most first:")
    for each in off:
        gain = f"{each['gain']} more defect classes" if each["gain"] else "no further class"
        click.echo(f"  {each['oracle']:<7}{each['do']}")
        click.echo(f"  {'':<7}{gain}; now: {each['reason']}")
