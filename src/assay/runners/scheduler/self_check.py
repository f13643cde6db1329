"""How the process that watches is itself: its clock, store, edge and timetable, and whether monitors still run.

`Health` hears every run. The status page's ``/readyz``, the heartbeat and the check `self` ask the same object, so none
of them calls healthy what another does not.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from assay.drift.itself import ORACLE, watched_by
from assay.drift.look import Look
from assay.errors import AssayError
from assay.events import Exchange, Finding, Outcome, Probe, ProbeResult, Result
from assay.monitor import Monitor
from assay.reporting.cadence import longest_gap_s, schedule_trouble
from assay.span import span_text

_JUMP_S = 2.0
_SETTLES_S = 120.0
"""So long after a jump the clock is not called well."""
_SKEW_S = 60.0
_HEARD_FOR_S = 600.0
_LATE_S = 10.0
_RECENT_S = 300.0
_FEWEST = 3
"""One run that began late is no lateness of the scheduler's."""
_NO_EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is not well: which part (clock, store, edge, timetable, runs), and a sentence."""

    part: str
    sentence: str
    expected: str
    cause: str


@dataclass(slots=True)
class WatchedClock:
    """The wall clock, held against the one that only runs and against the clocks of those who answered."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    jump_s: float = 0.0
    jumped_at: float | None = None
    _apart: float | None = None
    _skews: dict[str, tuple[float, float]] = field(default_factory=dict)

    def look(self) -> None:
        """See whether somebody set the wall clock since the last look."""
        running = self.monotonic()
        apart = self.wall() - running
        if self._apart is not None and abs(apart - self._apart) >= _JUMP_S:
            self.jump_s, self.jumped_at = apart - self._apart, running
        self._apart = apart

    def heard(self, exchange: Exchange) -> None:
        """Take the Date of an answer as a second opinion, an answer out of a cache by its Age."""
        headers = {name.lower(): value for name, value in exchange.response_headers.items()}
        try:
            said = parsedate_to_datetime(headers["date"])
            age = timedelta(seconds=int(headers.get("age", "0")))
        except (KeyError, ValueError, TypeError):
            return
        if said.tzinfo is None:
            said = said.replace(tzinfo=UTC)
        answered_at = exchange.started_at + timedelta(seconds=exchange.seconds)
        self._skews[exchange.system] = (self.monotonic(), (answered_at - said - age).total_seconds())

    def troubles(self) -> Iterator[Trouble]:
        """Return what is wrong with it."""
        self.look()
        now = datetime.fromtimestamp(self.wall(), UTC)
        if now < _NO_EARLIER:
            yield _clock(f"the clock says {now:%Y-%m-%d %H:%M} UTC", "today", "it was never set")
        if self.jumped_at is not None and self.monotonic() - self.jumped_at < _SETTLES_S:
            way = "forward" if self.jump_s > 0 else "back"
            ago = span_text(round(self.monotonic() - self.jumped_at) or 1)
            yield _clock(
                f"the clock jumped {way} by {span_text(round(abs(self.jump_s)))}, {ago} ago",
                f"a clock that runs evenly for {span_text(_SETTLES_S)}",
                "somebody set it, or the machine was asleep",
            )
        since = self.monotonic() - _HEARD_FOR_S
        skews = {system: skew for system, (at, skew) in self._skews.items() if at >= since}
        if skews:
            system, least = min(skews.items(), key=lambda each: abs(each[1]))
            if abs(least) > _SKEW_S:
                side = "ahead of" if least > 0 else "behind"
                yield _clock(
                    f"the clock is {span_text(round(abs(least)))} {side} that of {system}",
                    f"at most {span_text(_SKEW_S)} apart",
                    "this machine does not follow a time server",
                )


