"""A flow acts in named, timed steps, is declared rightly or refused, and never raises into its runner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.errors import InfrastructureError, UsageError
from assay.events import Finding, Outcome, Result
from assay.flow import Case, Flow, Run, flow, perform
from assay.roles import Purchase

EUR = Case("eur", Purchase(currency="EUR", lines=(("0017", 1),), email="a@example.com"))


@dataclass
class Still:
    """Surroundings whose landscape time moves only by waiting."""

    limit: float = 0.2
    at: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    waits: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """The landscape's instant."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Let landscape time pass and no real time."""
        self.waits.append(seconds)
        self.at += timedelta(seconds=seconds)

    def limit_s(self, role: str) -> float:
        """The same limit for every role."""
        return self.limit


def _run(declared: Flow, roles: dict[str, Any] | None = None, surroundings: Still | None = None) -> Outcome:
    return perform(declared, declared.cases[0], roles or {}, surroundings or Still(), "local")


def test_a_flow_gets_the_roles_it_names() -> None:
    """Parameters after `run` are filled with the landscape's connectors of that role, in the flow's order."""
    got: list[object] = []

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run, erp: object, shop: object) -> None:
        got.extend([erp, shop, run.case])

    outcome = _run(act, {"shop": "the shop", "erp": "the ERP", "rates": "unused"})
    assert act.roles == ("erp", "shop")
    assert got == ["the ERP", "the shop", EUR]
    assert (outcome.flow, outcome.case, outcome.environment, outcome.failed) == ("F", "eur", "local", False)


def test_steps_and_orders_are_recorded() -> None:
    """Each step is recorded with its name, landscape time and duration; orders in the order they were bought."""

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        with run.step("first"):
            run.surroundings.wait(60)
            assert run.bought("o-1") == "o-1"
        with run.step("second"):
            run.bought("o-2")

    outcome = _run(act)
    assert [step.name for step in outcome.steps] == ["first", "second"]
    assert outcome.steps[1].started_at - outcome.steps[0].started_at == timedelta(seconds=60)
    assert all(step.error is None and 0 <= step.seconds < 5 for step in outcome.steps)
    assert outcome.order_refs == ("o-1", "o-2")


def test_a_failed_step_ends_the_flow_and_is_an_outcome() -> None:
    """What a step raises is recorded with its name and ends the flow; the orders bought until then are kept."""
    after: list[str] = []

    def away() -> None:
        raise InfrastructureError("the ERP is away")

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        with run.step("buy"):
            run.bought("o-1")
        with run.step("see it"):
            away()
        after.append("never")

    outcome = _run(act)
    assert outcome.failed
    buy, see = outcome.steps
    assert (buy.name, buy.error, buy.code) == ("buy", None, 0)
    assert (see.name, see.code) == ("see it", 3)
    assert re.fullmatch(r"InfrastructureError: the ERP is away \(.*test_flow\.py:\d+\)", see.error or "")
    assert outcome.order_refs == ("o-1",)
    assert after == []


@pytest.mark.parametrize("when", ["before any step", "after a good step"])
def test_a_failure_outside_any_step_is_no_success(when: str) -> None:
    """Code between the steps that raises fails the outcome as well, by name."""

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        if when == "after a good step":
            with run.step("good"):
                pass
        raise LookupError("lost")

    outcome = _run(act)
    assert outcome.failed
    assert outcome.steps[-1].name == "outside any step"
    assert str(outcome.steps[-1].error).startswith("LookupError: lost (")


def test_an_inner_step_names_the_failure_once() -> None:
    """A step within a step: both are recorded, the flow is failed, and nothing is raised."""

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        with run.step("outer"), run.step("inner"):
            raise ValueError("x")

    outcome = _run(act)
    assert [step.name for step in outcome.steps if step.error] == ["inner", "outer"]
    assert str(outcome.steps[0].error).startswith("ValueError: x (")


