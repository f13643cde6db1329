"""The store keeps runs and outcomes whole, prunes what is old, and hands out leases to one holder at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assay.errors import UsageError
from assay.events import Exchange, Finding, Outcome, Result, RunFinished, RunStarted, StepDone
from assay.money import Money
from assay.store import Store

AT = datetime(2026, 3, 2, 9, 0, 0, 123457, tzinfo=UTC)
HOUR = timedelta(hours=1)


def started(run_id: str = "r1", at: datetime = AT) -> RunStarted:
    """The beginning of a run."""
    return RunStarted(
        run_id=run_id, runner="cli", environment="local", view="forward_proxy", started_at=at, seed=7, commit="abc"
    )


def exchange() -> Exchange:
    """One masked exchange that got no answer."""
    return Exchange(
        system="stripe",
        method="GET",
        url="https://api.stripe.com/v1/payment_intents",
        request_headers={"authorization": "Bearer ***"},
        request_body="",
        status=None,
        response_headers={},
        response_body="",
        started_at=AT,
        seconds=0.25,
        error="timed out",
    )


def outcome(name: str = "o1", *, fails: bool = False, run_id: str = "r1", oracle: str = "O-M1") -> Outcome:
    """An outcome with something in every field the store keeps."""
    finding = Finding(
        oracle=oracle,
        result=Result.FAIL if fails else Result.PASS,
        order_ref="1001",
        systems=("shop", "stripe"),
        expected="80.00 EUR",
        seen="0.80 EUR",
        formula="a = b",
        cause="minor units",
        at_risk=Money(7920, "EUR"),
        evidence=("POST /v1/payment_intents",),
    )
    blind = Finding(oracle="O-E2", result=Result.NOT_EVALUATED, order_ref="1001", reason="no ERP")
    return Outcome(
        id=name,
        run_id=run_id,
        flow="F01",
        case="eur",
        environment="local",
        title="Zoë's order",
        tags=("money",),
        runner="cli",
        seed=7,
        started_at=AT,
        seconds=1.5,
        trace_id="t",
        retries=1,
        undo="done",
        steps=(StepDone(name="place ☕", started_at=AT, seconds=0.5, error="no (x.py:1)", soft=True, code=1),) * fails
        + (StepDone(name="see", started_at=AT, seconds=0.25),),
        order_refs=("1001",),
        findings=(finding, blind),
        exchanges=(exchange(),),
        shown=(("1001", "cart", Money(8000, "EUR")),),
    )


def test_a_run_reads_back_whole(store: Store) -> None:
    """A run, its failed outcome with steps, findings, money and exchanges, and its end come back as they were."""
    record = store.recorder("local")
    finished = RunFinished(run_id="r1", finished_at=AT + HOUR, exit_code=1, trouble=("the ERP was slow",))
    for event in (started(), outcome(fails=True)):
        record(event)
    assert store.runs("local")[0].finished is None
    record(finished)
    [run] = store.runs("local")
    assert (run.started, run.finished) == (started(), finished)
    assert store.outcomes("r1") == [outcome(fails=True)]
    assert not store.runs("ci")
    assert not store.outcomes("r2")


def test_an_outcome_told_again_replaces_the_first(store: Store) -> None:
    """A repeated outcome is kept once, as it was told last; one without an id gets its own."""
    record = store.recorder("local")
    for event in (outcome(fails=True), outcome(), replace(outcome(), id=""), replace(outcome(), id="")):
        record(event)
    kept = store.outcomes("r1")
    assert len(kept) == len({each.id for each in kept}) == 3
    assert [each for each in kept if each.id == "o1"] == [outcome()]


def test_exchanges_are_sampled(store: Store) -> None:
    """Exchanges are kept of every failed outcome and of the first of every ten that passed; all else is kept of all."""
    record = store.recorder("local", keep_one_in=10)
    for number in range(20):
        record(outcome(f"passed-{number:02}"))
        record(outcome(f"failed-{number:02}", fails=True))
    kept = [each.id for each in store.outcomes("r1") if each.exchanges]
    assert [name for name in kept if name.startswith("passed")] == ["passed-00", "passed-10"]
    assert len([name for name in kept if name.startswith("failed")]) == 20
    assert all(each.findings and each.steps for each in store.outcomes("r1"))


def test_the_oracles_of_the_last_run_are_known(store: Store) -> None:
    """What reached a verdict in the last finished run is told, and in the last one before a given run."""
    assert store.last_evaluated("local") == frozenset()
    for number, oracle in enumerate(["O-M1", "O-S1", "O-K1"]):
        record, run_id = store.recorder("local"), f"r{number}"
        record(started(run_id, AT + number * HOUR))
        record(outcome(run_id, run_id=run_id, oracle=oracle))
        if number < 2:
            record(RunFinished(run_id=run_id, finished_at=AT + number * HOUR, exit_code=0))
    assert store.last_evaluated("local") == {"O-S1"}  # r2 has not ended; O-E2 was not evaluated
    assert store.last_evaluated("local", before="r1") == {"O-M1"}
    assert store.last_evaluated("local", before="r0") == store.last_evaluated("ci") == frozenset()


def test_old_results_are_pruned(store: Store) -> None:
    """Pruning removes runs, outcomes, their parts and gaps older than so many days, and no open intent; it counts."""
    for run_id, age in (("old", 40), ("new", 5)):
        record = store.recorder("local")
        record(started(run_id, AT - timedelta(days=age)))
        record(replace(outcome(run_id, run_id=run_id), started_at=AT - timedelta(days=age)))
    store.add_gap("local", AT - timedelta(days=50), AT - timedelta(days=40))
    old = AT - timedelta(days=40)
    fields = {"environment": "local", "run_id": "old", "scope": "", "system": "shop", "kind": "order", "marker": "m"}
    for _ in range(2):
        store.intents.add(
            **fields, verb="cancel", arguments={}, ref=None, holder="h:1:1", created_at=old, until=old + HOUR
        )
    done, still_open = sorted(each.number for each in store.intents.unsettled("local"))
    store.intents.settle(done, "undone", "", old)

    removed = store.prune(keep_days=30, now=AT)
    assert removed["runs"] == removed["outcomes"] == removed["steps"] == removed["gaps"] == removed["intents"] == 1
    assert removed["findings"] == 2
    assert [run.started.run_id for run in store.runs("local")] == ["new"]
    assert (store.outcomes("old"), len(store.outcomes("new")), store.gaps("local")) == ([], 1, [])
    assert [each.number for each in store.intents.unsettled("local")] == [still_open]
    assert not any(store.prune(keep_days=30, now=AT).values())
    with pytest.raises(UsageError):
        store.prune(keep_days=-1, now=AT)


def test_forgetting_keeps_what_must_be_undone(store: Store) -> None:
    """An environment that is forgotten loses its runs; an order that is still to be cancelled stays known."""
    store.recorder("local")(started())
    store.recorder("local")(outcome())
    store.intents.add(
        environment="local", run_id="r1", scope="", system="shop", kind="order", marker="m", verb="cancel",
        arguments={"reason": "é"}, ref=None, holder="h:1:1", created_at=AT, until=AT,
    )  # fmt: skip
    store.forget("local")
    assert not store.runs("local")
    assert not store.outcomes("r1")
    assert [each.arguments for each in store.intents.unsettled("local")] == [{"reason": "é"}]


def test_a_lease_is_one_holders(store: Store) -> None:
    """A leased name is refused to others until it is given back or has run out; all of the names are given, or none."""
    until = AT + HOUR
    assert store.lease("local", ["a", "b"], holder="x", now=AT, until=until) == ("a", "b")
    assert store.lease("local", ["c", "b"], holder="y", now=AT, until=until) == ()
    assert store.lease("local", ["c"], holder="y", now=AT, until=until) == ("c",)
    assert store.lease("ci", ["a"], holder="y", now=AT, until=until) == ("a",)
    assert store.lease("local", ["a", "b", "c", "d", "e"], holder="z", now=AT, until=until, count=2) == ("d", "e")
    store.release("local", "x")
    assert store.lease("local", ["b"], holder="y", now=AT, until=until) == ("b",)
    assert store.lease("local", ["c"], holder="z", now=until, until=until + HOUR) == ("c",)


def test_parallel_leases_never_overlap(store: Store) -> None:
    """Sixteen at once, eight names, one each: eight get one of their own and the others none."""
    names = [f"sku:{number}" for number in range(8)]

    def take(number: int) -> tuple[str, ...]:
        return store.lease("local", names, holder=str(number), now=AT, until=AT + HOUR, count=1)

    with ThreadPoolExecutor(16) as takers:
        taken = [name for names in takers.map(take, range(16)) for name in names]
    assert sorted(taken) == names
