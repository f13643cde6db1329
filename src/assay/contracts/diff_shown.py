"""A difference between two documents as text, Markdown and JSON: what is used first, the rest as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from assay.contracts.diff_rules import Change, Severity, Side
from assay.contracts.diffing import Diff
from assay.contracts.model import Document

Paint = Callable[[str, Severity], str]
_FORMAT = 1
_MOST_PATHS = 12
_MOST_NAMED = 2
_STRANGE = "no operation and no type of the older document is in the newer: are they versions of one API?"


def as_json(diff: Diff, *, rest: bool) -> dict[str, Any]:
    """Return everything for programs. rest: what is not used, too; it is counted in any case."""
    return {
        "format": _FORMAT,
        "old": _document(diff.old),
        "new": _document(diff.new),
        "used": diff.used,
        "paired_operations": diff.paired,
        "counts": {
            "used": {each.value: len(diff.of(each, used=True)) for each in Severity},
            "rest": {each.value: len(diff.of(each, used=False)) for each in Severity},
        },
        "changes": [_change(each) for each in diff.changes if each.used or rest],
    }


def as_text(diff: Diff, *, rest: bool, paint: Paint = lambda text, _: text) -> str:
    """Return what people read; additions and what is not used are counted alone, with `rest` listed, too."""
    lines = [f"old   {_named(diff.old)}", f"new   {_named(diff.new)}"]
    lines.append(f"used  {diff.used}" if diff.used else "used  nobody says: everything is listed")
    if diff.has_nothing_in_common:
        lines.append(f"note  {_STRANGE}")
    for severity in Severity:
        found = diff.of(severity, used=True)
        if severity is Severity.ADDITIVE and not rest:
            lines += ["", _counted("additive", found)] if found else []
        elif found:
            lines += ["", paint(f"{severity} {len(found)}", severity), *_listed(found)]
    others = [each for each in diff.changes if not each.used]
    if others and rest:
        lines += ["", f"not used {len(others)}", *_listed(others, with_severity=True)]
    elif others:
        lines += ["", f"not used: {_numbers(others)}"]
    if not diff.changes:
        lines += ["", "nothing changed"]
    elif not rest and (others or diff.of(Severity.ADDITIVE)):
        lines.append("list them, too: --all")
    return "\n".join(lines)


def as_markdown(diff: Diff, *, rest: bool) -> str:
    """Return a summary for a pull request: one table a severity."""
    lines = [f"### {_named(diff.old)} → {_named(diff.new)}", ""]
    lines += [f"Used: {diff.used}." if diff.used else "Nobody says what is used: everything is listed.", ""]
    if diff.has_nothing_in_common:
        lines += [f"**{_STRANGE.capitalize()}**", ""]
    for severity in Severity:
        found = diff.of(severity, used=True)
        if found and (rest or severity is not Severity.ADDITIVE):
            lines += [f"#### {severity.capitalize()}: {len(found)}", "", *_table(found), ""]
        elif found:
            lines += [_counted("Additive", found) + ".", ""]
    others = [each for each in diff.changes if not each.used]
    if others and rest:
        lines += [f"#### Not used: {len(others)}", "", *_table(others), ""]
    elif others:
        lines += [f"Not used: {_numbers(others)}.", ""]
    if not diff.changes:
        lines += ["Nothing changed.", ""]
    return "\n".join(lines).rstrip()


def told(change: Change) -> str:
    """Return what a change is, with what was and what is."""
    values = ""
    if change.old and change.new:
        values = f": {change.old} → {change.new}"
    elif change.old or change.new:
        values = f": {change.old or change.new}"
    beneath = f", with {change.beneath} fields in it" if change.beneath else ""
    undecided = "; the document's branches disagree here" if change.undecided else ""
    return f"{change.sentence}{values}{beneath}{undecided}"


def _listed(found: Sequence[Change], *, with_severity: bool = False) -> Iterator[str]:
    """Give a line for each thing that changed in an operation, with all the fields it holds for."""
    for operation, group in groupby(found, key=lambda each: each.operation):
        yield f"  {operation or 'the document'}"
        for (_, side, place, what, others), alike in _alike(group):
            severity = f"{alike[0].severity:<10}" if with_severity else ""
            where = f"{side} {place}".rstrip()
            paths = [each.path for each in alike if each.path]
            if len(paths) > 1:
                where, what = f"{where} {len(paths)} fields", f"{what}: {', '.join(_shortest(paths))}"
            elif paths:
                where = f"{where} {paths[0]}"
            more = f"{others} operations more" if others > _MOST_NAMED else ", ".join(alike[0].operations)
            yield f"    {severity}{where}: {what}" + (f"  (and {more})" if others else "")


def _alike(group: Iterable[Change]) -> Iterator[tuple[tuple[Severity, Side, str, str, int], list[Change]]]:
    """Put together what changed in the same way in one message; one field of another value stands alone."""
    found: dict[tuple[Severity, Side, str, str, int], list[Change]] = {}
    for each in group:
        found.setdefault((each.severity, each.side, each.place, told(each), len(each.operations)), []).append(each)
    yield from found.items()


def _shortest(paths: Sequence[str]) -> list[str]:
    """Return the first few paths, those that stand nearest to the top before the others."""
    ordered = sorted(paths, key=lambda path: (path.count("."), path))
    return ordered[:_MOST_PATHS] + ([f"and {len(ordered) - _MOST_PATHS} more"] if len(ordered) > _MOST_PATHS else [])


def _table(found: Sequence[Change]) -> Iterator[str]:
    yield "| operation | where | what |"
    yield "|---|---|---|"
    for each in found:
        more = f" and {len(each.operations)} more" if each.operations else ""
        cells = (f"`{each.operation}`{more}", f"{each.side} {each.where}".strip(), told(each))
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _counted(word: str, found: Sequence[Change]) -> str:
    kinds = Counter(each.sentence for each in found)
    return f"{word} {len(found)}: " + ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())


def _numbers(found: Sequence[Change]) -> str:
    counts = Counter(each.severity for each in found)
    operations = {name for each in found for name in (each.operation, *each.operations)}
    numbers = ", ".join(f"{counts[each]} {each}" for each in Severity)
    return f"{numbers} in {len(operations)} operations"


def _named(document: Document) -> str:
    title = " ".join(each for each in (document.title, document.version) if each)
    return f"{title or document.source} ({document.format}, {len(document.operations)} operations)"


def _document(document: Document) -> dict[str, Any]:
    return {
        "source": document.source,
        "format": document.format,
        "title": document.title,
        "version": document.version,
        "operations": len(document.operations),
        "faults": len(document.faults),
    }


def _change(each: Change) -> dict[str, Any]:
    return {
        "severity": each.severity.value,
        "rule": each.rule,
        "what": each.sentence,
        "operations": [each.operation, *each.operations] if each.operation else [],
        "side": each.side.value,
        "place": each.place,
        "path": each.path,
        "old": each.old,
        "new": each.new,
        "used": each.used,
        "undecided": each.undecided,
        "beneath": each.beneath,
    }
