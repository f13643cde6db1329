"""Runs of monitors are kept once, summed up by the hour whoever writes them, and leave the store when they are old."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from assay.events import Finding, Measure, Outcome, Probe, ProbeResult, Result, StepDone
from assay.money import Money
from assay.store import Store
from assay.store.probe_hours import Hour, bucket_of, upper_s

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def probe(
    due: datetime = AT,
    result: ProbeResult = ProbeResult.PASSED,
    *,
    name: str = "orders",
    seconds: float = 1.5,
    late_s: float = 0.02,
    location: str = "paris",
    environment: str = "production",
    findings: Sequence[Finding] = (),
    measures: Sequence[Measure] = (),
) -> Probe:
    """Return a run of a monitor."""
    return Probe(
        id=f"{name}-{due.isoformat()}",
        monitor=name,
        subject="F01",
        environment=environment,
        location=location,
        result=result,
        due_at=due,
        started_at=due + timedelta(seconds=late_s),
        seconds=seconds,
        findings=tuple(findings),
        measures=tuple(measures),
    )


def finding(**changes: object) -> Finding:
    """Return a violation with everything in it."""
    whole = Finding(
        oracle="O-M1",
        result=Result.FAIL,
        order_ref="100045",
        systems=("merchant", "stripe"),
        expected="JPY 8000",
        seen="JPY 800000",
        formula="captured = total",
        cause="minor units",
        at_risk=Money(792000, "JPY"),
        evidence=("10:00:00 POST /v1/payment_intents 200",),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def hours_of(store: Store, name: str = "orders", hours: int = 48) -> list[Hour]:
    """Return the summaries around the tests' instant."""
    return store.probes.hours("production", name, since=AT - hours * HOUR, until=AT + hours * HOUR)


def test_a_plain_pass_is_kept_without_detail(store: Store) -> None:
    """A pass reads back with its times and no detail."""
    assert store.probes.keep([probe()]) == 1
    [kept] = store.probes.history("production", "orders", since=AT, until=AT + MINUTE)
    assert (kept.monitor, kept.due_at, kept.location, kept.result) == ("orders", AT, "paris", ProbeResult.PASSED)
    assert (kept.delay_s, kept.took_s, dict(kept.detail)) == (0.02, 1.5, {})
    assert kept.started_at == AT + timedelta(seconds=0.02)


def test_a_bad_run_reads_back_with_what_was_found(store: Store) -> None:
    """Findings, steps, orders, trouble, systems and traces of a failed run come back as they were told."""
    outcome = Outcome(
        flow="F01",
        case="jpy",
        environment="production",
        id="o-1",
        order_refs=("100045",),
        steps=(StepDone(name="pay", started_at=AT, seconds=0.25, error="402\0 refused"),),
        findings=(finding(), finding(result=Result.PASS), finding(result=Result.NOT_EVALUATED, reason="no rate")),
    )
    told = replace(
        probe(result=ProbeResult.FAILED, measures=[Measure(name="assay_drift_rate_age_seconds", value=3.0)]),
        outcomes=(outcome,),
        trouble=("the ERP was slow",),
        unreachable=("sap_s4hana",),
        run_id="r-1",
        trace_id="abc",
        stack="File x",
    )
    store.probes.keep([told])
    [kept] = store.probes.bad("production", since=AT)
    assert kept.detail == {
        "subject": "F01",
        "steps": [{"name": "pay", "seconds": 0.25, "error": "402␀ refused"}],
        "findings": [
            {
                "oracle": "O-M1",
                "result": "fail",
                "order_ref": "100045",
                "systems": ["merchant", "stripe"],
                "expected": "JPY 8000",
                "seen": "JPY 800000",
                "formula": "captured = total",
                "cause": "minor units",
                "reason": "",
                "at_risk": {"minor": 792000, "currency": "JPY"},
                "evidence": ["10:00:00 POST /v1/payment_intents 200"],
            }
        ],
        "trouble": ["the ERP was slow"],
        "unreachable": ["sap_s4hana"],
        "orders": ["100045"],
        "outcomes": ["o-1"],
        "measures": [{"name": "assay_drift_rate_age_seconds", "value": 3.0, "labels": {}}],
        "run_id": "r-1",
        "trace_id": "abc",
        "stack": "File x",
    }


def test_a_pass_keeps_its_measures(store: Store) -> None:
    """What a check read stays readable although it passed; a figure that is no number is left out."""
    measures = [Measure(name="a", value=2.0, labels={"pair": "EUR/JPY"}), Measure(name="b", value=float("nan"))]
    store.probes.keep([probe(measures=measures)])
    kept = store.probes.latest("production")["orders"]
    assert kept.detail == {
        "subject": "F01",
        "measures": [{"name": "a", "value": 2.0, "labels": {"pair": "EUR/JPY"}}],
    }


