"""How fast vendors may be called: by a budget of a client's own, or one lent to all clients of a system for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from assay.errors import InfrastructureError, UsageError


class RateBudget:
    """How fast one vendor may be called, and how long we wait when it says "later"; shared by a vendor's clients.

    per_second and burst: a token bucket (None: unlimited). max_wait_s: the most one request may wait in all; a reply
    that asks for more is handed back as it is. Safe for threads and greenlets.
    """

    def __init__(
        self,
        *,
        per_second: float | None = None,
        burst: int = 1,
        max_wait_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if per_second is not None and per_second <= 0:
            raise UsageError("a rate budget needs a positive rate", expected="per_second > 0", seen=str(per_second))
        self.max_wait_s = max_wait_s
        self._interval_s = 0.0 if per_second is None else 1.0 / per_second
        self._burst = max(burst, 1)
        self._sleep = sleep
        self._monotonic = monotonic
        self._next_at = 0.0
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def take(self, allowance_s: float, *, system: str) -> float:
        """Wait for our turn and return the seconds waited; `InfrastructureError` when that exceeds the allowance."""
        with self._lock:
            now = self._monotonic()
            due = max(self._next_at - (self._burst - 1) * self._interval_s, self._closed_until, now)
            wait_s = due - now
            if wait_s > allowance_s:
                raise InfrastructureError(
                    f"{system} may not be called for another {wait_s:.1f} s",
                    expected=f"a turn within {allowance_s:.1f} s",
                    hint="raise the rate budget or its waiting limit in the profile, or run fewer cases at once",
                )
            self._next_at = max(self._next_at, due) + self._interval_s
        if wait_s > 0:
            self._sleep(wait_s)
        return max(wait_s, 0.0)

    def close_for(self, seconds: float) -> None:
        """Let nobody call this vendor for so long."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._monotonic() + seconds)


_NO_BUDGETS: Mapping[str, RateBudget] = {}
_budgets: ContextVar[Mapping[str, RateBudget]] = ContextVar("budgets", default=_NO_BUDGETS)


@contextmanager
def budgeted(budgets: Mapping[str, RateBudget]) -> Iterator[None]:
    """Let clients of these systems, by id, keep to these budgets in the block where they have none of their own."""
    token = _budgets.set({**_budgets.get(), **budgets})
    try:
        yield
    finally:
        _budgets.reset(token)


def budget_of(system: str) -> RateBudget | None:
    """Return the budget that is lent to clients of a system here, None where none is."""
    return _budgets.get().get(system)
