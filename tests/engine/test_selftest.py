"""`assay selftest`: it sees what is wrong, stays silent where nothing is, and says so where it missed something."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InfrastructureError, UsageError
from assay.events import Finding, Outcome, Progress, Result
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.oracles.cause import UNKNOWN
from assay.runners.campaign import flows_of
from assay.runners.lane import Tried
from assay.runners.selftest import as_json, as_markdown, exit_code_of, self_test, sentences_of, summary, write
from assay.runners.trials import HEALTHY, Trial, sampled, trials_of
from assay.runners.verdict import Verdict
from assay.suite_flows import choose
from tests.conftest import Project

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


@pytest.mark.full
@pytest.mark.needs_java
@pytest.mark.xdist_group("selftest")
def test_two_are_caught_one_is_missed_and_the_healthy_shop_is_silent(
    plan: Plan, small: Callable[..., list[Trial]]
) -> None:
    """MON-01 and ORD-30 turn the thread red by the right oracle; what it cannot show is a miss and ends with 1."""
    heard: list[object] = []
    tried = self_test(plan, small(HEALTHY, "MON-01", "ORD-30", "CAR-02"), listen=heard.append)
    content = as_json(tried)
    told = [each.detail for each in heard if isinstance(each, Progress) and each.state in ("ready", "failed")]
    assert ["1/4" in told[0], " left" in told[0], "4/4" in told[-1], " left" in told[-1]] == [True, True, True, False]
    assert {id: each["caught"] for id, each in content["defects"].items()} == {
        "MON-01": True,
        "ORD-30": True,
        "CAR-02": False,
    }
    assert content["defects"]["CAR-02"]["oracles"] == []  # no rate of yesterday, no event of the trial before
    assert "O-M1" in content["defects"]["MON-01"]["oracles"]
    assert "O-O1" in content["defects"]["ORD-30"]["oracles"]
    assert "JPY was sent with 2 decimals" in content["defects"]["MON-01"]["sentence"]
    assert content["healthy"]["alarms"] == []
    assert content["healthy"]["evaluated"] > 10
    counts = {"defects": 3, "caught": 2, "otherwise": 0, "missed": 1, "waiting": 0, "innocent": 0, "alarms": 0}
    assert content["counts"] == counts
    assert exit_code_of(tried) == content["exit_code"] == 1
    assert exit_code_of([each for each in tried if each.trial.id != "CAR-02"]) == 0
    paths = write(plan, content, plan.profile.folder / "s.json")
    assert json.loads((plan.profile.folder / "s.json").read_text()) == content
    matrix = next(path for path in paths if path.suffix == ".md").read_text()
    assert "| CAR-02 | **missed** |" in matrix
    assert "| MON-01 | yes |" in matrix


@pytest.mark.full
@pytest.mark.needs_java
@pytest.mark.xdist_group("selftest")
def test_a_landscape_that_does_not_start_is_no_catch(plan: Plan, small: Callable[..., list[Trial]]) -> None:
    """A defect whose file names an unknown seam is wrong configuration (2), not a defect that was seen."""
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "MON-99.py").write_text('"""MON-99: no such seam."""\n\nSEAMS = {"to_minor_unitz": lambda: None}\n')
    own = replace(plan, defect_folders=(folder,))
    [trial] = [replace(each, pairs=small("MON-01")[0].pairs, later=()) for each in trials_of(own, only=["MON-99"])]
    tried = self_test(own, [trial])
    assert exit_code_of(tried) == 2
    assert "to_minor_units" in " ".join(as_json(tried)["defects"]["MON-99"]["trouble"])


def _tried(trial: Trial, *red: str) -> Tried:
    """What came of a trial in which these oracles were red."""
    findings = tuple(Finding(oracle=oracle, result=Result.FAIL, order_ref="1") for oracle in red)
    outcome = Outcome(flow="F01", case="eur", environment="local", findings=findings)
    return Tried(trial, Verdict(outcomes=[outcome]), 1.0, 0.5)


@pytest.mark.parametrize(
    ("red", "caught", "as_declared", "code"),
    [
        (("O-M1", "O-M3"), True, True, 0),
        (("O-E2",), True, True, 0),
        (("O-M3",), True, False, 1),
        ((), False, False, 1),
    ],
)
def test_a_defect_must_be_found_by_an_oracle_its_file_names(
    red: tuple[str, ...], caught: bool, as_declared: bool, code: int
) -> None:
    """One of CAUGHT_BY is enough; another oracle alone is said to be another one and ends with 1, as a miss does."""
    trial = Trial(id="MON-01", kind="defect", meaning="wrong", pairs=(), caught_by=("O-M1", "O-E2"))
    content = as_json([_tried(trial, *red)])
    found = content["defects"]["MON-01"]
    assert (found["caught"], found["as_declared"], content["exit_code"]) == (caught, as_declared, code)
    assert ("by another oracle than declared" in summary(content)) is (caught and not as_declared)
    matrix = as_markdown(content)
    assert ("| MON-01 | by another oracle |" in matrix) is (caught and not as_declared)
    assert ("**x**" in matrix.split("| MON-01")[1]) is as_declared


def test_what_waits_is_listed_with_the_reason_and_never_green(plan: Plan) -> None:
    """A defect whose file says WAITS_FOR is not tried and not counted; alone it is nothing that ran (5)."""
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "MON-96.py").write_text('"""MON-96: refunds."""\n\nWAITS_FOR = "F06: refunds"\nSEAMS = {}\n')
    waiting = trials_of(replace(plan, defect_folders=(folder,)), only=["MON-96"])
    tried = self_test(plan, waiting)
    content = as_json(tried, waiting)
    assert tried == []
    assert content["waiting"] == {"MON-96": {"meaning": "refunds.", "waits_for": "F06: refunds"}}
    assert (content["counts"]["waiting"], content["counts"]["defects"], content["exit_code"]) == (1, 0, 5)
    assert "| MON-96: refunds. | F06: refunds |" in as_markdown(content)


def test_a_finding_with_a_cause_is_told_before_one_without() -> None:
    """The first sentence is one that explains, not one whose pattern nobody knows."""
    trial = Trial(id="ORD-26", kind="defect", meaning="wrong", pairs=())
    tried = _tried(trial)
    causes = ("", f"{UNKNOWN}: 1.441 times", "the quantity that was ordered was shipped")
    findings = tuple(Finding(oracle="O-K1", result=Result.FAIL, order_ref="1", cause=cause) for cause in causes)
    tried.verdict.outcomes[0] = replace(tried.verdict.outcomes[0], findings=findings)
    assert causes[2] in sentences_of(tried)[0]


class _Stuck:
    """A lane whose trial goes on until its landscape is ended."""

    def __init__(self, *_: object) -> None:
        self.busy_s = 0.0
        self._ended = threading.Event()

    def attempt(self, trial: Trial) -> Tried:
        self.busy_s = 1e6
        assert self._ended.wait(20)
        raise InfrastructureError("a process of the landscape does not answer", where=trial.id)

    def interrupt(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self.busy_s = 0.0


def test_a_trial_that_never_ends_is_ended_as_trouble(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a landscape stands still for ever, the self-test goes on and says so (3)."""
    monkeypatch.setattr("assay.runners.selftest.Lane", _Stuck)
    tried = self_test(plan, [Trial(id=id, kind="defect", meaning="", pairs=()) for id in ("PAY-16", "PAY-17")], lanes=1)
    assert [each.trial.id for each in tried] == ["PAY-16", "PAY-17"]
    assert exit_code_of(tried) == 3


