"""The flows of money under pytest, under Locust and as a scheduler's tick: three runners, the same findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.runners.scheduler.tick import tick
from assay.runners.session import Session, verdict_text
from scenarios.f02_multi_currency import multi_currency
from scenarios.f03_display import display
from scenarios.f06_refund import money_back
from scenarios.f10_payment import payment_life
from tests.engine.test_parity import ROOT, findings, run

pytestmark = [pytest.mark.full, pytest.mark.needs_java, pytest.mark.xdist_group("parity")]
CHOSEN = {
    "F02": ("jpy", "kwd", "isk_adyen", "huf_paypal"),
    "F03": ("jpy",),
    "F06": ("full", "lines"),
    "F10": ("stripe", "adyen", "paypal"),
}
FLOWS = (multi_currency, display, money_back, payment_life)
EXPECTED = {"": set(), "MON-01": {"O-M1"}, "PAY-03": {"O-M6"}}
LOAD = f"""
from dataclasses import replace
from itertools import count

import gevent
from locust import events
from assay.runners.locust_user import FlowUser
from scenarios.f02_multi_currency import multi_currency
from scenarios.f03_display import display
from scenarios.f06_refund import money_back
from scenarios.f10_payment import payment_life

CHOSEN = {CHOSEN!r}
done = {{id: count(1) for id in CHOSEN}}
over = set()

class Buyer(FlowUser):
    flow = replace(multi_currency, cases=[multi_currency.case(name) for name in CHOSEN["F02"]])

class Looker(FlowUser):
    flow = replace(display, cases=[display.case(name) for name in CHOSEN["F03"]])

class Refunded(FlowUser):
    flow = replace(money_back, cases=[money_back.case(name) for name in CHOSEN["F06"]])

class Payer(FlowUser):
    flow = replace(payment_life, cases=[payment_life.case(name) for name in CHOSEN["F10"]])

@events.init.add_listener
def stop_when_enough(environment, **_):
    @events.request.add_listener
    def told(name, **_):
        if name in CHOSEN and next(done[name]) == len(CHOSEN[name]):
            over.add(name)
            if over == CHOSEN.keys():
                gevent.spawn(environment.runner.quit)
"""


@pytest.fixture(scope="module", params=list(EXPECTED), ids=lambda defect: defect or "healthy")
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """Return a landscape that is up, with one defect on or none."""
    folder = tmp_path_factory.mktemp("money_parity")
    (folder / "few.py").write_text(LOAD)
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml", defects=(request.param,) if request.param else ())
    try:
        bring_up(plan, lambda _: None)
        yield plan
    finally:
        take_down(plan.home, lambda _: None)


def test_three_runners_find_the_same(plan: Plan) -> None:
    """Through any gateway the three runners agree: nothing when healthy, one and the same finding with a defect on."""
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:locust", "--import-mode=importlib", f"--rootdir={ROOT}")
    tests = {"F02": "scenarios/test_f02.py::test_multi_currency", "F03": "scenarios/test_f03.py::test_display"}
    tests |= dict.fromkeys(("F06", "F10"), "scenarios/test_payments.py::test_payments")
    named = [str(ROOT / f"{tests[flow]}[{flow}[{case}]]") for flow, cases in CHOSEN.items() for case in cases]
    scenario_text = run(plan, "pytest", *options, "-c", str(ROOT / "pyproject.toml"), *named)
    load_text = run(plan, "locust", "-f", "few.py", "--headless", "-u", "4", "-r", "4", "-t", "90s")
    synthetic = set()
    with Session(plan, plan.home.read()) as session:
        for flow in FLOWS:
            cases = [flow.case(name) for name in CHOSEN[flow.id]]
            synthetic |= findings(verdict_text(tick(session, replace(flow, cases=tuple(cases)), cases)))
    assert findings(scenario_text) == synthetic, scenario_text
    assert findings(load_text) == synthetic, load_text
    expected = EXPECTED["".join(plan.defects)]
    assert {oracle for oracle, _, _ in synthetic} >= expected
    assert bool(synthetic) == bool(expected)
    if not expected:
        assert f"{sum(map(len, CHOSEN.values()))} passed" in scenario_text, scenario_text
