"""`assay doctor`: what this machine and environment lack, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red", "broken": "red"}


@click.command()
@landscape_options
@json_option
@explained
def doctor(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Check Java, npm, ports, clock, disk, credentials by name and vendors' reachability, and say what to do.

    Exit 2 when something is configured wrongly, 3 when the machine or a vendor lacks something.
    """
    from assay.local.doctor import examine, exit_code

    checks = examine(plan_for(environment, profile_path))
    if as_json:
        click.echo(json.dumps({"exit_code": exit_code(checks), "checks": [asdict(each) for each in checks]}, indent=2))
    else:
        for check in checks:
            state = in_colour(f"{check.state:<8}", _COLOURS[check.state], sys.stdout)
            click.echo(f"{state}{check.name:<28}{check.seen}")
            if check.do and check.state != "ok":
                click.echo(f"{'':<8}{'':<28}do: {check.do}")
        bad = sum(check.state in ("wrong", "broken") for check in checks)
        click.echo("all well" if not bad else f"{bad} of {len(checks)} need something")
    sys.exit(exit_code(checks))
