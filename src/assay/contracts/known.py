"""What is known to depart from a vendor's document, and why: `deviations.toml` beside a contract.

A contract departs on purpose where the vendor's own answers do, and where its document is wrong. An entry names the
place and the reason; an entry for a place that no longer departs is an error, so that the list never outlives what it
explains. The file of `contract.yaml` is `deviations.toml`, that of `carrier.yaml` is `carrier.deviations.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from assay.contracts.model import Deviation, Problem
from assay.contracts.results import ANSWER, REQUEST
from assay.errors import UsageError, did_you_mean

TRAFFIC, COMPARE = "traffic", "compare"
"""What `only` says of an entry for what is said and sent alone, or for the comparison of documents alone."""
_TABLE = "deviation"
_KEYS = ("operation", "direction", "problem", "path", "seen", "reason", "only")
_OWN_NAMES = ("contract.yaml", "openapi.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One place that departs, and why. operation and path may hold `*` for any text; problem None: in any way.

    direction: request, answer, or '' for both. seen: what was seen there, such as a status; '' for anything. only:
    `traffic`, `compare`, or '' for whatever sees it. where: file and entry.
    """

    operation: str
    direction: str
    problem: Problem | None
    path: str
    reason: str
    seen: str = ""
    only: str = ""
    where: str = field(default="", compare=False)

    def covers(self, operation: str, direction: str, deviation: Deviation) -> bool:
        """Whether this is the reason of a deviation seen at an operation."""
        return (
            self.problem in (None, deviation.problem)
            and self.direction in ("", direction)
            and fits(operation, self.operation)
            and fits(deviation.path, self.path)
            and (not self.seen or fits(deviation.seen, self.seen))
        )


def known_file(contract: Path) -> Path:
    """Return the file of reasons that belongs to a contract."""
    own = contract.name in _OWN_NAMES
    return contract.with_name("deviations.toml" if own else f"{contract.stem}.deviations.toml")


def read_known(file: Path) -> Sequence[Known]:
    """Return the reasons a file holds, none where there is no file. `UsageError` says which entry is wrong."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return ()
    return _read(file, stat.st_mtime_ns, stat.st_size)


def fits(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern in which `*` alone is special: paths hold `[]` and `?`."""
    return text == pattern or ("*" in pattern and fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]")))


@cache
def _read(file: Path, changed: int, size: int) -> Sequence[Known]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("the list of deviations is no TOML", where=str(file), seen=str(error)) from None
    for name in content:
        if name != _TABLE:
            raise UsageError(f"unknown table '{name}'", where=str(file), hint=did_you_mean(name, [_TABLE]))
    entries = content.get(_TABLE, [])
    if not isinstance(entries, list):
        raise UsageError("deviations are a list of tables", where=str(file), hint=f"write [[{_TABLE}]]")
    return tuple(_entry(each, f"{file}: deviation {number}") for number, each in enumerate(entries, 1))


def _entry(entry: dict[str, Any], where: str) -> Known:
    for name, value in entry.items():
        if name not in _KEYS:
            raise UsageError(f"unknown key '{name}'", where=where, hint=did_you_mean(name, _KEYS))
        if not isinstance(value, str):
            raise UsageError(f"'{name}' is a text", where=where, seen=repr(value))
    for name in ("operation", "path", "reason"):
        if name not in entry or (name != "path" and not entry[name].strip()):
            raise UsageError(f"'{name}' is missing", where=where, hint="say where it departs, and why")
    _one_of(entry, "direction", ("", REQUEST, ANSWER), where)
    _one_of(entry, "only", ("", TRAFFIC, COMPARE), where)
    _one_of(entry, "problem", ("", *(each.value for each in Problem)), where)
    problem = entry.get("problem")
    return Known(
        operation=entry["operation"],
        direction=entry.get("direction", ""),
        problem=Problem(problem) if problem else None,
        path=entry["path"],
        reason=" ".join(entry["reason"].split()),
        seen=entry.get("seen", ""),
        only=entry.get("only", ""),
        where=where,
    )


def _one_of(entry: dict[str, str], name: str, known: Sequence[str], where: str) -> None:
    value = entry.get(name, "")
    if value not in known:
        said = ", ".join(each for each in known if each)
        raise UsageError(f"no such {name}", where=where, expected=said, seen=value, hint=did_you_mean(value, known))
