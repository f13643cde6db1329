"""Whose turn it is, as one process sees it: it takes turns, keeps them while they run, and knows when it is cut off.

A process that cannot reach the store goes on with checks that only read, told twice at worst. It creates nothing: any
other may have taken its place by then. The same holds for a run whose turn another process took over.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.errors import AssayError, InfrastructureError
from assay.holder import elapsed, ourselves
from assay.monitor import Monitor
from assay.runners.scheduler.telling import Log, utc_now
from assay.span import span_text
from assay.store import Store
from assay.store.turns import Presence

BEAT_S = 2.0
LEASE_S = 60.0
_SILENT_S = 20.0
"""Whoever has not reached the store for that long counts as cut off, its clocks and threads having stood still or not.
Together with the clocks' difference it stays below a lease."""
_SKEW_S = 30.0
_SURE_FOR_S = 0.25
_TAKEN_OVER = "another process has meanwhile taken over"
_BEGAN_ALONE = "the store was away at the beginning of this run of"
_CUT_OFF = "the store was away during this run of"


@dataclass(slots=True)
class _Turn:
    monitor: str
    location: str
    due_at: datetime
    holder: str
    lost: str = ""
    sure_until: float = 0.0


_running: ContextVar[_Turn | None] = ContextVar("assay_turn", default=None)


