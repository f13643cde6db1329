"""A flow: a plain function that acts as a customer or an operator would, in named and timed steps. It knows no runner.

    @flow(id="F01", title="Order to ERP", cases=[Case("eur", Purchase(...))])
    def order_to_erp(run: Run, shop: Shop, erp: Erp) -> None:
        with run.step("place the order"):
            order = run.bought(shop.place(run.case.purchase))
        with run.step("the ERP holds it"):
            run.eventually(lambda: erp.documents_of(order), within="erp")

Parameters after `run` are roles: the runner injects the landscape's connector of that role.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from assay.errors import UsageError, did_you_mean
from assay.events import Outcome, StepDone
from assay.roles import ROLES, Purchase

TAGS = ("money", "order", "erp", "carrier", "stock", "smoke", "slow")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One named set of inputs."""

    name: str
    purchase: Purchase


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow and everything known of it before it runs."""

    id: str
    title: str
    act: Callable[..., None]
    roles: tuple[str, ...]
    cases: tuple[Case, ...]
    tags: tuple[str, ...] = ()

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


@dataclass(slots=True)
class Run:
    """One execution in progress: the flow's only handle on the world beside its roles."""

    case: Case
    surroundings: Surroundings
    steps: list[StepDone] = field(default_factory=list)
    order_refs: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name and time a part; what it raises is recorded with the step and ends the flow."""
        began, at, problem = time.perf_counter(), self.surroundings.now(), None
        try:
            yield
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise StepFailed(name) from error
        finally:
            seconds = time.perf_counter() - began
            self.steps.append(StepDone(name=name, started_at=at, seconds=seconds, error=problem))

    def bought(self, order_ref: str) -> str:
        """Remember an order that this run caused, to be judged afterwards; return it."""
        self.order_refs.append(order_ref)
        return order_ref

    def eventually(self, look: Callable[[], T], *, within: str) -> T:
        """Look until something true comes back or the limit of that role has passed; return it."""
        limit_s = self.surroundings.limit_s(within)
        deadline = time.monotonic() + limit_s
        pause = 0.05
        while not (seen := look()):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"nothing seen within {limit_s:g} s (policies.freshness.{within})")
            self.surroundings.wait(pause)
            pause = min(pause * 1.5, 1.0)
        return seen


def flow(
    *, id: str, title: str, cases: Sequence[Case], tags: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Flow]:
    """Declare a flow; misuse (unknown role or tag, no case) is refused when the module is imported."""

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
        return Flow(id, title, act, roles, tuple(cases), tuple(tags))

    return declare


def perform(flow: Flow, case: Case, roles: Mapping[str, Any], surroundings: Surroundings, environment: str) -> Outcome:
    """Run one case and return what happened, not yet judged. A failed step ends it; nothing is raised for that."""
    run = Run(case, surroundings)
    try:
        with run.step("outside any step"):
            flow.act(run, *(roles[role] for role in flow.roles))
    except StepFailed:
        done = [step for step in run.steps if step.name != "outside any step"]
        run.steps = done if any(step.error for step in done) else run.steps
    else:
        run.steps.pop()
    outcome = Outcome(flow=flow.id, case=case.name, environment=environment)
    return replace(outcome, steps=tuple(run.steps), order_refs=tuple(run.order_refs))
