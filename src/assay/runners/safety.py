"""What protects production: nothing is written to an environment marked ``production = true`` unless all is declared.

The flow must be marked reversible, its goods and customer on the allow list, the hour's budget of orders and money not
used up, the kill switch off, and it must be said how a synthetic order is paid. Everything else is refused before a
byte is sent; a flow that only reads may run, and its clients send nothing but reads to the shop.

A flow that runs already is stopped, too: once the switch is thrown it begins nothing more. What it was in the middle of
creating is finished, noted and taken back, since half an order is harder to take back than a whole one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from assay.errors import SafetyError
from assay.events import Outcome
from assay.flow import Case, Flow
from assay.holder import boot_id, elapsed
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.money import Money, sum_of
from assay.profile import Safety
from assay.runners.kill_switch import KillSwitch
from assay.store import open_store

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
# A token endpoint (RFC 6749) only says who asks: reading PayPal or UPS begins with a POST there.
_SIGNS_IN = re.compile(r"/oauth2?/token$")
_PLACED = "confirmation"
"""Where a flow shows what an order that was placed came to."""


class Permit:
    """What one case was let in with; without a number nothing is counted."""

    def __init__(self, plan: Plan | None = None, number: int | None = None, currency: str = "") -> None:
        self._plan = plan
        self._number = number
        self._currency = currency

    def settle(self, outcome: Outcome) -> None:
        """Count what was ordered. Of a case that failed, all orders it might have placed count."""
        if self._plan is None or self._number is None:
            return
        amounts = [amount for _, place, amount in outcome.shown if place == _PLACED]
        spent = sum_of((amount for amount in amounts if amount.currency == self._currency), self._currency)
        orders = len(outcome.order_refs)
        with closing(open_store(store_of(self._plan))) as store:
            store.spending.settle(self._number, orders=None if outcome.failed else orders, minor=spent.minor)


class Guard:
    """Permits the cases of one environment, one by one; in production all others are refused.

    The hour's orders and money are counted over every process that shares the environment's store. switch: the kill
    switch of a process that keeps its store open; in production every other one looks for itself. brakes: each says,
    whenever something is about to be created, why it must not be, or None. Safe for threads.
    """

    def __init__(self, plan: Plan, *, now: Callable[[], datetime] | None = None) -> None:
        self._plan = plan
        self._now = now or (lambda: datetime.now(UTC))
        self._real_time = now is None
        self._production = plan.environment.production
        self._thread = threading.local()
        self.switch: KillSwitch | None = None
        self.brakes: list[Callable[[], str | None]] = []

    def check(self, flow: Flow, case: Case) -> None:
        """Refuse what no budget could make right, before anything of the environment is opened."""
        if flow.read_only:
            return
        if not self._production:
            self._braked(f"flow {flow.id}, case {case.name}")
            return
        name = f"flow {flow.id}, case {case.name}"
        safety = self._plan.environment.safety
        if safety is None:
            raise self._refused(name, "no safety is declared", f"declare [environments.{self._plan.name}.safety]")
        if not flow.reversible:
            raise self._refused(name, "the flow is not marked reversible", "choose flows with reversible = True")
        if strange := [sku for sku in case.goods if sku not in safety.skus]:
            raise self._refused(name, f"article {strange[0]} is not on the allow list", "add it to safety.skus")
        if (email := case.purchase.email) not in safety.customers:
            raise self._refused(name, f"customer {email} is not on the allow list", "add it to safety.customers")
        if safety.payment == "none":
            raise self._refused(name, "safety.payment is none", "say how a synthetic order is paid")
        if case.purchase.currency not in safety.money_per_hour:
            raise self._refused(name, f"no budget in {case.purchase.currency}", "add it to safety.money_per_hour")
        self._braked(name)

    @contextmanager
    def permit(self, flow: Flow, case: Case) -> Iterator[Permit]:
        """Let one case run in the block, or raise `SafetyError`; what it ordered is told to the permit."""
        self.check(flow, case)
        permit = Permit()
        safety = self._plan.environment.safety
        if self._production and not flow.read_only and safety is not None:
            permit = self._within_budget(safety, flow, case)
        self._thread.reading = self._production and flow.read_only
        self._thread.writing = not flow.read_only
        try:
            yield permit
        finally:
            self._thread.reading = self._thread.writing = False

    @contextmanager
    def creating(self, what: str) -> Iterator[None]:
        """Let something be created in the block, or raise `SafetyError`; what was begun may be finished."""
        self._braked(what)
        before, self._thread.writing = getattr(self._thread, "writing", False), False
        try:
            yield
        finally:
            self._thread.writing = before

    def allow(self, system: str, method: str, path: str) -> None:
        """Refuse a write while a flow that only reads is running in production, and any once a brake is on."""
        if method in _READS or _SIGNS_IN.search(path.partition("?")[0]):
            return
        if getattr(self._thread, "reading", False):
            raise self._refused(f"{method} {path} to {system}", "the flow is declared to read only", "")
        if getattr(self._thread, "writing", False):
            self._braked(f"{method} {path} to {system}")

    def _braked(self, what: str) -> None:
        """Raise `SafetyError` where a brake or the kill switch is on."""
        for brake in self.brakes:
            if (why := brake()) is not None:
                raise self._refused(what, why, "")
        if self.switch is None and self._production:
            self.switch = KillSwitch(self._plan)
        if self.switch is not None and (thrown := self.switch.thrown()) is not None:
            raise self._refused(what, thrown, "switch it off when it is safe")

    def _within_budget(self, safety: Safety, flow: Flow, case: Case) -> Permit:
        currency = case.purchase.currency
        limit = safety.money_per_hour[currency]
        with closing(open_store(store_of(self._plan))) as store:
            number, spent = store.spending.reserve(
                self._plan.name,
                currency,
                orders=case.orders,
                now=self._now(),
                most_orders=safety.orders_per_hour,
                most_minor=Money.of(limit, currency).minor,
                steady=(boot_id(), elapsed()) if self._real_time else None,
            )
        if number is not None:
            return Permit(self._plan, number, currency)
        if spent.orders + case.orders > safety.orders_per_hour:
            seen = f"{spent.orders} orders in the last hour, {safety.orders_per_hour} are allowed"
            raise self._refused(f"flow {flow.id}", seen, "wait, or raise safety.orders_per_hour")
        seen = f"{Money(spent.minor, currency)} in the last hour, {limit} {currency} are allowed"
        raise self._refused(f"flow {flow.id}", seen, "wait, or raise safety.money_per_hour")

    def _refused(self, what: str, why: str, hint: str) -> SafetyError:
        declared = "reversible flow, allow list, budget, kill switch and payment line, all declared"
        return SafetyError(
            f"{what} was refused{' in production' if self._production else ''}: {why}; nothing was sent",
            where=f"environments.{self._plan.name}",
            expected=declared if self._production else None,
            hint=hint or None,
        )
