"""A flow and its cases as values: what is known of them before anything runs."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import CodeType

from assay.errors import UsageError, did_you_mean
from assay.roles import GATEWAYS, ROLES, Purchase

TAGS = (
    "money", "order", "payment", "erp", "carrier", "stock", "rates", "customer", "browse", "checkout", "coupon",
    "bundle", "address", "outage", "innocent", "smoke", "slow",
)  # fmt: skip
"""What a flow may be tagged with."""


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
            if role not in (*ROLES, GATEWAYS):
                raise UsageError(f"flow {id} asks for the role '{role}'", hint=did_you_mean(role, [*ROLES, GATEWAYS]))
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


def _texts(code: CodeType) -> set[str]:
    """Return every text written in a function, the functions inside it included."""
    found = {each for each in code.co_consts if isinstance(each, str)}
    return found.union(*(_texts(each) for each in code.co_consts if isinstance(each, CodeType)))


def holder_of(email: str) -> str:
    """Return the name on the card of a customer: as personal as the address, and not to be found in it."""
    return f"Assay {hashlib.sha256(email.encode()).hexdigest()[:12]}"
