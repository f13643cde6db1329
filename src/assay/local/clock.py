"""Writes the landscape's one clock and moves it: everything due on the way has run when `advance` returns.

The file is the one simulators read: ``{"mode": "real", "offset_us": N}`` or ``{"mode": "frozen", "at_us": N}``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.errors import InfrastructureError, UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Settle = Callable[[], datetime | None]
"""Asks one process to run what is due; returns when its next entry is due. Its `str` says what keeps it."""
_TRIES, _PAUSE_S = 20, 0.05
"""A job that failed because its neighbour was busy gets a second to succeed before time is said to stand still."""
_ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What the clock shows."""

    now: datetime
    mode: str


class LandscapeClock:
    """The clock of one landscape. It never goes backwards, and one at a time moves it, in whichever process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> ClockReading:
        """Return the simulated instant and whether it runs (real) or stands (frozen)."""
        mode, value = self._content()
        at = value if mode == "frozen" else _real_us() + value
        return ClockReading(_EPOCH + at * _MICROSECOND, mode)

    def freeze(self) -> None:
        """Let the clock stand where it is."""
        with self._held():
            self._stand()

    def run(self) -> None:
        """Let the clock run from where it is, at the speed of real time."""
        with self._held():
            self._go_on()

    def start_at(self, instant: datetime) -> None:
        """Let a landscape that has never run begin at an instant, past or future, and go on from there."""
        with self._held():
            self._write("real", (instant - _EPOCH) // _MICROSECOND - _real_us())

    def set(self, instant: datetime, settle: Sequence[Settle]) -> None:
        """Move to an instant; `UsageError` when it lies in the past of this landscape."""
        with self._held():
            self._advance(instant - self.read().now, settle)

    def advance(self, by: timedelta, settle: Sequence[Settle]) -> None:
        """Move forwards, stopping at every instant at which some process has something due.

        The clock stands while it is moved, so that each job sees its own due instant; it runs on afterwards if it ran.
        `InfrastructureError` when something due is never done, however often its process is asked: time stands there.
        Whoever moves the clock already is waited for, and moved on from where that ends.
        """
        with self._held():
            self._advance(by, settle)

    def _advance(self, by: timedelta, settle: Sequence[Settle]) -> None:
        began = self.read()
        if by < timedelta(0):
            raise UsageError(
                "the clock of a landscape never goes backwards",
                expected=f"an instant after {began.now.isoformat()}",
                seen=(began.now + by).isoformat(),
                hint="`assay down --forget && assay up` starts a fresh landscape",
            )
        try:
            target = began.now + by
        except OverflowError:
            raise UsageError("the calendar ends with the year 9999", seen=f"{began.now.isoformat()} + {by}") from None
        self._stand()
        try:
            while (upcoming := self._nothing_overdue(settle)) is not None and upcoming <= target:
                self._write("frozen", (upcoming - _EPOCH) // _MICROSECOND)
            self._write("frozen", (target - _EPOCH) // _MICROSECOND)
            _settled(settle)
        finally:
            if began.mode == "real":
                self._go_on()

    def _stand(self) -> None:
        self._write("frozen", (self.read().now - _EPOCH) // _MICROSECOND)

    def _go_on(self) -> None:
        self._write("real", (self.read().now - _EPOCH) // _MICROSECOND - _real_us())

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the clock for the block, waiting for whoever holds it."""
        import fcntl  # absent on Windows, where WSL2 is the way

        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _nothing_overdue(self, settle: Sequence[Settle]) -> datetime | None:
        """Settle every process until nothing is due at the instant shown; return when something is next."""
        now, tries = self.read().now, 1
        while (upcoming := _settled(settle)) is not None and upcoming <= now:
            if tries == _TRIES:
                raise InfrastructureError(
                    f"the landscape's time stands still at {now.isoformat()}: what is due then is never done",
                    where="; ".join(str(each) for each in settle if (due := each()) is not None and due <= now),
                    expected=f"nothing due any more after {_TRIES} tries",
                    seen=f"something due since {upcoming.isoformat()}",
                    hint="`assay logs` holds the traceback; mend that job, then `assay down --forget && assay up`",
                )
            tries += 1
            time.sleep(_PAUSE_S)
        return upcoming

    def _content(self) -> tuple[str, int]:
        try:
            content = json.loads(self._path.read_text())
        except FileNotFoundError:
            return "real", 0
        mode = content["mode"]
        return mode, content["at_us"] if mode == "frozen" else content["offset_us"]

    def _write(self, mode: str, value: int) -> None:
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps({"mode": mode, "at_us" if mode == "frozen" else "offset_us": value}))
        draft.replace(self._path)


def _settled(settle: Sequence[Settle]) -> datetime | None:
    """Settle every process until none moves another; return the earliest instant at which something is due."""
    previous: list[datetime | None] | None = None
    for _ in range(_ROUNDS):
        due = [each() for each in settle]
        if due == previous:
            return min((instant for instant in due if instant is not None), default=None)
        previous = due
    raise InfrastructureError(
        "the landscape never comes to rest: its processes give each other work without end",
        where="; ".join(str(each) for each in settle),
        seen=f"{_ROUNDS} rounds, each with something new",
        hint="look for a job or webhook that answers itself; `assay logs` shows who calls whom",
    )


def _real_us() -> int:
    return time.time_ns() // 1_000
