"""`assay contracts pull`: fetches the vendors' documents to this machine, by pinned checksum."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.contracts.pulling import Pulled
    from assay.profile import System

_FORMAT = 1


@click.command()
@click.argument("names", metavar="[SYSTEM]...", nargs=-1)
@landscape_options
@json_option
@explained
def pull(names: tuple[str, ...], environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Fetch the documents of SYSTEMs (default: all) to this machine, where they are then used without a network.

    Which ones: `documents` of a system in assay.toml, else those its vendor publishes and Assay knows, each pinned to
    its SHA-256. What is here already is not asked for again. Exit 1 where another file lies at an address than the
    pinned one, 3 where nothing usable came, 5 where there is nothing to fetch.
    """
    from assay.contracts.pulling import pull as fetch
    from assay.contracts.pulling import wanted_of
    from assay.contracts.registry import cache_directory

    plan = plan_for(environment, profile_path)
    systems = plan.environment.systems
    check_names(names, systems, environment)
    wanted, cache = wanted_of(systems, names), cache_directory()
    pulled = []
    for each in fetch(wanted, cache, way=plan.way_to):
        pulled.append(each)
        if not as_json:
            _show(each)
    if as_json:
        content = {"format": _FORMAT, "cache": str(cache), "documents": [_record(each) for each in pulled]}
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif not pulled:
        click.echo("nothing to fetch: none of these systems has a document with an address")
        click.echo("name some in assay.toml: documents = ['https://…'] of a system, or a file of your project")
    else:
        _show_lines(pulled)
        kept = sum(each.kept for each in pulled)
        click.echo(f"{kept} of {len(pulled)} documents are on this machine, in {cache}")
    outcomes = {each.outcome for each in pulled}
    sys.exit(5 if not pulled else 3 if "failed" in outcomes else 1 if "changed" in outcomes else 0)


def check_names(names: tuple[str, ...], systems: dict[str, System], environment: str) -> None:
    """Raise `UsageError` for a name that is no system of the environment."""
    for name in names:
        if name not in systems:
            raise UsageError(f"no system '{name}' in '{environment}'", hint=did_you_mean(name, systems))


def _show(each: Pulled) -> None:
    from assay.masking import mask_url

    more = f"  {each.size:,} bytes" if each.size else ""
    click.echo(f"{each.wanted.system:<12}{each.outcome:<9}{mask_url(each.wanted.address)}{more}")
    notes = [("licence", each.wanted.licence if each.outcome == "fetched" else "")]
    notes += [("problem", each.problem), ("do", each.hint)]
    if each.outcome in ("failed", "changed") and each.kept:
        notes.append(("kept", "the copy fetched before is used"))
    for label, text in notes:
        if text:
            click.echo(f"{'':<12}{label + ':':<9}{text}")


def _show_lines(pulled: list[Pulled]) -> None:
    lines: dict[str, list[str]] = {}
    for each in pulled:
        if each.line:
            lines.setdefault(each.wanted.system, []).append(each.line)
    if lines:
        click.echo("\nto pin what lies there now, put into assay.toml (beside the system's other documents):")
    for system, found in lines.items():
        click.echo(f"[systems.{system}]\ndocuments = [")
        for line in found:
            click.echo(f"    {line},")
        click.echo("]\n")


def _record(each: Pulled) -> dict[str, Any]:
    from assay.masking import mask_url

    return {
        "system": each.wanted.system,
        "address": mask_url(each.wanted.address),
        "outcome": each.outcome,
        "kept": each.kept,
        "sha256": each.sha256,
        "pinned": each.wanted.sha256,
        "bytes": each.size,
        "document": each.format,
        "licence": each.wanted.licence,
        "problem": each.problem,
        "do": each.hint,
    }
