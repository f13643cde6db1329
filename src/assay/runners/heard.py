"""The platform's calls of one session, read from the store once each however often somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from threading import Lock

from assay.records import Call

UNHEARD = "calls of the platform were still under way after 30 s: what it said is not known"
_LATE = timedelta(minutes=2)
"""A call is kept under the instant it began, once it was answered: no client of a platform waits longer."""


class Heard:
    """Remembers what was read.

    read: the calls since a real instant, or since the session began, oldest first, without those whose ids it is given.
    Safe for threads: cases that ask while somebody reads share the next reading, which began after all of them asked.
    """

    def __init__(self, read: Callable[[datetime | None, Collection[str]], Sequence[Call]]) -> None:
        self._read = read
        self._kept: dict[str, Call] = {}
        self._newest: datetime | None = None
        self._begun = self._ended = 0
        self._lock = Lock()

    def calls(self) -> Sequence[Call]:
        """Return every call so far, oldest first."""
        wanted = self._begun + 1  # one that goes on already may have passed by what the caller waits for
        with self._lock:
            if self._ended < wanted:
                self._begun += 1
                for call in self._read(self._newest and self._newest - _LATE, self._kept.keys()):
                    self._kept[call.id] = call
                    self._newest = max(call.at, self._newest or call.at)
                self._ended = self._begun
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
