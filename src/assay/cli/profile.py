"""`assay profile check`, `assay profile schema` and `assay profile require`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, find, json_option, landscape_options, plan_for, profile_option
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.profile import Profile


@click.group()
def profile() -> None:
    """Check assay.toml, print its JSON Schema for editors, or require oracles in it."""


@profile.command()
@profile_option
@json_option
@explained
def check(profile_path: Path | None, as_json: bool) -> None:
    """Read the profile whole and say what it declares, or where it is wrong (exit 2).

    A file of a system's contract or documents that is not there is wrong, too.
    """
    found, _ = find(profile_path)
    _files_are_there(found)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    for name, environment in found.environments.items():
        kind = "production" if environment.production else environment.view.replace("_", " ")
        systems = ", ".join(f"{system} {each.mode}" for system, each in environment.systems.items())
        click.echo(f"{name:<12}{kind:<15}{systems}")
    click.echo(f"{len(found.environments)} environments, all keys known")


def _files_are_there(found: Profile) -> None:
    from assay.profile import FILE_NAME

    for environment in found.environments.values():
        for name, system in environment.systems.items():
            named = [("contract", system.contract)] if system.contract is not None else []
            named += [("documents", each.at) for each in system.documents if each.address is None]
            for key, file in named:
                if not (found.folder / file).is_file():
                    raise UsageError(
                        f"'{file}' of system '{name}' is not there",
                        where=f"{found.folder / FILE_NAME}: systems.{name}.{key}",
                        expected=f"a file at {found.folder / file}",
                        hint="correct the path: it starts at the folder of assay.toml",
                    )


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
