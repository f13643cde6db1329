"""`assay contracts diff`: what a document's next version breaks of what is used."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, in_colour, plan_for, profile_option
from assay.contracts.diff_rules import Severity
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.contracts.diff_used import Uses
    from assay.contracts.model import Document

_COLOURS = {Severity.BREAKING: "red", Severity.RISKY: "yellow", Severity.ADDITIVE: "green"}
_FAIL_ON = {"breaking": (Severity.BREAKING,), "risky": (Severity.BREAKING, Severity.RISKY), "none": ()}


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@profile_option
@click.option("--used-by", "environment", metavar="ENV", help="What the platform was seen to call there counts.")
@click.option("--system", metavar="SYSTEM", help="Whose document it is, where --used-by cannot tell.")
@click.option(
    "--used", "used_file", metavar="FILE", type=click.Path(path_type=Path), help="A contract.yaml, or a list of uses."
)
@click.option("--all", "rest", is_flag=True, help="List additions and what is not used, too, instead of counts.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="For people, for programs, or for a comment on a change.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--fail-on", type=click.Choice(list(_FAIL_ON)), default="breaking", show_default=True, help="What is exit 1."
)
@explained
def diff(
    old: Path,
    new: Path,
    profile_path: Path | None,
    environment: str | None,
    system: str | None,
    used_file: Path | None,
    rest: bool,
    form: str,
    as_json: bool,
    fail_on: str,
) -> None:
    """Say what the document NEW breaks of what is used of OLD, an older version of it; any formats.

    Without --used-by and --used every operation counts as used. Exit 0 when nothing breaks, 1 when something that is
    used does, 2 when one of them is no document.
    """
    from assay.contracts.diff_shown import as_json as json_of
    from assay.contracts.diff_shown import as_markdown, as_text
    from assay.contracts.diffing import compare

    if environment and used_file:
        raise UsageError("give --used-by or --used, not both")
    if system and not environment:
        raise UsageError("--system says whose calls count, and goes with --used-by ENV")
    older, newer = _document(old), _document(new)
    uses: Uses | None = None
    if environment:
        uses = _seen(environment, profile_path, system, older)
    elif used_file:
        uses = _listed(used_file, older)
    found = compare(older, newer, uses, rest=rest)
    if as_json or form == "json":
        click.echo(json.dumps(json_of(found, rest=rest), indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo(as_markdown(found, rest=rest))
    else:
        click.echo(
            as_text(found, rest=rest, paint=lambda text, severity: in_colour(text, _COLOURS[severity], sys.stdout))
        )
    sys.exit(1 if any(found.of(severity, used=True) for severity in _FAIL_ON[fail_on]) else 0)


def _document(file: Path) -> Document:
    from assay.contracts.reading import read_document

    document = read_document(file)
    if not document.operations and not document.shapes:
        faults = "; ".join(f"{each.where}: {each.problem}" for each in document.faults[:3])
        raise UsageError(
            "a document without any operation or type cannot be compared",
            where=str(file),
            expected="two versions of a vendor's document",
            seen=f"{document.format}" + (f"; {faults}" if faults else ""),
        )
    return document


def _listed(file: Path, old: Document) -> Uses:
    """Return what a file says is used: operations by name, or a contract."""
    from assay.contracts.diff_used import of_contract, of_names
    from assay.contracts.reading import read_document

    content: object = None
    if file.suffix == ".json":
        try:
            content = json.loads(file.read_bytes())
        except (OSError, ValueError):
            content = None  # what reads documents says what is wrong with it
    uses = content.get("uses") if isinstance(content, dict) else None
    if isinstance(uses, dict):
        return of_names(uses, old, str(file))
    found = of_contract(read_document(file), old)
    if not found.operations:
        raise UsageError(
            "none of what is used is in the older document",
            where=str(file),
            expected=f"operations such as {', '.join(each.name for each in old.operations[:3])}",
        )
    return found


def _seen(environment: str, profile_path: Path | None, system: str | None, old: Document) -> Uses:
    """Return what the platform called in an environment; where nothing was journalled, what its contract uses."""
    from assay.contracts.diff_used import of_calls, of_contract
    from assay.local.documents import documents_of
    from assay.local.traffic import outgoing

    plan = plan_for(environment, profile_path)
    systems = plan.environment.systems
    if system and system not in systems:
        raise UsageError(f"no system '{system}' in environment '{environment}'", hint=did_you_mean(system, systems))
    registry = documents_of(plan)
    contracts = {name: registry.contract(name) for name in ([system] if system else systems)}
    by_contract = {name: of_contract(held.document, old) for name, held in contracts.items() if held is not None}
    likely = max(by_contract, key=lambda name: len(by_contract[name].operations), default=None)
    name = system or (likely if likely and by_contract[likely].operations else None)
    calls = [call for call in outgoing(plan, None) if name in (None, call.system)]
    seen = of_calls(calls, old, by_contract.get(name or ""))
    if seen.operations:
        return seen
    if name and name in by_contract and by_contract[name].operations:
        return by_contract[name]
    raise UsageError(
        f"nothing that is used in '{environment}' is in the older document",
        where=str(old.source),
        expected=f"calls in the edge's journal, or a contract of {system or 'one of its systems'}",
        hint="--system SYSTEM says whose document it is; --used contract.yaml names what is used",
    )
