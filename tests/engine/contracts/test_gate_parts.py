"""The gate's contracts, part by part: who is asked, who has not changed, and what cannot be judged is named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from assay.events import Progress
from assay.local.documents import documents_of
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.reporting import read_events
from assay.runners import gate_contracts
from assay.runners.conformance.known import read_known
from assay.runners.gate_changed import FILE, Green, Memory, digest_of, is_shipped
from assay.runners.gate_contracts import GateContracts, Which
from assay.runners.run_log import RunLog
from assay.runners.session import Session
from assay.runners.verdict import Verdict, as_json

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 23)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A project with a simulator of its own: the reference suite's of the ECB, to be changed."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text(encoding="utf-8"), encoding="utf-8")
    shutil.copytree(ROOT / "mocks" / "ecb", tmp_path / "mocks" / "ecb", ignore=shutil.ignore_patterns("__pycache__"))
    return plan_for("local", tmp_path / "assay.toml")


def only(plan: Plan, *systems: str) -> Plan:
    """Return the plan with these systems alone."""
    chosen = {name: each for name, each in plan.environment.systems.items() if name in systems}
    return replace(plan, environment=plan.environment.model_copy(update={"systems": chosen}))


def green(digest: str = "d1", *, examples: int = 3, until: date | None = None) -> Green:
    """Return a time at which a system was found green."""
    return Green(digest=digest, examples=examples, run_id="run-1", until=until)


def gate(plan: Plan, run_id: str, which: Which = Which.CHANGED) -> tuple[RunLog, list[str], list[str]]:
    """Run the part of generated requests; return the run, what is absent, and what was shown."""
    log = RunLog(plan, Verdict(), runner="gate", run_id=run_id, seed=7, planned=0)
    session = SimpleNamespace(plan=plan, seed=7, run_id=run_id, has_journal=False, calls=lambda since: ())
    shown: list[str] = []

    def listen(event: object) -> None:
        if isinstance(event, Progress) and event.part == "conformance":
            shown.append(event.detail)

    with log:
        contracts = GateContracts(cast(Session, session), log, listen)
        contracts.ask(which, examples=2, today=TODAY)
        absent = contracts.conclude()
    return log, absent, shown


def test_green_is_remembered_until_something_changes(plan: Plan) -> None:
    """The same digest, no more examples than then, and no known failure past its day: not asked again."""
    Memory(plan).found("ecb", green(until=TODAY))
    memory = Memory(plan)
    assert memory.still_green("ecb", "d1", examples=3, today=TODAY) == green(until=TODAY)
    assert memory.still_green("ecb", "d2", examples=3, today=TODAY) is None
    assert memory.still_green("ecb", "d1", examples=4, today=TODAY) is None
    assert memory.still_green("ecb", "d1", examples=3, today=date(2026, 11, 24)) is None
    assert memory.still_green("ups", "d1", examples=3, today=TODAY) is None
    memory.found("ecb", None)
    assert Memory(plan).still_green("ecb", "d1", examples=3, today=TODAY) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2}', '{"format": 1, "environments": {"local": 3}}'])
def test_what_cannot_be_read_remembers_nothing(plan: Plan, content: str) -> None:
    """A file that is cut, or of another version, has every system asked again."""
    path = plan.profile.folder / FILE
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    assert Memory(plan).still_green("ecb", "d1", examples=1, today=TODAY) is None


def test_a_digest_is_of_all_that_answers_come_from(plan: Plan) -> None:
    """Another line in the simulator, the contract or the settings is another digest; compiled files are none of it."""
    folder = plan.profile.folder / "mocks" / "ecb"
    seen = [digest_of(plan, "ecb", documents_of(plan))]
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "simulator.pyc").write_bytes(b"x")
    assert digest_of(plan, "ecb", documents_of(plan)) == seen[0]
    for name in ("simulator.py", "contract.yaml"):
        (folder / name).write_text((folder / name).read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
        seen.append(digest_of(plan, "ecb", documents_of(plan)))
    system = plan.environment.systems["ecb"].model_copy(update={"settings": {"first": "2020-01-01"}})
    environment = plan.environment.model_copy(update={"systems": {**plan.environment.systems, "ecb": system}})
    seen.append(digest_of(replace(plan, environment=environment), "ecb", documents_of(plan)))
    assert len(set(seen)) == len(seen)


def test_what_came_with_assay_has_not_changed(plan: Plan) -> None:
    """A project's own simulator or contract has; and in the reference suite itself every one is its own."""
    registry = documents_of(plan)
    assert not is_shipped(plan, "ecb", registry)
    assert is_shipped(plan, "stripe", registry)
    (plan.profile.folder / "mine.yaml").write_text((ROOT / "mocks/stripe/contract.yaml").read_text(encoding="utf-8"))
    stripe = plan.environment.systems["stripe"].model_copy(update={"contract": "mine.yaml"})
    environment = plan.environment.model_copy(update={"systems": {"stripe": stripe}})
    own = replace(plan, environment=environment)
    assert not is_shipped(own, "stripe", documents_of(own))
    reference = plan_for("local", ROOT / "assay.toml")
    assert not is_shipped(reference, "stripe", documents_of(reference))


