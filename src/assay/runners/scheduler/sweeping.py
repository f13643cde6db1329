"""Takes back, at the start and again and again, what crashed runs left in real systems, and tells what cannot be.

It runs beside the monitors in a thread and on connections of its own. Of several processes one sweeps at a time. What a
living run is busy with is left to it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime

from assay.errors import AssayError, InfrastructureError
from assay.events import Finding, Listener, Probe, ProbeResult, Result
from assay.holder import elapsed, is_gone, ourselves
from assay.local.store_place import is_disposable
from assay.monitor import AlertRule, Monitor
from assay.runners.naming import timed_id
from assay.runners.scheduler.telling import Log, utc_now
from assay.runners.scheduler.turns import LEASE_S, Turns
from assay.runners.session import Session
from assay.store import Store, StoredIntent
from assay.store.intents import LEAKED
from assay.undo import Ledger, Reckoning

UNDO = "assay_undo"
"""The name under which sweeps are told, as if a monitor ran them."""


class Sweeper:
    """Sweeps one environment; `sweep` is called by a `Task` of the service.

    session: open on the environment; a sibling of it is used. store: where turns are. turns: whose turn it is, None
    where this process is alone. runs: whether a run of that id goes on in this process. tell: told a `Probe` of every
    sweep. leaks, open: how many things can be neither found
    nor taken back, and how many are still to be, as this process last saw them in the ledger.
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        *,
        location: str,
        every_s: float,
        turns: Turns | None = None,
        runs: Callable[[str], bool] = lambda _: True,
        tell: Listener = lambda _: None,
        log: Log = lambda _: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._lender, self._store, self._turns = session, store, turns
        self._plan = session.plan
        self._location = location
        self._runs, self._tell, self._log, self._now = runs, tell, log, now
        self._said_away = False
        self._named = Monitor(
            name=UNDO, title="", owner="", runbook="", alert=AlertRule(), interval_s=every_s, timeout_s=every_s
        )
        self._absent_since: dict[str, float] = {}
        self._session: Session | None = None
        self._one_at_a_time = threading.Lock()
        self.leaks = 0
        self.open = 0

    def sweep(self) -> Reckoning | None:
        """Take back what can be and tell of it; None where another process is sweeping, or the store is away.

        Never raises what the environment or the store did.
        """
        with self._one_at_a_time:
            due_at, began = self._now(), time.perf_counter()
            if self._turns is not None and not self._turns.take(self._named, due_at):
                self._count()
                return None
            try:
                reckoning = self._swept()
                left = self._count()
            except AssayError as error:
                if not self._said_away:
                    self._said_away = True
                    self._log(f"nothing can be swept now: {error.message} ({error.where})")
                return None
            finally:
                if self._turns is not None:
                    self._turns.finish(self._named, due_at)
            self._said_away = False
            self._say(reckoning)
            self._tell(self._probe(left, reckoning, due_at, time.perf_counter() - began))
            return reckoning

    def close(self) -> None:
        """Close its connections."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _swept(self) -> Reckoning:
        if is_disposable(self._plan):
            return Reckoning()  # what is created in systems of ours stays in them
        intents = self._lender.shared_store.intents
        if not intents.unsettled(self._plan.name):
            return Reckoning()  # no connection is opened for nothing
        if self._session is None:
            self._session = self._lender.sibling()
        ledger = Ledger(
            store=self._lender.shared_store,
            environment=self._plan.name,
            now=self._session.now,
            wait=self._session.wait,
            is_over=self._is_over,
        )
        return ledger.sweep(self._session.landscape)

    def _count(self) -> list[StoredIntent]:
        """Count what the ledger holds and return what leaked."""
        try:
            left = self._lender.shared_store.intents.unsettled(self._plan.name)
        except InfrastructureError:
            return []  # the store is away, which others tell; what was counted last stands
        leaked = [intent for intent in left if intent.state == LEAKED]
        self.leaks, self.open = len(leaked), len(left) - len(leaked)
        return leaked

    def _is_over(self, intent: StoredIntent) -> bool:
        """Whether the run of an intent has ended, with its process or, in this one, without being taken back.

        Of another machine's process the server says it, for a while: one that was only cut off comes back, and takes
        back itself what it created.
        """
        holder = intent.holder
        if holder == ourselves():
            return not self._runs(intent.run_id)
        if is_gone(holder):
            return True
        if holder.partition(":")[0] == socket.gethostname():
            return False
        if not self._store.turns.is_absent(self._plan.name, holder):
            self._absent_since.pop(holder, None)
            return False
        return elapsed() - self._absent_since.setdefault(holder, elapsed()) >= LEASE_S

    def _say(self, reckoning: Reckoning) -> None:
        for sentence in (*reckoning.undone, *reckoning.absent):
            self._log(f"swept: {sentence}")
        for sentence in reckoning.leaks:
            self._log(f"LEAKED: {sentence}; somebody must take it back: assay sweep --env {self._plan.name}")

    def _probe(self, leaked: list[StoredIntent], reckoning: Reckoning, due_at: datetime, seconds: float) -> Probe:
        return Probe(
            id=f"sweep-{timed_id(due_at, 6)}",
            monitor=UNDO,
            subject="sweep",
            environment=self._plan.name,
            location=self._location,
            result=ProbeResult.FAILED if leaked else ProbeResult.PASSED,
            due_at=due_at,
            started_at=due_at,
            seconds=seconds,
            findings=tuple(_finding(intent, self._plan.name) for intent in leaked),
            trouble=reckoning.waiting if leaked else (),
        )


def _finding(intent: StoredIntent, environment: str) -> Finding:
    return Finding(
        oracle="leak",
        result=Result.FAIL,
        order_ref=intent.ref or f"{intent.kind} of {intent.marker}",
        systems=(intent.system,),
        expected=f"the {intent.kind} that run {intent.run_id} created is taken back by {intent.verb}",
        seen="it is still there",
        formula="every intent of the undo ledger is settled",
        cause=f"{intent.note}; take it back in {intent.system} by hand, then run: assay sweep --env {environment}",
        evidence=(f"noted {intent.created_at:%Y-%m-%d %H:%M:%S} UTC, tried last {intent.changed_at:%H:%M:%S} UTC",),
    )
