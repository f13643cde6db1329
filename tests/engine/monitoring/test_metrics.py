"""Metrics: what a scrape shows of monitors' runs, that Prometheus reads it, and what a restart or reload changes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from assay.errors import UsageError
from assay.events import Finding, Measure, Outcome, Probe, ProbeResult, Result, StepDone
from assay.money import Money
from assay.monitor import AlertRule, Monitor, Objective
from assay.records import Call
from assay.reporting.metric_families import FAMILIES
from assay.reporting.metrics import Known, Metrics, bucket_of
from assay.runners.scheduler.edge_calls import EdgeCalls

ROOT = Path(__file__).parents[3]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
DUE = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORDERS = Monitor(
    name="orders",
    title="An order in euro",
    owner="shop",
    runbook="orders.md",
    alert=AlertRule(severity="page"),
    flow="F01",
    interval_s=300,
    jitter_s=10,
    objective=Objective(latency_s=45),
)
CENSUS = replace(ORDERS, name="census", flow=None, check="order_census", interval_s=None, cron="0 3 * * *", jitter_s=0)
MEANINGS = (
    "flow_ok", "flow_seconds", "money_residual_minor", "fx_age_seconds", "fx_deviation_ratio", "census_missing",
    "census_duplicate", "stock_delta_units", "reservation_age_seconds", "price_mismatch", "set_diff",
    "ledger_residual_minor", "tracking_unmapped", "ship_after_cancel", "consent_mismatch", "pii_found",
    "schema_change", "sunset_days", "hook_last_delivery_age", "hook_ack_seconds", "histograms per edge", "drift_score",
    "job_last_success",
)  # fmt: skip


def known(monitors: Mapping[str, Monitor]) -> Known:
    """Return closed sets of a small shop whose monitors may change."""
    return Known(
        environments=frozenset({"shop"}),
        systems=frozenset({"stripe", "sap"}),
        locations=frozenset({"paris"}),
        routes=frozenset({"chat"}),
        flows=frozenset({"F01"}),
        base_currency="EUR",
        monitors=lambda: monitors,
    )


def probe(result: ProbeResult = ProbeResult.PASSED, *, seconds: float = 4.0, **more: Any) -> Probe:
    """Return a run of the monitor `orders` that began 20 ms after it was due."""
    parts: dict[str, Any] = {"id": "p1", "monitor": "orders", "subject": "F01", "environment": "shop", **more}
    at = DUE + timedelta(milliseconds=20)
    return Probe(location="paris", result=result, due_at=DUE, started_at=at, seconds=seconds, **parts)


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every sample a scrape reads, by name and labels in the order of the alphabet."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in parse_text(metrics.text)
        for sample in family.samples
    }


def of(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return one sample of the environment; None where there is none."""
    every = {"environment": "shop", **labels}
    return samples(metrics).get((name, *(f"{label}={value}" for label, value in sorted(every.items()) if value)))


@pytest.fixture
def metrics() -> Metrics:
    """Metrics that know two monitors."""
    return Metrics(known({"orders": ORDERS, "census": CENSUS}), "shop")


def test_success_is_the_verdict(metrics: Metrics) -> None:
    """A run that fails by an oracle is no success, and one without a verdict changes neither way, but says so."""
    where = {"monitor": "orders", "location": "paris"}
    for result, success, judged in (
        (ProbeResult.PASSED, 1, 1),
        (ProbeResult.ERROR, 1, 0),
        (ProbeResult.FAILED, 0, 1),
        (ProbeResult.STUCK, 0, 0),
        (ProbeResult.MISSED, 0, 0),
        (ProbeResult.REFUSED, 0, 0),
    ):
        metrics(probe(result))
        assert of(metrics, "assay_probe_success", **where) == success, result
        assert of(metrics, "assay_probe_judged", **where) == judged, result
    assert of(metrics, "assay_monitor_stuck_total", monitor="orders") == 1


