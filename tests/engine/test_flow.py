"""A flow acts in named, timed steps, is declared rightly or refused, and never raises into its runner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from assay.errors import InfrastructureError, SafetyError, UsageError
from assay.events import Finding, Outcome, Result
from assay.flow import Case, Flow, Run, Watched, flow, look_again, perform
from assay.money import Money
from assay.records import Call
from assay.roles import Asked, Purchase, Storefront

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


def test_a_soft_check_fails_the_outcome_and_not_the_flow() -> None:
    """What a check finds wrong is a failed soft step with its place; the flow goes on; a right one leaves no trace."""

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        with run.step("see"):
            assert run.check(1 + 1 == 2, "sums add up")
            assert not run.check([], "one document at least")
            run.bought("o-1")

    outcome = _run(act)
    soft, see = outcome.steps
    assert (soft.name, soft.soft, soft.code, see.error) == ("see", True, 1, None)
    assert re.fullmatch(r"not so: one document at least \(.*test_flow\.py:\d+\)", str(soft.error))
    assert (outcome.failed, outcome.order_refs) == (True, ("o-1",))


def test_what_the_customer_saw_belongs_to_an_order() -> None:
    """Amounts shown before an order belong to the next one bought, those after it to the last; each keeps its place."""
    one, two = Money(100, "EUR"), Money(200, "EUR")

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        assert run.saw("product 0017", one) is one
        run.bought("o-1")
        run.saw("confirmation", one)
        run.saw("cart", two)
        run.bought("o-2")
        run.saw("message", one, order="o-1")
        run.saw("product 0018", two)

    outcome = _run(act)
    assert outcome.shown_for("o-1") == (("product 0017", one), ("confirmation", one), ("message", one))
    assert outcome.shown_for("o-2") == (("cart", two),)
    assert outcome.shown_for("") == (("product 0018", two),)
    with pytest.raises(UsageError, match="nobody is shown an amount at 'confirmaton'") as refused:
        Run(EUR, Still()).saw("confirmaton", one)
    assert refused.value.hint == "did you mean 'confirmation'?"


def test_a_flow_without_a_ledger_keeps_nothing() -> None:
    """Where nothing must be taken back a purchase is placed all the same and the outcome has nothing to undo."""

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run, shop: Any) -> None:
        run.buy(shop)

    placed: list[Purchase] = []

    class Counter:
        def place(self, purchase: Purchase) -> str:
            placed.append(purchase)
            return "o-1"

    outcome = _run(act, {"shop": Counter()})
    assert (outcome.order_refs, outcome.undo, placed) == (("o-1",), "none", [EUR.purchase])


def test_an_execution_has_a_customer_of_its_own() -> None:
    """An execution with an id buys under an address nobody else has; the case's name and goods stay."""
    seen: list[Case] = []
    declared = flow(id="F", title="t", cases=[EUR])(lambda run: seen.append(run.case))
    outcome = perform(declared, EUR, {}, Still(), "local", id="x7")
    assert (outcome.id, seen[0].purchase.email, seen[0].name) == ("x7", "a-x7@example.com", "eur")
    perform(declared, EUR, {}, Still(), "production", id="x8", cut=True)
    assert seen[1] == EUR, "in production an allow list names the customer"
    coupon = Case("c", replace(EUR.purchase, coupon="TEN", lines=(("1", 1), ("0017", 2), ("1", 3))))
    assert coupon.lease_names == ("sku:1", "sku:0017", "coupon:TEN")


def test_production_ends_a_flow_at_its_cut() -> None:
    """Cut, a flow ends after the named step, without failing and whatever it catches; uncut it goes on."""

    @flow(id="F", title="t", cases=[EUR], production_cut="read back", reversible=True)
    def act(run: Run) -> None:
        with run.step("all of it"):
            try:
                with run.step("read back"):
                    run.bought("o-1")
            except Exception:
                pytest.fail("the cut was caught")
        with run.step("ship"):
            run.bought("o-2")

    cut = perform(act, EUR, {}, Still(), "production", cut=True)
    assert (cut.failed, cut.order_refs) == (False, ("o-1",))
    assert [step.name for step in cut.steps] == ["read back", "all of it"]
    assert _run(act).order_refs == ("o-1", "o-2")
    with pytest.raises(UsageError, match="cut after 'raed back'") as refused:
        flow(id="F", title="t", cases=[EUR], production_cut="raed back")(act.act)
    assert refused.value.hint == "did you mean 'read back'?"


def test_a_flow_has_a_deadline() -> None:
    """A flow that takes longer than its deadline fails in the step it is in, also while it waits for something."""

    @flow(id="F", title="t", cases=[EUR], deadline_s=0.05)
    def act(run: Run) -> None:
        with run.step("wait"):
            run.eventually(lambda: None, within="erp")

    [step] = _run(act, surroundings=Still(limit=60)).steps
    assert (step.name, step.code) == ("wait", 1)
    assert "longer than 0.05 s (its deadline_s)" in str(step.error)


def test_what_was_seen_is_looked_at_again() -> None:
    """What `eventually` saw and what is gone at twice the limit is a failed step; what stayed is none."""
    documents = {"kept": 1, "gone": 1, "broken": 1}

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run) -> None:
        for name in list(documents):
            with run.step(name):
                run.eventually(partial(documents.__getitem__, name), within="erp")

    watched: list[Watched] = []
    assert not perform(act, EUR, {}, Still(), "local", watch=watched.append).failed
    assert look_again(watched, Still()) == ()
    documents.update(gone=0)
    del documents["broken"]
    gone, broken = look_again(watched, Still())
    assert (gone.name, gone.error) == ("gone, looked at again", "it was there and is gone at twice the limit")
    assert (broken.name, broken.code) == ("broken, looked at again", 1)
    assert "KeyError" in str(broken.error)


