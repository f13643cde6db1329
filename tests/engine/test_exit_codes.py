"""One exit code over everything that happened, and the verdict file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay.errors import InfrastructureError, SafetyError, UsageError
from assay.events import Finding, Outcome, Result, RunStarted, StepDone
from assay.money import Money
from assay.reporting import record_of
from assay.runners.verdict import Trouble, Verdict, as_json, code_of_reason, read_json, write_json

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def finding(result: Result, oracle: str = "O-M1", reason: str = "") -> Finding:
    """Return a verdict of one oracle."""
    return Finding(
        oracle=oracle, result=result, order_ref="A1", systems=("shop", "stripe"), expected="80", seen="8000",
        cause="exponent", reason=reason, at_risk=Money(7920, "JPY") if result is Result.FAIL else None,
    )  # fmt: skip


def outcome(*findings: Finding, codes: tuple[int, ...] = (), undo: str = "none") -> Outcome:
    """Return an outcome with these verdicts and a failed step for each code."""
    steps = tuple(
        StepDone(name="pay", started_at=NOW, seconds=0.1, error="it broke" if code else None, code=code)
        for code in codes
    )
    return Outcome(flow="F01", case="eur", environment="local", steps=steps, findings=findings, undo=undo)


GOOD, BAD = finding(Result.PASS), finding(Result.FAIL)


@pytest.mark.parametrize(
    ("outcomes", "troubles", "expected"),
    [
        ([outcome(GOOD)], [], 0),
        ([outcome(GOOD, codes=(0,))], [], 0),
        ([outcome(GOOD, BAD)], [], 1),
        ([outcome(GOOD, codes=(1,))], [], 1),
        ([outcome(GOOD, undo="leaked")], [], 1),
        ([outcome(GOOD, undo="open")], [], 3),
        ([outcome(GOOD, codes=(3,))], [], 3),
        ([outcome(GOOD, codes=(2,))], [], 2),
        ([], [], 5),
        ([outcome()], [], 5),
        ([outcome(finding(Result.NOT_EVALUATED, reason="erp: no answer"))], [], 5),
        ([outcome(BAD)], [InfrastructureError("away")], 3),
        ([outcome(BAD)], [InfrastructureError("away"), UsageError("wrong")], 2),
        ([outcome(BAD, codes=(3,))], [UsageError("wrong"), SafetyError("no")], 4),
        ([], [InfrastructureError("away")], 3),
    ],
)
def test_the_worst_counts(outcomes: list[Outcome], troubles: list[Exception], expected: int) -> None:
    """Of several, 4 comes before 2 before 3 before 1; 5 where nothing was judged; never 0 over nothing."""
    verdict = Verdict(outcomes=outcomes, trouble=[Trouble.of(each) for each in troubles])
    assert verdict.exit_code == expected


def test_interrupted_is_130() -> None:
    """An interrupted run says so, whatever it had found."""
    assert Verdict(outcomes=[outcome(BAD)], interrupted=True).exit_code == 130


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("erp: sap_s4hana did not answer", 3),
        ("journal: the journal has a gap", 3),
        ("erp: environment 'local' has no system of role 'erp'", 1),
        ("no rounding is declared: policies.rounding in the profile", 1),
        ("shop: the shop's connector has no verb 'messages'", 1),
        ("", 1),
    ],
)
def test_a_required_oracle_that_was_not_evaluated(reason: str, code: int) -> None:
    """It is 3 where its witness could not be read, 1 where a parameter, verb or system is missing."""
    assert code_of_reason(reason) == code
    unjudged = finding(Result.NOT_EVALUATED, "O-E2", reason)
    verdict = Verdict(require=["O-M1", "O-E2"], outcomes=[outcome(GOOD, unjudged)])
    assert verdict.exit_code == code
    assert "O-E2 is required here" in " ".join(verdict.sentences())


def test_one_verdict_is_enough_for_a_required_oracle() -> None:
    """An oracle evaluated for one order is evaluated, whatever the others lack."""
    unjudged = finding(Result.NOT_EVALUATED, reason="nothing is captured yet")
    assert Verdict(require=["O-M1"], outcomes=[outcome(unjudged), outcome(GOOD)]).exit_code == 0


def test_an_error_that_is_not_ours_names_its_place() -> None:
    """A connector's own exception is told with file and line, as trouble of infrastructure."""
    try:
        raise ZeroDivisionError("division by zero")
    except ZeroDivisionError as error:
        trouble = Trouble.of(error, "F01[eur]")
    assert trouble.code == 3
    assert "F01[eur]: ZeroDivisionError: division by zero" in trouble.text
    assert Path(__file__).name in trouble.text


def test_the_verdict_file(tmp_path: Path) -> None:
    """It is versioned and holds verdict, counts, findings with money at risk, and what was not evaluated and why."""
    verdict = Verdict(outcomes=[outcome(GOOD, BAD, finding(Result.NOT_EVALUATED, "O-E2", "erp: away"), codes=(1,))])
    started = RunStarted(
        run_id="r1", runner="run", environment="local", view="forward_proxy", started_at=NOW, seed=7, planned=1
    )
    run = record_of([started, *verdict.outcomes], evaluated_before={"O-M1", "O-K4"})
    write_json(tmp_path / "deep" / "v.json", as_json(verdict, run, command="run", reports={}))
    content = read_json(tmp_path / "deep" / "v.json")
    assert (content["version"], content["command"], content["run_id"], content["seed"]) == (1, "run", "r1", 7)
    assert (content["exit_code"], content["verdict"]) == (1, "failed")
    assert content["oracles"]["O-M1"] == {"passed": 1, "failed": 1, "not_evaluated": 0}
    [found] = content["findings"]
    assert found["at_risk"] == {"amount": "7920", "currency": "JPY"}
    assert "expected 80, seen 8000" in found["sentence"]
    assert content["not_evaluated"] == [{"oracle": "O-E2", "reason": "erp: away", "count": 1}]
    assert content["lost"] == ["O-K4"]
    assert content["failed_steps"][0]["step"] == "pay"


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"version": 2})])
def test_a_verdict_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    """A reader refuses a version it does not know, and what is no verdict at all."""
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(UsageError, match="verdict file"):
        read_json(tmp_path / "v.json")