def test_counters_begin_at_zero(metrics: Metrics) -> None:
    """Every result of every monitor is there before its first run, so that the first failure is an increase."""
    for monitor in ("orders", "census"):
        for result in ProbeResult:
            labels = {"monitor": monitor, "location": "paris", "result": result.value}
            assert of(metrics, "assay_probes_total", **labels) == 0
    metrics(probe(ProbeResult.FAILED))
    assert of(metrics, "assay_probes_total", monitor="orders", location="paris", result="failed") == 1
    shown = samples(metrics)
    assert shown["assay_alert_deliveries_total", "result=delivered", "route=chat"] == 0
    assert shown[("assay_clock_jumps_total",)] == 0


def test_instants_say_when(metrics: Metrics) -> None:
    """Last success is the end of the last run that passed, last run that of any that began; a missed one is none."""
    end = (DUE + timedelta(seconds=4.02)).timestamp()
    metrics(probe())
    assert of(metrics, "assay_job_last_success_timestamp_seconds", monitor="orders") == pytest.approx(end)
    metrics(replace(probe(ProbeResult.ERROR), started_at=DUE + timedelta(minutes=5)))
    metrics(replace(probe(ProbeResult.MISSED), started_at=DUE + timedelta(minutes=10)))
    assert of(metrics, "assay_job_last_success_timestamp_seconds", monitor="orders") == pytest.approx(end)
    last_run = (DUE + timedelta(minutes=5, seconds=4)).timestamp()
    assert of(metrics, "assay_probe_last_run_timestamp_seconds", monitor="orders") == pytest.approx(last_run)


def test_durations_are_of_runs_that_were_judged(metrics: Metrics) -> None:
    """Run and steps fall into their buckets, the promised latency is one of them; an error's time counts nowhere."""
    steps = (
        StepDone(name="pay and order", started_at=DUE, seconds=1.5),
        StepDone(name="pay and order", started_at=DUE, seconds=0.0, soft=True, error="not so"),
    )
    outcome = Outcome(flow="F01", case="eur", environment="shop", steps=steps, trace_id="ab" * 16)
    metrics(probe(outcomes=(outcome,), seconds=44.0))
    metrics(probe(ProbeResult.ERROR, seconds=0.01))
    labels = {"monitor": "orders", "flow": "F01"}
    bucket = "assay_probe_duration_seconds_bucket"
    shown = {
        (sample.labels["step"], sample.labels["le"]): sample.value
        for family in parse_text(metrics.text)
        for sample in family.samples
        if sample.name == bucket
    }
    assert shown["", "30.0"] == 0
    assert shown["", bucket_of(45)] == shown["", "+Inf"] == 1
    assert shown["pay and order", "1.0"] == 0
    assert shown["pay and order", "2.5"] == shown["pay and order", "+Inf"] == 1
    assert of(metrics, "assay_probe_duration_seconds_sum", **labels, step="pay and order") == 1.5
    assert of(metrics, "assay_probe_lateness_seconds_sum") == pytest.approx(0.04)


def test_exemplars_lead_to_the_trace(metrics: Metrics) -> None:
    """A scraper that takes OpenMetrics finds the trace id of a run in its bucket; one that does not, gets none."""
    steps = (StepDone(name="pay and order", started_at=DUE, seconds=1.5),)
    outcome = Outcome(flow="F01", case="eur", environment="shop", steps=steps, trace_id="ab" * 16)
    metrics(probe(outcomes=(outcome,)))
    page = metrics.page(OPENMETRICS)
    assert page.content_type.startswith("application/openmetrics-text")
    exemplars = [
        (sample.labels["step"], sample.labels["le"], sample.exemplar.labels)
        for family in parse_openmetrics(page.text)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar
    ]
    trace = {"trace_id": "ab" * 16}
    assert exemplars == [("", "5.0", trace), ("pay and order", "2.5", trace)]
    assert "trace_id" not in metrics.text
    assert metrics.page("text/html").content_type.startswith("text/plain")


