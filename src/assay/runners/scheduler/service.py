"""The long-running process behind `assay monitor`: what is due is run, what came of it is told, whatever goes wrong.

One thread waits for due times, slots run monitors, each listener has a thread of its own, and one looks about twice a
second after runs that hang and files that changed. It ends when it is told to, or, to begin anew, after three runs
that never came back.
"""

from __future__ import annotations

import contextlib
import gc
import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Literal, Protocol

from assay.events import Finding, Listener, Probe, ProbeResult, Result
from assay.monitor import Monitor
from assay.runners.naming import timed_id
from assay.runners.scheduler.reload import Files
from assay.runners.scheduler.slots import Slots
from assay.runners.scheduler.telling import Log, Task, Tasks, Teller
from assay.runners.scheduler.timetable import Clock, Due, Timetable
from assay.span import span_text
from assay.suite_monitors import interval_of

CONFIGURATION = "assay_configuration"
MOST_STUCK = 3
GRACE_S = 5.0
FINISH_S = 30.0
_LOOK_S, _LONGEST_WAIT_S, _FLUSH_S = 0.5, 0.25, 10.0
_SHORTEST_WAIT_S = 0.010
"""Of thousands of monitors several are due in that time: handed out together they cost less, and none is later."""
_SAID_FOR_S = 5.0
_CONFIRM_SHARE, _CONFIRM_MOST_S = 0.4, 120.0
"""A run that fails first is confirmed by another that long after it: past a blip, before the next one is due."""


class Taking(Protocol):
    """Whose turn it is, over all processes that share a store."""

    def take(self, monitor: Monitor, due_at: datetime) -> bool:
        """Take the turn; False where it is somebody else's. Never raises."""

    def finish(self, monitor: Monitor, due_at: datetime) -> None:
        """Say that it was run. Never raises."""


class Probing(Protocol):
    """What runs one monitor; see `assay.runners.scheduler.probing.Prober`."""

    def __call__(self, monitor: Monitor, *, due_at: datetime, stop: threading.Event) -> Probe:
        """Run it and say what it came to; never raises."""


