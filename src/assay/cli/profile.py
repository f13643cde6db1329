"""`assay profile check`, `assay profile schema` and `assay profile require`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from assay.cli.shared import explained, find, json_option, landscape_options, plan_for, profile_option


@click.group()
def profile() -> None:
    """Check assay.toml, print its JSON Schema for editors, or require oracles in it."""


@profile.command()
@profile_option
@json_option
@explained
def check(profile_path: Path | None, as_json: bool) -> None:
    """Read the profile whole and say what it declares, or where it is wrong (exit 2)."""
    found, _ = find(profile_path)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    for name, environment in found.environments.items():
        kind = "production" if environment.production else environment.view.replace("_", " ")
        systems = ", ".join(f"{system} {each.mode}" for system, each in environment.systems.items())
        click.echo(f"{name:<12}{kind:<15}{systems}")
    click.echo(f"{len(found.environments)} environments, all keys known")


@profile.command()
@explained
def schema() -> None:
    """Print the JSON Schema of assay.toml."""
    from assay.profile import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@profile.command()
@landscape_options
@click.option("--from-last-run", is_flag=True, required=True, help="Require what the last run evaluated.")
@explained
def require(environment: str, profile_path: Path | None, from_last_run: bool) -> None:
    """Write into assay.toml which oracles must be evaluated in an environment from now on.

    A run in which one of them is not evaluated is then no longer green: exit 1 where a parameter, verb or system is
    missing, 3 where its witness could not be read.
    """
    from assay.cli.requires import require_from_last_run

    path, oracles = require_from_last_run(plan_for(environment, profile_path), profile_path)
    click.echo(f"{environment} requires {len(oracles)} oracles: {', '.join(oracles)}")
    click.echo(f"written to {path}")
