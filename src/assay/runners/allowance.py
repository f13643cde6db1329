"""How long what runs now may still take: every wait inside one run of a monitor ends there, by an exception."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from assay.drift.look import OutOfTime
from assay.http import Unanswered
from assay.runners.shared_time import Stopped

_HEARD_WITHIN_S = 0.2
_AWAY = frozenset({502, 503, 504})
"""What a system answers, or whoever stands before it, while it is away."""


@dataclass(slots=True)
class Allowance:
    """What one run may still take.

    until: by time.monotonic(). stop: set when the process wants to end. silent: the systems that did not answer it, or
    said that they are away. broken: those that answered with an error of their own.
    """

    until: float
    stop: threading.Event = field(default_factory=threading.Event)
    silent: dict[str, None] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)

    @property
    def left_s(self) -> float:
        """Seconds left; none below zero."""
        return max(self.until - time.monotonic(), 0.0)

    def check(self) -> None:
        """Raise `Stopped` where the process wants to end, `OutOfTime` where the time is over."""
        if self.stop.is_set():
            raise Stopped
        if time.monotonic() >= self.until:
            raise OutOfTime("the monitor's time is over (its timeout)")


_current: ContextVar[Allowance | None] = ContextVar("assay_allowance", default=None)


@contextmanager
def allowed(allowance: Allowance) -> Iterator[Allowance]:
    """Let the block take no more than this."""
    token = _current.set(allowance)
    try:
        yield allowance
    finally:
        _current.reset(token)


def left_s() -> float | None:
    """Return the seconds left to whatever runs now; None where nobody limits it. Raises as `Allowance.check` does."""
    allowance = _current.get()
    if allowance is None:
        return None
    allowance.check()
    return allowance.left_s


def spare_s() -> float | None:
    """Return the seconds left to whatever runs now, none when they are over; None where nobody limits it."""
    allowance = _current.get()
    return None if allowance is None else allowance.left_s


def pause(seconds: float) -> None:
    """Let real time pass, no longer than may be taken; raises as `Allowance.check` does."""
    allowance = _current.get()
    if allowance is None:
        time.sleep(seconds)
        return
    allowance.check()
    allowance.stop.wait(min(seconds, allowance.left_s))
    allowance.check()


def await_change(changed: threading.Condition) -> None:
    """Wait for a condition, of which the lock is held; where time is limited come back soon, to be asked again."""
    changed.wait(None if left_s() is None else _HEARD_WITHIN_S)


def note_unanswered(error: Unanswered) -> None:
    """Remember that a system did not answer whatever runs now; what our own deadline cut off says nothing of it."""
    allowance = _current.get()
    if allowance is not None and error.failure.kind != "over":
        allowance.silent[error.system] = None


def note_answer(system: str, status: int) -> None:
    """Remember that a system answered whatever runs now with an error of its own, or said that it is away."""
    allowance = _current.get()
    if allowance is None:
        return
    if status in _AWAY:
        allowance.silent[system] = None
    if status >= 500:
        allowance.broken[system] = status
