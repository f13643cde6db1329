"""The monitors of a project: its flows, the shipped checks and its files read together, and whether they fit here."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from assay.drift import load_checks
from assay.errors import UsageError, did_you_mean
from assay.flow import Flow
from assay.local.plan import Plan
from assay.monitor import Monitor
from assay.runners.campaign import flows_of
from assay.runners.scheduler.compared import held_against_pairs
from assay.span import span_text
from assay.suite_monitors import load_monitors
from assay.suites import enter, reference_suite, suite_roots

_OWN_CHECKS = "assay.runners.scheduler.self_check"


def monitor_roots(plan: Plan) -> list[Path]:
    """Return the suites whose monitors belong to the project: its own, then the shipped one if it takes that."""
    roots = suite_roots(plan.profile.folder)
    return roots if plan.profile.scenarios.shipped else roots[:1]


def monitors_of(plan: Plan, flows: Mapping[str, Flow] | None = None) -> dict[str, Monitor]:
    """Return every monitor of the project by name, of whichever environment and location.

    `UsageError` where one is wrong, or does not fit the environment of the plan.
    """
    known = flows_of(plan) if flows is None else flows
    roots = suite_roots(plan.profile.folder)
    enter(roots)
    register_checks()
    found = held_against_pairs(load_monitors(monitor_roots(plan), plan.profile, known), roots, plan.profile)
    for monitor in found.values():
        if not monitor.environments or plan.name in monitor.environments:
            _refuse_unfit(monitor, plan, known)
    return found


def chosen_of(monitors: Mapping[str, Monitor], names: tuple[str, ...], environment: str) -> dict[str, Monitor]:
    """Return the monitors of one environment, only these where any is named; `UsageError` for an unknown name."""
    for name in names:
        if name not in monitors:
            raise UsageError(f"no monitor '{name}'", hint=did_you_mean(name, monitors))
        if monitors[name].environments and environment not in monitors[name].environments:
            raise UsageError(
                f"monitor '{name}' does not run on '{environment}'",
                where=str(monitors[name].source),
                expected=", ".join(monitors[name].environments),
                hint="choose another --env, or add it to the monitor's environments",
            )
    return {
        name: each
        for name, each in monitors.items()
        if (not names or name in names) and (not each.environments or environment in each.environments)
    }


def register_checks() -> None:
    """Import every module that registers a check, so that monitors may name it."""
    load_checks()
    if importlib.util.find_spec(_OWN_CHECKS) is not None:
        importlib.import_module(_OWN_CHECKS)


def wait_of(flow: Flow, plan: Plan) -> float:
    """Return for how many real seconds a run of a flow waits for late changes before it judges what it ordered."""
    if plan.moves_time or flow.read_only:
        return 0.0
    return float(2 * plan.profile.policies.freshness.erp)


def fits(monitor: Monitor, plan: Plan, flows: Mapping[str, Flow]) -> bool:
    """Whether a run has the time to wait for late changes, and some left."""
    return monitor.flow is None or wait_of(flows[monitor.flow], plan) < monitor.timeout_s


def _refuse_unfit(monitor: Monitor, plan: Plan, flows: Mapping[str, Flow]) -> None:
    """Refuse a flow whose wait for late changes is longer than its run may take.

    A shipped one is not refused, nobody can mend it: it waits for as long as there is time, which `plan` says.
    """
    if fits(monitor, plan, flows) or monitor.source.is_relative_to(reference_suite()):
        return
    wait_s = wait_of(flows[monitor.flow or ""], plan)
    raise UsageError(
        f"monitor '{monitor.name}' has no time for its verdict on '{plan.name}'",
        where=f"{monitor.source}: monitors.{monitor.name}.timeout",
        expected=f"more than {span_text(wait_s)}: an order is judged twice policies.freshness.erp after it was placed",
        seen=f"{span_text(monitor.timeout_s)} until its run is ended",
        hint="give it a longer timeout and interval, or lower policies.freshness.erp to what your ERP keeps",
    )
