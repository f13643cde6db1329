"""Tells listeners what happened, each in a thread of its own: one that is slow or fails holds up nobody else."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assay.events import Listener

_MOST = 100_000
_TICK_S = 1.0
_GATHER_S = 0.05
Log = Callable[[str], None]


def utc_now() -> datetime:
    """Return the real instant, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something the process does again and again beside its monitors, in a thread of its own."""

    name: str
    act: Callable[[], object]
    every_s: float
    at_once: bool = True


class Teller:
    """One listener's thread: events in their order, and its `tick` about once a second where it has one.

    Events gather for a moment, so that a busy process wakes each listener some times a second and not at every run.
    What a listener raises is said once for each kind of error and never stops it. dropped: how many events were let
    go because the listener was too far behind.
    """

    def __init__(
        self, listener: Listener, *, log: Log, now: Callable[[], datetime] = utc_now, name: str | None = None
    ) -> None:
        self.name = name or getattr(listener, "__name__", type(listener).__name__)
        self.dropped = 0
        self._listener = listener
        self._tick: Callable[[datetime], object] | None = getattr(listener, "tick", None)
        self._log = log
        self._now = now
        self._waiting: deque[object] = deque()
        self._telling = False
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._closed = False
        self._said: set[str] = set()
        threading.Thread(target=self._work, name=f"tell {self.name}", daemon=True).start()

    def __call__(self, event: object) -> None:
        """Take one event; never blocks."""
        if len(self._waiting) >= _MOST:
            with contextlib.suppress(IndexError):
                self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, within_s: float) -> bool:
        """Wait until all events so far are told; False where that took longer."""
        until = time.monotonic() + within_s
        self._hurry.set()
        while self._waiting or self._telling:
            if time.monotonic() >= until:
                return False
            time.sleep(0.002)
        return True

    def close(self) -> None:
        """Let the thread end when it has told what waits."""
        self._closed = True
        self._hurry.set()
        self._wake.set()

    def _work(self) -> None:
        ticked = time.monotonic()
        while True:
            self._wake.wait(_TICK_S if self._tick is not None else None)
            self._hurry.wait(_GATHER_S)
            self._wake.clear()
            self._telling = True
            while self._waiting:
                self._guarded(self._listener, self._waiting.popleft())
            self._telling = False
            if self._closed and not self._waiting:
                return
            if self._tick is not None and time.monotonic() - ticked >= _TICK_S:
                ticked = time.monotonic()
                self._guarded(self._tick, self._now())

    def _guarded(self, call: Callable[[Any], object], told: Any) -> None:
        try:
            call(told)
        except Exception as error:
            said = f"{self.name}: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            if said not in self._said and len(self._said) < 100:
                self._said.add(said)
                self._log(f"a listener failed, and is told the next event all the same: {said}")


class Tasks:
    """Runs tasks, each again and again in a thread of its own, until `close`."""

    def __init__(self, tasks: tuple[Task, ...], *, log: Log) -> None:
        self._stop = threading.Event()
        self._log = log
        self._threads = [
            threading.Thread(target=self._repeat, args=[task], name=task.name, daemon=True) for task in tasks
        ]
        for thread in self._threads:
            thread.start()

    def close(self, within_s: float = 2.0) -> None:
        """Let each end after what it is doing; one that takes longer is left behind."""
        self._stop.set()
        until = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _repeat(self, task: Task) -> None:
        said = ""
        if not task.at_once and self._stop.wait(task.every_s):
            return
        while True:
            try:
                task.act()
                said = ""
            except BaseException as error:  # code of others may raise anything, and this thread is needed
                told = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
                if told != said:
                    self._log(f"{task.name} failed, and is tried again: {told}")
                said = told
            if self._stop.wait(task.every_s):
                return
