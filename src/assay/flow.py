"""A flow: a plain function that acts as a customer or an operator would, in named and timed steps. It knows no runner.

    @flow(id="F01", title="Order to ERP", cases=[Case("eur", Purchase(...))], reversible=True)
    def order_to_erp(run: Run, shop: Shop, erp: Erp) -> None:
        with run.step("place the order"):
            order = shop.order(run.buy(shop))
            run.saw("confirmation", order.total)
        with run.step("the ERP holds it"):
            found = run.eventually(lambda: erp.documents_of(order.number), within="erp")
            run.check(len(found) == 1, "one sales order, no more")

Parameters after `run` are roles: the runner injects the landscape's connector of that role.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import CodeType
from typing import Any, Protocol, TypeVar, get_type_hints

from assay.errors import AssayError, UsageError, did_you_mean
from assay.events import Outcome, StepDone
from assay.money import Money
from assay.roles import ROLES, Intent, Operator, Purchase, Shop, Undo

TAGS = (
    "money", "order", "payment", "erp", "carrier", "stock", "rates", "customer", "browse", "checkout", "coupon",
    "bundle", "address", "outage", "innocent", "smoke", "slow",
)  # fmt: skip
"""What a flow may be tagged with."""
BEFORE_ORDER = ("product", "cart", "checkout", "payment")
AFTER_ORDER = ("confirmation", "account", "message", "invoice")
"""Where a customer is shown an amount, before there is an order and after."""
OUTSIDE = "outside any step"
_PATIENT_S = 0.5
"""Pauses grow up to this, about a second and a half in all, before the landscape's clock is moved instead."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One named set of inputs.

    parts: the SKUs its bundles are made of. orders: how many its customer means to place. alone: what it does (a
    fault, an outage) would reach other cases' orders on the same landscape, so that it runs by itself there. leased:
    what the runner took for this execution alone, so that counting it means something (see `lease_names`).
    """

    name: str
    purchase: Purchase
    parts: tuple[str, ...] = ()
    alone: bool = False
    orders: int = 1
    leased: tuple[str, ...] = ()

    @property
    def goods(self) -> tuple[str, ...]:
        """The SKUs it buys and what they are made of, each once."""
        return tuple(dict.fromkeys([*(sku for sku, _ in self.purchase.lines), *self.parts]))

    @property
    def lease_names(self) -> tuple[str, ...]:
        """What nobody else may touch while it runs: its SKUs and its coupon. Its customer is its own anyway."""
        coupon = (f"coupon:{self.purchase.coupon}",) if self.purchase.coupon else ()
        return (*(f"sku:{sku}" for sku in self.goods), *coupon)

    def personal(self, tag: str) -> Case:
        """Return the case with a customer of its own: ``zoe@example.com`` becomes ``zoe-TAG@example.com``."""
        local, _, domain = self.purchase.email.rpartition("@")
        return replace(self, purchase=replace(self.purchase, email=f"{local}-{tag}@{domain}"))


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow and everything known of it before it runs.

    reversible: everything it creates can be taken back, so it may run in production. production_cut: the step after
    which it ends there, because what follows reaches real people or goods. deadline_s: how long one execution may
    take, in real seconds. read_only: up to its cut it creates nothing anywhere, so it may run in production as it is.
    """

    id: str
    title: str
    act: Callable[..., None]
    roles: tuple[str, ...]
    cases: tuple[Case, ...]
    tags: tuple[str, ...] = ()
    reversible: bool = False
    production_cut: str | None = None
    deadline_s: float = 900.0
    read_only: bool = False

    def case(self, name: str) -> Case:
        """Return a case by name; `UsageError` with a suggestion."""
        for case in self.cases:
            if case.name == name:
                return case
        raise UsageError(
            f"flow {self.id} has no case '{name}'", hint=did_you_mean(name, [case.name for case in self.cases])
        )


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


class _Cut(BaseException):
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
            problem, code = _described(error, self.scenario), _code(error)
            raise StepFailed(name) from error
        finally:
            self._open.pop()
            seconds = time.perf_counter() - began
            self.steps.append(StepDone(name=name, started_at=at, seconds=seconds, error=problem, code=code))
        if name == self.cut_after:
            raise _Cut

    def check(self, condition: object, text: str) -> bool:
        """Record a failed step where the condition is not true, and go on; return whether it was.

        text: what ought to be so, in words.
        """
        if not condition:
            frame = sys._getframe(1)
            problem = f"not so: {text} ({_place(frame.f_code.co_filename, frame.f_lineno)})"
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


def holder_of(email: str) -> str:
    """Return the name on the card of a customer: as personal as the address, and not to be found in it."""
    return f"Assay {hashlib.sha256(email.encode()).hexdigest()[:12]}"


def flow(
    *,
    id: str,
    title: str,
    cases: Sequence[Case],
    tags: Sequence[str] = (),
    reversible: bool = False,
    production_cut: str | None = None,
    deadline_s: float = 900.0,
    read_only: bool = False,
) -> Callable[[Callable[..., None]], Flow]:
    """Declare a flow; misuse (unknown role, tag or step, no case) is refused when the module is imported."""

    def declare(act: Callable[..., None]) -> Flow:
        roles = tuple(inspect.signature(act).parameters)[1:]
        for role in roles:
            if role not in ROLES:
                raise UsageError(f"flow {id} asks for the role '{role}'", hint=did_you_mean(role, ROLES))
        for tag in tags:
            if tag not in TAGS:
                raise UsageError(f"flow {id} has the tag '{tag}'", hint=did_you_mean(tag, TAGS))
        if not cases:
            raise UsageError(f"flow {id} has no case", hint="give it at least one Case(name, purchase)")
        names = [case.name for case in cases]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"flow {id} has two cases named '{name}'", hint="rename one of them")
        # A misspelt cut would let everything through where it matters most.
        if production_cut is not None and production_cut not in (texts := _texts(act.__code__)):
            raise UsageError(
                f"flow {id} is cut after '{production_cut}' in production and has no such step",
                hint=did_you_mean(production_cut, texts),
            )
        return Flow(id, title, act, roles, tuple(cases), tuple(tags), reversible, production_cut, deadline_s, read_only)

    return declare


