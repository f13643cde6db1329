"""What the process heard lately, in memory: shown at once, and all there is to show while the store is away."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime

from assay.events import Probe
from assay.reporting.status.runs import Run, run_of

_RUNS, _MONITORS = 500, 20_000


class Recent:
    """A listener that remembers the last run of each monitor and the last runs of all; bounded, safe for threads.

    version rises with every run heard: a page that shows an older one is out of date.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: OrderedDict[str, Run] = OrderedDict()
        self._runs: deque[Run] = deque(maxlen=_RUNS)
        self.version = 0

    def __call__(self, event: object) -> None:
        """Remember one run; other events are passed over."""
        if not isinstance(event, Probe):
            return
        run = run_of(event)
        with self._lock:
            self._runs.append(run)
            known = self._latest.get(run.monitor)
            if known is None or known.due_at <= run.due_at:
                self._latest[run.monitor] = run
            while len(self._latest) > _MONITORS:
                self._latest.popitem(last=False)
            self.version += 1

    def latest(self) -> dict[str, Run]:
        """Return the last run of each monitor."""
        with self._lock:
            return dict(self._latest)

    def runs(self, monitor: str | None = None, *, since: datetime | None = None) -> list[Run]:
        """Return what is remembered of one monitor or of all, the latest first."""
        with self._lock:
            heard = list(self._runs)
        return newest_first(
            run for run in heard if monitor in (None, run.monitor) and (since is None or run.due_at >= since)
        )


def newest_first(runs: Iterable[Run]) -> list[Run]:
    """Return runs by due time, the latest first; each (monitor, due time, location) once, as heard last."""
    once = {(run.monitor, run.due_at, run.location): run for run in runs}
    return sorted(once.values(), key=lambda run: (run.due_at, run.number), reverse=True)
