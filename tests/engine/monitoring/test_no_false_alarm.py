"""No shipped check cries wolf: every innocent variation is bought, and each check is green at once, later and after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.edge import Fault
from assay.events import Finding, ProbeResult, Result
from assay.local import faults
from assay.local.plan import MERCHANT, Plan
from assay.local.processes import admin
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.runners.campaign import flows_of
from assay.runners.scheduler.declared import monitors_of
from assay.runners.scheduler.probing import Prober
from assay.runners.session import Session
from assay.runners.trials import Trial, read_innocent
from assay.suites import enter, suite_roots

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.needs_java, pytest.mark.full, pytest.mark.xdist_group("no_false_alarm")]
AFTER_MIN = (0, 6, 15, 60)
"""How long after the orders all checks run: within every limit, at it, and past it."""
BETWEEN = ("order_census", "webhooks")
"""These run after each order, too, while everything is on its way."""


def variations() -> list[Trial]:
    """Return the innocent variations of the shipped suite."""
    enter(suite_roots(ROOT))
    plan = plan_for("local", ROOT / "assay.toml")
    return read_innocent(suite_roots(ROOT), flows_of(plan))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A landscape that is up, for all variations one after the other, as a year goes by."""
    folder = tmp_path_factory.mktemp("innocent")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml")
    try:
        bring_up(plan, lambda _: None)
        yield plan
    finally:
        take_down(plan.home, lambda _: None)


@pytest.mark.parametrize("trial", variations(), ids=lambda trial: trial.id)
def test_what_is_legal_is_no_alarm(plan: Plan, trial: Trial) -> None:
    """The orders of a variation leave every shipped check green, whenever it looks."""
    flows = flows_of(plan)
    monitors = {name: each for name, each in monitors_of(plan, flows).items() if each.check and name != "self_check"}
    port = plan.home.read().port(MERCHANT, MERCHANT)
    assert port is not None
    usual = admin(port, "POST", "settings", {})["settings"]
    with Session(plan, plan.home.read(), runner="monitor") as session:
        prober = Prober(session, flows, location="here")

        def alarms(*names: str) -> list[str]:
            probes = [prober.probe(monitors[name], due_at=datetime.now(UTC), stop=threading.Event()) for name in names]
            wrong = [each for each in probes if each.result is not ProbeResult.PASSED]
            return [f"{each.monitor}: {_said(each.all_findings)} {each.trouble}" for each in wrong]

        try:
            admin(port, "POST", "settings", dict(trial.settings))
            faults.put(plan, [Fault(**each) for each in trial.faults])
            for flow, case in trial.pairs:
                session.perform(flow, case)
                assert not alarms(*BETWEEN)
            for minutes in AFTER_MIN:
                session.pass_time(timedelta(minutes=minutes))
                assert not alarms(*sorted(monitors))
        finally:
            faults.put(plan, [])
            admin(port, "POST", "settings", {name: usual[name] for name in trial.settings})
            prober.close()


def _said(findings: tuple[Finding, ...]) -> list[str]:
    return [each.sentence() for each in findings if each.result is Result.FAIL]
