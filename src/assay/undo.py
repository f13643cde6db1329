"""The undo ledger: what flows create in real systems is noted before it is created, and taken back afterwards.

A crash leaves intents behind; `Ledger.sweep` finishes them from any machine that shares the store. What the system
never answered is looked up by its marker. What can be neither found nor taken back is a leak, and is named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from assay.errors import AssayError, InfrastructureError, SafetyError, UsageError
from assay.events import Listener, Progress
from assay.holder import is_gone, ourselves
from assay.records import Payment
from assay.roles import Payments, Refunds, UndoRefused
from assay.store import Store, StoredIntent
from assay.store.intents import KEPT

_UNDONE, _ABSENT, _OPEN, _LEAKED = "undone", "absent", "open", "leaked"
# Words of gateways for a payment that blocks the customer's money and was never captured.
_AUTHORISED = frozenset({"requires_capture", "authorised", "authorized"})


class Connected(Protocol):
    """The systems of an environment, as the ledger needs them; `assay.landscape.Landscape` is one."""

    @property
    def connectors(self) -> Mapping[str, Any]:
        """Every connector by its system's id."""

    def by_role(self, role: str) -> Any:
        """Return the connector of a role; `UsageError` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """What an undo or a sweep came to, a sentence for each thing.

    waiting: not done yet and not lost: a system that did not answer, a flow that still runs, something that may still
    appear. leaks: what can be neither found nor taken back; somebody must.
    """

    undone: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One word for an outcome's `undo`: none, done, open or leaked."""
        if self.leaks:
            return "leaked"
        if self.waiting:
            return "open"
        return "done" if self.undone or self.absent else "none"

    @property
    def exit_code(self) -> int:
        """0 when nothing is left behind, 3 when a system must answer first, 1 for leaks."""
        return 3 if self.waiting else 1 if self.leaks else 0


