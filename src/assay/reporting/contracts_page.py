"""The page's section about contracts: what departs first, then every operation by the ways it was looked at.

Separate from `contracts`, which says what is told, because a page must stay within its size: what does not fit is
left out from the least important side and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contracts.results import Contracts
from assay.reporting.contracts import (
    COLUMNS,
    NOTE,
    NOTHING,
    Departure,
    SystemRows,
    clipped,
    departures_of,
    headline_of,
    held_of,
    open_of,
    systems_of,
)
from assay.reporting.text import plural

if TYPE_CHECKING:
    from markupsafe import Markup

_MOST_DEPARTURES, _MOST_OPEN = 100, 60
_SHARE_OF_DEPARTURES = 0.5


@dataclass(frozen=True, slots=True)
class SystemBlock:
    """One system: a line, and under it a table of its operations."""

    name: str
    state: str
    summary: str
    rows: Markup
    left_out: int


@dataclass(frozen=True, slots=True)
class ContractsSection:
    """Everything the section shows. headline is empty where nothing was held against a document.

    departures: (title, rows, how many were left out, whether they are folded). size: bytes of what was rendered.
    """

    headline: str = ""
    good: bool = True
    departures: tuple[tuple[str, Markup, int, bool], ...] = ()
    systems: tuple[SystemBlock, ...] = ()
    open: tuple[tuple[str, str], ...] = ()
    size: int = 0
    columns: tuple[str, ...] = ("Document", *(label for label, _ in COLUMNS))
    note: str = NOTE
    nothing: str = NOTHING


def section_of(contracts: Contracts | None, parts: Any, budget: int) -> ContractsSection:
    """Return the section, rendered by the macros of ``parts.html.j2`` in at most so many bytes of rows."""
    if contracts is None:
        return ContractsSection()
    held = held_of(contracts)
    told = [(system, f"{kind}: {reason}") for system, kind, reason in open_of(contracts)]
    if not held and not contracts.documented and not told:
        return ContractsSection()
    room = _Room(int(budget * _SHARE_OF_DEPARTURES))
    every = departures_of(held)
    groups = [
        ("Violations", [each for each in every if each.is_violation], False),
        ("Known failures", [each for each in every if each.known], True),
        ("For information: what breaks nobody", [each for each in every if each.is_additive], True),
    ]
    departures = tuple(
        (f"{title} ({len(group):,})", *_departures(group, parts, room), folded)
        for title, group, folded in groups
        if group
    )
    room.more(budget - int(budget * _SHARE_OF_DEPARTURES))
    systems = tuple(_block(each, parts, room) for each in systems_of(contracts, held))
    if len(told) > _MOST_OPEN:
        told = [*told[:_MOST_OPEN], ("…", f"{plural(len(told) - _MOST_OPEN, 'system')} more, in run.jsonl")]
    return ContractsSection(
        headline=headline_of(contracts, held),
        good=not contracts.violations,
        departures=departures,
        systems=systems,
        open=tuple(told),
        size=room.taken,
    )


class _Room:
    """How many bytes may still be rendered."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self.taken = 0

    def more(self, budget: int) -> None:
        """Add to what may be rendered."""
        self._left += budget

    def fill(self, render: Callable[[Any], Markup], items: Sequence[Any]) -> tuple[Markup, int]:
        """Return as many fragments as fit, joined, and how many did not."""
        from markupsafe import Markup

        fragments: list[Markup] = []
        for item in items:
            fragment = render(item)
            size = len(fragment.encode("utf-8", "replace"))
            if size > self._left:
                break
            self._left -= size
            self.taken += size
            fragments.append(fragment)
        return Markup("").join(fragments), len(items) - len(fragments)


def _departures(group: Sequence[Departure], parts: Any, room: _Room) -> tuple[Markup, int]:
    rows, left_out = room.fill(parts.departure, [clipped(each) for each in group[:_MOST_DEPARTURES]])
    return rows, left_out + max(0, len(group) - _MOST_DEPARTURES)


def _block(system: SystemRows, parts: Any, room: _Room) -> SystemBlock:
    rows, left_out = room.fill(parts.operation, system.rows)
    return SystemBlock(system.name, system.state, " · ".join(system.facts), rows, left_out)