def test_interruption_is_not_swallowed() -> None:
    """Ctrl-C during a flow reaches the runner."""

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        with run.step("slow"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(act)


def test_eventually_returns_what_it_saw() -> None:
    """Looking goes on until something true comes back, with growing pauses, and returns it."""
    answers: Iterator[Any] = iter([None, [], "", "seen"])
    surroundings = Still(limit=60)
    run = Run(EUR, surroundings)
    assert run.eventually(lambda: next(answers), within="erp") == "seen"
    assert surroundings.waits == sorted(surroundings.waits)
    assert len(surroundings.waits) == 3


def test_eventually_ends_with_the_limit_it_had() -> None:
    """Nothing seen within the role's limit is a TimeoutError that names limit and policy; it looks at least once."""
    looks: list[int] = []
    with pytest.raises(TimeoutError, match=r"0\.01 s \(policies\.freshness\.carrier\)"):
        Run(EUR, Still(limit=0.01)).eventually(lambda: looks.append(1), within="carrier")
    assert looks


@pytest.mark.parametrize(("bad", "hint"), [("shopp", "did you mean 'shop'?"), ("pay", "known: ")])
def test_an_unknown_role_is_refused_at_declaration(bad: str, hint: str) -> None:
    """A flow that asks for a role nobody has is refused when it is declared, with the nearest role."""
    scope: dict[str, Any] = {}
    exec(f"def act(run, {bad}): pass", scope)
    with pytest.raises(UsageError, match=f"role '{bad}'") as refused:
        flow(id="F", title="t", cases=[EUR])(scope["act"])
    assert str(refused.value.hint).startswith(hint)


def test_an_unknown_tag_and_no_case_are_refused() -> None:
    """Tags are a closed list and a flow without a case would run nothing: both are refused when declared."""

    def act(run: Run) -> None:
        """Do nothing."""

    with pytest.raises(UsageError, match="tag 'mony'") as refused:
        flow(id="F", title="t", cases=[EUR], tags=["mony"])(act)
    assert refused.value.hint == "did you mean 'money'?"
    with pytest.raises(UsageError, match="has no case"):
        flow(id="F", title="t", cases=[])(act)


def test_an_unknown_case_is_suggested() -> None:
    """Asking a flow for a case it lacks names the nearest one."""
    declared = flow(id="F", title="t", cases=[EUR])(lambda run: None)
    assert declared.case("eur") is EUR
    with pytest.raises(UsageError, match="no case 'eurr'") as refused:
        declared.case("eurr")
    assert refused.value.hint == "did you mean 'eur'?"


def _finding(result: Result, **more: Any) -> Finding:
    return Finding(oracle="O-X", result=result, order_ref="1001", **more)


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (_finding(Result.PASS), "O-X holds for order 1001"),
        (_finding(Result.NOT_EVALUATED, reason="no tax"), "O-X not evaluated: no tax"),
        (
            _finding(Result.FAIL, systems=("shop", "erp"), expected="1", seen="2", cause="posted twice"),
            "O-X: order 1001 in shop and erp: expected 1, seen 2. Likely cause: posted twice.",
        ),
    ],
)
def test_a_finding_is_one_sentence(finding: Finding, sentence: str) -> None:
    """Each verdict says in one sentence what holds, what does not and why, or why nobody knows."""
    assert finding.sentence() == sentence


def test_an_outcome_counts_verdicts_only() -> None:
    """What was not evaluated counts neither as a verdict nor as a failure; one failed oracle fails the outcome."""
    blind = Outcome(flow="F", case="c", environment="e", findings=(_finding(Result.NOT_EVALUATED),))
    assert (blind.evaluated, blind.failed) == (0, False)
    mixed = Outcome(flow="F", case="c", environment="e", findings=(_finding(Result.PASS), _finding(Result.FAIL)))
    assert (mixed.evaluated, mixed.failed) == (2, True)
