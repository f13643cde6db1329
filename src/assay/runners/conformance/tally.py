"""Counts what generated requests came to, operation by operation, and turns it into `Tested` records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.contracts.model import Deviation
from assay.contracts.results import Failed, Tested
from assay.masking import mask_text
from assay.runners.conformance.document import Asked
from assay.runners.conformance.known import KnownFailures
from assay.runners.conformance.twin import ADDITIVE
from assay.runners.conformance.twin import CHECK as UNDOCUMENTED

_LONGEST = 600


@dataclass(slots=True)
class _Seen:
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    provoked: set[int] = field(default_factory=set)
    failed: dict[tuple[str, int | None, str], Failed] = field(default_factory=dict)
    more: dict[int, dict[str, str]] = field(default_factory=dict)


class Tally:
    """What was seen of one system. An answer outside the document's operations is not counted."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._seen = {name: _Seen() for name, _ in asked.operations()}

    @property
    def cases(self) -> int:
        """How many requests were sent."""
        return sum(each.cases for each in self._seen.values())

    def has(self, operation: str, status: str) -> bool:
        """Whether a documented status, such as '200', '4XX' or 'default', was seen of an operation."""
        seen = self._seen[operation].statuses
        if status == "default":
            return bool(seen)
        if status[1:].upper() == "XX":
            return any(str(each).startswith(status[0]) for each in seen)
        return any(str(each) == status for each in seen)

    def saw(self, operation: str, status: int | None, *, provoked: bool = False) -> None:
        """Count one answer; None where none came. provoked: a fault asked for it, or the credentials were left out."""
        seen = self._seen.setdefault(operation, _Seen())
        seen.cases += 1
        if status is None:
            return
        if provoked and not seen.statuses[status]:
            seen.provoked.add(status)
        elif not provoked:
            seen.provoked.discard(status)
        seen.statuses[status] += 1

    def failed(self, operation: str, check: str, *, status: int | None, title: str, message: str, repeat: str) -> None:
        """Note one thing that was broken; each kind of an operation once."""
        text = " ".join(f"{title}: {message}".split())
        failed = Failed(check=check, status=status, message=mask_text(text[:_LONGEST]), repeat=mask_text(repeat))
        self._seen.setdefault(operation, _Seen()).failed.setdefault((check, status, title), failed)

    def is_news(self, operation: str, status: int, paths: Sequence[str]) -> bool:
        """Whether a field the document does not list was not yet seen in this answer of the operation."""
        return any(path not in self._seen[operation].more.get(status, {}) for path in paths)

    def found_more(self, operation: str, status: int, strange: Sequence[Deviation], *, repeat: str) -> None:
        """Note fields that the document does not list. They break nobody who reads by it: information, no failure."""
        seen = self._seen[operation]
        fields = seen.more.setdefault(status, {})
        fields.update({each.path: each.seen for each in strange})
        shown = ", ".join(f"{path} ({value})" for path, value in fields.items())
        text = f"{len(fields)} field{'s' * (len(fields) > 1)} that the document does not list: {shown}"
        seen.failed[UNDOCUMENTED, status, ""] = Failed(
            check=UNDOCUMENTED,
            status=status,
            message=mask_text(text[:_LONGEST]),
            repeat=mask_text(repeat),
            known=ADDITIVE,
        )

    def tested(self, base_url: str, known: KnownFailures) -> tuple[Tested, ...]:
        """Return a record for each operation of the document; what the known-failures file excuses says so."""
        found = []
        for name, operation in self._asked.operations():
            seen = self._seen[name]
            found.append(
                Tested(
                    system=self._asked.system,
                    operation=name,
                    base_url=base_url,
                    cases=seen.cases,
                    documented=tuple(str(each) for each in operation.get("responses", ())),
                    seen=tuple(str(each) for each in sorted(seen.statuses)),
                    provoked=tuple(str(each) for each in sorted(seen.provoked)),
                    failed=tuple(known.excuse(name, each) for each in seen.failed.values()),
                )
            )
        return tuple(found)


def share(tested: Sequence[Tested]) -> Mapping[str, int]:
    """Return how many operations were answered and how many documented statuses seen, of how many."""
    return {
        "operations": len(tested),
        "answered": sum(bool(each.seen) for each in tested),
        "documented": sum(len(each.documented) for each in tested),
        "covered": sum(len(each.covered) for each in tested),
        "provoked": sum(len(set(each.covered) & set(each.provoked)) for each in tested),
    }
