"""One execution in progress: what a flow does with the world beside its roles."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from assay.errors import UsageError, did_you_mean
from assay.events import StepDone
from assay.flow.case import Case, holder_of
from assay.flow.failure import code_of, described, place_of
from assay.money import Money
from assay.records import Displayed, PaymentOption
from assay.roles import Intent, Operator, Purchase, Shop, Undo

BEFORE_ORDER = ("product", "cart", "checkout", "wallet", "payment")

AFTER_ORDER = ("confirmation", "account", "message", "invoice")
"""Where a customer is shown an amount, before there is an order and after."""

OUTSIDE = "outside any step"

_PATIENT_S = 0.5
"""Pauses grow up to this, about a second and a half in all, before the landscape's clock is moved instead."""

T = TypeVar("T")


class Surroundings(Protocol):
    """What a runner lends a flow: time, waiting, and limits by kind of system."""

    def now(self) -> datetime:
        """The landscape's instant in UTC."""

    def wait(self, seconds: float) -> None:
        """Let real time pass; the landscape's clock may run along."""

    def limit_s(self, role: str) -> float:
        """How long that kind of system may take, from the profile."""


class StepFailed(Exception):
    """A step did not do what it is for; carries the step's name."""


class Cut(BaseException):
    """The flow ends here in production; no flow's `except Exception` may catch it."""


