"""`assay profile check` and `assay profile schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from assay.cli.shared import explained, find, json_option, profile_option


@click.group()
def profile() -> None:
    """Check assay.toml, or print its JSON Schema for editors."""


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
