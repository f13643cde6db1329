"""What a session lends a flow in a landscape of our own: its clock, the faults of its edge, and a turn to act alone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.edge import Fault
from assay.errors import UsageError, did_you_mean
from assay.local import faults
from assay.local.plan import MERCHANT, PUBLIC, SIMULATORS, Plan
from assay.local.processes import admin
from assay.records import Call
from assay.roles import Asked

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LandscapeOperator:
    """The operator of one landscape; see `assay.roles.Operator`. Safe for threads of one process."""

    def __init__(
        self,
        plan: Plan,
        pass_time: Callable[[timedelta], None],
        journal: Callable[[], Sequence[Call]] = tuple,
    ) -> None:
        self._plan = plan
        self._pass_time = pass_time
        self._journal = journal
        self._changing = threading.Lock()
        self._numbers = itertools.count(1)
        self._changes: dict[int, tuple[str, dict[str, Any]]] = {}
        self._original: dict[tuple[str, str], Any] = {}

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

    def configure(self, system: str, settings: Mapping[str, Any]) -> int:
        """Change settings of a simulated system or of the shop and return what `restore` takes."""
        port = self._port(system)
        with self._changing:
            before = admin(port, "POST", "settings", {})["settings"]
            unknown = [name for name in settings if name not in before]
            if unknown and system == self._plan.shop:
                raise UsageError(f"the shop has no setting '{unknown[0]}'", hint=did_you_mean(unknown[0], before))
            admin(port, "POST", "settings", dict(settings))
            for name in settings:
                if name in before:
                    self._original.setdefault((system, name), before[name])
            number = next(self._numbers)
            self._changes[number] = (system, dict(settings))
        return number

    def restore(self, change: int) -> None:
        """Take a change back; where several cases changed one setting, the latest that still runs is in force."""
        with self._changing:
            system, settings = self._changes.pop(change)
            left = [other for name, other in self._changes.values() if name == system]
            values = {}
            for name in settings:
                asked = [other[name] for other in left if name in other]
                if asked:
                    values[name] = asked[-1]
                elif (system, name) in self._original:  # a simulator's own default cannot be written back
                    values[name] = self._original.pop((system, name))
            if values:
                admin(self._port(system), "POST", "settings", values)

    def calls(self, system: str) -> Sequence[Call]:
        """Return the platform's calls to a system since this session began, oldest first."""
        found = self._journal()
        if system == PUBLIC:
            return [call for call in found if call.way == "reverse"]
        return [call for call in found if call.system == system and call.way != "reverse"]

    def asked(self, system: str) -> Sequence[Asked]:
        """Return the last calls a simulated system got, oldest first."""
        lines = admin(self._port(system), "GET", "requests")
        return [
            Asked(
                at=_EPOCH + timedelta(microseconds=line["at_us"]),
                method=line["method"],
                path=line["path"],
                status=line["status"],
            )
            for line in lines
        ]

    def _port(self, system: str) -> int:
        running = self._plan.home.read()
        ports = {
            name: port
            for part in (SIMULATORS, MERCHANT)
            if part in running.processes
            for name, port in running.processes[part].ports.items()
        }
        if self._plan.shop and MERCHANT in ports:
            ports.setdefault(self._plan.shop, ports[MERCHANT])
        if system not in ports:
            raise UsageError(f"'{system}' is not simulated here", hint=did_you_mean(system, ports))
        return ports[system]


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
