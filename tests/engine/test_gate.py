"""The gate: scenarios, contracts and load in one verdict; what does not exist is named and never counts as passed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from assay.events import Progress
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.runners.campaign import flows_of
from assay.runners.gate import release_set, run_gate
from assay.runners.verdict import as_json
from assay.suite_flows import choose
from tests.conftest import Project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The shipped profile in a project of its own."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    return plan_for("local", tmp_path / "assay.toml")


@pytest.mark.needs_java
@pytest.mark.xdist_group("gate")
@pytest.mark.parametrize(("defect", "expected"), [("", 0), pytest.param("MON-01", 1, marks=pytest.mark.full)])
def test_scenarios_and_load_make_one_verdict(plan: Plan, defect: str, expected: int) -> None:
    """Green when healthy, its traffic and stubs as documented; with a defect on, scenario and load are red alike."""
    if importlib.util.find_spec("locust") is None:  # looked for, not imported: importing it patches the library
        pytest.skip("pip install 'assay[load]'")
    plan = replace(plan, defects=(defect,) if defect else ())
    pairs = choose(flows_of(plan), names=["thread"])
    shown: list[object] = []
    log, absent = run_gate(plan, workers=2, pairs=pairs, load_s=3, listen=shown.append)
    content = as_json(log.verdict, log.record, command="gate", reports=log.paths)
    assert content["exit_code"] == expected, content["trouble"]
    runners = {outcome.runner for outcome in log.verdict.outcomes}
    assert runners == {"gate", "load"}
    red = {outcome.runner for outcome in log.verdict.outcomes if outcome.failed}
    assert red == ({"gate", "load"} if defect else set())
    assert all(path.is_file() for path in log.paths.values())
    assert absent == []
    contracts = log.verdict.contracts
    assert contracts is not None
    assert {each.where for each in contracts.observed} == {"platform", "load", "live"}
    assert contracts.stubs
    assert {system for system, reason in contracts.left_out.items() if "--conformance all" in reason} >= {
        "stripe",
        "ups",
    }
    if not defect:
        assert contracts.violations == 0, content["contracts"]
    noted = [note for note in content["notes"] if note.startswith("load generator: ")]
    assert len(noted) == 1
    assert "of a core" in noted[0]
    told = [event.detail for event in shown if isinstance(event, Progress) and event.part == "load generator"]
    assert told == [noted[0].removeprefix("load generator: ")]
    assert [f"absent: {part}" for part in absent] == [note for note in content["notes"] if note not in noted]


def test_the_release_set(plan: Plan) -> None:
    """It holds F01 and the thread, and neither slow flows nor the self-test's own."""
    flows = {flow.id: flow for flow, _ in release_set(plan)}
    assert {"F01", "thread"} <= set(flows)
    assert not [flow.id for flow in flows.values() if {"slow", "innocent"} & set(flow.tags)]


def test_production_is_refused(tmp_path: Path) -> None:
    """The shipped profile's production gets no gate: exit 4, nothing sent."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    done = Project(tmp_path).type("gate", "--env", "production", "--load", "0")
    assert done.returncode == 4
    assert "nothing was sent" in done.stdout
