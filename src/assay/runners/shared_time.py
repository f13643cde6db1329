"""One clock for several cases at once: time passes when every acting case waits for it, never under one that acts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

_TOGETHER = timedelta(seconds=60)
"""Cases that want to wake up within a minute of each other wake up together."""


class Stopped(BaseException):
    """The run was interrupted while this case acted; no flow's `except Exception` may catch it."""


class SharedTime:
    """Lets cases in threads pass time on one landscape without ageing what another has in its hands.

    move: moves the landscape's clock forwards and returns when everything due has run. now: its instant. wait: waits
    for the condition it is given, whose lock is held; what it raises ends the case that waits.
    """

    def __init__(
        self,
        move: Callable[[timedelta], None],
        now: Callable[[], datetime],
        wait: Callable[[threading.Condition], object] = threading.Condition.wait,
    ) -> None:
        self._move = move
        self._now = now
        self._wait = wait
        self._changed = threading.Condition()
        self._acting = 0
        self._until: dict[object, datetime] = {}
        self.stopped = threading.Event()

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Count the caller as acting: no time passes meanwhile unless it asks for it, too."""
        with self._changed:
            self._acting += 1
        try:
            yield
        finally:
            with self._changed:
                self._acting -= 1
                self._changed.notify_all()

    def pass_time(self, span: timedelta) -> None:
        """Return when that much of the landscape's time has passed, or up to a minute more."""
        me = object()
        with self._changed:
            self._until[me] = self._now() + span
            try:
                while me in self._until:
                    if self.stopped.is_set():
                        raise Stopped
                    if len(self._until) >= self._acting:
                        self._wake()
                    else:
                        self._wait(self._changed)
            finally:
                self._until.pop(me, None)  # whoever gave up waits no more

    def stop(self) -> None:
        """Let whoever waits for time to pass give up, with `Stopped`."""
        self.stopped.set()
        with self._changed:
            self._changed.notify_all()

    def _wake(self) -> None:
        """Move the clock to the first instant somebody waits for, and let go whoever waited for it."""
        first = min(self._until.values())
        reached = max(until for until in self._until.values() if until <= first + _TOGETHER)
        try:
            self._move(max(reached - self._now(), timedelta(0)))
        finally:
            # Also when the clock could not be moved: its error is for one case, the others must not wait for ever.
            self._until = {me: until for me, until in self._until.items() if until > reached}
            self._changed.notify_all()
