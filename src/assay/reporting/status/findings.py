"""What oracles found in the last days: the same as one, with how often, since when, and whether it is still there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.money import Money, sums_by_currency
from assay.reporting.status.reading import Reading
from assay.reporting.status.runs import Fault, Run

BACK = timedelta(days=7)
_MOST_RUNS, _MOST_GROUPS, _MOST_ORDERS = 1_000, 60, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One kind of finding of one monitor; `fault` is the latest. is_open: the monitor's last verdict still has it.

    at_risk: the money of all its orders, an order's once however often it was found.
    """

    monitor: str
    fault: Fault
    count: int
    first: datetime
    last: datetime
    is_open: bool
    at_risk: tuple[Money, ...]
    orders: tuple[str, ...]
    more_orders: int


def groups_of(reading: Reading) -> list[Group]:
    """Return the findings of the last 7 days, those still there first, the latest first among each."""
    runs = reading.bad(since=reading.now - BACK, limit=_MOST_RUNS)
    latest = reading.latest()
    kinds: dict[tuple[object, ...], list[tuple[Run, Fault]]] = {}
    for run in runs:
        for fault in run.faults:
            kinds.setdefault(_kind(run.monitor, fault), []).append((run, fault))
    still = {_kind(run.monitor, fault) for run in latest.values() for fault in run.faults}
    groups = [_group(found, kind in still) for kind, found in kinds.items()]
    return sorted(groups, key=lambda group: (not group.is_open, -group.last.timestamp()))[:_MOST_GROUPS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Runs of a monitor that did not pass and found nothing, for the same reason; `run` is the latest."""

    run: Run
    count: int
    first: datetime


def failures_of(reading: Reading) -> list[Failure]:
    """Return why runs without a finding did not pass (a failed step, no verdict, stuck …), the latest first."""
    kinds: dict[tuple[object, ...], list[Run]] = {}
    for run in reading.bad(since=reading.now - BACK, limit=_MOST_RUNS):
        if not run.faults:
            kinds.setdefault((run.monitor, run.result, run.why), []).append(run)
    return [Failure(run=runs[0], count=len(runs), first=runs[-1].due_at) for runs in kinds.values()][:_MOST_GROUPS]


def money_at_risk(faults: Iterable[Fault]) -> tuple[Money, ...]:
    """Return the sum by currency; an order's money counts once, as found last (faults are latest first)."""
    by_order: dict[tuple[str, str], Money] = {}
    for fault in faults:
        if fault.at_risk is not None:
            by_order.setdefault((fault.order, fault.at_risk.currency), fault.at_risk)
    return tuple(sums_by_currency(by_order.values()).values())


def _kind(monitor: str, fault: Fault) -> tuple[object, ...]:
    return monitor, fault.oracle, fault.systems, fault.cause


def _group(found: list[tuple[Run, Fault]], is_open: bool) -> Group:
    orders = list(dict.fromkeys(fault.order for _, fault in found if fault.order))
    runs = [run.due_at for run, _ in found]
    return Group(
        monitor=found[0][0].monitor,
        fault=found[0][1],
        count=len(found),
        first=min(runs),
        last=max(runs),
        is_open=is_open,
        at_risk=money_at_risk(fault for _, fault in found),
        orders=tuple(orders[:_MOST_ORDERS]),
        more_orders=max(0, len(orders) - _MOST_ORDERS),
    )
