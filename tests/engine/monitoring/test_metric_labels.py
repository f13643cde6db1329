"""Labels are closed sets: whatever is fed to them, no order, customer or text becomes a series."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from assay.events import Finding, Measure, Outcome, Probe, ProbeResult, Result, StepDone
from assay.monitor import AlertRule, Monitor
from assay.reporting.metric_families import FAMILIES, Family
from assay.reporting.metric_labels import LABELS, MOST_STEPS, Known
from assay.reporting.metrics import Figures, Metrics

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MONITORS = {
    "orders": Monitor(
        name="orders", title="", owner="", runbook="", alert=AlertRule(), flow="F01", interval_s=60, location="paris"
    )
}
KNOWN = Known(
    environments=frozenset({"shop"}),
    systems=frozenset({"stripe"}),
    locations=frozenset({"default"}),
    routes=frozenset({"chat"}),
    flows=frozenset({"F01"}),
    base_currency="EUR",
    monitors=lambda: MONITORS,
)
ORDERS = [f"1000{number:05d}" for number in range(60)] + [str(uuid.UUID(int=number << 90)) for number in range(60)]
MAKERS: dict[str, Callable[[str], str]] = {
    "number": str,
    "with a prefix": lambda ref: f"SO-{ref}",
    "in a sentence": lambda ref: f"the ERP holds order {ref}",
    "in an address": lambda ref: f"{ref}@example.com",
}


def values(metrics: Metrics) -> set[str]:
    """Return every label value that a scrape shows."""
    return {
        value
        for family in parse_text(metrics.text)
        for sample in family.samples
        for label, value in sample.labels.items()
        if label != "le"
    }


def read(value: str) -> Figures:
    """Return a figure under this value."""
    return [({"system": value, "environment": value}, 1.0)]


def feed(metrics: Metrics, family: Family, value: str) -> None:
    """Put one value into every label of a family, by the door its kind has."""
    labels = dict.fromkeys(family.labels, value)
    if family.kind == "gauge":
        metrics.set(family.name, 1, **labels)
    elif family.kind == "counter":
        metrics.count(family.name, **labels)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_no_order_becomes_a_label(make: Callable[[str], str]) -> None:
    """Order ids fed as every label of every family, by every door there is, come out nowhere, and are counted."""
    metrics = Metrics(KNOWN, "shop")
    before = values(metrics)
    for ref in map(make, ORDERS):
        for family in FAMILIES.values():
            feed(metrics, family, ref)
        metrics.watch("assay_drift_hook_ack_seconds", partial(read, ref))
        steps = (StepDone(name=ref, started_at=NOW, seconds=1),)
        finding = Finding(oracle=ref, result=Result.FAIL, order_ref=ref, systems=(ref,))
        outcome = Outcome(flow=ref, case=ref, environment=ref, steps=steps, findings=(finding,), order_refs=(ref,))
        measure = Measure(name="assay_drift_census_missing", value=1, labels={"system": ref})
        metrics(outcome)
        for monitor in ("orders", ref):
            metrics(
                Probe(
                    id=ref, monitor=monitor, subject=ref, environment=ref, location=ref, result=ProbeResult.FAILED,
                    due_at=NOW, started_at=NOW, seconds=1, outcomes=(outcome,), measures=(measure,), run_id=ref,
                )
            )  # fmt: skip
    shown = values(metrics)
    assert not [value for value in shown if any(ref in value for ref in ORDERS)]
    assert len(shown - before - set(FAMILIES) - set(LABELS)) < 10
    refused = {
        sample.labels["label"]: sample.value
        for family in parse_text(metrics.text)
        for sample in family.samples
        if sample.name == "assay_metric_values_refused_total"
    }
    assert set(refused) >= {"monitor", "location", "flow", "step", "oracle", "system", "pair", "currency"}


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=30))
def test_no_text_becomes_a_label(texts: list[str]) -> None:
    """Whatever text is fed as a label but a step's, only what its closed set holds comes out."""
    metrics = Metrics(KNOWN, "shop")
    for text in texts:
        for family in FAMILIES.values():
            if "step" not in family.labels:
                feed(metrics, family, text)
    for shown in parse_text(metrics.text):
        for sample in shown.samples:
            for label, value in sample.labels.items():
                closed = value in ("", "other") or label == "le" or LABELS[label].holds(KNOWN, value)
                assert closed, (label, value)


def test_a_flow_has_so_many_steps_and_no_more() -> None:
    """Steps are named in code: past the most that any flow has, a name is no longer told apart; each flow counts."""
    metrics = Metrics(KNOWN, "shop")
    names = [f"step {'abcdefghij'[number // 10]}{'abcdefghij'[number % 10]}" for number in range(100)]
    for name in names:
        step = StepDone(name=name, started_at=NOW, seconds=1)
        metrics(
            Probe(
                id="", monitor="orders", subject="F01", environment="shop", location="paris", steps=(step,),
                result=ProbeResult.PASSED, due_at=NOW, started_at=NOW, seconds=1,
            )
        )  # fmt: skip
    shown = Counter(
        sample.labels["step"]
        for family in parse_text(metrics.text)
        for sample in family.samples
        if sample.name == "assay_probe_duration_seconds_count"
    )
    assert set(shown) == {"", "other", *names[:MOST_STEPS]}


def test_every_label_has_a_closed_set() -> None:
    """No family has a label whose values nobody has said where they come from, and no set is without a label."""
    used = {label for family in FAMILIES.values() for label in family.labels}
    assert used == set(LABELS)
    assert not {"order", "order_ref", "customer", "email", "run_id", "trace_id", "url", "path"} & used


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_names_follow_prometheus(family: Family) -> None:
    """Counters end in _total, nothing else does; spans are in seconds; histograms have their buckets in order."""
    assert family.name.startswith("assay_")
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert not family.name.endswith(("_ms", "_minutes", "_count", "_sum", "_bucket"))
    assert list(family.buckets) == sorted(family.buckets)
    assert bool(family.buckets) == (family.kind == "histogram")


@pytest.mark.parametrize(
    ("label", "good", "bad"),
    [
        ("monitor", ("orders", "assay_undo", "system stripe", "system edge"), ("system 1001", "Orders")),
        ("location", ("paris", "default"), ("berlin",)),
        ("oracle", ("O-M1", "O-O2", "own check"), ("O-M1 of 1001",)),
        ("pair", ("EUR/JPY", "KWD/EUR"), ("EUR/EUR1", "USD/JPY", "EURJPY")),
        ("currency", ("JPY", "KWD"), ("BTC", "1001")),
        ("system", ("stripe", "payments", "platform"), ("adyen2",)),
        ("state", ("failing", "unknown"), ("on fire",)),
        ("result", ("passed", "stuck", "delivered", "not_evaluated"), ("200",)),
    ],
)
def test_the_sets_hold_what_they_say(label: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    """Each set holds what its source declares, and nothing near it."""
    assert all(LABELS[label].holds(KNOWN, value) for value in good)
    assert not any(LABELS[label].holds(KNOWN, value) for value in bad)
