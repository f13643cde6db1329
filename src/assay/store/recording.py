"""Keeps runs and outcomes as they happen; a store in trouble never disturbs the run."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

from assay.errors import InfrastructureError
from assay.events import Outcome, RunFinished, RunStarted
from assay.store import results
from assay.store.database import Database


class Recorder:
    """A listener for `RunStarted`, `Outcome` and `RunFinished`; it passes over everything else.

    It writes what it is given: give it masked events. What the store does not take waits here and is tried once more
    when the run ends and by `flush`; meanwhile `trouble` says why, so that the run can end with the exit code of
    infrastructure. An outcome told again (by its id) replaces the first.
    """

    def __init__(self, database: Database, environment: str, keep_one_in: int) -> None:
        self._database = database
        self._environment = environment
        self._keep_one_in = keep_one_in
        self._passed = 0
        self._waiting: list[RunStarted | Outcome | RunFinished] = []
        self._lock = threading.RLock()
        self.trouble: InfrastructureError | None = None

    @property
    def waiting(self) -> int:
        """How many events are not in the store yet."""
        return len(self._waiting)

    def __call__(self, event: object) -> None:
        """Keep an event, or remember it where the store is in trouble."""
        if not isinstance(event, RunStarted | Outcome | RunFinished):
            return
        with self._lock:
            self._waiting.append(self._sampled(event) if isinstance(event, Outcome) else event)
            # A locked store costs its whole patience at each try: only the end of the run is worth another one.
            if self.trouble is None or isinstance(event, RunFinished):
                self.flush()

    def flush(self) -> bool:
        """Try to write whatever waits; return whether nothing waits any more."""
        with self._lock:
            while self._waiting:
                try:
                    results.keep(self._database, self._environment, self._waiting[0])
                except InfrastructureError as error:
                    self.trouble = error
                    return False
                del self._waiting[0]
            self.trouble = None
            return True

    def _sampled(self, outcome: Outcome) -> Outcome:
        outcome = replace(outcome, id=outcome.id or uuid4().hex)
        if outcome.failed:
            return outcome
        self._passed += 1
        return outcome if self._passed % self._keep_one_in == 1 % self._keep_one_in else replace(outcome, exchanges=())