class Turns:
    """The turns of one process in one environment; see `assay.runners.scheduler.service.Taking`. Safe for threads.

    log: told when the store is lost and when it is back. beat_s, lease_s: how often turns are renewed and for how long
    they last without that.
    """

    def __init__(
        self,
        store: Store,
        environment: str,
        *,
        now: Callable[[], datetime] = utc_now,
        log: Log = lambda _: None,
        beat_s: float = BEAT_S,
        lease_s: float = LEASE_S,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._store, self._environment = store, environment
        self._now, self._log, self._elapsed = now, log, elapsed
        self._beat_s, self._lease = beat_s, timedelta(seconds=lease_s)
        self._holder = ""
        self._presence: Presence | None = None
        self._held: dict[tuple[str, str], _Turn] = {}
        self._owed: deque[_Turn] = deque()
        self._lock = threading.Lock()
        self._beating = threading.Lock()
        self._beat_at = elapsed()
        self._away: tuple[datetime, str] | None = None
        self._skew_s = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Say that this process is there; `InfrastructureError` where the store cannot be reached."""
        if not self._store.turns.shared:
            # A file's monitors are one process's: whoever held a turn is gone.
            self._store.turns.abandon(self._environment)
        self._appear()
        self._see_clock()
        self._beat_at = self._elapsed()
        self._thread = threading.Thread(target=self._go_on, name="turns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give up every turn; who waits for them need wait no longer."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        presence, self._presence = self._presence, None
        if presence is not None:
            presence.close()

    @property
    def cut_off(self) -> str | None:
        """Return why this process must create nothing, in a sentence, or None where it may."""
        away = self._away
        if away is not None:
            since, why = away
            return f"this process has been cut off from the store since {since:%Y-%m-%d %H:%M:%S} UTC ({why})"
        silent_s = self._elapsed() - self._beat_at
        if silent_s > _SILENT_S and self._thread is not None:
            return f"this process has not reached the store for {span_text(round(silent_s))}: it stood still"
        if abs(self._skew_s) > _SKEW_S:
            side = "ahead of" if self._skew_s > 0 else "behind"
            return f"this machine's clock is {span_text(round(abs(self._skew_s)))} {side} the store's"
        return None

    def take(self, monitor: Monitor, due_at: datetime) -> bool:
        """Take the turn; False where it is somebody else's. While the store is away every process has its own."""
        turn = _Turn(monitor.name, monitor.location or "", due_at, self._holder)
        _running.set(turn)
        if self._away is not None:
            turn.lost = _BEGAN_ALONE
            return True
        now = self._now()
        try:
            taken = self._store.turns.take(
                self._environment,
                turn.monitor,
                turn.location,
                due_at=due_at,
                holder=turn.holder,
                now=now,
                until=now + self._lease,
            )
        except AssayError as error:
            turn.lost = _BEGAN_ALONE
            self._lose(error)
            return True
        if taken:
            turn.sure_until = self._elapsed() + _SURE_FOR_S
            with self._lock:
                self._held[turn.monitor, turn.location] = turn
        else:
            _running.set(None)
        return taken

    def finish(self, monitor: Monitor, due_at: datetime) -> None:
        """Say that it was run."""
        _running.set(None)
        with self._lock:
            turn = self._held.get((monitor.name, monitor.location or ""))
            if turn is None or turn.due_at != due_at:
                return
            del self._held[turn.monitor, turn.location]
        if self._away is not None:
            self._owed.append(turn)
            return
        try:
            self._end(turn)
        except AssayError as error:
            self._owed.append(turn)
            self._lose(error)

    def brake(self) -> str | None:
        """Return why the run of this thread must create nothing now, or None where it may; asked before each time."""
        if (why := self.cut_off) is not None:
            return why
        turn = _running.get()
        if turn is None or self._elapsed() < turn.sure_until:
            return None
        if not turn.lost:
            try:
                holds = self._store.turns.holds
                if not holds(self._environment, turn.monitor, turn.location, due_at=turn.due_at, holder=turn.holder):
                    turn.lost = _TAKEN_OVER
            except AssayError as error:
                self._lose(error)
                return self.cut_off
        if turn.lost:
            return f"{turn.lost} {turn.monitor}"
        turn.sure_until = self._elapsed() + _SURE_FOR_S
        return None

    def beat(self) -> None:
        """Renew what is held and see that the store is there; called every beat_s once started."""
        with self._beating:
            try:
                if self._store.turns.shared and self._presence is None:
                    self._appear()
                self._see_clock()
                with self._lock:
                    asked = {key: turn for key, turn in self._held.items() if turn.holder == self._holder}
                if self._away is not None:
                    self._store.turns.touch(self._environment, self._holder, self._now())
                while self._owed:  # runs that ended while nobody could be told
                    self._end(self._owed[0])
                    self._owed.popleft()
                if asked:
                    until = self._now() + self._lease
                    kept = self._store.turns.extend(self._environment, self._holder, until=until)
                    for key in asked.keys() - kept:
                        asked[key].lost = _TAKEN_OVER
            except AssayError as error:
                self._lose(error)
                return
            self._beat_at = self._elapsed()
            away, self._away = self._away, None
        if away is not None:
            took = span_text(max(1, round((self._now() - away[0]).total_seconds())))
            self._log(f"the store is back after {took}: turns are shared again and flows create again")

    def _end(self, turn: _Turn) -> None:
        finish = self._store.turns.finish
        finish(self._environment, turn.monitor, turn.location, due_at=turn.due_at, holder=turn.holder)

    def _go_on(self) -> None:
        while not self._ended.wait(self._beat_s):
            try:
                self.beat()
            except Exception as error:  # a driver's own, say: whatever it is, this process has not reached the store
                self._lose(InfrastructureError(f"the store cannot be used: {type(error).__name__}: {error}"))

    def _appear(self) -> None:
        # A name of its own each time: what was held before a break may be somebody else's, and stays with the old one.
        self._holder = f"{secrets.token_hex(4)}@{ourselves()}"
        self._presence = self._store.turns.present(self._holder)

    def _see_clock(self) -> None:
        if self._presence is None:
            return
        skew_s = (self._now() - self._presence.server_time()).total_seconds()
        before, self._skew_s = self._skew_s, skew_s
        if abs(skew_s) > _SKEW_S >= abs(before):
            self._log(f"{self.cut_off}: flows create nothing until they agree; set the clock (NTP)")

    def _lose(self, error: AssayError) -> None:
        with self._lock:
            before = self._away
            if before is None:
                self._away = (self._now(), error.message)
                for turn in self._held.values():
                    turn.lost = turn.lost or _CUT_OFF
            presence, self._presence = self._presence, None
        if presence is not None:
            presence.close()
        if before is None:
            self._log(
                f"{error.message} ({error.where}): checks that only read go on, flows create nothing until it is back"
            )