def test_ids_and_classes_may_be_repeated(tmp_path: Path) -> None:
    """Every --only and every --class counts, whether repeated or listed; what waits is printed with its reason."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    done = Project(tmp_path).type("selftest", "--only", "CAR-09", "--only", "SEC-05,ERP-08", "--class", "SSO")
    assert done.returncode == 5, done.stderr
    for id in ("CAR-09", "SEC-05", "ERP-08", "SSO-01"):
        assert re.search(rf"^{id} +waiting for \w", done.stdout, re.MULTILINE), done.stdout
    assert "0 of 0 defects caught, 4 waiting" in done.stdout
    assert json.loads((tmp_path / "reports" / "out" / "selftest.json").read_text())["counts"]["waiting"] == 4


def test_a_variation_in_which_nothing_was_judged_is_not_silent() -> None:
    """An innocent trial without a verdict does not end with 0."""
    trial = Trial(id="INN-01", kind="innocent", meaning="legal", pairs=())
    assert exit_code_of([Tried(trial, Verdict(), 1.0, 0.5)]) == 5


@given(text=st.text(min_size=1), data=st.data())
def test_a_sample_holds_a_defect_for_each_oracle_and_every_variation(text: str, data: st.DataObject) -> None:
    """Whatever the text, each oracle that catches any has one to catch; the same text chooses the same."""
    oracles = st.lists(st.sampled_from(["O-M1", "O-M3", "O-E2", "step"]), max_size=3, unique=True)
    trials = [
        Trial(id=f"MON-{number:02}", kind="defect", meaning="", pairs=(), caught_by=tuple(caught_by))
        for number, caught_by in enumerate(data.draw(st.lists(oracles, max_size=8)))
    ]
    trials += [Trial(id=id, kind=kind, meaning="", pairs=()) for id, kind in (("INN-1", "innocent"), ("H", "healthy"))]
    taken = sampled(trials, text)
    wanted = {oracle for trial in trials for oracle in trial.caught_by} - {"step"}
    assert wanted <= {oracle for trial in taken for oracle in trial.caught_by}
    assert [trial.id for trial in taken if trial.kind != "defect"] == ["INN-1"]
    assert taken == sampled(trials, text)
    assert sum(trial.kind == "defect" for trial in taken) <= len(wanted)


def test_samples_of_other_commits_hold_other_defects(plan: Plan) -> None:
    """Over a few commits nearly every defect has its turn."""
    trials = trials_of(plan)
    able = {trial.id for trial in trials if set(trial.caught_by) - {"step"}}
    seen = {trial.id for number in range(60) for trial in sampled(trials, f"commit {number}")} & able
    assert len(seen) >= 0.8 * len(able)


def test_cases_named_in_the_file_go_first(plan: Plan) -> None:
    """SHOWN_BY chooses the cases of a defect; without it all of F01 are tried, those that run alone last."""
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "MON-98.py").write_text(
        '"""MON-98: named."""\n\nSHOWN_BY = ("jpy", "thread[eur]")\n'
        'CAUGHT_BY = ("O-M1", "step")\nSETTINGS = {"page_size": 1}\nSEAMS = {}\n'
    )
    (folder / "MON-97.py").write_text('"""MON-97: not named."""\n\nSEAMS = {}\n')
    named, unnamed = (trials_of(replace(plan, defect_folders=(folder,)), only=[id])[0] for id in ("MON-98", "MON-97"))
    assert [(flow.id, case.name) for flow, case in named.pairs] == [("F01", "jpy"), ("thread", "eur")]
    assert (named.later, named.caught_by, named.settings) == ((), ("O-M1", "step"), {"page_size": 1})
    assert (unnamed.caught_by, unnamed.settings) == ((), {})
    assert unnamed.later
    assert all(case.alone for _, case in unnamed.later)
    assert not any(case.alone for _, case in unnamed.pairs)


def test_what_showed_a_defect_last_time_is_tried_first(plan: Plan) -> None:
    """The last matrix orders the cases; none is left out for it."""
    out = plan.profile.folder / "reports" / "out"
    out.mkdir(parents=True)
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "CAR-99.py").write_text('"""CAR-99: not named."""\n\nSEAMS = {}\n')
    own = replace(plan, defect_folders=(folder,))
    [before] = trials_of(own, only=["CAR-99"])
    (out / "selftest.json").write_text(json.dumps({"defects": {"CAR-99": {"cases": ["F01[bundle]"]}}}))
    [after] = trials_of(own, only=["CAR-99"])
    assert [case.name for _, case in after.pairs] == ["bundle"]
    assert {case.name for _, case in (*after.pairs, *after.later)} == {
        case.name for _, case in (*before.pairs, *before.later)
    }


def test_a_class_brings_what_must_be_told_from_it(plan: Plan) -> None:
    """Money's defects are tried together with money's innocent variations, and with nobody else's."""
    kinds = {trial.id: trial.kind for trial in trials_of(plan, classes=["MON"])}
    assert {"MON-01", "INN-01", "INN-11"} <= kinds.keys()
    assert not {"INN-12", "ORD-01", HEALTHY} & kinds.keys()


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


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('SHOWN_BY = "jpy"', "expected: ('jpy', 'F01[kwd]')"),
        ("SHOWN_BY = ()", "SHOWN_BY cannot be read"),
        ('SHOWN_BY = ("jpyy",)', "did you mean 'jpy'?"),
        ('CAUGHT_BY = ("O-M99",)', "no oracle 'O-M99'"),
        ('CAUGHT_BY = ["O-M1", 2]', "CAUGHT_BY cannot be read"),
        ("WAITS_FOR = f()", "WAITS_FOR cannot be read"),
        ('SETTINGS = "page_size"', "SETTINGS cannot be read"),
    ],
)
def test_a_wrong_name_in_a_defect_file_names_the_file(plan: Plan, line: str, hint: str) -> None:
    """What a defect's file says as data is checked when it is read, not when it fails to be caught."""
    folder = plan.profile.folder / "more"
    folder.mkdir()
    (folder / "MON-95.py").write_text(f'"""MON-95: wrong."""\n\n{line}\nSEAMS = {{}}\n')
    with pytest.raises(UsageError) as refused:
        trials_of(replace(plan, defect_folders=(folder,)))
    assert hint in str(refused.value)
    assert "MON-95.py" in str(refused.value)


