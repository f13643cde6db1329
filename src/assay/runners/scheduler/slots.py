"""The threads that run monitors: so many at once, each run with a deadline, none lost to code that never comes back.

A thread cannot be ended from outside. A run that goes on long after its deadline is given up: its thread is told to
end when it comes back, another takes its slot, and what it says then is dropped.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

_STACK_LINES = 40


class Timed(Protocol):
    """What a slot must know of a run."""

    @property
    def name(self) -> str:
        """Whose run it is; of one name only one runs at a time."""

    @property
    def timeout_s(self) -> float:
        """How long it may take."""

    @property
    def grace_s(self) -> float:
        """How long after that it may still be busy with ending."""


R = TypeVar("R", bound=Timed)
T = TypeVar("T")


@dataclass(slots=True)
class Job(Generic[R]):
    """One run in a slot. begun is by time.monotonic(), None while it waits for a slot; stop asks it to end."""

    run: R
    stop: threading.Event = field(default_factory=threading.Event)
    begun: float | None = None
    given_up: bool = False


class Slots(Generic[R, T]):
    """Runs what is submitted in threads.

    act: runs it and returns what it came to; it is given the event that asks it to end. done: told that, in the
    slot's thread. stuck: told of a run that is given up, with its seconds and its Python stack, in the thread that
    calls `watch`. dropped: told what a run that was given up said at last.
    """

    def __init__(
        self,
        workers: int,
        *,
        act: Callable[[R, threading.Event], T],
        done: Callable[[R, T], None],
        stuck: Callable[[R, float, str], None],
        dropped: Callable[[R, float, T], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workers = workers
        self.replaced = 0
        self._act, self._done, self._stuck, self._dropped = act, done, stuck, dropped
        self._monotonic = monotonic
        self._queue: SimpleQueue[Job[R] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._busy: dict[str, Job[R]] = {}
        self._running: dict[int, Job[R]] = {}
        for _ in range(workers):
            self._new_thread()

    def submit(self, run: R) -> bool:
        """Run it as soon as a slot is free; False where the last run of that name is not over."""
        with self._lock:
            if run.name in self._busy:
                return False
            job = self._busy[run.name] = Job(run)
        self._queue.put(job)
        return True

    def is_running(self, name: str) -> bool | None:
        """Whether that name's run has a slot; False while it waits for one, None where there is none."""
        job = self._busy.get(name)
        return None if job is None else job.begun is not None

    @property
    def busy(self) -> list[str]:
        """The names that run or wait for a slot."""
        with self._lock:
            return list(self._busy)

    @property
    def never_back(self) -> list[str]:
        """The names whose runs were given up and have not come back."""
        with self._lock:
            return [job.run.name for job in self._running.values() if job.given_up]

    def watch(self) -> None:
        """Ask runs past their deadline to end, and give up those that do not; to be called about once a second."""
        now, given_up = self._monotonic(), []
        with self._lock:
            for ident, job in self._running.items():
                if job.given_up or job.begun is None:
                    continue
                over_s = now - job.begun - job.run.timeout_s
                if over_s >= 0:
                    job.stop.set()
                if over_s >= job.run.grace_s:
                    job.given_up = True
                    self._busy.pop(job.run.name, None)
                    given_up.append((ident, job))
        for ident, job in given_up:
            stack = stack_of(ident)
            self.replaced += 1
            self._new_thread()
            self._stuck(job.run, now - (job.begun or now), stack)

    def forget_waiting(self) -> list[R]:
        """Take back what waits for a slot, and return it."""
        left: list[R] = []
        while not self._queue.empty():
            if (job := self._queue.get()) is not None:
                left.append(job.run)
                with self._lock:
                    self._busy.pop(job.run.name, None)
        return left

    def stop_running(self) -> list[str]:
        """Ask every run to end and return their names."""
        with self._lock:
            jobs = [job for job in self._running.values() if not job.given_up]
        for job in jobs:
            job.stop.set()
        return [job.run.name for job in jobs]

    def close(self) -> None:
        """Let every idle thread end."""
        for _ in range(self.workers + self.replaced):
            self._queue.put(None)

    def _new_thread(self) -> None:
        threading.Thread(target=self._work, name="slot", daemon=True).start()

    def _work(self) -> None:
        ident = threading.get_ident()
        while (job := self._queue.get()) is not None:
            with self._lock:
                job.begun = self._monotonic()
                self._running[ident] = job
            process = os.getpid()
            result = self._act(job.run, job.stop)
            if os.getpid() != process:  # its code forked: what came back here is a copy, and must tell nobody
                os._exit(1)
            with self._lock:
                del self._running[ident]
                given_up = job.given_up
                if not given_up:
                    self._busy.pop(job.run.name, None)
            if given_up:
                self._dropped(job.run, self._monotonic() - job.begun, result)
                return
            self._done(job.run, result)
            del result  # an idle thread would keep its last run, with every body that was read, until its next


def stack_of(ident: int) -> str:
    """Return where a thread is in its Python code, the innermost call last; empty where it has ended."""
    frame = sys._current_frames().get(ident)
    if frame is None:
        return ""
    lines = "".join(traceback.format_stack(frame)).splitlines()
    return "\n".join(lines[-_STACK_LINES:])