def test_no_run_is_large(store: Store) -> None:
    """A finding that saw a megabyte, and a thousand findings, stay readable and say what was left out."""
    big = probe(result=ProbeResult.FAILED, findings=[finding(seen="x" * 1_000_000)] * 1_000)
    store.probes.keep([replace(big, trouble=("y" * 100_000,) * 50)])
    detail = store.probes.latest("production")["orders"].detail
    assert (len(detail["findings"]), detail["more_findings"]) == (100, 900)
    assert detail["findings"][0]["seen"].endswith("x… (998000 characters more)")
    assert detail["trouble"][-1] == "… and 30 more"
    assert len(str(detail)) < 400_000


def test_a_turn_told_again_replaces_the_first(store: Store) -> None:
    """The same monitor, place and due time is one run, counted once, as it was told last; another place is another."""
    assert store.probes.keep([probe(result=ProbeResult.STUCK, seconds=300.0)]) == 1
    assert store.probes.keep([probe(seconds=9.0), probe(seconds=2.0)]) == 0
    assert store.probes.keep([probe(location="oslo")]) == 1
    assert store.probes.keep([]) == 0
    kept = store.probes.history("production", "orders", since=AT, until=AT + HOUR)
    assert sorted((each.location, each.result, each.took_s) for each in kept) == [
        ("oslo", ProbeResult.PASSED, 1.5),
        ("paris", ProbeResult.PASSED, 2.0),
    ]
    [hour] = hours_of(store)
    assert (hour.start, hour.counts, hour.latency_sum_s) == (AT, {ProbeResult.PASSED: 2}, 3.5)
    assert sum(count for _, count in hour.latency_buckets) == 2


def test_the_slowest_run_of_an_hour_is_forgotten_when_it_is_told_anew(store: Store) -> None:
    """The hour's largest latency is that of runs it still holds."""
    store.probes.keep([probe(seconds=60.0), probe(AT + MINUTE, seconds=3.0)])
    assert [hour.latency_max_s for hour in hours_of(store)] == [60.0]
    store.probes.keep([probe(seconds=1.0)])
    assert [hour.latency_max_s for hour in hours_of(store)] == [3.0]


def test_hours_count_every_result_and_time_only_verdicts(store: Store) -> None:
    """A summary has a count of each result; runs without a verdict have no latency."""
    results = list(ProbeResult)
    store.probes.keep([probe(AT + n * MINUTE, result, seconds=n + 1.0) for n, result in enumerate(results)])
    [hour] = hours_of(store)
    assert hour.counts == dict.fromkeys(results, 1)
    assert hour.runs == len(results)
    timed = [n + 1.0 for n, result in enumerate(results) if result in (ProbeResult.PASSED, ProbeResult.FAILED)]
    assert (hour.latency_sum_s, hour.latency_max_s) == (sum(timed), max(timed))
    assert hour.quantile(1.0) == max(timed)


def test_summaries_are_those_of_the_runs_in_any_order(store: Store) -> None:
    """Whatever batches runs come in, however often and mixed, the hours are as if each was counted once."""
    draw = Random(7)
    every = [
        probe(AT + n * MINUTE, draw.choice(list(ProbeResult)), name=name, seconds=draw.uniform(0.01, 90))
        for name in ("a", "b", "c")
        for n in range(200)
    ]
    shuffled = every * 2
    draw.shuffle(shuffled)
    while shuffled:
        size = draw.randint(1, 150)
        store.probes.keep(shuffled[:size])
        del shuffled[:size]
    for name in ("a", "b", "c"):
        for hour in hours_of(store, name):
            due = [each for each in every if each.monitor == name and hour.start <= each.due_at < hour.start + HOUR]
            assert hour.counts == {r: n for r in ProbeResult if (n := sum(each.result is r for each in due))}
            assert hour.latency_sum_s == pytest.approx(
                sum(round(each.seconds, 3) for each in due if each.good is not None)
            )


def test_two_who_write_one_hour_lose_nothing(store: Store) -> None:
    """Threads that keep overlapping runs of the same hours at once neither lose a count nor count twice."""
    every = [probe(AT + n * MINUTE, name=name) for name in ("a", "b", "c") for n in range(90)]

    def write(seed: int) -> None:
        mixed = every.copy()
        Random(seed).shuffle(mixed)
        for first in range(0, len(mixed), 30):
            store.probes.keep(mixed[first : first + 30])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    for name in ("a", "b", "c"):
        assert [hour.counts for hour in hours_of(store, name)] == [
            {ProbeResult.PASSED: 60},
            {ProbeResult.PASSED: 30},
        ]