@dataclass(frozen=True, slots=True)
class _Noted:
    """One intent, on disk."""

    store: Store
    number: int

    def done(self, ref: str) -> None:
        """Note the reference under which the system keeps it; on disk when this returns."""
        self.store.intents.note_ref(self.number, ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The intents of one environment; an `assay.roles.Undo` for the flows of one run.

    now: the landscape's instant. run_id and scope: the run and the execution whose intents `create` notes.
    busy_for: how long a run may take; until then another machine leaves its intents alone. appears_within: how long
    after a call without an answer a thing may still appear. paid_back_within_s: real seconds that a shop has to give
    the money back after it cancelled, before the ledger asks the gateway itself. creating: asked before anything is
    created, and around it. is_over: whether the run of an intent has ended.
    """

    store: Store
    environment: str
    now: Callable[[], datetime]
    run_id: str = ""
    scope: str = ""
    busy_for: timedelta = timedelta(hours=1)
    appears_within: timedelta = timedelta(minutes=2)
    paid_back_within_s: float = 30.0
    wait: Callable[[float], None] = time.sleep
    creating: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
    is_over: Callable[[StoredIntent], bool] = lambda intent: is_gone(intent.holder)
    listen: Listener = field(default=lambda _: None)

    @contextmanager
    def create(self, system: str, kind: str, marker: str, undo: tuple[str, Mapping[str, Any]]) -> Iterator[_Noted]:
        """Note an intent, on disk before the block begins; see `assay.roles.Undo`."""
        verb, arguments = undo
        if not verb.isidentifier() or verb.startswith("_"):
            raise UsageError("that is no verb of a connector", expected="a name such as cancel_order", seen=repr(verb))
        with self.creating(f"{kind} of {marker} in {system}"):
            now = self.now()
            number = self.store.intents.add(
                environment=self.environment,
                run_id=self.run_id,
                scope=self.scope,
                system=system,
                kind=kind,
                marker=marker,
                verb=verb,
                arguments=dict(arguments),
                ref=None,
                holder=ourselves(),
                created_at=now,
                until=now + self.busy_for,
            )
            yield _Noted(self.store, number)

    def keep_all(self, run_id: str, *, scope: str | None = None) -> None:
        """Note that what a run created (or one execution of it) stays: the systems are simulations."""
        for intent in self.store.intents.unsettled(self.environment, run_id=run_id, scope=scope):
            self.store.intents.settle(intent.number, KEPT, "stays in the simulated system", self.now())

    def undo_all(self, run_id: str, landscape: Connected, *, scope: str | None = None) -> Reckoning:
        """Take back everything a run created (or one execution of it), the latest first."""
        return self._settle(self.store.intents.unsettled(self.environment, run_id=run_id, scope=scope), landscape)

    def sweep(self, landscape: Connected) -> Reckoning:
        """Finish what crashed runs left, the latest first; what a living run is busy with is left to it.

        Sweeping again does nothing more, except try once again what waits or leaked.
        """
        return self._settle(self.store.intents.unsettled(self.environment), landscape, spare_busy=True)

    def _settle(self, intents: Sequence[StoredIntent], landscape: Connected, *, spare_busy: bool = False) -> Reckoning:
        said: dict[str, list[str]] = {_UNDONE: [], _ABSENT: [], _OPEN: [], _LEAKED: []}
        for intent in intents:
            name = f"{intent.kind} {intent.ref or f'of {intent.marker}'} in {intent.system}"
            if spare_busy and self._is_busy(intent):
                said[_OPEN].append(f"{name}: its run is still going on ({intent.holder.partition(':')[0]})")
                continue
            self.listen(Progress(part=name, state="starting"))
            state, note = self._take_back(intent, landscape)
            self.store.intents.settle(intent.number, state, note, self.now())
            self.listen(Progress(part=name, state="failed" if state == _LEAKED else "ready", detail=note))
            said[state].append(f"{name}: {note}")
        return Reckoning(
            undone=tuple(said[_UNDONE]),
            absent=tuple(said[_ABSENT]),
            waiting=tuple(said[_OPEN]),
            leaks=tuple(said[_LEAKED]),
        )

    def _take_back(self, intent: StoredIntent, landscape: Connected) -> tuple[str, str]:
        """Undo one intent; return its new state and a note. One broken connector never keeps the others from theirs."""
        try:
            connector = landscape.connectors.get(intent.system) or landscape.by_role(intent.system)
            verb = getattr(connector, intent.verb, None)
            if verb is None:
                return _LEAKED, f"its connector cannot {intent.verb}"
            refs = (intent.ref,) if intent.ref else self._looked_up(connector, intent)
            if not refs:
                return self._nothing_there(intent)
            for ref in refs:
                verb(ref, **intent.arguments)
            back = [line for ref in refs for line in self._paid_back(intent, connector, ref, landscape)]
        except UndoRefused as refused:
            return _LEAKED, f"{intent.verb} was refused: {refused}"
        except LookupError as error:
            return _LEAKED, f"cannot be found: {error}"
        except (InfrastructureError, SafetyError, TimeoutError) as error:
            return _OPEN, _first_line(error)
        except Exception as error:
            return _LEAKED, f"{intent.verb} failed: {type(error).__name__}: {_first_line(error)}"
        done = f"{intent.verb} of {', '.join(refs)} done"
        return _UNDONE, "; ".join((done, *back))

    def _looked_up(self, connector: Any, intent: StoredIntent) -> Sequence[str]:
        find = getattr(connector, "find_by_marker", None)
        if find is None:
            raise LookupError(f"no answer came, and its connector cannot look for '{intent.marker}'")
        # The landscape's clock and the system's own need not agree to the second.
        found: Sequence[str] = find(intent.marker, intent.created_at - timedelta(minutes=10))
        return found

    def _nothing_there(self, intent: StoredIntent) -> tuple[str, str]:
        certain_at = intent.created_at + self.appears_within
        if self.now() < certain_at:
            return _OPEN, f"not there, but may still appear until {certain_at.isoformat(timespec='seconds')}"
        return _ABSENT, "was never created"

    def _paid_back(self, intent: StoredIntent, shop: Any, ref: str, landscape: Connected) -> list[str]:
        """See that the customer's money of a cancelled order is back, and give it back where the shop did not."""
        if intent.kind != "order" or not hasattr(shop, "order"):
            return []
        said = []
        gateways = [each for each in landscape.connectors.values() if isinstance(each, Payments)]
        for payment_ref in shop.order(ref).payment_refs:
            gateway = next((each for each in gateways if _knows(each, payment_ref)), None)
            if gateway is None:
                said.append(f"payment {payment_ref} is at no gateway of this environment")
            elif self._comes_back(gateway, payment_ref):
                said.append(f"payment {payment_ref} is given back")
            elif isinstance(gateway, Refunds):
                # The same key whoever sweeps, from whichever store: the gateway pays once.
                gateway.refund(payment_ref, f"assay-undo-{payment_ref}")
                said.append(f"payment {payment_ref} was not given back by the shop; refunded at the gateway")
            else:
                raise UndoRefused(f"order {ref} is cancelled, but payment {payment_ref} is kept and cannot be refunded")
        return said

    def _comes_back(self, gateway: Payments, payment_ref: str) -> bool:
        deadline, pause = time.monotonic() + self.paid_back_within_s, 0.1
        while _is_held(gateway.payment(payment_ref)):
            if time.monotonic() >= deadline:
                return False
            self.wait(pause)
            pause = min(pause * 1.5, 2.0)
        return True

    def _is_busy(self, intent: StoredIntent) -> bool:
        # Whatever was tried before carries a note: nobody is busy with it any more.
        if intent.note or self.now() >= intent.until:
            return False
        return not self.is_over(intent)


def _is_held(payment: Payment) -> bool:
    authorised = payment.phase == "authorised" or payment.status in _AUTHORISED
    return authorised or payment.captured.minor > payment.refunded.minor


def _knows(gateway: Payments, payment_ref: str) -> bool:
    try:
        gateway.payment(payment_ref)
    except LookupError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    text = error.message if isinstance(error, AssayError) else str(error)
    return text.splitlines()[0] if text else type(error).__name__
