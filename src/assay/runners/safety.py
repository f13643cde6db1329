"""What protects production: nothing is written to an environment marked ``production = true`` unless all is declared.

The flow must be marked reversible, its goods and customer on the allow list, the hour's budget of orders and money not
used up, the kill switch off, and it must be said how a synthetic order is paid. Everything else is refused before a
byte is sent; a flow that only reads may run, and its clients send nothing but reads to the shop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import SafetyError
from assay.flow import Case, Flow
from assay.local.plan import Plan
from assay.money import Money
from assay.profile import Safety, read_credential

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OFF = frozenset({"", "0", "off", "no", "false"})
_HOUR_S = 3600.0


class Guard:
    """Permits the cases of one environment, one by one; in production all others are refused.

    The budget of orders counts what the undo ledger holds, from whichever machine; that of money what this process
    spent.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._production = plan.environment.production
        self._thread = threading.local()
        self._deciding = threading.Lock()
        self._spent: list[tuple[float, Money]] = []

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
    def permit(self, flow: Flow, case: Case, ordered: Callable[[], int]) -> Iterator[None]:
        """Let one case run in the block, or raise `SafetyError`. ordered: how many orders the last hour saw."""
        self.check(flow, case)
        safety = self._plan.environment.safety
        if self._production and not flow.read_only and safety is not None:
            with self._deciding:
                self._within_budget(safety, flow, case, ordered())
        self._thread.reading = self._production and flow.read_only
        try:
            yield
        finally:
            self._thread.reading = False

    def spent(self, amounts: Iterable[Money]) -> None:
        """Count what orders of this process came to."""
        with self._deciding:
            self._spent += [(time.monotonic(), amount) for amount in amounts]

    def allow(self, system: str, method: str, path: str) -> None:
        """Refuse a write while a flow that only reads is running in production."""
        if getattr(self._thread, "reading", False) and method not in _READS:
            raise self._refused(f"{method} {path} to {system}", "the flow is declared to read only", "")

    def _within_budget(self, safety: Safety, flow: Flow, case: Case, ordered: int) -> None:
        if ordered >= safety.orders_per_hour:
            seen = f"{ordered} orders in the last hour, {safety.orders_per_hour} are allowed"
            raise self._refused(f"flow {flow.id}", seen, "wait, or raise safety.orders_per_hour")
        currency, since = case.purchase.currency, time.monotonic() - _HOUR_S
        spent = sum(money.amount for at, money in self._spent if at >= since and money.currency == currency)
        if spent >= safety.money_per_hour[currency]:
            seen = f"{spent} {currency} in the last hour, {safety.money_per_hour[currency]} are allowed"
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
