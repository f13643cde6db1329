"""Reads how long vendors took to answer the platform, out of the edge's journal, for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from assay.records import Call

_BACK = timedelta(seconds=30)
"""A call is kept when it is over, and its instant is that of its beginning: so much later it may still turn up."""


class EdgeCalls:
    """Tells each call of the platform once, however often the journal is read. Not safe for threads.

    calls: returns those of the journal since an instant. tell: told the system and the seconds of each. began: calls
    before that are somebody else's to tell. `read` is called again and again; what the journal raises is raised.
    """

    def __init__(
        self,
        calls: Callable[[datetime], Sequence[Call]],
        tell: Callable[[str, float], None],
        *,
        began: datetime,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._calls = calls
        self._tell = tell
        self._began = self._since = began
        self._now = now
        self._told: dict[str, datetime] = {}

    def read(self) -> int:
        """Tell what is new and return how many calls that were; webhooks that came in are none of the vendors' time."""
        upto, new = self._now() - _BACK, 0
        for call in self._calls(self._since):
            if call.way == "reverse" or call.id in self._told or call.at < self._began:
                continue
            self._told[call.id] = call.at
            self._tell(call.system, call.duration_ms / 1000)
            new += 1
        self._since = max(upto, self._since)  # a clock that was put back must not let calls be told again
        self._told = {id: when for id, when in self._told.items() if when >= self._since}
        return new
