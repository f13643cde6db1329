"""`assay faults`: break what passes the edge, on purpose."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for

_KINDS = ("delay", "delay_lognormal", "drop", "status", "rate_limit", "reset", "truncate", "duplicate")


@click.group()
def faults() -> None:
    """Delay, drop, double, refuse or cut off what passes the edge, for a system, a path, a share of calls."""


@faults.command("list")
@landscape_options
@json_option
@explained
def list_(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Print the faults in force; a call meets the first that fits it."""
    from assay.local.faults import in_force

    found = in_force(plan_for(environment, profile_path).home)
    if as_json:
        click.echo(json.dumps([asdict(fault) for fault in found], indent=2, default=str))
        return
    for fault in found:
        click.echo(fault.name)
    click.echo(f"{len(found)} in force")


@faults.command()
@landscape_options
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("system")
@click.option("--path", help="Only calls whose whole path matches this regular expression.")
@click.option("--method", help="Only calls of this method.")
@click.option(
    "--share", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, help="Share of calls."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the share, repeatably.")
@click.option("--from", "since", help="From this instant of the landscape's clock, such as 2026-12-24T18:00Z.")
@click.option("--until", help="Up to this instant of the landscape's clock.")
@click.option("--ms", "delay_ms", type=int, help="delay: how long, in milliseconds.")
@click.option("--median-ms", type=int, help="delay_lognormal: the median, in milliseconds.")
@click.option("--sigma", type=float, help="delay_lognormal: the spread.")
@click.option("--code", type=int, help="status: the status sent instead of the answer.")
@click.option("--retry-after-s", type=int, help="rate_limit: seconds until the vendor wants to be asked again.")
@click.option("--hold-ms", type=int, help="drop: let the caller wait this long in silence instead of hanging up.")
@explained
def add(environment: str, profile_path: Path | None, since: str | None, until: str | None, **given: Any) -> None:
    """Put a fault of this KIND in front of a SYSTEM; `platform` is the way of webhooks into the shop."""
    from assay.edge import Fault
    from assay.local.faults import in_force, put

    plan = plan_for(environment, profile_path)
    fault = Fault(since=_instant(since), until=_instant(until), **given)
    put(plan, [*in_force(plan.home), fault])
    click.echo(f"in force: {fault.name}")


@faults.command()
@landscape_options
@explained
def clear(environment: str, profile_path: Path | None) -> None:
    """Take every fault away."""
    from assay.local.faults import in_force, put

    plan = plan_for(environment, profile_path)
    gone = len(in_force(plan.home))
    put(plan, [])
    click.echo(f"{gone} taken away")


def _instant(text: str | None) -> datetime | None:
    from assay.cli.clock import parse_instant

    return parse_instant(text) if text else None
