"""`assay contracts list`: every document of every system, what it holds and what is wrong with it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.contracts.model import Document, Fault
    from assay.contracts.registry import Absent

_FORMAT = 1
_FAULTS = 12
_NO_DOCUMENTS = frozenset({".md", ".txt", ".lock", ".py"})


@click.command("list")
@click.argument("names", metavar="[SYSTEM]...", nargs=-1)
@landscape_options
@click.option("--faults", "with_faults", is_flag=True, help="What is wrong with each document, and where.")
@click.option(
    "--all",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Every document of a folder, one subfolder a system, in place of the profile's.",
)
@json_option
@explained
def listing(
    names: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    with_faults: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """List the documents of SYSTEMs (default: all): role, format, version, operations, faults, where each came from.

    Exit 1 where a document cannot be read at all or a file the profile names is missing, 5 where there is none.
    """
    started = time.perf_counter()
    rows, absent = [], []
    source = _of_folder(folder, names) if folder is not None else _of_profile(names, environment, profile_path)
    for row in source:
        if isinstance(row, dict):
            rows.append(row)
            if not as_json:
                _show(row, with_faults=with_faults, first=len(rows) == 1)
        else:
            absent.append(row)
    if as_json:
        missing = [
            {"system": each.system, "name": each.name, "problem": each.problem, "do": each.hint} for each in absent
        ]
        content = {"format": _FORMAT, "documents": [_record(row) for row in rows], "absent": missing}
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        for each in absent:
            click.echo(f"{each.system:<14}not here: {each.name}: {each.problem}\n{'':<14}do: {each.hint}")
        _show_sum(rows, len(absent), time.perf_counter() - started)
    broken = any(row["document"].format == "unreadable" for row in rows) or any(each.declared for each in absent)
    sys.exit(5 if not rows and not absent else 1 if broken else 0)


def _of_profile(
    names: tuple[str, ...], environment: str, profile_path: Path | None
) -> Iterator[dict[str, Any] | Absent]:
    from assay.cli.contracts.pull import check_names
    from assay.local.documents import documents_of

    plan = plan_for(environment, profile_path)
    check_names(names, plan.environment.systems, environment)
    registry = documents_of(plan)
    for system in names or plan.environment.systems:
        for held in registry.documents(system):
            started = time.process_time()
            document = held.document
            yield _row(system, held.role, held.source, document, time.process_time() - started)
        yield from registry.absent(system)


def _of_folder(folder: Path, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    from assay.contracts.registry import VENDOR, Held

    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in _NO_DOCUMENTS and path.relative_to(folder).parts[0] != "manifest.json"
    ]
    systems = {_system(path, folder) for path in files}
    unknown = [name for name in names if name not in systems]
    if unknown:
        raise UsageError(f"no documents of '{unknown[0]}' in {folder}", expected=", ".join(sorted(systems)))
    for path in files:
        system = _system(path, folder)
        if names and system not in names:
            continue
        started = time.process_time()
        document = Held(system, VENDOR, str(path.relative_to(folder)), path).document
        yield _row(system, VENDOR, str(path.relative_to(folder)), document, time.process_time() - started)


def _system(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else folder.name


def _row(system: str, role: str, source: str, document: Document, seconds: float) -> dict[str, Any]:
    return {
        "system": system,
        "role": role,
        "source": source,
        "document": document,
        "operations": len(document.operations),
        "seconds": seconds,
    }


def _show(row: dict[str, Any], *, with_faults: bool, first: bool) -> None:
    document: Document = row["document"]
    if first:
        head = f"{'system':<14}{'role':<10}{'format':<22}{'version':<14}{'operations':>10}{'faults':>8}{'s CPU':>8}"
        click.echo(f"{head}  source")
    click.echo(
        f"{_cut(row['system'], 13):<14}{row['role']:<10}{document.format:<22}{_cut(document.version, 13) or '-':<14}"
        f"{row['operations']:>10}{len(document.faults):>8}{row['seconds']:>8.2f}  {row['source']}"
    )
    unreadable = document.format == "unreadable"
    faults = document.faults if with_faults else document.faults[:1] if unreadable else ()
    for fault in faults[:_FAULTS]:
        click.echo(f"{'':<14}{_told(fault)}")
    if len(faults) > _FAULTS:
        click.echo(f"{'':<14}… and {len(faults) - _FAULTS} more faults: --json has all")


def _show_sum(rows: list[dict[str, Any]], absent: int, seconds: float) -> None:
    if not rows and not absent:
        click.echo("no document: name contract or documents of a system in assay.toml, or assay contracts pull")
        return
    operations = sum(row["operations"] for row in rows)
    faults = sum(len(row["document"].faults) for row in rows)
    cpu = sum(row["seconds"] for row in rows)
    missing = f", {absent} not on this machine" if absent else ""
    click.echo(
        f"{len(rows)} documents{missing}: {operations:,} operations, {faults:,} faults; "
        f"{cpu:.1f} s of CPU, {seconds:.1f} s"
    )


def _told(fault: Fault) -> str:
    return f"{fault.where}: {fault.problem}" if fault.where else fault.problem


def _record(row: dict[str, Any]) -> dict[str, Any]:
    document: Document = row["document"]
    faults = [{"where": each.where, "problem": each.problem} for each in document.faults]
    said = {key: value for key, value in row.items() if key != "document"}
    return {
        **said,
        "seconds": round(row["seconds"], 3),
        "document": document.format,
        "title": document.title,
        "version": document.version,
        "faults": faults,
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
