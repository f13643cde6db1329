"""The goods a case has for itself while it acts and until it is judged, leased in the store that machines share."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from assay.errors import InfrastructureError
from assay.flow import Case
from assay.holder import is_gone, ourselves
from assay.local.plan import Plan
from assay.runners.allowance import spare_s
from assay.store import Store

_LEASE_FOR = timedelta(days=30)
"""In the landscape's time, which cases move on by days; whoever crashes holds its goods no longer than that."""
_LEASE_WITHIN_S, _LEASE_SHARE = 300.0, 0.25
"""Goods are waited for so long, and no longer than that share of what whoever waits may still take."""


class Holder(Protocol):
    """Whoever leases goods: a session."""

    plan: Plan

    @property
    def shared_store(self) -> Store:
        """Where leases are kept."""

    def now(self) -> datetime:
        """The landscape's instant."""

    def wait(self, seconds: float) -> None:
        """Let real time pass."""


class LeasedGoods:
    """Leases goods for the executions of one session, and frees them."""

    def __init__(self, session: Holder) -> None:
        self._session = session
        self._used = False
        self._owed: set[str] = set()

    def lease(self, case: Case, holder: str, ours: Collection[str]) -> tuple[str, ...]:
        """Take a case's goods for it alone; whoever has them meanwhile is waited for.

        ours: what other executions of the session hold. It comes free when they are judged, which whoever asks now may
        do afterwards, so it is not waited for.
        """
        names, session = case.lease_names, self._session
        if not names or set(ours) & set(names):
            return ()
        self._used = True
        self.free(())
        store, environment = session.shared_store, session.plan.name
        left = spare_s()
        deadline = time.monotonic() + min(_LEASE_WITHIN_S, _LEASE_SHARE * left if left is not None else _LEASE_WITHIN_S)
        while True:
            now = session.now()
            taken = store.lease(environment, names, holder=_holder(holder), now=now, until=now + _LEASE_FOR)
            if taken or time.monotonic() > deadline:
                # Goods that somebody else still holds make conservation unjudgeable, not the order.
                return taken
            if gone := [each for each in store.holders(environment, names) if _is_gone(each)]:
                store.release(environment, *gone)
            session.wait(0.05)

    def free(self, holders: Sequence[str]) -> None:
        """Give back the goods these executions hold: whoever waits for them would wait for nothing.

        While the store is away they are owed, and given back the next time: no run's verdict depends on it.
        """
        if not self._used:
            return
        owed, self._owed = self._owed | set(holders), set()
        if not owed:
            return
        try:
            self._session.shared_store.release(self._session.plan.name, *map(_holder, sorted(owed)))
        except InfrastructureError:
            self._owed |= owed


def _holder(execution_id: str) -> str:
    """Return the name under which an execution of this process leases goods."""
    return f"{execution_id}@{ourselves()}"


def _is_gone(holder: str) -> bool:
    return is_gone(holder.partition("@")[2])
