"""What a set of monitors will do: when each runs, what it orders and spends in an hour, whom it wakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from assay.events import Outcome
from assay.flow import Case, Flow
from assay.local.plan import Plan
from assay.money import Money
from assay.monitor import Monitor
from assay.profile import Safety
from assay.runners.scheduler.declared import fits, wait_of
from assay.runners.scheduler.timetable import upcoming
from assay.span import span_text
from assay.store import Store
from assay.suite_monitors.cron import gaps_of

_HOUR_S = 3600.0
_NEXT = 3
_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What a monitor orders in an hour in one currency. spend: at what an order came to so far; None: not known yet."""

    currency: str
    orders: Decimal
    spend: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One monitor of a plan. next_due: the next few times. runs_per_hour counts no run that confirms a failure."""

    monitor: Monitor
    runs_here: bool
    schedule: str
    next_due: Sequence[datetime]
    runs_per_hour: Decimal
    ordering: Sequence[Ordering] = ()
    fire_after: int = 0
    resolve_after: int = 0
    routes: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One line of the hour's budget: what is allowed, what the monitors would use; currency "" counts orders."""

    currency: str
    allowed: Decimal
    used: Decimal | None

    @property
    def fits(self) -> bool:
        """Whether it is enough."""
        return self.used is None or self.used <= self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorPlan:
    """All of it. orders: of an hour, all currencies. budget: lines of the profile's, none where nothing limits."""

    monitors: Sequence[Planned]
    orders: Decimal
    spend: Mapping[str, Money | None] = field(default_factory=dict)
    budget: Sequence[Budget] = ()


def plan_of(
    plan: Plan,
    monitors: Mapping[str, Monitor],
    flows: Mapping[str, Flow],
    *,
    location: str,
    now: datetime,
    store: Store | None = None,
) -> MonitorPlan:
    """Return what these monitors do on an environment. store: what orders came to so far is read from it."""
    prices = Prices(store, plan.name)
    planned = [_planned(each, plan, flows, location, now, prices) for each in monitors.values()]
    orders = sum((line.orders for each in planned for line in each.ordering), Decimal(0))
    spend: dict[str, Money | None] = {}
    for each in planned:
        for line in each.ordering:
            before = spend.get(line.currency, Money(0, line.currency))
            spend[line.currency] = before + line.spend if before is not None and line.spend is not None else None
    safety = plan.environment.safety
    budget = _budget(safety, orders, spend) if safety is not None else ()
    return MonitorPlan(monitors=planned, orders=orders, spend=spend, budget=budget)


def runs_per_hour(monitor: Monitor) -> Decimal:
    """Return how often it runs in an hour, on average."""
    if monitor.interval_s is not None:
        return Decimal(str(_HOUR_S)) / Decimal(str(monitor.interval_s))
    gaps = gaps_of(monitor.cron or "")
    return Decimal(str(_HOUR_S)) * len(gaps) / Decimal(str(sum(gaps)))


def schedule_text(monitor: Monitor) -> str:
    """Return the schedule in words."""
    text = f"every {span_text(monitor.interval_s)}" if monitor.interval_s is not None else f"cron {monitor.cron} UTC"
    return text + (f", up to {span_text(monitor.jitter_s)} later" if monitor.jitter_s else "")


def _planned(
    monitor: Monitor, plan: Plan, flows: Mapping[str, Flow], location: str, now: datetime, prices: Prices
) -> Planned:
    alerts, often = plan.profile.alerts, runs_per_hour(monitor)
    return Planned(
        monitor=monitor,
        runs_here=monitor.runs_at(plan.name, location),
        schedule=schedule_text(monitor),
        next_due=upcoming(monitor, now, _NEXT),
        runs_per_hour=often,
        ordering=_ordering(monitor, plan, flows, often, prices),
        fire_after=monitor.alert.fire_after or alerts.fire_after,
        resolve_after=monitor.alert.resolve_after or alerts.resolve_after,
        routes=monitor.alert.routes or tuple(_routes_for(monitor, plan)),
        note="" if fits(monitor, plan, flows) else _short(monitor, plan, flows),
    )


def _short(monitor: Monitor, plan: Plan, flows: Mapping[str, Flow]) -> str:
    wait_s = wait_of(flows[monitor.flow or ""], plan)
    return (
        f"a late change of an order shows itself within {span_text(wait_s)} (twice policies.freshness.erp); this run "
        f"ends after {span_text(monitor.timeout_s)} and judges before: order_census and order_sample see the rest"
    )


def _routes_for(monitor: Monitor, plan: Plan) -> list[str]:
    routes = plan.profile.alerts.routes.items()
    return [name for name, route in routes if not route.severities or monitor.alert.severity in route.severities]


def _ordering(
    monitor: Monitor, plan: Plan, flows: Mapping[str, Flow], often: Decimal, prices: Prices
) -> list[Ordering]:
    if monitor.flow is None or flows[monitor.flow].read_only:
        return []
    flow = flows[monitor.flow]
    cases: list[Case] = [flow.case(name) for name in monitor.cases] or list(flow.cases)
    share = often / len(cases) if monitor.rotate else often
    found: dict[str, Ordering] = {}
    for case in cases:
        currency = case.purchase.currency
        price = prices(flow, case)
        spend = None if price is None else Money(round(price * Fraction(share) * case.orders), currency)
        line = found.get(currency)
        if line is not None:
            spend = line.spend + spend if line.spend is not None and spend is not None else None
        before = line.orders if line is not None else Decimal(0)
        found[currency] = Ordering(currency=currency, orders=before + share * case.orders, spend=spend)
    return list(found.values())


class Prices:
    """What an order of a case came to so far, in minor units: of past runs, else of what production spent."""

    def __init__(self, store: Store | None, environment: str) -> None:
        self._store, self._environment = store, environment
        self._seen: dict[tuple[str, str], Fraction] = {}
        if store is None:
            return
        for run in reversed(store.runs(environment, limit=_RUNS)):
            self._remember(store.outcomes(run.started.run_id))

    def __call__(self, flow: Flow, case: Case) -> Fraction | None:
        """Return it; None where nobody has bought it here yet."""
        if (flow.id, case.name) in self._seen:
            return self._seen[flow.id, case.name]
        return self._store.spending.usual(self._environment, case.purchase.currency) if self._store else None

    def _remember(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            paid = [amount.minor for _, place, amount in outcome.shown if place == "confirmation"]
            if paid and outcome.order_refs and not outcome.failed:
                self._seen[outcome.flow, outcome.case] = Fraction(sum(paid), len(paid))


def _budget(safety: Safety, orders: Decimal, spend: Mapping[str, Money | None]) -> list[Budget]:
    lines = [Budget(currency="", allowed=Decimal(safety.orders_per_hour), used=orders)]
    for currency, used in spend.items():
        amount = None if used is None else used.amount
        lines.append(Budget(currency=currency, allowed=safety.money_per_hour.get(currency, Decimal(0)), used=amount))
    return lines