def test_every_shipped_variation_and_defect_can_be_read(plan: Plan) -> None:
    """The shipped suite has at least thirty defects and the named innocent variations, each with cases and words."""
    trials = [trial for trial in trials_of(plan) if trial.kind != "waiting"]
    assert sum(trial.kind == "defect" for trial in trials) >= 30
    assert [trial.id for trial in trials if trial.kind == "healthy"] == [HEALTHY]
    assert {"INN-01", "INN-02", "INN-12", "INN-42"} <= {trial.id for trial in trials if trial.kind == "innocent"}
    assert all(trial.pairs and trial.meaning for trial in trials)


def test_every_shipped_defect_says_what_shows_it_and_what_must_find_it_or_what_it_waits_for(plan: Plan) -> None:
    """None runs all of F01 for want of a name; thirty and more of the six families can be caught; most by an oracle."""
    trials = [trial for trial in trials_of(plan) if trial.kind in ("defect", "waiting")]
    able = [trial for trial in trials if trial.kind == "defect"]
    assert [trial.id for trial in able if trial.later or not trial.caught_by or len(trial.pairs) > 3] == []
    families = ("MON", "ORD", "STK", "CAR", "ERP", "PAY")
    assert sum(trial.id.startswith(families) and trial.caught_by != ("step",) for trial in able) >= 30
    assert all(trial.waits_for for trial in trials if trial.kind == "waiting")


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


def test_an_interrupted_self_test_keeps_what_was_tried() -> None:
    """Its file says 130 and holds the trials that were over; none of them is called missed for the interruption."""
    trial = Trial(id="MON-01", kind="defect", meaning="", pairs=())
    content = as_json([Tried(trial, Verdict(outcomes=[]), 1.0, 0.1)], interrupted=True)
    assert content["exit_code"] == 130
    assert list(content["defects"]) == ["MON-01"]


@pytest.mark.parametrize("option", ["--class", "--only"])
def test_naming_nothing_is_no_way_to_try_everything(plan: Plan, project: Project, option: str) -> None:
    """An empty list, as a variable that is not set leaves it, is refused at once."""
    done = project.type("selftest", option, "", "--profile", str(plan.profile.folder / "assay.toml"))
    assert done.returncode == 2 and "name what is tried" in done.stderr
