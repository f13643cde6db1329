"""What `assay monitor plan` prints."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from assay.money import Money
from assay.runners.campaign import flows_of
from assay.runners.scheduler.assembly import location_of
from assay.runners.scheduler.declared import chosen_of, monitors_of
from assay.runners.scheduler.planning import Budget, MonitorPlan, Ordering, Planned, plan_of
from assay.span import span_text

if TYPE_CHECKING:
    from assay.local.plan import Plan

_FORMAT = 1


def planned(plan: Plan, names: tuple[str, ...], location: str | None) -> tuple[MonitorPlan, str]:
    """Return what the monitors of an environment do, and the location that was meant."""
    from assay.local.store_place import store_of
    from assay.store import open_store

    flows = flows_of(plan)
    monitors = chosen_of(monitors_of(plan, flows), names, plan.name)
    place = location_of(plan, location)
    where = store_of(plan)
    store = open_store(where) if isinstance(where, str) or where.exists() else None
    try:
        return plan_of(plan, monitors, flows, location=place, now=datetime.now(UTC), store=store), place
    finally:
        if store is not None:
            store.close()


def as_text(found: MonitorPlan, environment: str, place: str, *, production: bool = False) -> str:
    """Return the plan for people. production: nothing is ordered there without a declared safety."""
    count = "1 monitor" if len(found.monitors) == 1 else f"{len(found.monitors)} monitors"
    lines = [f"{count} on {environment}, seen from location {place}; all times are UTC"]
    for each in found.monitors:
        lines += ["", f"{each.monitor.name}: {each.monitor.title}"]
        lines += [f"  {label:<10}{text}" for label, text in _facts(each)]
    lines += ["", f"in an hour: {_number(found.orders)} orders" + _spend(found)]
    lines += [f"  {_budget(line)}" for line in found.budget]
    if not found.budget and found.orders:
        said = "every one of them will be refused" if production else "no budget limits them"
        lines.append(f"  {said}: [environments.{environment}.safety] is not declared")
    return "\n".join(lines)


def as_dict(found: MonitorPlan) -> dict[str, Any]:
    """Return the plan for programs; format 1."""
    return {
        "format": _FORMAT,
        "monitors": [_monitor(each) for each in found.monitors],
        "orders_per_hour": str(round(found.orders, 3)),
        "spend_per_hour": {
            currency: None if spend is None else str(spend.amount) for currency, spend in found.spend.items()
        },
        "budget": [
            {
                "of": line.currency or "orders",
                "allowed": str(line.allowed),
                "used": None if line.used is None else str(round(line.used, 3)),
                "fits": line.fits,
            }
            for line in found.budget
        ],
    }


def _facts(each: Planned) -> list[tuple[str, str]]:
    monitor = each.monitor
    rule = monitor.alert
    what = f"flow {monitor.flow}" if monitor.flow else f"check {monitor.check}" if monitor.check else "code of its own"
    if monitor.cases:
        what += f", cases {', '.join(monitor.cases)}"
    if monitor.rotate:
        what += ", one case after the other"
    next_due = ", ".join(f"{at:%H:%M:%S}" for at in each.next_due)
    if (each.next_due[-1] - each.next_due[0]).total_seconds() > 86_400 or monitor.cron:
        next_due = ", ".join(f"{at:%Y-%m-%d %H:%M}" for at in each.next_due)
    routes = ", ".join(each.routes) or "nobody: no route takes it ([alerts.routes] in assay.toml)"
    facts = [
        ("runs", f"{what}, timeout {span_text(monitor.timeout_s)}"),
        ("schedule", f"{each.schedule}; next {next_due}"),
        ("orders", "; ".join(_ordering(line) for line in each.ordering) or "none: it only reads"),
        (
            "alert",
            f"{rule.severity} after {_runs(each.fire_after, 'bad')}, over after {each.resolve_after} good; to {routes}",
        ),
        ("runbook", monitor.runbook),
        ("owner", monitor.owner),
    ]
    if each.note:
        facts.append(("note", each.note))
    if not each.runs_here:
        facts.insert(1, ("where", f"not here: pinned to location {monitor.location}"))
    return facts


def _runs(number: int, kind: str) -> str:
    return f"{number} {kind} run" if number == 1 else f"{number} {kind} runs"


def _ordering(line: Ordering) -> str:
    spend = f", about {line.spend}" if line.spend is not None else f", for an amount in {line.currency} not known yet"
    return f"{_number(line.orders)} an hour in {line.currency}{spend}"


def _spend(found: MonitorPlan) -> str:
    known = [f"about {spend}" for spend in found.spend.values() if isinstance(spend, Money)]
    unknown = [currency for currency, spend in found.spend.items() if spend is None]
    if unknown:
        known.append(f"an amount in {', '.join(unknown)} not known before the first was placed")
    return f", {', '.join(known)}" if known else ""


def _budget(line: Budget) -> str:
    what = f"money in {line.currency}" if line.currency else "orders"
    used = "not known yet" if line.used is None else _number(line.used)
    said = "" if line.fits else "  TOO MUCH: what is over is refused; let them come less often, or raise the budget"
    return f"budget, {what}: {used} of {_number(line.allowed)} an hour{said}"


def _monitor(each: Planned) -> dict[str, Any]:
    monitor = each.monitor
    return {
        "name": monitor.name,
        "title": monitor.title,
        "subject": monitor.subject,
        "kind": "flow" if monitor.flow else "check",
        "cases": list(monitor.cases),
        "rotate": monitor.rotate,
        "schedule": each.schedule,
        "interval_s": monitor.interval_s,
        "cron": monitor.cron,
        "timeout_s": monitor.timeout_s,
        "next_due": [at.isoformat() for at in each.next_due],
        "runs_here": each.runs_here,
        "location": monitor.location,
        "runs_per_hour": str(round(each.runs_per_hour, 3)),
        "orders": [
            {
                "currency": line.currency,
                "orders_per_hour": str(round(line.orders, 3)),
                "spend_per_hour": None if line.spend is None else str(line.spend.amount),
            }
            for line in each.ordering
        ],
        "alert": {
            "severity": monitor.alert.severity,
            "fire_after": each.fire_after,
            "resolve_after": each.resolve_after,
            "routes": list(each.routes),
        },
        "runbook": monitor.runbook,
        "owner": monitor.owner,
        "customers": monitor.customers,
        "note": each.note,
    }


def _number(value: Decimal) -> str:
    return f"{round(value, 2).normalize():f}"
