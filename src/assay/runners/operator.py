"""What a session lends a flow in a landscape of our own: its clock, the faults of its edge, and a turn to act alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from assay.edge import Fault
from assay.errors import UsageError
from assay.local import faults
from assay.local.plan import Plan


class LandscapeOperator:
    """The operator of one landscape; see `assay.roles.Operator`. Safe for threads of one process."""

    def __init__(self, plan: Plan, pass_time: Callable[[timedelta], None]) -> None:
        self._plan = plan
        self._pass_time = pass_time
        self._changing = threading.Lock()

    def pass_time(self, span: timedelta) -> None:
        """Let that much of the landscape's time pass, everything due on the way included."""
        self._pass_time(span)

    def put_fault(self, kind: str, system: str, **figures: Any) -> str:
        """Put a fault in front of a system and return its name; `UsageError` for one that cannot be."""
        try:
            fault = Fault(kind=kind, system=system, **figures)  # type: ignore[arg-type]  # Fault checks its own kind
        except TypeError as error:
            raise UsageError(
                "a fault was given a figure it has not", where=f"{kind} {system}", seen=str(error)
            ) from None
        with self._changing:
            faults.put(self._plan, [*faults.in_force(self._plan.home), fault])
        return fault.name

    def take_fault(self, name: str) -> None:
        """Take that fault away; others stay."""
        with self._changing:
            left = faults.in_force(self._plan.home)
            gone = next((number for number, fault in enumerate(left) if fault.name == name), None)
            if gone is not None:
                faults.put(self._plan, [*left[:gone], *left[gone + 1 :]])


class Turns:
    """Lets cases act side by side, and one whose faults reach everybody by itself."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._acting = 0
        self._alone = False
        self._waiting = 0

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn and hold it while the block runs."""
        with self._changed:
            if alone:
                # Those who can share go first: the more of them pass time together, the less often it is passed.
                self._changed.wait_for(lambda: not (self._acting or self._alone or self._waiting))
                self._alone = True
            else:
                self._waiting += 1
                self._changed.wait_for(lambda: not self._alone)
                self._waiting -= 1
                self._acting += 1
        try:
            yield
        finally:
            with self._changed:
                if alone:
                    self._alone = False
                else:
                    self._acting -= 1
                self._changed.notify_all()
