"""The one simulated clock of a landscape, read from a small file that `assay clock` writes.

The file holds ``{"mode": "real", "offset_us": N}`` (UTC of this machine plus N microseconds) or
``{"mode": "frozen", "at_us": N}`` (microseconds since 1970-01-01T00:00Z). Without a file the clock is real time.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_us(microseconds: int) -> datetime:
    """Return the UTC instant that many microseconds after 1970-01-01."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_us(instant: datetime) -> int:
    """Return whole microseconds from 1970-01-01 to an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


class SimClock:
    """Simulated UTC time that never goes backwards within a process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._stamp: tuple[int, int] = (0, 0)
        self._mode = "real"
        self._value = 0
        self._last = 0

    def now(self) -> datetime:
        """Return the simulated instant, aware, in UTC."""
        return from_us(self.now_us())

    def timestamp(self) -> int:
        """Return whole seconds since 1970-01-01, as many vendors write instants."""
        return self.now_us() // 1_000_000

    def now_us(self) -> int:
        """Return microseconds since 1970-01-01."""
        self._refresh()
        value = self._value if self._mode == "frozen" else time.time_ns() // 1_000 + self._value
        self._last = max(self._last, value)
        return self._last

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            return
        stamp = (seen.st_mtime_ns, seen.st_ino)
        if stamp == self._stamp:
            return
        content = json.loads(self._path.read_text())
        self._mode = content["mode"]
        self._value = content["at_us"] if self._mode == "frozen" else content["offset_us"]
        self._stamp = stamp