def test_findings_are_counted_by_system_and_severity(metrics: Metrics) -> None:
    """Each violation counts once for each system it names, with the severity of its monitor; what holds does not."""
    wrong = Finding(oracle="O-M1", result=Result.FAIL, order_ref="77", systems=("stripe", "sap"))
    fine = Finding(oracle="O-M2", result=Result.PASS, order_ref="77")
    metrics(probe(ProbeResult.FAILED, findings=(wrong, fine)))
    found = {key: value for key, value in samples(metrics).items() if key[0] == "assay_findings_total"}
    labels = ("environment=shop", "oracle=O-M1", "severity=page")
    assert found == {("assay_findings_total", *labels, f"system={each}"): 1 for each in ("stripe", "sap")}


def test_money_at_risk_is_that_of_the_last_verdicts() -> None:
    """Each currency shows what the last verdicts of all monitors put at risk, an order once, and 0 when mended."""
    monitors = {"orders": ORDERS, "census": CENSUS}
    metrics = Metrics(known(monitors), "shop")
    wrong = [
        Finding(oracle=oracle, result=Result.FAIL, order_ref="77", at_risk=Money(minor, "JPY"))
        for oracle, minor in (("O-M1", 7920), ("O-P1", 80))
    ]
    outcome = Outcome(flow="F01", case="jpy", environment="shop", shown=(("77", "cart", Money(80, "JPY")),))
    name = "assay_drift_money_residual_minor"
    metrics(probe(outcomes=(outcome,)))
    assert of(metrics, name, currency="JPY") == 0
    metrics(probe(ProbeResult.FAILED, outcomes=(replace(outcome, findings=tuple(wrong)),)))
    metrics(probe(ProbeResult.FAILED, monitor="census", findings=(replace(wrong[0], order_ref="78"),)))
    assert of(metrics, name, currency="JPY") == 2 * 7920
    metrics(probe(ProbeResult.ERROR))
    assert of(metrics, name, currency="JPY") == 2 * 7920
    metrics(probe(outcomes=(outcome,)))
    assert of(metrics, name, currency="JPY") == 7920
    del monitors["census"]
    assert of(metrics, name, currency="JPY") == 0


def test_measures_become_gauges(metrics: Metrics) -> None:
    """A check's figure gets the environment; one that is not declared, or has a strange label, is refused, counted."""
    measures = (
        Measure(name="assay_drift_census_missing", value=2, labels={"system": "stripe"}),
        Measure(name="assay_drift_rate_deviation_ratio", value=0.02, labels={"pair": "EUR/JPY", "store": "main"}),
        Measure(name="assay_drift_nobody_declared", value=1),
        Measure(name="assay_drift_census_orders", value=1, labels={"order": "77"}),
        Measure(name="assay_probes_total", value=1),
    )
    metrics(probe(measures=measures))
    assert of(metrics, "assay_drift_census_missing", system="stripe") == 2
    assert of(metrics, "assay_drift_rate_deviation_ratio", pair="EUR/JPY", store="other") == 0.02
    assert of(metrics, "assay_drift_census_orders") is None
    refused = [key for key in samples(metrics) if key[0] == "assay_metric_values_refused_total"]
    assert len(refused) == 4  # and the store, which no monitor here names


