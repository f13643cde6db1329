"""Misuse of Assay and trouble around it; findings about the platform under test are records, not errors.

AssayError
├── UsageError            exit 2: wrong use or configuration
├── InfrastructureError   exit 3: edge, simulator, vendor or machine
└── SafetyError           exit 4: refused, nothing was sent
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AssayError(Exception):
    """Something the user can mend: where it is, what was expected, what was seen, what to do next."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        seen: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.expected = expected
        self.seen = seen
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        for label, text in (("where", self.where), ("expected", self.expected), ("seen", self.seen), ("do", self.hint)):
            if text is not None:
                lines.append(f"  {label + ':':<10}{text}")
        return "\n".join(lines)


class UsageError(AssayError):
    """The command, profile, flow or connector was used or written wrongly."""

    exit_code = 2


class InfrastructureError(AssayError):
    """The edge, a simulator, a vendor or this machine could not do its part."""

    exit_code = 3


class SafetyError(AssayError):
    """Refused to keep somebody's data or money safe; nothing was sent."""

    exit_code = 4


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest known name, else the known names themselves."""
    names = sorted(set(known))
    near = [each for each in names if each.casefold() == name.casefold()]
    near += difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "known: " + ", ".join(names) if names else "none is known"
