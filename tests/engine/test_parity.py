"""One flow, three runners, the same findings: the thread under pytest, under Locust and as a scheduler's tick."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.oracles import ORACLES
from assay.runners.scheduler.tick import tick
from assay.runners.session import Session, verdict_text
from scenarios.thread import thread

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = re.compile(
    r"(O-\w+): (?:order \S+|the purchase of .+?) in (.+?): expected .*? Likely cause: (.+)\.$", re.MULTILINE
)
pytestmark = [pytest.mark.full, pytest.mark.needs_java, pytest.mark.xdist_group("parity")]
Finding = tuple[str, str, str]
ORDERS = 4
LOAD = f"""
import gevent
from itertools import count
from locust import events
from assay.runners.locust_user import FlowUser
from scenarios.thread import thread

done = count(1)

class Buyer(FlowUser):
    flow = thread

@events.init.add_listener
def stop_when_enough(environment, **_):
    @events.request.add_listener
    def told(name, **_):
        if name == thread.id and next(done) == {ORDERS}:
            gevent.spawn(environment.runner.quit)
"""


@pytest.fixture(
    scope="module",
    params=["healthy", "MON-01", "ORD-30"],
)
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """Return a landscape that is up, with one defect on or none."""
    folder = tmp_path_factory.mktemp("parity")
    (folder / "few.py").write_text(LOAD)
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    defects = () if request.param == "healthy" else (request.param,)
    plan = plan_for("local", folder / "assay.toml", defects=defects)
    try:
        bring_up(plan, lambda _: None)
        yield plan
    finally:
        take_down(plan.home, lambda _: None)


def findings(text: str) -> set[Finding]:
    """Return what the text says was found in single orders: oracle, systems, cause (order numbers differ by nature)."""
    return {(oracle, systems, cause) for oracle, systems, cause in SENTENCE.findall(text)}


def run(plan: Plan, *command: str) -> str:
    """Run a runner in the landscape's folder and return everything it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=plan.profile.folder, capture_output=True, text=True, timeout=120
    )
    return done.stdout + done.stderr


def test_three_runners_find_the_same(plan: Plan) -> None:
    """The three runners agree: nothing when healthy, one and the same finding with a defect on."""
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:locust", "--import-mode=importlib", f"--rootdir={ROOT}")
    scenario_text = run(
        plan, "pytest", *options, "-c", str(ROOT / "pyproject.toml"), str(ROOT / "scenarios/test_thread.py")
    )
    scenario = findings(scenario_text)
    load_text = run(plan, "locust", "-f", "few.py", "--headless", "-u", "2", "-r", "2", "-t", "60s")
    with Session(plan, plan.home.read()) as session:
        synthetic = findings(verdict_text(tick(session, thread, thread.cases)))
    assert scenario == findings(load_text), scenario_text
    assert scenario == synthetic
    expected = {"MON-01": "O-M1", "ORD-30": "O-O1"}.get("".join(plan.defects))
    assert ({expected} if expected else set()) <= {oracle for oracle, _, _ in scenario}
    assert bool(scenario) == bool(expected)
    counts = re.search(r"(\d+) runs, (\d+) passed, (\d+) failed, (\d+) not evaluated", load_text)
    assert counts, load_text
    assert int(counts[1]) >= ORDERS
    if expected:
        with Session(plan, plan.home.read(), oracles=[name for name in ORACLES if name != expected]) as session:
            deaf = findings(verdict_text(tick(session, thread, thread.cases)))
        assert deaf != scenario, "a runner that drops an oracle must not look like the others"