def perform(
    flow: Flow,
    case: Case,
    roles: Mapping[str, Any],
    surroundings: Surroundings,
    environment: str,
    *,
    id: str = "",
    undo: Undo | None = None,
    operator: Operator | None = None,
    watch: Callable[[Watched], None] | None = None,
    cut: bool = False,
) -> Outcome:
    """Run one case and return what happened, not yet judged. A failed step ends it; nothing is raised for that.

    id: names this execution and makes its customer unique. undo: keeps what is created, to be taken back by the
    caller afterwards (the outcome's undo is then ``open``). operator: lends the clock and the edge's faults. watch:
    told what `look_again` must look at. cut: this is production: end after its cut, and buy as the case's very
    customer, whom an allow list names. `UsageError` where a role is not there, or lacks the verbs the flow walks with.
    """
    _require_roles(flow, roles, environment)
    run = Run(
        case.personal(id) if id and not cut else case,
        surroundings,
        undo=undo,
        operator=operator,
        watch=watch,
        cut_after=flow.production_cut if cut else None,
        deadline_s=flow.deadline_s,
        scenario=flow.act.__code__.co_filename,
    )
    started_at, began = surroundings.now(), time.perf_counter()
    try:
        with run.step(OUTSIDE):
            flow.act(run, *(roles[role] for role in flow.roles))
    except (StepFailed, _Cut):
        inside = [step for step in run.steps[:-1] if step.error and not step.soft]
        run.steps = run.steps[:-1] if inside or not run.steps[-1].error else run.steps
    else:
        run.steps.pop()
    return Outcome(
        flow=flow.id,
        case=case.name,
        environment=environment,
        id=id,
        title=flow.title,
        tags=flow.tags,
        started_at=started_at,
        seconds=time.perf_counter() - began,
        steps=tuple(run.steps),
        order_refs=tuple(run.order_refs),
        shown=tuple(run.shown),
        heard=tuple(run.heard),
        cancel_asked=run.cancel_asked,
        intended=max(len(run.carts), case.orders),
        carts=tuple(run.carts),
        undo="open" if run.created else "none",
    )


def _require_roles(flow: Flow, roles: Mapping[str, Any], environment: str) -> None:
    missing = [role for role in flow.roles if role not in roles]
    if missing:
        raise UsageError(
            f"flow {flow.id} needs a system of role '{missing[0]}'",
            where=f"environment '{environment}'",
            seen=f"roles {', '.join(sorted(roles)) or 'none'}",
            hint="add the system to assay.toml, or choose other flows",
        )
    try:
        hints = get_type_hints(flow.act)
    except NameError:  # annotated with names of type checking alone, or of inside a function
        return
    for role in flow.roles:
        wanted = hints.get(role, object)
        if getattr(wanted, "_is_runtime_protocol", False) and not isinstance(roles[role], wanted):
            lacking = [name for name in dir(wanted) if not name.startswith("_") and not hasattr(roles[role], name)]
            raise UsageError(
                f"flow {flow.id} needs a {role} that is a {wanted.__name__}",
                where=f"environment '{environment}'",
                seen=f"{type(roles[role]).__name__} lacks {', '.join(lacking)}",
                hint="give the connector these verbs (assay.roles says what each does), or choose other flows",
            )


def look_again(watched: Sequence[Watched], surroundings: Surroundings) -> tuple[StepDone, ...]:
    """Look once more at what flows saw and return a failed step for each that is gone; add them to the outcome.

    To be called when twice the limit has passed: a state that was reached and then taken back shows itself by then.
    """
    gone = []
    for each in watched:
        at, began = surroundings.now(), time.perf_counter()
        try:
            problem, code = (None, 0) if each.look() else ("it was there and is gone at twice the limit", 1)
        except (Exception, SystemExit) as error:
            problem, code = f"it was there; looking again: {_described(error, '')}", _code(error)
        if problem:
            seconds = time.perf_counter() - began
            name = f"{each.step}, looked at again"
            gone.append(StepDone(name=name, started_at=at, seconds=seconds, error=problem, code=code))
    return tuple(gone)


def _described(error: BaseException, scenario: str) -> str:
    """Say what went wrong and where in the scenario, the place after the first line."""
    first, newline, rest = f"{type(error).__name__}: {error}".partition("\n")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == scenario]
    place = f" ({_place(scenario, frames[-1].lineno)})" if frames else ""
    return f"{first}{place}{newline}{rest}"


def _place(file: str, line: int | None) -> str:
    path, here = Path(file), Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else Path(*path.parts[-2:])
    return f"{shown}:{line}"


def _code(error: BaseException) -> int:
    return error.exit_code if isinstance(error, AssayError) else 1


def _texts(code: CodeType) -> set[str]:
    """Return every text written in a function, the functions inside it included."""
    found = {each for each in code.co_consts if isinstance(each, str)}
    return found.union(*(_texts(each) for each in code.co_consts if isinstance(each, CodeType)))