def test_a_landscape_without_the_role_is_refused() -> None:
    """A flow that needs a system the environment lacks is wrong use, before anything is done."""
    declared = flow(id="F", title="t", cases=[EUR])(lambda run, carrier: None)
    with pytest.raises(UsageError, match="F needs a system of role 'carrier'"):
        _run(declared, {"shop": object()})


@pytest.mark.parametrize(("error", "code"), [(SafetyError("no"), 4), (UsageError("no"), 2), (ValueError("no"), 1)])
def test_a_failed_step_says_which_exit_code_it_asks_for(error: Exception, code: int) -> None:
    """Wrong use, infrastructure and safety refusals stay what they are in the outcome of a flow."""

    def act(run: Run) -> None:
        with run.step("try"):
            raise error

    [step] = _run(flow(id="F", title="t", cases=[EUR])(act)).steps
    assert step.code == code


def test_two_cases_of_one_name_are_refused() -> None:
    """Cases are told apart by name, so a flow cannot have two of one name."""
    with pytest.raises(UsageError, match="two cases named 'eur'"):
        flow(id="F", title="t", cases=[EUR, EUR])(lambda run: None)


@dataclass
class Operating(Still):
    """An operator, too: passes time at once, and notes the faults in force and those that were."""

    passed: list[timedelta] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    put: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def pass_time(self, span: timedelta) -> None:
        """Let landscape time pass."""
        self.passed.append(span)
        self.at += span

    def put_fault(self, kind: str, system: str, **figures: Any) -> str:
        """Put a fault in force."""
        self.put.append((kind, system, figures))
        self.faults.append(f"{kind} {system}")
        return self.faults[-1]

    def take_fault(self, name: str) -> None:
        """Take it away."""
        self.faults.remove(name)

    def configure(self, system: str, settings: Mapping[str, Any]) -> int:
        """Change nothing: no test asks for it."""
        return 0

    def restore(self, change: int) -> None:
        """Restore nothing."""

    def calls(self, system: str) -> Sequence[Call]:
        """No call was made."""
        return ()

    def asked(self, system: str) -> Sequence[Asked]:
        """Nobody was asked."""
        return ()


def test_a_flow_passes_time_only_where_the_clock_is_lent() -> None:
    """With an operator the landscape moves on, without one nothing is waited for and the flow is told so."""
    lent = Operating()
    assert Run(EUR, lent, operator=lent).pass_time(timedelta(days=2))
    assert lent.passed == [timedelta(days=2)]
    assert not Run(EUR, lent).pass_time(timedelta(days=2))
    assert len(lent.passed) == 1


def test_a_fault_is_in_force_inside_its_block_alone() -> None:
    """A fault is put before the block and taken away after it, also when the block raises."""
    lent = Operating()
    run = Run(EUR, lent, operator=lent)
    with pytest.raises(LookupError), run.fault("status", "sap_s4hana", code=503):
        assert lent.faults == ["status sap_s4hana"]
        raise LookupError
    assert lent.faults == []
    assert lent.put == [("status", "sap_s4hana", {"code": 503})]


def test_a_fault_where_no_edge_is_lent_is_refused() -> None:
    """A flow that needs a fault says so where nobody can put one."""
    with pytest.raises(UsageError, match="needs a drop fault") as refused, Run(EUR, Still()).fault("drop", "stripe"):
        pass
    assert "simulated" in str(refused.value.hint)


def test_waiting_moves_the_clock_that_is_lent() -> None:
    """What takes the landscape a quarter of an hour is not waited for in real time, and its limit is landscape time."""
    lent = Operating(limit=3600)
    began = lent.at
    run = Run(EUR, lent, operator=lent)
    assert run.eventually(lambda: lent.at - began > timedelta(minutes=40), within="carrier")
    assert sum(lent.waits) < 3
    assert lent.passed == [timedelta(minutes=15)] * 3
    with pytest.raises(TimeoutError, match=r"policies\.freshness\.carrier"):
        run.eventually(lambda: None, within="carrier")


def test_a_case_leases_what_its_bundles_are_made_of() -> None:
    """The parts of a bundle are goods of the case as much as the bundle itself."""
    bundle = replace(EUR, parts=("P-1", "0017"))
    assert bundle.goods == ("0017", "P-1")
    assert bundle.lease_names == ("sku:0017", "sku:P-1")


def test_a_connector_without_the_verbs_of_a_flow_is_refused() -> None:
    """A flow that walks through a shop page by page names the verbs that a plainer shop lacks, before it begins."""

    class Plain:
        """A shop that can be bought from, and nothing more."""

        def place(self, purchase: Purchase) -> str:
            """Buy."""
            return "o-1"

    @flow(id="F", title="t", cases=[EUR])
    def act(run: Run, shop: Storefront) -> None:
        shop.open_cart("EUR")

    with pytest.raises(UsageError, match="a shop that is a Storefront") as refused:
        _run(act, {"shop": Plain()})
    assert "Plain lacks" in str(refused.value.seen)
    assert "open_cart" in str(refused.value.seen)
