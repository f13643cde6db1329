"""The check `self`: the process that watches the shop looks at itself.

What it looks at belongs to the running process, which lies above this layer; it says here how it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from assay.drift.checks import check
from assay.drift.look import Look
from assay.events import Finding

ORACLE = "O-T3"
Watcher = Callable[[Look], Sequence[Finding]]
"""Returns verdicts over the process and its monitors; a monitor may be silent for `intervals` of its own."""
_watchers: list[Watcher] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let the check `self` ask this process while the block runs."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


@check("self", oracles=(ORACLE,), intervals=2)
def itself(look: Look) -> None:
    """Sees that every monitor still runs, and that clock, store, edge and timetable of this process are well."""
    if not _watchers:
        look.unjudged(ORACLE, "nobody watches here: the process of assay monitor judges itself")
        return
    with look.step("look at this process"):
        for finding in _watchers[-1](look):
            look.verdict(finding)
