"""`assay defects`: switch real-world faults on and off in the running reference merchant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for
from assay.errors import InfrastructureError, UsageError, did_you_mean


@click.group()
def defects() -> None:
    """List the defects of the reference merchant and switch them on and off while it runs."""


@defects.command("list")
@landscape_options
@json_option
@explained
def list_(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Print every known defect, whether it is on, and what it re-creates."""
    found = _ask(environment, profile_path)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for defect in found["defects"]:
        first = defect["meaning"].splitlines()[0].removeprefix(f"{defect['id']}: ")
        click.echo(f"{defect['id']:<8}{'ON ' if defect['on'] else 'off'} {first}")
    click.echo(f"{sum(each['on'] for each in found['defects'])} of {len(found['defects'])} on")


@defects.command()
@landscape_options
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@explained
def on(environment: str, profile_path: Path | None, ids: tuple[str, ...]) -> None:
    """Switch defects on."""
    _switch(environment, profile_path, {"on": list(ids)})


@defects.command()
@landscape_options
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@explained
def off(environment: str, profile_path: Path | None, ids: tuple[str, ...]) -> None:
    """Switch defects off."""
    _switch(environment, profile_path, {"off": list(ids)})


def _switch(environment: str, profile_path: Path | None, change: dict[str, list[str]]) -> None:
    known = [defect["id"] for defect in _ask(environment, profile_path)["defects"]]
    for name in (*change.get("on", ()), *change.get("off", ())):
        if name not in known:
            raise UsageError(f"no defect '{name}'", hint=did_you_mean(name, known))
    _ask(environment, profile_path, change)
    active = [defect["id"] for defect in _ask(environment, profile_path)["defects"] if defect["on"]]
    click.echo("on: " + (", ".join(active) or "none"))


def _ask(environment: str, profile_path: Path | None, change: dict[str, list[str]] | None = None) -> Any:
    from assay.local.plan import MERCHANT
    from assay.local.processes import admin

    port = plan_for(environment, profile_path).home.read().port(MERCHANT, MERCHANT)
    if port is None:
        raise InfrastructureError("the reference merchant is not up", hint=f"assay up --env {environment}")
    return admin(port, "POST" if change else "GET", "defects", change)