class Health:
    """A listener of runs that says what is not well with this process; nothing where all is. Safe for threads.

    monitors: those that run here, as last loaded. store, edge: say what is wrong with them, None where they answer
    (or where there is no edge). next_due: when each is due next. kept: the last run of each monitor that the store
    keeps, of whichever process: asked only where this one has heard nothing itself.
    """

    def __init__(
        self,
        *,
        monitors: Callable[[], Mapping[str, Monitor]],
        store: Callable[[], str | None],
        edge: Callable[[], str | None] = lambda: None,
        next_due: Callable[[], Mapping[str, datetime]] = dict,
        kept: Callable[[], Mapping[str, datetime]] = dict,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monitors = monitors
        self._store = store
        self._edge = edge
        self._next_due = next_due
        self._kept = kept
        self._wall = wall
        self._monotonic = monotonic
        self._clock = WatchedClock(wall, monotonic)
        self._known_since: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._lateness: deque[tuple[float, float]] = deque(maxlen=200)
        self._lock = threading.Lock()
        self.tick()

    def __call__(self, event: object) -> None:
        """Hear of one run; other events are passed over."""
        if not isinstance(event, Probe):
            return
        at = self._monotonic()
        with self._lock:
            if event.result is not ProbeResult.MISSED:
                self._last[event.monitor] = at
                self._lateness.append((at, (event.started_at - event.due_at).total_seconds()))
            for outcome in event.outcomes:
                self._hear(outcome)

    def tick(self, now: datetime | None = None) -> None:
        """Look at the clock and at which monitors there are; called about once a second."""
        at = self._monotonic()
        with self._lock:
            self._clock.look()
            names = self._monitors().keys()
            self._known_since = {name: self._known_since.get(name, at) for name in names}
            self._last = {name: heard for name, heard in self._last.items() if name in names}

    def problems(self) -> list[str]:
        """Return what keeps this process from being called healthy, a sentence each; empty where nothing does."""
        return [trouble.sentence for trouble in self._troubles()]

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Let the check `self` ask this object while the block runs."""
        with watched_by(self.findings):
            yield

    def findings(self, look: Look) -> Sequence[Finding]:
        """Return the verdict over each monitor and each part of this process, as the check `self` gives it."""
        found = [
            _failed(look.environment, trouble.sentence, trouble.expected, trouble.cause, trouble.part)
            for trouble in self._troubles()
        ]
        found += self._unscheduled()
        found += self._silent(float(look.options.get("intervals", 2)))
        if found:
            return found
        about = f"{len(self._monitors())} monitors of {look.environment}"
        return [Finding(oracle=ORACLE, result=Result.PASS, order_ref=about)]

    def _hear(self, outcome: Outcome) -> None:
        for exchange in outcome.exchanges:
            self._clock.heard(exchange)

    def _troubles(self) -> list[Trouble]:
        with self._lock:
            found = list(self._clock.troubles())
        for part, ask in (("store", self._store), ("edge", self._edge)):
            if (said := _asked(ask)) is not None:
                found.append(Trouble(part, f"the {part} is not well: {said}", f"a {part} that answers", said))
        found += self._timetable()
        found += self._nothing_ran()
        return found

    def _timetable(self) -> Iterator[Trouble]:
        now = self._wall()
        overdue = {name: now - at.timestamp() for name, at in self._next_due().items()}
        worst = max(overdue, key=overdue.__getitem__, default="")
        if worst and overdue[worst] > _GRACE_S:
            sentence = f"the timetable stands still: {worst} has been due for {span_text(round(overdue[worst]))}"
            cause = "the process got no time, or its slots are all taken"
            yield Trouble("timetable", sentence, "every run begun when it is due", cause)
            return
        since = self._monotonic() - _RECENT_S
        with self._lock:
            recent = [late for at, late in self._lateness if at >= since]
        late = sorted(each for each in recent if each > _LATE_S)
        if len(late) >= _FEWEST and 2 * len(late) > len(recent):
            sentence = f"{len(late)} of the last {len(recent)} runs began up to {span_text(round(late[-1]))} late"
            cause = "too few workers (monitoring.workers), or a machine that is too slow"
            yield Trouble("timetable", sentence, f"runs that begin within {span_text(_LATE_S)}", cause)

    def _nothing_ran(self) -> Iterator[Trouble]:
        monitors = self._monitors()
        if not monitors:
            yield Trouble(
                "runs", "no monitor runs here", "at least one monitor", "none is declared for this environment"
            )
            return
        patience_s = min(_patience_s(each, 2) for each in monitors.values())
        now = self._monotonic()
        with self._lock:
            heard = max([*self._last.values(), *self._known_since.values()], default=now)
        quiet_s = now - heard
        if quiet_s > patience_s and not self._kept_since(patience_s):
            sentence = f"no monitor has finished a run for {span_text(round(quiet_s))}"
            expected = f"a run every {span_text(round(patience_s))} at least"
            yield Trouble("runs", sentence, expected, "the runs hang, or none is begun")

    def _kept_since(self, seconds: float) -> bool:
        """Whether another process that shares the store ran something lately."""
        return any(self._wall() - at.timestamp() <= seconds for at in _asked_kept(self._kept).values())

    def _unscheduled(self) -> Iterator[Finding]:
        """Return a violation for each monitor that a change of summer time could skip or run twice."""
        for name, monitor in sorted(self._monitors().items()):
            if (trouble := schedule_trouble(monitor)) is not None:
                cause = "it was made in code, past what files are held against"
                yield _failed(f"monitor {name}", trouble, "an interval or a cron in UTC", cause, "timetable")

    def _silent(self, intervals: float) -> list[Finding]:
        """Return a violation for each monitor that has not run for so many of its intervals."""
        now, wall, found = self._monotonic(), self._wall(), []
        with self._lock:
            last, known = dict(self._last), dict(self._known_since)
        quiet = {
            name: now - last.get(name, known.get(name, now))
            for name, monitor in self._monitors().items()
            if now - last.get(name, known.get(name, now)) > _patience_s(monitor, intervals)
        }
        kept = _asked_kept(self._kept) if quiet else {}
        for name, seconds in sorted(quiet.items()):
            monitor = self._monitors()[name]
            if name in kept:
                seconds = min(seconds, wall - kept[name].timestamp())
            patience_s = _patience_s(monitor, intervals)
            if seconds > patience_s:
                expected = f"a run within {span_text(round(patience_s))} ({intervals:g} intervals and its timeout)"
                seen = f"none for {span_text(round(seconds))}"
                cause = "its slot hangs, its turn is held by a process that is gone, or the timetable stands still"
                found.append(_failed(f"monitor {name}", seen, expected, cause, "runs"))
        return found


def _patience_s(monitor: Monitor, intervals: float) -> float:
    return intervals * (longest_gap_s(monitor) or 0.0) + monitor.timeout_s + _GRACE_S


def _asked(ask: Callable[[], str | None]) -> str | None:
    try:
        return ask()
    except AssayError as error:
        return error.message
    except Exception as error:  # whoever cannot even say how it is, is not well
        return f"{type(error).__name__}: {error}"


def _asked_kept(ask: Callable[[], Mapping[str, datetime]]) -> Mapping[str, datetime]:
    try:
        return ask()
    except Exception:  # the store is away, which is told as such
        return {}


def _clock(sentence: str, expected: str, cause: str) -> Trouble:
    return Trouble("clock", sentence, expected, cause)


def _failed(about: str, seen: str, expected: str, cause: str, part: str) -> Finding:
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=f"{about}: {part}" if " " not in about else about,
        systems=("edge",) if part == "edge" else ("assay",),
        expected=expected,
        seen=seen,
        formula="now - last run <= 2 intervals; clock, store, edge and timetable of this process are well",
        cause=cause,
    )
