"""Whether the edge answers: its process may live and hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from assay.errors import InfrastructureError
from assay.local.plan import EDGE, Plan
from assay.local.processes import admin
from assay.local.status import edge_authorization

_ASKED_EVERY_S, _PATIENCE_S = 5.0, 3.0


class EdgeWatch:
    """Asks the edge of a landscape at most every few seconds, whoever wants to know. Safe for threads.

    plan: the landscape's, whose home says where the edge is: a repaired one is found again.
    """

    def __init__(self, plan: Plan, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._monotonic = monotonic
        self._asked_at: float | None = None
        self._said: str | None = None
        self._lock = threading.Lock()

    def trouble(self) -> str | None:
        """Return what is wrong with it in a sentence; None where it answers, or where there is none."""
        if not self._plan.has_edge:
            return None
        with self._lock:
            now = self._monotonic()
            if self._asked_at is None or now - self._asked_at >= _ASKED_EVERY_S:
                self._said = self._ask()
                self._asked_at = self._monotonic()
            return self._said

    def _ask(self) -> str | None:
        repair = f"assay up --env {self._plan.name} repairs it"
        running = self._plan.home.read()
        port = running.port(EDGE, EDGE)
        if port is None or not running.alive(EDGE):
            return f"its process is gone; {repair}"
        try:
            admin(port, "GET", "health", timeout_s=_PATIENCE_S, authorization=edge_authorization(self._plan, EDGE))
        except InfrastructureError as error:
            return f"it runs and does not answer ({error.seen}); {repair}"
        return None