class _Unkept:
    """An intent nobody keeps: the landscape is thrown away afterwards."""

    def done(self, ref: str) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Something a flow saw, to be looked at again once twice the limit of that role has passed (`look_again`)."""

    step: str
    within: str
    look: Callable[[], Any]


@dataclass(slots=True)
class Run:
    """One execution in progress: the flow's only handle on the world beside its roles.

    cancel_asked: whether anybody asks for an order to be cancelled; a flow that says no has paid orders kept.
    """

    case: Case
    surroundings: Surroundings
    undo: Undo | None = None
    operator: Operator | None = None
    watch: Callable[[Watched], None] | None = None
    cut_after: str | None = None
    deadline_s: float = 900.0
    scenario: str = ""
    steps: list[StepDone] = field(default_factory=list)
    order_refs: list[str] = field(default_factory=list)
    shown: list[tuple[str, str, Money]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    texts: list[tuple[str, Displayed]] = field(default_factory=list)
    options: list[tuple[str, tuple[PaymentOption, ...]]] = field(default_factory=list)
    cancel_asked: bool | None = None
    carts: list[tuple[str, tuple[tuple[str, int], ...]]] = field(default_factory=list)
    created: bool = False
    _open: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name and time a part; what it raises is recorded with the step and ends the flow."""
        began, at, problem, code = time.perf_counter(), self.surroundings.now(), None, 0
        self._open.append(name)
        try:
            self._in_time()
            yield
        except (Exception, SystemExit) as error:  # a flow that calls sys.exit would end the run, and with exit 0
            problem, code = described(error, self.scenario), code_of(error)
            raise StepFailed(name) from error
        finally:
            self._open.pop()
            seconds = time.perf_counter() - began
            self.steps.append(StepDone(name=name, started_at=at, seconds=seconds, error=problem, code=code))
        if name == self.cut_after:
            raise Cut

    def check(self, condition: object, text: str) -> bool:
        """Record a failed step where the condition is not true, and go on; return whether it was.

        text: what ought to be so, in words.
        """
        if not condition:
            frame = sys._getframe(1)
            problem = f"not so: {text} ({place_of(frame.f_code.co_filename, frame.f_lineno)})"
            name = self._open[-1] if self._open else OUTSIDE
            at = self.surroundings.now()
            self.steps.append(StepDone(name=name, started_at=at, seconds=0.0, error=problem, soft=True, code=1))
        return bool(condition)

    @property
    def holder(self) -> str:
        """The name on the card of this run's customer: nobody else's, so that finding it anywhere means a leak."""
        return holder_of(self.case.purchase.email)

    def told(self, status: str) -> None:
        """Remember what the shop said to the customer: ordered, declined, processing … (`Submission.status`)."""
        self.heard.append(status)

    def bought(self, order_ref: str) -> str:
        """Remember an order that this run caused, to be judged afterwards; return it."""
        self.order_refs.append(order_ref)
        self.shown = [(ref or order_ref, place, amount) for ref, place, amount in self.shown]
        self.texts = [(ref or order_ref, text) for ref, text in self.texts]
        self.options = [(ref or order_ref, options) for ref, options in self.options]
        return order_ref

    def buy(self, shop: Shop, purchase: Purchase | None = None) -> str:
        """Place the case's order, or another, so that it can be taken back; return the shop's reference of it."""
        wanted = purchase or self.case.purchase
        with self.creates(
            "shop", "order", wanted.email, undo=("cancel_order", {"reason": "a test order of Assay"})
        ) as intent:
            order_ref = shop.place(wanted)
            intent.done(order_ref)
        self.carts.append((order_ref, wanted.lines))
        return self.bought(order_ref)

    def creates(
        self, system: str, kind: str, marker: str, undo: tuple[str, Mapping[str, Any]]
    ) -> AbstractContextManager[Intent]:
        """Note what is about to be created, before it is; call `done` of what comes back with its reference.

        system: a role or a system's id. marker: what the system is asked for if the answer never comes. undo: the
        connector's verb that takes it back and the arguments after the reference.
        """
        if self.undo is None:
            return nullcontext(_Unkept())
        self.created = True
        return self.undo.create(system, kind, marker, undo)

    def saw(self, place: str, amount: Money, *, order: str | None = None) -> Money:
        """Remember an amount the customer was shown (`BEFORE_ORDER`, `AFTER_ORDER`); return it.

        An article's own page is ``product SKU``. What is shown before an order belongs to the next one bought, what
        is shown after it to the last, unless `order` names one.
        """
        kind = place.partition(" ")[0]
        if kind not in BEFORE_ORDER + AFTER_ORDER:
            raise UsageError(
                f"nobody is shown an amount at '{place}'", hint=did_you_mean(kind, BEFORE_ORDER + AFTER_ORDER)
            )
        latest = self.order_refs[-1] if self.order_refs and kind in AFTER_ORDER else ""
        self.shown.append((order or latest, place, amount))
        return amount

    def read(self, displayed: Displayed, *, order: str | None = None) -> Displayed:
        """Remember an amount as the customer read it, as text; it belongs to the next order, as with `saw`."""
        self.texts.append((order or "", displayed))
        return displayed

    def offered(self, options: Sequence[PaymentOption]) -> Sequence[PaymentOption]:
        """Remember the ways to pay that the shop offered for the cart of the next order."""
        self.options.append(("", tuple(options)))
        return options

    def eventually(self, look: Callable[[], T], *, within: str) -> T:
        """Look until something true comes back or the limit of that role has passed; return it.

        The runner looks again after twice the limit: what was seen must still be there then.
        """
        limit_s = self.surroundings.limit_s(within)
        until = self.surroundings.now() + timedelta(seconds=limit_s)
        deadline = time.monotonic() + limit_s
        pause = 0.05
        while not (seen := look()):
            if time.monotonic() >= deadline or (self.operator and self.surroundings.now() >= until):
                raise TimeoutError(f"nothing seen within {limit_s:g} s (policies.freshness.{within})")
            self._in_time()
            if self.operator is not None and pause > _PATIENT_S:
                self.operator.pass_time(timedelta(seconds=limit_s / 4))
                continue
            self.surroundings.wait(pause)
            pause = min(pause * 1.5, 1.0)
        if self.watch is not None:
            self.watch(Watched(self._open[-1] if self._open else OUTSIDE, within, look))
        return seen

    def pass_time(self, span: timedelta) -> bool:
        """Let the landscape's time pass where the runner lends its clock; return whether it did.

        Where it does not (real systems, a load test), nobody waits for days: what is due then is the oracles' to see.
        """
        if self.operator is None:
            return False
        self.operator.pass_time(span)
        return True

    @contextmanager
    def fault(self, kind: str, system: str, **figures: Any) -> Iterator[None]:
        """Put a fault in the way of the platform's calls to a system while the block runs (see `Operator`).

        `UsageError` where the runner lends no edge: faults are for landscapes of our own.
        """
        if self.operator is None:
            raise UsageError(
                f"case '{self.case.name}' needs a {kind} fault in front of '{system}'",
                where="here the platform's calls pass no edge of ours",
                hint="run this case on a simulated environment: assay run --env local",
            )
        name = self.operator.put_fault(kind, system, **figures)
        try:
            yield
        finally:
            self.operator.take_fault(name)

    @contextmanager
    def configured(self, system: str, **settings: Any) -> Iterator[None]:
        """Run the block with other settings of a simulated system, or of the shop, and set them back afterwards.

        `UsageError` where the runner lends none: only what is ours is configured.
        """
        if self.operator is None:
            raise UsageError(
                f"case '{self.case.name}' needs other settings of '{system}'",
                where="here nobody may change them",
                hint="run this case on a simulated environment: assay run --env local",
            )
        change = self.operator.configure(system, settings)
        try:
            yield
        finally:
            self.operator.restore(change)

    def _in_time(self) -> None:
        if time.monotonic() - self._began > self.deadline_s:
            raise TimeoutError(f"the flow took longer than {self.deadline_s:g} s (its deadline_s)")