def test_the_first_known_failure_that_ends_is_found(plan: Plan) -> None:
    """The earliest day counts; without a file there is none."""
    file = plan.profile.folder / "mocks" / "ecb" / "known_failures.toml"
    assert read_known(file, today=TODAY).first_end is None
    entry = '[[failure]]\noperation = "*"\ncheck = "*"\nowner = "me"\nreason = "x"\nuntil = '
    file.write_text(f"{entry}2027-05-01\n{entry}2026-12-31\n", encoding="utf-8")
    assert read_known(file, today=TODAY).first_end == date(2026, 12, 31)


def test_a_changed_simulator_is_asked_once(plan: Plan) -> None:
    """Asked the first time, left out with the run's id the second, until its first known failure runs out.

    What came with Assay is left out at once.
    """
    plan = only(plan, "ecb", "stripe")
    known = '[[failure]]\noperation = "GET /no"\ncheck = "*"\nowner = "me"\nreason = "x"\nuntil = 2026-12-31\n'
    (plan.profile.folder / "mocks" / "ecb" / "known_failures.toml").write_text(known, encoding="utf-8")
    log, absent, shown = gate(plan, "run-1")
    assert absent == []
    assert log.verdict.trouble == []
    assert len(shown) == 2
    assert log.verdict.contracts is not None
    assert {each.system for each in log.verdict.contracts.tested} == {"ecb"}
    assert log.verdict.contracts.violations == 0
    assert "as it came with Assay" in log.verdict.contracts.left_out["stripe"]
    last = Memory(plan).still_green("ecb", digest_of(plan, "ecb", documents_of(plan)), examples=2, today=TODAY)
    assert last is not None
    assert last.until == date(2026, 12, 31)
    again, _, shown = gate(plan, "run-2")
    assert shown == []
    assert again.verdict.contracts is not None
    assert "unchanged since run run-1" in again.verdict.contracts.left_out["ecb"]
    told = [event for event in read_events(log.paths["jsonl"]) if type(event).__name__ == "Contracts"]
    assert told == [log.verdict.contracts]


@pytest.mark.full
def test_a_broken_simulator_is_red_and_asked_again(plan: Plan) -> None:
    """An answer that breaks the contract is exit 1, named in the verdict file; nothing is remembered as green."""
    plan = only(plan, "ecb")
    contract = plan.profile.folder / "mocks" / "ecb" / "contract.yaml"
    contract.write_text(contract.read_text(encoding="utf-8").replace('"200":', '"202":'), encoding="utf-8")
    for run_id in ("run-1", "run-2"):
        log, _, shown = gate(plan, run_id)
        assert len(shown) == 2
        content: dict[str, Any] = as_json(log.verdict, log.record, command="gate", reports=log.paths)
        assert content["exit_code"] == 1
        assert content["contracts"]["violations"] > 0
        assert {each["system"] for each in content["contracts"]["broken"]} == {"ecb"}


def test_without_the_generator_that_is_said(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine lacks is absent, with the line that brings it, and no exit code's business."""
    monkeypatch.setattr(gate_contracts, "find_spec", lambda name: None)
    log, absent, _ = gate(only(plan, "ecb"), "run-1", Which.ALL)
    assert absent == ["conformance: schemathesis is not installed (pip install 'assay[contracts]')"]
    assert log.verdict.trouble == []
    assert gate(only(plan, "ecb"), "run-2", Which.NONE)[1] == ["conformance: left out"]


def test_a_part_that_breaks_off_keeps_no_other_from_being_judged(plan: Plan) -> None:
    """A list of known departures that is wrong is trouble with its place, and the stubs are held all the same."""
    (plan.profile.folder / "mocks" / "ecb" / "known_failures.toml").write_text("[[failure]\n", encoding="utf-8")
    log, _, _ = gate(only(plan, "ecb"), "run-1")
    assert [trouble.code for trouble in log.verdict.trouble] == [2]
    assert "contracts: conformance of ecb: known_failures.toml is no TOML" in log.verdict.trouble[0].text
