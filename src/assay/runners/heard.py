"""The platform's calls of one session, read from the store once each however often somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from assay.records import Call

UNHEARD = "calls of the platform were still under way after 30 s: what it said is not known"
_LATE = timedelta(minutes=2)
"""A call is kept under the instant it began, once it was answered: no client of a platform waits longer."""


class Heard:
    """Remembers what was read. read: the calls since a real instant, or since the session began, oldest first."""

    def __init__(self, read: Callable[[datetime | None], Sequence[Call]]) -> None:
        self._read = read
        self._kept: dict[str, Call] = {}
        self._newest: datetime | None = None
        self._lock = Lock()

    def calls(self) -> Sequence[Call]:
        """Return every call so far, oldest first."""
        with self._lock:
            for call in self._read(self._newest and self._newest - _LATE):
                self._kept[call.id] = call
                self._newest = max(call.at, self._newest or call.at)
            return sorted(self._kept.values(), key=lambda each: each.at)


class Unheard:
    """A journal that is not there to be judged by: asking for it fails, and what needs it is *not evaluated*."""

    def calls(
        self, environment: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Call]:
        """Raise `LookupError`: a judge that took silence for innocence would pass whatever was said."""
        raise LookupError(UNHEARD)

    def gaps(self, environment: str) -> Sequence[tuple[datetime, datetime]]:
        """Return none: it is not known what is missing."""
        return ()
