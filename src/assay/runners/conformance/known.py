"""What is known to fail at a system: whose it is, why, and until when it is excused (``known_failures.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from assay.contracts.known import fits
from assay.contracts.results import Failed
from assay.errors import UsageError, did_you_mean

FILE = "known_failures.toml"
_NEEDED = ("operation", "check", "owner", "reason", "until")
_KEYS = frozenset(_NEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One entry. operation and check: as reported, `*` for any part of it. until: the last day it is excused."""

    operation: str
    check: str
    owner: str
    reason: str
    until: date

    def fits(self, operation: str, check: str) -> bool:
        """Whether it speaks of this failure."""
        return fits(operation, self.operation) and fits(check, self.check)

    def __str__(self) -> str:
        return f"{self.owner}: {self.reason} (until {self.until.isoformat()})"


class KnownFailures:
    """The entries of one system, as of one day; it remembers which of them still fail."""

    def __init__(self, entries: Sequence[Known], *, today: date) -> None:
        self._entries = tuple(entries)
        self._today = today
        self._used: set[int] = set()

    @property
    def first_end(self) -> date | None:
        """The first day an entry runs out on, None without entries."""
        return min((each.until for each in self._entries), default=None)

    def excuse(self, operation: str, failed: Failed) -> Failed:
        """Return the failure with who knows of it; one past its day is nobody's excuse, and says so."""
        if failed.known:  # no failure in the first place
            return failed
        for position, each in enumerate(self._entries):
            if not each.fits(operation, failed.check):
                continue
            self._used.add(position)
            if each.until >= self._today:
                return replace(failed, known=str(each))
            overdue = f"{failed.message} [was excused until {each.until.isoformat()}; {each.owner}: {each.reason}]"
            return replace(failed, message=overdue)
        return failed

    def no_longer_failing(self) -> list[Known]:
        """Return the entries nothing was excused by: mended, so they can go."""
        return [each for position, each in enumerate(self._entries) if position not in self._used]


def read_known(file: Path, *, today: date) -> KnownFailures:
    """Read a file of known failures; without it nothing is excused. `UsageError` says which entry is wrong, and how."""
    if not file.is_file():
        return KnownFailures((), today=today)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file.name} is no TOML", where=str(file), seen=str(error), hint="mend that line") from None
    entries = content.get("failure", [])
    if set(content) - {"failure"} or not isinstance(entries, list):
        raise UsageError(f"{file.name} holds [[failure]] entries alone", where=str(file), seen=", ".join(content))
    return KnownFailures([_entry(each, file, number) for number, each in enumerate(entries, 1)], today=today)


def _entry(entry: object, file: Path, number: int) -> Known:
    where = f"{file}: [[failure]] number {number}"
    if not isinstance(entry, dict):
        raise UsageError("an entry is a table", where=where, expected="[[failure]]")
    strange = [name for name in entry if name not in _KEYS]
    if strange:
        raise UsageError(f"no key '{strange[0]}'", where=where, hint=did_you_mean(strange[0], _KEYS))
    missing = [name for name in _NEEDED if not entry.get(name)]
    if missing:
        raise UsageError(
            f"a known failure needs {', '.join(missing)}",
            where=where,
            expected="operation, check, owner, reason and until = 2027-03-31",
            hint="nobody's failure without an end is nobody's to mend",
        )
    if type(entry["until"]) is not date:
        raise UsageError("until is a day", where=where, expected="until = 2027-03-31", seen=repr(entry["until"]))
    texts = {name: str(entry[name]) for name in _NEEDED[:-1]}
    return Known(**texts, until=entry["until"])