def test_the_edges_calls_are_told_once() -> None:
    """What vendors took to answer the platform is a histogram: a call counts once, however late the journal has it."""
    metrics = Metrics(known({}), "shop")
    journal: list[Call] = []
    at = DUE

    def call(id: str, seconds_ago: float, way: str = "proxy") -> Call:
        return Call(
            id=id, at=at - timedelta(seconds=seconds_ago), system="stripe", way=way, method="POST", host="", path="/",
            query="", status=200, duration_ms=700, refused=False, request_headers={}, request_body="",
            response_headers={}, response_body="",
        )  # fmt: skip

    reading = EdgeCalls(
        lambda since: [each for each in journal if each.at >= since],
        lambda system, seconds: metrics.observe("assay_edge_call_seconds", seconds, system=system),
        began=DUE,
        now=lambda: at,
    )
    journal.append(call("of an earlier process", 5))
    at += timedelta(seconds=60)
    journal += [call("1", 1), call("a webhook", 1, way="reverse")]
    assert [reading.read(), reading.read()] == [1, 0]
    at += timedelta(seconds=20)
    journal += [call("2", 19), call("3", 1)]
    assert [reading.read(), reading.read()] == [2, 0]
    at -= timedelta(hours=2)
    assert reading.read() == 0
    at += timedelta(hours=3)
    journal.append(call("4", 2))
    assert [reading.read(), reading.read()] == [1, 0]
    assert of(metrics, "assay_edge_call_seconds_count", system="stripe") == 4
    assert of(metrics, "assay_edge_call_seconds_sum", system="stripe") == pytest.approx(2.8)


def test_only_what_runs_here_is_begun() -> None:
    """A process shows the intervals and zeros of the monitors it runs; others it only knows by name, for alerts."""
    both = {"orders": ORDERS, "census": CENSUS}
    metrics = Metrics(replace(known(both), here=lambda: {"orders": ORDERS}), "shop")
    assert "census" not in metrics.text
    metrics.watch("assay_alert_state", lambda: [({"monitor": "census", "state": "failing"}, 1)])
    assert of(metrics, "assay_alert_state", monitor="census", state="failing") == 1


def test_a_monitor_that_is_gone_loses_its_series() -> None:
    """After a reload without it nothing of a monitor is shown any more, its measures included; the others stay."""
    monitors = {"orders": ORDERS, "census": CENSUS}
    metrics = Metrics(known(monitors), "shop")
    metrics(probe(outcomes=(Outcome(flow="F01", case="eur", environment="shop"),)))
    missing = Measure(name="assay_drift_census_missing", value=2, labels={"system": "stripe"})
    metrics(probe(monitor="census", subject="order_census", measures=(missing,)))
    del monitors["census"]
    shown = samples(metrics)
    assert not [key for key in shown if "census" in " ".join(key)]
    assert of(metrics, "assay_probe_success", monitor="orders", location="paris") == 1
    monitors["census"] = CENSUS
    assert of(metrics, "assay_probes_total", monitor="census", location="paris", result="passed") == 0


def test_a_new_promise_is_a_bucket_at_once() -> None:
    """A reload that promises another latency makes it a bucket edge."""
    monitors = {"orders": ORDERS}
    metrics = Metrics(known(monitors), "shop")
    metrics(probe())
    monitors["orders"] = replace(ORDERS, objective=Objective(latency_s=7.5))
    metrics.refresh()
    metrics(probe())
    assert 'le="7.5"' in metrics.text


def test_intervals_are_the_longest_silence_declared(metrics: Metrics) -> None:
    """An interval counts with its jitter; a cron by the longest time between two of its instants."""
    assert of(metrics, "assay_monitor_interval_seconds", monitor="orders") == 310
    assert of(metrics, "assay_monitor_interval_seconds", monitor="census") == 86_400


def test_a_restart_is_no_silence(metrics: Metrics) -> None:
    """Verdicts and instants come back from what the store keeps; counters stay at zero, and strangers are left out."""

    @dataclass(frozen=True)
    class Kept:
        due_at: datetime = DUE
        delay_s: float = 1.0
        took_s: float = 3.0
        location: str = "paris"
        result: ProbeResult = ProbeResult.PASSED

    metrics.restore({"orders": Kept(), "removed": Kept()})
    end = (DUE + timedelta(seconds=4)).timestamp()
    assert of(metrics, "assay_job_last_success_timestamp_seconds", monitor="orders") == end
    assert of(metrics, "assay_probe_success", monitor="orders", location="paris") == 1
    assert of(metrics, "assay_probes_total", monitor="orders", location="paris", result="passed") == 0
    assert "removed" not in metrics.text


