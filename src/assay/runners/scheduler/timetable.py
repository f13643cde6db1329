"""When each monitor is due: by the wall clock, on a grid every process computes alike, whatever that clock does.

An interval is aligned to the epoch plus an offset made of the monitor's name, so that two processes that share a store
agree on every due time without talking, and a thousand monitors of one interval do not all begin at once. A cron is in
UTC. Jitter is drawn from name and turn: it, too, is the same everywhere.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from assay.monitor import Monitor
from assay.suite_monitors.cron import gaps_of, next_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_SHIFT_US = 1_000
"""What tells a due time apart from the same one before the clock was put back."""
_JUMP_S = 1.0
_MOST_MISSED = 100_000


@dataclass(slots=True)
class Clock:
    """The wall clock and the one that only runs: their difference changes when somebody sets the wall clock.

    jumps: how often that was seen. A suspended machine is one, too: it wakes up with the wall clock further on.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    jumps: int = 0
    _apart: float | None = None

    def now(self) -> datetime:
        """The instant, in UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def jumped(self) -> float | None:
        """Return by how many seconds the wall clock was moved since this was last asked; None where it was not."""
        apart = self.wall() - self.monotonic()
        before, self._apart = self._apart, apart
        if before is None or abs(apart - before) < _JUMP_S:
            return None
        self.jumps += 1
        return apart - before


@dataclass(frozen=True, slots=True)
class Due:
    """One turn of one monitor. missed: how many turns before it were never handed out; since: the first of them."""

    monitor: Monitor
    due_at: datetime
    missed: int = 0
    since: datetime | None = None


@dataclass(slots=True)
class _Entry:
    monitor: Monitor
    interval_us: int
    offset_us: int
    jitter_us: int
    base_us: int = 0
    next_us: int = 0
    last_us: int = 0

    def after(self, instant_us: int) -> int:
        """Return the first due time later than an instant."""
        if not self.interval_us:
            assert self.monitor.cron is not None
            # From so far back that a jittered turn whose own time has passed already is still found.
            at = _at(instant_us - self.jitter_us)
            while True:
                at = next_of(self.monitor.cron, at)
                if (due := self._jittered(_us(at))) > instant_us:
                    return due
        turn = self.turn(instant_us)
        if self.jitter_us:
            due = self._jittered(turn * self.interval_us + self.offset_us)
            if due > instant_us:
                return due
        return self._jittered((turn + 1) * self.interval_us + self.offset_us)

    def turn(self, due_us: int) -> int:
        """Return the number of the turn a due time of an interval belongs to."""
        return (due_us - self.offset_us) // self.interval_us

    def _jittered(self, base_us: int) -> int:
        if not self.jitter_us:
            return base_us
        return base_us + _drawn(f"{self.monitor.name}@{base_us}") % self.jitter_us


class Timetable:
    """The due times of many monitors. Not safe for threads but for `next_due`, which may be read from any.

    missed: how many turns were never handed out, because the process was asleep or its clock jumped.
    """

    def __init__(self, monitors: Mapping[str, Monitor], now: datetime) -> None:
        self.missed = 0
        self._shift_us = 0
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[int, str]] = []
        self.replace(monitors, now)

    def replace(self, monitors: Mapping[str, Monitor], now: datetime) -> None:
        """Take other monitors up; one whose schedule did not change keeps its due times, without a gap."""
        now_us, before = _us(now), self._entries
        entries: dict[str, _Entry] = {}
        for name, monitor in monitors.items():
            known = before.get(name)
            if known is not None and _schedule(known.monitor) == _schedule(monitor):
                known.monitor = monitor
                entries[name] = known
                continue
            entries[name] = entry = _entry(monitor)
            entry.last_us = known.last_us if known is not None else 0
            self._plan(entry, now_us)
        self._entries = entries
        self._rebuild()

    def put_back(self, now: datetime) -> None:
        """Take up a wall clock that was put back: every monitor is due again within its interval from now on.

        A due time that was handed out already comes a thousandth of a second later: no turn is run twice.
        """
        self._shift_us += _SHIFT_US
        now_us = _us(now)
        for entry in self._entries.values():
            self._plan(entry, now_us)
        self._rebuild()

    def due(self, now: datetime) -> Iterator[Due]:
        """Hand out what is due by now, each monitor once however many of its turns have passed."""
        now_us, heap = _us(now), self._heap
        while heap and heap[0][0] <= now_us:
            due_us, name = heapq.heappop(heap)
            entry = self._entries[name]
            missed, since = 0, None
            following = entry.after(entry.base_us)
            if following <= now_us:
                since = _at(due_us)
                missed, due_us, following = _latest(entry, now_us)
                due_us = self._once(entry, due_us)
                self.missed += missed
            entry.last_us = max(entry.last_us, due_us)
            self._put(entry, following)
            heapq.heappush(heap, (entry.next_us, name))
            yield Due(entry.monitor, _at(due_us), missed, since)

    def wait_s(self, now: datetime) -> float:
        """Return the seconds until something is due; infinity where nothing ever is."""
        return (self._heap[0][0] - _us(now)) / _SECOND_US if self._heap else float("inf")

    def next_due(self) -> dict[str, datetime]:
        """Return when each is due next."""
        return {name: _at(entry.next_us) for name, entry in list(self._entries.items())}

    def _plan(self, entry: _Entry, now_us: int) -> None:
        self._put(entry, entry.after(now_us))

    def _put(self, entry: _Entry, due_us: int) -> None:
        entry.base_us, entry.next_us = due_us, self._once(entry, due_us)

    def _once(self, entry: _Entry, due_us: int) -> int:
        return due_us + self._shift_us if due_us <= entry.last_us else due_us

    def _rebuild(self) -> None:
        self._heap = [(entry.next_us, name) for name, entry in self._entries.items()]
        heapq.heapify(self._heap)


def upcoming(monitor: Monitor, now: datetime, count: int) -> list[datetime]:
    """Return the next due times of a monitor."""
    entry, at, found = _entry(monitor), _us(now), []
    for _ in range(count):
        at = entry.after(at)
        found.append(_at(at))
    return found


def turn_of(monitor: Monitor, due_at: datetime) -> int:
    """Return the number of a turn, one more each time and the same in every process: it says which case's turn it is.

    A run that confirms another is of the same turn. Of a cron the shortest time between two turns is counted in.
    """
    if monitor.interval_s is not None:
        return _entry(monitor).turn(_us(due_at))
    assert monitor.cron is not None  # one of the two
    return int(due_at.timestamp() // min(gaps_of(monitor.cron)))


def _entry(monitor: Monitor) -> _Entry:
    interval_us = round((monitor.interval_s or 0) * _SECOND_US)
    offset_us = _drawn(monitor.name) % interval_us if interval_us else 0
    return _Entry(monitor, interval_us, offset_us, round(monitor.jitter_s * _SECOND_US))


def _latest(entry: _Entry, now_us: int) -> tuple[int, int, int]:
    """Return how many turns are passed over from the present one on, the last one due by now, and the one after it."""
    missed, due_us = 0, entry.base_us
    if entry.interval_us and (whole := (now_us - due_us) // entry.interval_us - 1) > 0:
        due_us = entry.after(due_us + (whole - 1) * entry.interval_us)
        missed = entry.turn(due_us) - entry.turn(entry.base_us)
    while (following := entry.after(due_us)) <= now_us and missed < _MOST_MISSED:
        missed, due_us = missed + 1, following
    return missed, due_us, following


def _schedule(monitor: Monitor) -> tuple[object, ...]:
    return monitor.interval_s, monitor.cron, monitor.jitter_s


def _drawn(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _at(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


_MICROSECOND = timedelta(microseconds=1)