def test_reading_is_by_monitor_span_and_verdict(store: Store) -> None:
    """History comes latest first, of [since, until), only bad ones if asked, as many as asked; environments apart."""
    bad = [ProbeResult.FAILED, ProbeResult.ERROR]
    for minute in range(10):
        result = bad[minute % 2] if minute % 4 < 2 else ProbeResult.PASSED
        store.probes.keep([probe(AT + minute * MINUTE, result), probe(AT + minute * MINUTE, environment="staging")])
    kept = store.probes.history("production", "orders", since=AT + MINUTE, until=AT + 9 * MINUTE, limit=3)
    assert [(each.due_at - AT) // MINUTE for each in kept] == [8, 7, 6]
    kept = store.probes.history("production", "orders", since=AT, until=AT + HOUR, only_bad=True)
    assert [(each.due_at - AT) // MINUTE for each in kept] == [9, 8, 5, 4, 1, 0]
    assert [(each.due_at - AT) // MINUTE for each in store.probes.bad("production", since=AT, limit=2)] == [9, 8]
    assert store.probes.bad("staging", since=AT) == []
    assert store.probes.history("production", "other", since=AT, until=AT + HOUR) == []


def test_the_latest_run_of_each_monitor_is_known(store: Store) -> None:
    """The last run by due time, whenever it was written; names of what is kept, sorted."""
    store.probes.keep([probe(AT + MINUTE, ProbeResult.FAILED), probe(AT), probe(AT, name="b", environment="staging")])
    store.probes.keep([probe(AT - MINUTE, name="a")])
    latest = store.probes.latest("production")
    assert {name: each.result for name, each in latest.items()} == {
        "a": ProbeResult.PASSED,
        "orders": ProbeResult.FAILED,
    }
    assert store.probes.names("production") == ["a", "orders"]
    assert store.probes.latest("local") == {}


def test_old_runs_leave_and_summaries_stay(store: Store) -> None:
    """Passed runs go first, bad ones later, hours last; of an old hour that was all bad the first ten stay."""
    store.probes.keep([probe(AT - 10 * DAY + n * MINUTE, ProbeResult.FAILED) for n in range(40)])
    store.probes.keep([probe(AT - 10 * DAY + 40 * MINUTE), probe(AT - 100 * DAY, ProbeResult.ERROR), probe(AT - HOUR)])
    store.probes.keep([probe(AT - n * MINUTE, ProbeResult.FAILED) for n in range(1, 20)])
    store.probes.keep([probe(AT - 500 * DAY)])
    spans = {
        "probes_s": 3 * DAY.total_seconds(),
        "bad_s": 90 * DAY.total_seconds(),
        "hours_s": 400 * DAY.total_seconds(),
    }
    assert store.probes.retain(AT, **spans) == {"passed": 2, "bad": 31, "hours": 1}
    kept = store.probes.history("production", "orders", since=AT - 600 * DAY, until=AT, limit=1000)
    assert len(kept) == 10 + 1 + 19
    ten_days_ago = store.probes.hours("production", "orders", since=AT - 11 * DAY, until=AT - 9 * DAY)
    assert [hour.counts for hour in ten_days_ago] == [{ProbeResult.FAILED: 40, ProbeResult.PASSED: 1}]
    assert store.probes.retain(AT, **spans) == {"passed": 0, "bad": 0, "hours": 0}


def test_an_environment_that_is_forgotten_has_no_runs(store: Store) -> None:
    """Forgetting removes one environment's runs and summaries and leaves another's."""
    store.probes.keep([probe(), probe(environment="staging")])
    store.forget("production")
    assert store.probes.names("production") == []
    assert store.probes.latest("production") == {}
    assert store.probes.names("staging") == ["orders"]
    assert store.probes.keep([probe()]) == 1


def test_a_latency_is_found_again(store: Store) -> None:
    """A quantile of an hour is within a fifth of the true one, fast or slow; without runs it is None."""
    for number, truth in enumerate((0.003, 0.4, 12.0, 300.0)):
        name = f"m{number}"
        draw = Random(number)
        took = sorted(truth * draw.uniform(0.5, 1.5) for _ in range(50))
        store.probes.keep([probe(AT + n * MINUTE, name=name, seconds=each) for n, each in enumerate(took)])
        [hour] = hours_of(store, name)
        for share in (0.5, 0.95):
            told = hour.quantile(share)
            assert told is not None
            assert told == pytest.approx(took[round(share * 50) - 1], rel=0.35 if truth < 0.01 else 0.2)
    assert Hour.joined(AT, []).quantile(0.5) is None


def test_hours_make_a_day() -> None:
    """Joined hours count and time together what they counted and timed apart."""
    one = Hour(
        start=AT, counts={ProbeResult.PASSED: 2}, latency_buckets=((1.0, 2),), latency_sum_s=1.8, latency_max_s=1.0
    )
    two = Hour(
        start=AT + HOUR,
        counts={ProbeResult.PASSED: 1, ProbeResult.FAILED: 1},
        latency_buckets=((1.0, 1), (2.0, 1)),
        latency_sum_s=2.9,
        latency_max_s=1.9,
    )
    day = Hour.joined(AT, [one, two])
    assert day.counts == {ProbeResult.PASSED: 3, ProbeResult.FAILED: 1}
    assert day.latency_buckets == ((1.0, 3), (2.0, 1))
    assert (day.runs, day.latency_sum_s, day.latency_max_s) == (4, 4.7, 1.9)


def test_a_bucket_holds_what_it_says() -> None:
    """Each latency falls into a bucket that ends at or above it and whose predecessor ends below."""
    for took_ms in [0, 1, 2, 3, 7, 10, 999, 1000, 1001, 60_000, 3_600_000]:
        bucket = bucket_of(took_ms)
        assert took_ms / 1000 <= upper_s(bucket) * (1 + 1e-9)
        assert bucket == 0 or took_ms / 1000 > upper_s(bucket - 1) * (1 - 1e-9)