class Changing(Protocol):
    """What looks after the files of monitors; see `assay.runners.scheduler.reload.Reload`."""

    def look(self) -> Mapping[str, Monitor] | Exception | None:
        """Return the monitors of changed files, what is wrong with them, or None where nothing changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a monitor, as a slot takes it. confirms: it looks again at what failed the first time."""

    monitor: Monitor
    due_at: datetime
    grace_s: float
    confirms: bool = False

    @property
    def name(self) -> str:
        """The monitor's name."""
        return self.monitor.name

    @property
    def timeout_s(self) -> float:
        """How long it may take."""
        return self.monitor.timeout_s


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the service ended, and which runs had to be left behind."""

    why: Literal["stopped", "restart"]
    left: tuple[str, ...] = ()


class Service:
    """Runs monitors until `stop`.

    monitors: those of the environment, by name. runs_here: which of them this process runs. probe: runs one. turns:
    asked before each run where several processes share the monitors. listeners: told every `Probe`, each in a thread
    of its own; one with a method ``tick(now)`` is called by it about once a second. tasks: run beside. changing: asked
    for changed monitors. log: told sentences for people. undo_budget_s: how long a flow may be busy with taking back.
    most_stuck: after so many runs that never came back the process begins anew.
    """

    def __init__(
        self,
        environment: str,
        monitors: Mapping[str, Monitor],
        *,
        probe: Probing,
        location: str = "default",
        runs_here: Callable[[Monitor], bool] = lambda _: True,
        turns: Taking | None = None,
        listeners: Sequence[Listener] = (),
        tasks: Sequence[Task] = (),
        changing: Changing | None = None,
        workers: int = 16,
        undo_budget_s: float = 120.0,
        grace_s: float = GRACE_S,
        finish_s: float = FINISH_S,
        confirm: bool = True,
        most_stuck: int = MOST_STUCK,
        clock: Clock | None = None,
        log: Log = lambda _: None,
    ) -> None:
        self.environment, self.location = environment, location
        self.clock = clock or Clock()
        self.stuck: Counter[str] = Counter()
        self.elsewhere = 0
        self._probe, self._turns, self._changing, self._log = probe, turns, changing, log
        self._runs_here = runs_here
        self._undo_budget_s, self._grace_s, self._finish_s = undo_budget_s, grace_s, finish_s
        self._confirm, self._most_stuck = confirm, most_stuck
        self._declared = dict(monitors)
        self._here = self._chosen()
        self._tasks_given = list(tasks)
        self._lock = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._why: Literal["stopped", "restart"] | None = None
        self._last: dict[str, ProbeResult] = {}
        self._again: list[tuple[datetime, str]] = []
        self._moved: tuple[float, datetime] = (0.0, self.clock.now())
        self._table = Timetable(self.monitors_here(), self.clock.now())
        self._tellers: list[Teller] = []
        self._files = Files(self._changed, self._take_up, self._refuse, monotonic=self.clock.monotonic)
        for listener in listeners:
            self.hear(listener)
        self._slots: Slots[Run, Probe | None] = Slots(
            workers,
            act=self._act,
            done=self._done,
            stuck=self._given_up,
            dropped=self._came_back,
            monotonic=self.clock.monotonic,
        )

    def monitors(self) -> Mapping[str, Monitor]:
        """Return the monitors of the environment as last loaded, those other processes run, too."""
        return self._declared

    def monitors_here(self) -> Mapping[str, Monitor]:
        """Return those that this process runs."""
        return self._here

    def next_due(self) -> Mapping[str, datetime]:
        """Return when each monitor of this process is due next."""
        return self._table.next_due()

    @property
    def missed(self) -> int:
        """How many turns passed while this process was asleep, or its clock was wrong."""
        return self._table.missed

    @property
    def late_s(self) -> float:
        """By how many seconds the thread that hands out turns is behind; 0 where it is not."""
        return max(0.0, -self._table.wait_s(self.clock.now()))

    def hear(self, listener: Listener) -> None:
        """Tell one more listener, of whatever happens from now on; to be called before `run`."""
        self._tellers.append(Teller(listener, log=self._log, now=self.clock.now))

    def beside(self, task: Task) -> None:
        """Do something beside the monitors, again and again; to be called before `run`."""
        self._tasks_given.append(task)

    def tell(self, event: object) -> None:
        """Tell every listener of an event; never blocks."""
        for teller in self._tellers:
            teller(event)

    def stop(self, why: Literal["stopped", "restart"] = "stopped") -> None:
        """End as soon as what runs is over or taken back; may be called from a signal handler."""
        self._why = self._why or why
        self._wake.put(None)

    def run(self) -> Ending:
        """Run monitors until `stop`, then let what runs finish or be taken back, and tell all that is left to tell."""
        # Files apart from runs: code of a changed file may never come back.
        own = (
            Task(name="watch", act=self._slots.watch, every_s=_LOOK_S),
            Task(name="files", act=self._files.look, every_s=_LOOK_S),
            Task(name="slow files", act=self._files.say_slow, every_s=_LOOK_S),
        )
        tasks = Tasks((*own, *self._tasks_given), log=self._log)
        # What is there by now stays: a collection that walks through all of it would hold every run up.
        gc.collect()
        gc.freeze()
        with self._lock:  # what was due while the process was set up is nobody's loss
            self._table = Timetable(self._here, self.clock.now())
            self.clock.jumped()
        if self._changing is not None:  # a wrong file may be what the process before this one ended with
            self._tell_configuration(None)
        try:
            while self._why is None:
                wait_s = min(max(self.round(), _SHORTEST_WAIT_S), _LONGEST_WAIT_S)
                with contextlib.suppress(Empty):
                    self._wake.get(timeout=wait_s)
            ending = Ending(self._why, self._finish())
        except BaseException:
            self._close(flush_s=0.2)  # told a second time to end: at once
            raise
        finally:
            gc.unfreeze()
        tasks.close()
        self._close()
        return ending

    def run_once(self) -> list[Probe]:
        """Run every monitor of this process once, now, and return what they came to, in the order they ended."""
        told: SimpleQueue[Probe] = SimpleQueue()
        names = self.monitors_here()
        self.hear(lambda event: told.put(event) if isinstance(event, Probe) else None)
        now = self.clock.now()
        found: list[Probe] = []
        for monitor in names.values():
            self._slots.submit(self._run_of(monitor, now))
        try:
            while len(found) < len(names) and self._why is None:
                try:
                    found.append(told.get(timeout=_LOOK_S))
                except Empty:
                    self._slots.watch()
            if self._why is not None:
                self._finish()
        except BaseException:
            self._close(flush_s=0.2)
            raise
        self._close()
        return found

    def round(self) -> float:
        """Hand out what is due and return the seconds until something else is."""
        with self._lock:
            now = self.clock.now()
            if (moved_s := self.clock.jumped()) is not None:
                self._jumped(moved_s, now)
            for due in self._table.due(now):
                self._begin(due)
            while self._again and self._again[0][0] <= now:
                at, name = heapq.heappop(self._again)
                monitor = self.monitors_here().get(name)
                if monitor is not None:  # where it is still busy, or due anyway, that run confirms
                    self._slots.submit(self._run_of(monitor, at, confirms=True))
            soonest = self._again[0][0] if self._again else None
        wait_s = self._table.wait_s(self.clock.now())
        return wait_s if soonest is None else min(wait_s, (soonest - now).total_seconds())

    def look(self) -> None:
        """Look after runs that hang and after files that changed."""
        self._slots.watch()
        self._files.look()

    # What is due

    def _chosen(self) -> dict[str, Monitor]:
        return {name: each for name, each in self._declared.items() if self._runs_here(each)}

    def _run_of(self, monitor: Monitor, due_at: datetime, *, confirms: bool = False) -> Run:
        undo_s = self._undo_budget_s if monitor.flow is not None else 0.0
        return Run(monitor, due_at, self._grace_s + undo_s, confirms)

    def _begin(self, due: Due) -> None:
        monitor = due.monitor
        if due.missed and due.since is not None:
            self._miss(monitor, due.since, self._why_missed(due.missed))
        running = self._slots.is_running(monitor.name)
        if self._slots.submit(self._run_of(monitor, due.due_at)):
            return
        if running is False:
            why = f"no slot was free: {self._slots.workers} other monitors run ([monitoring] workers)"
        else:
            why = f"its last run is still going on (timeout {span_text(monitor.timeout_s)})"
        self._miss(monitor, due.due_at, f"it did not start: {why}")

    def _why_missed(self, count: int) -> str:
        runs = "1 run was" if count == 1 else f"{count} runs were"
        seconds, at = self._moved
        if seconds > 0 and abs((self.clock.now() - at).total_seconds()) < _SAID_FOR_S:
            return f"{runs} missed: the clock was moved on by {seconds:.0f} s, or this machine was asleep"
        return f"{runs} missed: this process was held up"

    def _miss(self, monitor: Monitor, due_at: datetime, why: str) -> None:
        self._log(f"{monitor.name} missed its turn of {due_at:%Y-%m-%d %H:%M:%S} UTC: {why}")
        self.tell(self._own(monitor, due_at, ProbeResult.MISSED, trouble=(why,)))

    def _jumped(self, seconds: float, now: datetime) -> None:
        self._moved = (seconds, now)
        if seconds < 0:
            self._table.put_back(now)
            what = "every monitor is due again within its interval, no turn is run twice"
        else:
            what = "what was due meanwhile is run once and counted as missed"
        way = "on" if seconds > 0 else "back"
        self._log(f"the clock was moved {way} by {abs(seconds):.1f} s: {what}")

    # In the slots' threads

    def _act(self, run: Run, stop: threading.Event) -> Probe | None:
        monitor = run.monitor
        if self._turns is not None and not self._turns.take(monitor, run.due_at):
            self.elsewhere += 1
            return None
        began, at = self.clock.monotonic(), self.clock.now()
        try:
            return self._probe(monitor, due_at=run.due_at, stop=stop)
        except BaseException as error:  # a probe never raises; if it does, that is no reason to lose a slot
            trouble = (f"{type(error).__name__}: {error}",)
            took_s = self.clock.monotonic() - began
            return self._own(monitor, run.due_at, ProbeResult.ERROR, at=at, seconds=took_s, trouble=trouble)
        finally:
            if self._turns is not None:
                self._turns.finish(monitor, run.due_at)

    def _done(self, run: Run, probe: Probe | None) -> None:
        if probe is None:
            return
        before, self._last[run.name] = self._last.get(run.name), probe.result
        self.tell(probe)
        failed = probe.result is ProbeResult.FAILED
        if failed and before is not ProbeResult.FAILED and self._confirm and not run.confirms and self._why is None:
            later_s = min(_CONFIRM_SHARE * interval_of(run.monitor), _CONFIRM_MOST_S)
            with self._lock:
                heapq.heappush(self._again, (self.clock.now() + timedelta(seconds=later_s), run.name))
            self._wake.put(None)

    def _given_up(self, run: Run, seconds: float, stack: str) -> None:
        self.stuck[run.name] += 1
        if self._turns is not None:
            self._turns.finish(run.monitor, run.due_at)
        why = (
            f"still running {seconds:.0f} s after it began (timeout {span_text(run.timeout_s)}): its code waits where "
            "no deadline reaches; another thread took its slot"
        )
        self._log(f"{run.name} is stuck, {why}\n{stack}")
        at = self.clock.now() - timedelta(seconds=seconds)
        probe = self._own(
            run.monitor, run.due_at, ProbeResult.STUCK, at=at, seconds=seconds, trouble=(why,), stack=stack
        )
        self._last[run.name] = probe.result
        self.tell(probe)
        if self.stuck.total() >= self._most_stuck and self._why is None:
            runs = "a run is" if self.stuck.total() == 1 else f"{self.stuck.total()} runs are"
            self._log(f"{runs} stuck in this process: it finishes the others and begins anew")
            self.stop("restart")

    def _came_back(self, run: Run, seconds: float, probe: Probe | None) -> None:
        said = f"it said {probe.result}" if probe is not None else "it said nothing"
        self._log(f"{run.name} came back {seconds:.0f} s after it began, long given up; {said}, which is not counted")

    def _own(
        self,
        monitor: Monitor,
        due_at: datetime,
        result: ProbeResult,
        *,
        at: datetime | None = None,
        seconds: float = 0.0,
        trouble: tuple[str, ...] = (),
        stack: str = "",
    ) -> Probe:
        return Probe(
            id=timed_id(due_at, 6),
            monitor=monitor.name,
            subject=monitor.subject,
            environment=self.environment,
            location=self.location,
            result=result,
            due_at=due_at,
            started_at=at or self.clock.now(),
            seconds=seconds,
            trouble=trouble,
            stack=stack,
        )

    # Changed files

    def _changed(self) -> Mapping[str, Monitor] | Exception | None:
        return self._changing.look() if self._changing is not None and self._why is None else None

    def _take_up(self, found: Mapping[str, Monitor]) -> None:
        with self._lock:
            before, self._declared = self._declared, dict(found)
            self._here = self._chosen()
            self._table.replace(self.monitors_here(), self.clock.now())
        self._wake.put(None)
        names = {
            "new": [name for name in found if name not in before],
            "changed": [name for name, each in found.items() if name in before and each != before[name]],
            "gone": [name for name in before if name not in found],
        }
        said = "; ".join(f"{word}: {', '.join(sorted(which))}" for word, which in names.items() if which)
        self._log(f"the monitors were loaded again, {len(found)} of them. {said or 'Nothing changed for them'}")
        self._tell_configuration(None)

    def _refuse(self, error: Exception) -> None:
        self._log(f"a changed file is wrong, and the monitors of before go on: {error}")
        self._tell_configuration(error)

    def _tell_configuration(self, error: Exception | None) -> None:
        now, about = self.clock.now(), "the files of the monitors"
        if error is None:
            finding = Finding(oracle="configuration", result=Result.PASS, order_ref=about)
        else:
            finding = Finding(
                oracle="configuration",
                result=Result.FAIL,
                order_ref=about,
                expected="files that say what is watched",
                seen=str(error),
                cause="a change of these files is wrong; the monitors of before go on",
            )
        probe = Probe(
            id=timed_id(now, 6),
            monitor=CONFIGURATION,
            subject=CONFIGURATION,
            environment=self.environment,
            location=self.location,
            result=ProbeResult.PASSED if error is None else ProbeResult.FAILED,
            due_at=now,
            started_at=now,
            seconds=0.0,
            findings=(finding,),
        )
        self.tell(probe)

    # The end

    def _finish(self) -> tuple[str, ...]:
        """Let what runs finish, then ask it to end and take back; return the names of what is left running."""
        if waiting := self._slots.forget_waiting():
            self._log(f"{len(waiting)} runs that waited for a slot are not begun")
        if busy := self._slots.busy:
            self._log(f"ending: up to {self._finish_s:.0f} s for what runs to finish: {', '.join(sorted(busy))}")
        if not self._idle_within(self._finish_s):
            limit_s = self._undo_budget_s + self._grace_s
            asked = ", ".join(self._slots.stop_running())
            self._log(f"asked to end and to take back what they created, within {limit_s:.0f} s: {asked}")
            self._idle_within(limit_s)
        left = tuple(sorted({*self._slots.busy, *self._slots.never_back}))
        if left:
            self._log(f"left behind: {', '.join(left)}; what they created stands in the undo ledger, for assay sweep")
        return left

    def _idle_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._slots.busy:
            if time.monotonic() >= until:
                return False
            self._slots.watch()
            time.sleep(0.02)
        return True

    def _close(self, flush_s: float = _FLUSH_S) -> None:
        for teller in self._tellers:
            if not teller.flush(flush_s):
                self._log(f"{teller.name} did not take all that happened within {flush_s:g} s")
            teller.close()
        self._slots.close()
