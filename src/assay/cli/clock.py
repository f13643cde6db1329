"""`assay clock`: the landscape's one simulated clock."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.local.clock import LandscapeClock
    from assay.local.plan import Plan

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group()
def clock() -> None:
    """Show or move the one clock of simulators and merchant. It never goes backwards."""


@clock.command()
@landscape_options
@json_option
@explained
def show(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Print the simulated instant in UTC, and whether it runs."""
    _show(_clock(plan_for(environment, profile_path)), as_json)


@clock.command("set")
@landscape_options
@click.argument("instant")
@json_option
@explained
def set_(environment: str, profile_path: Path | None, instant: str, as_json: bool) -> None:
    """Move to an INSTANT such as 2026-12-24T18:00Z; everything due on the way runs first."""
    _move(plan_for(environment, profile_path), parse_instant(instant), as_json)


@clock.command()
@landscape_options
@click.argument("span")
@json_option
@explained
def advance(environment: str, profile_path: Path | None, span: str, as_json: bool) -> None:
    """Move forwards by a SPAN such as 30m, 25h, 2d or 1h30m; return when every due job and event has run."""
    _move(plan_for(environment, profile_path), parse_span(span), as_json)


@clock.command()
@landscape_options
@json_option
@explained
def freeze(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Let the clock stand."""
    moved = _clock(plan_for(environment, profile_path))
    moved.freeze()
    _show(moved, as_json)


@clock.command()
@landscape_options
@json_option
@explained
def real(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Let the clock run on from where it is, at the speed of real time."""
    moved = _clock(plan_for(environment, profile_path))
    moved.run()
    _show(moved, as_json)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant, UTC where it names no zone; `UsageError` for anything else."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("that is no instant", expected="2026-12-24T18:00Z", seen=text) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def parse_span(text: str) -> timedelta:
    """Read 90s, 30m, 25h, 2d, 1h30m; `UsageError` for anything else."""
    parts = re.findall(r"(\d+)([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        hint = "the clock never goes backwards" if text.startswith("-") else None
        raise UsageError("that is no span of time", expected="30m, 25h, 2d or 1h30m", seen=text, hint=hint)
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise UsageError("that is no span of time anybody waits", expected="30m, 25h or 2d", seen=text) from None


def _clock(plan: Plan) -> LandscapeClock:
    from assay.local.clock import LandscapeClock

    plan.home.path.mkdir(parents=True, exist_ok=True)
    return LandscapeClock(plan.home.clock)


def _move(plan: Plan, to: datetime | timedelta, as_json: bool) -> None:
    from assay.local.up import settlers

    if plan.own_shop:
        raise UsageError(
            f"the clock of '{plan.name}' cannot be moved: the shop at {plan.own_shop} follows the clock on the wall",
            hint="shorten policies.freshness and the shop's own job intervals instead",
        )
    moved, settle = _clock(plan), settlers(plan.home.read())
    if isinstance(to, datetime):
        moved.set(to, settle)
    else:
        moved.advance(to, settle)
    _show(moved, as_json)


def _show(moved: LandscapeClock, as_json: bool) -> None:
    reading = moved.read()
    if as_json:
        click.echo(json.dumps({"now": reading.now.isoformat(), "mode": reading.mode}))
    else:
        click.echo(f"{reading.now.isoformat(timespec='seconds')} ({reading.mode})")