def test_what_is_watched_is_read_at_each_scrape(metrics: Metrics) -> None:
    """A figure of the process is read when it is asked for; one whose reading fails costs itself alone."""
    waiting = iter((1.0, 2.0))

    def broken() -> float:
        raise OSError("the store is away")

    metrics.watch("assay_backlog_probes", lambda: next(waiting))
    metrics.watch("assay_undo_leaks", broken)
    metrics.watch("assay_alert_deliveries_total", lambda: [({"route": "chat", "result": "delivered"}, 3)])
    metrics.watch("assay_alert_state", lambda: [({"monitor": "orders", "state": "failing"}, 1)])
    assert samples(metrics)[("assay_backlog_probes",)] == 1
    assert samples(metrics)[("assay_backlog_probes",)] == 2
    metrics.watch("assay_backlog_probes", lambda: 0)
    shown = samples(metrics)
    assert shown["assay_alert_deliveries_total", "result=delivered", "route=chat"] == 3
    assert shown["assay_alert_deliveries_total", "result=failed", "route=chat"] == 0
    assert shown["assay_alert_state", "environment=shop", "monitor=orders", "state=failing"] == 1
    assert "assay_undo_leaks" not in {key[0] for key in shown}
    assert shown["assay_metric_reads_failed_total", "family=assay_undo_leaks"] > 0


def test_wrong_use_is_refused(metrics: Metrics) -> None:
    """A metric or label that is not declared is an error with a suggestion, and so is the wrong kind."""
    with pytest.raises(UsageError, match="assay_store_up"):
        metrics.set("assay_store_upp", 1)
    with pytest.raises(UsageError, match="no label 'systen'"):
        metrics.set("assay_store_up", 1, systen="x")
    with pytest.raises(UsageError, match="is a gauge, no counter"):
        metrics.count("assay_store_up")
    with pytest.raises(UsageError, match="assay_store_up"):
        metrics.watch("assay_store_upp", lambda: 1)


def test_flows_run_outside_monitors_are_counted() -> None:
    """An execution of a flow by any runner is counted by what it came to, with each oracle's verdict."""
    metrics = Metrics(known({}), "shop")
    findings = (
        Finding(oracle="O-M1", result=Result.PASS, order_ref="1"),
        Finding(oracle="O-M2", result=Result.NOT_EVALUATED, order_ref="1", reason="no policy"),
    )
    metrics(Outcome(flow="F01", case="eur", environment="shop", findings=findings, seconds=2.0))
    assert of(metrics, "assay_flow_runs_total", flow="F01", result="passed") == 1
    assert of(metrics, "assay_flow_ok", flow="F01") == 1
    assert of(metrics, "assay_verdicts_total", oracle="O-M2", result="not_evaluated") == 1


def test_prometheus_finds_nothing_to_say(metrics: Metrics) -> None:
    """Prometheus's own linter accepts what a scrape is answered with, every kind of sample in it."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: apt-get install -y prometheus")
    metrics(probe(measures=(Measure(name="assay_drift_census_orders", value=9),)))
    metrics.watch("assay_backlog_probes", lambda: 0)
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics.text, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_table_for_people_is_the_code() -> None:
    """Every family stands in monitors/README.md with kind, labels and meaning, and none stands there that is not."""
    text = (ROOT / "monitors/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(assay_\w+)` \| (\w+) \| (.*) \| (.*) \|$", text, re.MULTILINE)
    expected = [
        (each.name, each.kind, ", ".join(f"`{label}`" for label in each.labels) or "–", each.meaning)
        for each in FAMILIES.values()
    ]
    assert rows == expected


def test_each_meaning_is_one_metric() -> None:
    """Each name by which monitors are specified maps to one metric, in the code as in the table for people."""
    mapped = {meaning: each.name for each in FAMILIES.values() for meaning in each.stands_for}
    assert sorted(mapped) == sorted(MEANINGS)
    text = (ROOT / "monitors/README.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([\w ]+)` \| `(assay_\w+)` \|$", text, re.MULTILINE)) == mapped
