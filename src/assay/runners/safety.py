"""What protects production: nothing is written to an environment marked ``production = true`` unless all is declared.

The flow must be marked reversible, its goods and customer on the allow list, the hour's budget of orders and money not
used up, the kill switch off, and it must be said how a synthetic order is paid. Everything else is refused before a
byte is sent; a flow that only reads may run, and its clients send nothing but reads to the shop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from assay.errors import SafetyError
from assay.events import Outcome
from assay.flow import Case, Flow
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.money import Money, sum_of
from assay.profile import Safety, read_credential
from assay.store import open_store

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OFF = frozenset({"", "0", "off", "no", "false"})
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

    The hour's orders and money are counted over every process that shares the environment's store.
    """

    def __init__(self, plan: Plan, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._plan = plan
        self._now = now
        self._production = plan.environment.production
        self._thread = threading.local()

    def check(self, flow: Flow, case: Case) -> None:
        """Refuse what no budget could make right, before anything of the environment is opened."""
        if not self._production or flow.read_only:
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
        if _is_on(safety.kill_switch, self._plan.profile.folder):
            raise self._refused(name, f"the kill switch {safety.kill_switch} is on", "switch it off when it is safe")

    @contextmanager
    def permit(self, flow: Flow, case: Case) -> Iterator[Permit]:
        """Let one case run in the block, or raise `SafetyError`; what it ordered is told to the permit."""
        self.check(flow, case)
        permit = Permit()
        safety = self._plan.environment.safety
        if self._production and not flow.read_only and safety is not None:
            permit = self._within_budget(safety, flow, case)
        self._thread.reading = self._production and flow.read_only
        try:
            yield permit
        finally:
            self._thread.reading = False

    def allow(self, system: str, method: str, path: str) -> None:
        """Refuse a write while a flow that only reads is running in production."""
        if getattr(self._thread, "reading", False) and method not in _READS:
            raise self._refused(f"{method} {path} to {system}", "the flow is declared to read only", "")

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
            )
        if number is not None:
            return Permit(self._plan, number, currency)
        if spent.orders + case.orders > safety.orders_per_hour:
            seen = f"{spent.orders} orders in the last hour, {safety.orders_per_hour} are allowed"
            raise self._refused(f"flow {flow.id}", seen, "wait, or raise safety.orders_per_hour")
        seen = f"{Money(spent.minor, currency)} in the last hour, {limit} {currency} are allowed"
        raise self._refused(f"flow {flow.id}", seen, "wait, or raise safety.money_per_hour")

    def _refused(self, what: str, why: str, hint: str) -> SafetyError:
        return SafetyError(
            f"{what} was refused in production: {why}; nothing was sent",
            where=f"environments.{self._plan.name}",
            expected="reversible flow, allow list, budget, kill switch and payment line, all declared",
            hint=hint or None,
        )


def _is_on(switch: str, folder: Path) -> bool:
    """Whether the switch is thrown: a variable with a value other than off, or a file that exists."""
    kind, _, name = switch.partition(":")
    if kind == "env":
        return (read_credential(switch) or "").lower() not in _OFF
    return (folder / name).exists()
