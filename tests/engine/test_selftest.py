"""`assay selftest`: it sees what is wrong, stays silent where nothing is, and says so where it missed something."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.runners.campaign import flows_of
from assay.runners.selftest import as_json, exit_code_of, self_test, write
from assay.runners.trials import HEALTHY, Trial, trials_of
from assay.suite_flows import choose

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The shipped profile in a project of its own."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    return plan_for("local", tmp_path / "assay.toml")


@pytest.fixture
def small(plan: Plan) -> Callable[..., list[Trial]]:
    """A function that returns trials by id, each over the two cases of the thread instead of all of F01."""
    pairs = tuple(choose(flows_of(plan), names=["thread"]))

    def make(*ids: str) -> list[Trial]:
        return [replace(trial, pairs=pairs, later=()) for trial in trials_of(plan, only=ids)]

    return make


@pytest.mark.needs_java
@pytest.mark.xdist_group("selftest")
def test_two_are_caught_one_is_missed_and_the_healthy_shop_is_silent(
    plan: Plan, small: Callable[..., list[Trial]]
) -> None:
    """MON-01 and ORD-30 turn the thread red by the right oracle; what it cannot show is a miss and ends with 1."""
    tried = self_test(plan, small(HEALTHY, "MON-01", "ORD-30", "CAR-02"))
    content = as_json(tried)
    assert {id: each["caught"] for id, each in content["defects"].items()} == {
        "MON-01": True,
        "ORD-30": True,
        "CAR-02": False,
    }
    assert "O-M1" in content["defects"]["MON-01"]["oracles"]
    assert "O-O1" in content["defects"]["ORD-30"]["oracles"]
    assert "JPY was sent with 2 decimals" in content["defects"]["MON-01"]["sentence"]
    assert content["healthy"]["alarms"] == []
    assert content["healthy"]["evaluated"] > 10
    assert content["counts"] == {"defects": 3, "caught": 2, "innocent": 0, "alarms": 0}
    assert exit_code_of(tried) == content["exit_code"] == 1
    assert exit_code_of([each for each in tried if each.trial.id != "CAR-02"]) == 0
    paths = write(plan, tried, plan.profile.folder / "s.json")
    assert json.loads((plan.profile.folder / "s.json").read_text()) == content
    matrix = next(path for path in paths if path.suffix == ".md").read_text()
    assert "| CAR-02 | **missed** |" in matrix
    assert "| MON-01 | yes |" in matrix


@pytest.mark.needs_java
@pytest.mark.xdist_group("selftest")
def test_a_landscape_that_does_not_start_is_no_catch(plan: Plan, small: Callable[..., list[Trial]]) -> None:
    """A defect whose file names an unknown seam is trouble of the self-test (3), not a defect that was seen."""
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "MON-99.py").write_text('"""MON-99: no such seam."""\n\nSEAMS = {"to_minor_unitz": lambda: None}\n')
    own = replace(plan, defect_folders=(folder,))
    [trial] = [replace(each, pairs=small("MON-01")[0].pairs, later=()) for each in trials_of(own, only=["MON-99"])]
    tried = self_test(own, [trial])
    assert exit_code_of(tried) == 3
    assert "to_minor_units" in " ".join(as_json(tried)["defects"]["MON-99"]["trouble"])


def test_cases_named_in_the_file_go_first(plan: Plan) -> None:
    """SHOWN_BY chooses the cases of a defect; without it all of F01 are tried, those that run alone last."""
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "MON-98.py").write_text('"""MON-98: named."""\n\nSHOWN_BY = ("jpy", "thread[eur]")\nSEAMS = {}\n')
    (folder / "MON-97.py").write_text('"""MON-97: not named."""\n\nSEAMS = {}\n')
    named, unnamed = (trials_of(replace(plan, defect_folders=(folder,)), only=[id])[0] for id in ("MON-98", "MON-97"))
    assert [(flow.id, case.name) for flow, case in named.pairs] == [("F01", "jpy"), ("thread", "eur")]
    assert unnamed.later
    assert all(case.alone for _, case in unnamed.later)
    assert not any(case.alone for _, case in unnamed.pairs)


def test_what_showed_a_defect_last_time_is_tried_first(plan: Plan) -> None:
    """The last matrix orders the cases; none is left out for it."""
    out = plan.profile.folder / "reports" / "out"
    out.mkdir(parents=True)
    [before] = trials_of(plan, only=["CAR-05"])
    (out / "selftest.json").write_text(json.dumps({"defects": {"CAR-05": {"cases": ["F01[bundle]"]}}}))
    [after] = trials_of(plan, only=["CAR-05"])
    assert [case.name for _, case in after.pairs] == ["bundle"]
    assert {case.name for _, case in (*after.pairs, *after.later)} == {
        case.name for _, case in (*before.pairs, *before.later)
    }


@pytest.mark.parametrize(
    ("choice", "hint"),
    [
        ({"only": ["MONO-01"]}, "did you mean 'MON-01'?"),
        ({"classes": ["MONN"]}, "did you mean 'MON'?"),
        ({"only": ["heathy"]}, "did you mean 'healthy'?"),
    ],
)
def test_an_unknown_defect_is_wrong_use(plan: Plan, choice: dict[str, Any], hint: str) -> None:
    """A misspelt id or class is answered with the nearest one."""
    with pytest.raises(UsageError) as refused:
        trials_of(plan, **choice)
    assert hint in str(refused.value)


def test_every_shipped_variation_and_defect_can_be_read(plan: Plan) -> None:
    """The shipped suite has at least thirty defects and the named innocent variations, each with cases and words."""
    trials = trials_of(plan)
    assert sum(trial.kind == "defect" for trial in trials) >= 30
    assert [trial.id for trial in trials if trial.kind == "healthy"] == [HEALTHY]
    assert {"INN-01", "INN-02", "INN-12", "INN-42"} <= {trial.id for trial in trials if trial.kind == "innocent"}
    assert all(trial.pairs and trial.meaning for trial in trials)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("cases = []", "a variation without a case"),
        ('cases = ["eurr"]', "did you mean 'eur'?"),
        ('case = ["eur"]', "did you mean 'cases'?"),
        ('cases = ["eur"]\nstart = "soon"', "start is no instant"),
        ('[[purchase]]\nlike = "F01[eur]"\ncolour = "red"', "a field it cannot have"),
        ("cases = [", "is no TOML"),
    ],
)
def test_a_wrong_variation_names_its_file(plan: Plan, text: str, hint: str) -> None:
    """A mistake in a variation's file is told with the file."""
    folder = plan.profile.folder / "scenarios" / "innocent"
    folder.mkdir(parents=True)
    (folder / "INN-99.toml").write_text(text)
    with pytest.raises(UsageError) as refused:
        trials_of(plan)
    assert hint in str(refused.value)
    assert "INN-99.toml" in str(refused.value)


def test_a_purchase_of_its_own(plan: Plan) -> None:
    """A variation may buy other goods in another currency than the case it is like."""
    folder = plan.profile.folder / "scenarios" / "innocent"
    folder.mkdir(parents=True)
    (folder / "INN-99.toml").write_text(
        '[shop]\ncash_rounding = { CHF = "0.05" }\n[[purchase]]\nlike = "F01[eur]"\nname = "chf"\n'
        'currency = "CHF"\nlines = [["0018", 2]]\n'
    )
    [trial] = trials_of(plan, only=["INN-99"])
    [(flow, case)] = trial.pairs
    assert (flow.id, case.name, case.purchase.currency, case.purchase.lines) == (
        "F01",
        "INN-99 chf",
        "CHF",
        (("0018", 2),),
    )
    assert trial.settings == {"cash_rounding": {"CHF": "0.05"}}
