"""Metrics for Prometheus: what monitors' runs came to, how long they took, what was found, how this process is.

Every family is declared in `assay.reporting.metric_families`, every label's closed set in
`assay.reporting.metric_labels`. Success is the oracles' verdict, never that something answered. Counters start at zero
with the process, as Prometheus expects; what is an instant or a last verdict is restored from the store (`restore`).
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from assay import __version__
from assay.errors import UsageError, did_you_mean
from assay.events import Outcome, Probe, ProbeResult, Result
from assay.monitor import Monitor
from assay.reporting.cadence import longest_gap_s
from assay.reporting.metric_families import DURATION_BUCKETS_S, FAMILIES, LATENESS_BUCKETS_S, OTHER, Family
from assay.reporting.metric_labels import DELIVERY_RESULTS, OWN_MONITORS, Known, Labels
from assay.reporting.verdict import state_of

__all__ = ["DURATION_BUCKETS_S", "FAMILIES", "LATENESS_BUCKETS_S", "Known", "Metrics", "Page", "bucket_of"]

Figures = float | Iterable[tuple[Mapping[str, str], float]]
"""One figure, or one for each set of labels; the environment may be left out."""

_VERDICTS = (ProbeResult.PASSED, ProbeResult.FAILED)


class Page(NamedTuple):
    """What a scrape is answered with."""

    content_type: str
    text: str


class Kept(Protocol):
    """A run as the store keeps it (`assay.store.KeptProbe`), as far as metrics need it."""

    @property
    def due_at(self) -> datetime:
        """When it should have begun."""

    @property
    def delay_s(self) -> float:
        """How long after that it did."""

    @property
    def took_s(self) -> float:
        """How long it took."""

    @property
    def location(self) -> str:
        """Where it ran."""

    @property
    def result(self) -> ProbeResult:
        """What it came to."""


def bucket_of(seconds: float) -> str:
    """Return a latency as it stands in the label ``le`` of ``assay_probe_duration_seconds_bucket``."""
    return str(floatToGoString(seconds))  # type: ignore[no-untyped-call]


class Metrics:
    """A listener of `Probe` and `Outcome`. `text` and `page` are what a scrape is answered with. Safe for threads.

    environment: the one this process watches. known: what labels may say; a monitor that a reload removed loses its
    series by the next scrape.
    """

    def __init__(self, known: Known, environment: str = "") -> None:
        # One series more of each counter, and nobody asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.environment = environment
        self._known = known
        self._registry = CollectorRegistry()
        self._instruments: dict[str, Any] = {}
        self._reads: dict[str, Callable[[], Figures]] = {}
        self._owners: dict[tuple[str, tuple[str, ...]], str] = {}
        self._at_risk: dict[str, Mapping[str, int]] = {}
        self._declared: dict[str, Monitor] = {}
        self._latencies: frozenset[float] = frozenset()
        self._lock = threading.RLock()
        self._labels = Labels(known, self._refused)
        self._registry.register(_Reads(self))
        self.set("assay_build_info", 1, version=__version__, python=platform.python_version())
        self.count("assay_clock_jumps_total", 0)
        for route, result in self._from_the_start("assay_alert_deliveries_total"):
            self.count("assay_alert_deliveries_total", 0, route=route, result=result)
        self.refresh()

    def __call__(self, event: object) -> None:
        """Count one run of a monitor, or one execution of a flow; other events are passed over."""
        if isinstance(event, Probe):
            self._probe(event)
        elif isinstance(event, Outcome):
            self._outcome(event)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge; `UsageError` for a family or label that is not declared."""
        self._child(_declared(name, "gauge", labels), labels).set(value)

    def count(self, name: str, by: float = 1.0, /, **labels: str) -> None:
        """Add to a counter; `UsageError` for a family or label that is not declared."""
        self._child(_declared(name, "counter", labels), labels).inc(by)

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add to a histogram; `UsageError` for a family or label that is not declared."""
        self._observe(name, seconds, "", **labels)

    def watch(self, name: str, read: Callable[[], Figures]) -> None:
        """Have a gauge or counter read at every scrape; what it raises costs this figure alone, and is counted.

        read: must answer at once, for a scrape waits for it.
        """
        _declared(name, None, {})
        with self._lock:
            self._reads[name] = read
            self._forget(name)

    def restore(self, latest: Mapping[str, Kept]) -> None:
        """Set last verdicts and instants from what the store keeps, so that a restart looks like no silence."""
        for monitor, kept in latest.items():
            if monitor not in self._here():
                continue
            ended = kept.due_at.timestamp() + kept.delay_s + kept.took_s
            self._verdict(monitor, kept.location, kept.result, ended)

    @property
    def text(self) -> str:
        """The metrics in Prometheus's text format."""
        return self.page().text

    def page(self, accept: str = "") -> Page:
        """Return the metrics in the format a scraper accepts: OpenMetrics brings exemplars with trace ids."""
        self.refresh()
        encode, content_type = choose_encoder(accept)
        return Page(content_type, encode(self._registry).decode())

    def refresh(self) -> None:
        """Follow a reload: new monitors begin with counters at zero, those that are gone lose their series."""
        with self._lock:
            now = self._here()
            if now == self._declared:
                return
            before, self._declared = self._declared, now
            gone = {name for name, each in before.items() if name not in now or _is_another(each, now[name])}
            new = now.keys() - (before.keys() - gone)
            latencies = frozenset(each.objective.latency_s for each in now.values() if each.objective.latency_s)
            if not latencies <= self._latencies:
                self._latencies |= latencies
                self._forget("assay_probe_duration_seconds")
            for name in gone & self._at_risk.keys():
                self._at_risk_of(name, {}, self.environment)
            for key, owner in list(self._owners.items()):
                # Of one that is gone a last run may have come in after it went.
                if owner in gone or not (owner in now or owner in OWN_MONITORS):
                    del self._owners[key]
                    self._instruments[key[0]].remove(*key[1])
            for name, monitor in now.items():
                if (gap := longest_gap_s(monitor)) is not None:
                    self.set("assay_monitor_interval_seconds", gap, monitor=name)
                if name in new:
                    self._begin(name, monitor)

    def _here(self) -> dict[str, Monitor]:
        """Return the monitors that this process runs."""
        if self._known.here is not None:
            return dict(self._known.here())
        return {
            name: monitor
            for name, monitor in self._known.monitors().items()
            if not monitor.environments or self.environment in monitor.environments
        }

    def _begin(self, name: str, monitor: Monitor) -> None:
        """Begin a monitor's counters at zero: a first failure is an increase then."""
        for location in [monitor.location] if monitor.location else sorted(self._known.locations):
            for result in ProbeResult:
                self.count("assay_probes_total", 0, monitor=name, location=location, result=result.value)
        self.count("assay_monitor_stuck_total", 0, monitor=name)

    def _from_the_start(self, name: str) -> list[tuple[str, ...]]:
        """Return the labels of a counter that are there before anything was counted."""
        if name != "assay_alert_deliveries_total":
            return []
        return [(route, result) for route in sorted(self._known.routes) for result in DELIVERY_RESULTS]

    def _probe(self, probe: Probe) -> None:
        where = {"environment": probe.environment, "monitor": probe.monitor}
        self.count("assay_probes_total", **where, location=probe.location, result=probe.result.value)
        self._verdict(
            probe.monitor, probe.location, probe.result, probe.started_at.timestamp() + probe.seconds, probe.environment
        )
        if probe.result is ProbeResult.STUCK:
            self.count("assay_monitor_stuck_total", **where)
        if probe.result is not ProbeResult.MISSED:
            lateness = max((probe.started_at - probe.due_at).total_seconds(), 0.0)
            self._observe("assay_probe_lateness_seconds", lateness, environment=probe.environment)
        if probe.result in _VERDICTS:
            self._durations(probe)
            self._residuals(probe)
        self._violations(probe)
        for measure in probe.measures:
            self._measure(probe, measure.name, measure.value, measure.labels)

    def _verdict(self, monitor: str, location: str, result: ProbeResult, ended: float, environment: str = "") -> None:
        where = {"environment": environment or self.environment}
        self.set("assay_probe_judged", float(result in _VERDICTS), **where, monitor=monitor, location=location)
        if result in _VERDICTS:
            passed = float(result is ProbeResult.PASSED)
            self.set("assay_probe_success", passed, **where, monitor=monitor, location=location)
        if result is ProbeResult.PASSED:
            self.set("assay_job_last_success_timestamp_seconds", ended, **where, monitor=monitor)
        if result is not ProbeResult.MISSED:
            self.set("assay_probe_last_run_timestamp_seconds", ended, **where, monitor=monitor)

    def _durations(self, probe: Probe) -> None:
        name = "assay_probe_duration_seconds"
        subject = probe.monitor if probe.monitor in OWN_MONITORS else probe.subject
        labels = {"environment": probe.environment, "monitor": probe.monitor, "flow": subject}
        traces = [probe.trace_id, *(outcome.trace_id for outcome in probe.outcomes)]
        self._observe(name, probe.seconds, next(filter(None, traces), ""), **labels, step="")
        performed = [(probe.steps, probe.trace_id)]
        performed += [(outcome.steps, outcome.trace_id) for outcome in probe.outcomes]
        for steps, trace_id in performed:
            for step in steps:
                if not step.soft:  # a check inside a step, which takes no time of its own
                    self._observe(name, step.seconds, trace_id, **labels, step=step.name)

    def _residuals(self, probe: Probe) -> None:
        """Set the money at risk by the last verdict of every monitor; an order counts once, by the largest amount."""
        amounts = {amount.currency: 0 for outcome in probe.outcomes for _, _, amount in outcome.shown}
        largest: dict[tuple[str, str], int] = {}
        for finding in probe.all_findings:
            if finding.result is Result.FAIL and finding.at_risk is not None:
                order = (finding.order_ref, finding.at_risk.currency)
                largest[order] = max(largest.get(order, 0), abs(finding.at_risk.minor))
        for (_, currency), minor in largest.items():
            amounts[currency] = amounts.get(currency, 0) + minor
        self._at_risk_of(probe.monitor, amounts, probe.environment)

    def _at_risk_of(self, monitor: str, amounts: Mapping[str, int], environment: str) -> None:
        with self._lock:
            before = self._at_risk.pop(monitor, {})
            self._at_risk[monitor] = amounts
            sums = {each: sum(of.get(each, 0) for of in self._at_risk.values()) for each in {*before, *amounts}}
        for currency, minor in sums.items():
            self.set("assay_drift_money_residual_minor", minor, environment=environment, currency=currency)

    def _violations(self, probe: Probe) -> None:
        monitor = self._known.monitors().get(probe.monitor)
        severity = probe.severity or (monitor.alert.severity if monitor else "ticket")
        for finding in probe.all_findings:
            if finding.result is not Result.FAIL:
                continue
            for system in finding.systems or ("",):
                labels = {"oracle": finding.oracle, "severity": severity, "system": system}
                self.count("assay_findings_total", environment=probe.environment, **labels)

    def _measure(self, probe: Probe, name: str, value: float, labels: Mapping[str, str]) -> None:
        family = FAMILIES.get(name)
        if family is None or family.kind != "gauge" or not set(labels) <= set(family.labels):
            self._refused(name if family else OTHER, "family")
            return
        given = {"environment": probe.environment, **labels}
        child_labels = {label: given[label] for label in family.labels if label in given}
        self._child(family, child_labels, owner=probe.monitor).set(value)

    def _outcome(self, outcome: Outcome) -> None:
        where = {"environment": outcome.environment, "flow": outcome.flow}
        self.count("assay_flow_runs_total", **where, result=state_of(outcome).value.replace(" ", "_"))
        self.set("assay_flow_ok", float(not outcome.failed), **where)
        self._observe("assay_flow_seconds", outcome.seconds, outcome.trace_id, **where)
        for finding in outcome.findings:
            result = _NAMES[finding.result]
            self.count("assay_verdicts_total", environment=outcome.environment, oracle=finding.oracle, result=result)

    def _observe(self, name: str, seconds: float, trace_id: str = "", /, **labels: str) -> None:
        exemplar = {"trace_id": trace_id} if trace_id else None
        self._child(_declared(name, "histogram", labels), labels).observe(seconds, exemplar)

    def _refused(self, family: str, label: str) -> None:
        # Not by `count`: what is counted here are families and labels of our own, which no set can refuse.
        self._instrument(FAMILIES["assay_metric_values_refused_total"]).labels(family, label).inc()

    def _child(self, family: Family, labels: Mapping[str, str], *, owner: str = "") -> Any:
        """Return the series of a family with these labels, each value in its closed set."""
        given = {"environment": self.environment, **labels}
        values = []
        for label in family.labels:
            value = given.get(label, "")
            if label == "step":
                values.append(self._labels.step(family.name, given["flow"], value))
            else:
                values.append(self._labels.closed(family.name, label, value))
        instrument = self._instrument(family)
        if not family.labels:
            return instrument
        owner = owner or labels.get("monitor", "")
        with self._lock:
            if owner:
                self._owners[family.name, tuple(values)] = owner
            return instrument.labels(*values)

    def _instrument(self, family: Family) -> Any:
        found = self._instruments.get(family.name)
        if found is not None:
            return found
        with self._lock:
            if family.name not in self._instruments:
                self._instruments[family.name] = self._made(family)
            return self._instruments[family.name]

    def _made(self, family: Family) -> Any:
        about = (family.name, family.meaning, family.labels)
        if family.kind == "gauge":
            return Gauge(*about, registry=self._registry)
        if family.kind == "counter":
            return Counter(*about, registry=self._registry)
        promised = self._latencies if family.name == "assay_probe_duration_seconds" else ()
        buckets = sorted({*family.buckets, *promised})
        return Histogram(*about, buckets=buckets, registry=self._registry)

    def _forget(self, name: str) -> None:
        """Begin a family anew, because its buckets are others now: a counter's reset to whoever scrapes."""
        if name in self._instruments:
            self._registry.unregister(self._instruments.pop(name))
            self._owners = {key: owner for key, owner in self._owners.items() if key[0] != name}

    def read(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Read what is watched; a figure that cannot be read is left out and counted."""
        with self._lock:
            reads = dict(self._reads)
        for name, read in reads.items():
            family = FAMILIES[name]
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            shown = kind(name, family.meaning, labels=family.labels)
            try:
                figures = read()
                sums = dict.fromkeys(self._from_the_start(name), 0.0)
                for labels, value in [({}, figures)] if isinstance(figures, int | float) else figures:
                    given = {"environment": self.environment, **labels}
                    values = tuple(self._labels.closed(name, each, given.get(each, "")) for each in family.labels)
                    sums[values] = sums.get(values, 0.0) + value if OTHER in values else float(value)
                for values, value in sums.items():
                    shown.add_metric(values, value)
            except Exception:  # whatever a figure's owner does wrong, the scrape brings all others
                self._instrument(FAMILIES["assay_metric_reads_failed_total"]).labels(name).inc()
                continue
            yield shown


class _Reads:
    """What the registry asks at every scrape."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Sequence[Any]:
        """Return nothing: the library would read every figure to learn its name."""
        return ()

    def collect(self) -> Iterator[Any]:
        """Return what is watched."""
        return self._metrics.read()


def _is_another(before: Monitor, now: Monitor) -> bool:
    return (before.subject, before.location) != (now.subject, now.location)


def _declared(name: str, kind: str | None, labels: Mapping[str, str]) -> Family:
    family = FAMILIES.get(name)
    if family is None:
        raise UsageError(f"no metric is called '{name}'", hint=did_you_mean(name, FAMILIES))
    if kind is not None and family.kind != kind:
        raise UsageError(f"{name} is a {family.kind}, no {kind}")
    if strange := [each for each in labels if each not in family.labels]:
        raise UsageError(f"{name} has no label '{strange[0]}'", hint=did_you_mean(strange[0], family.labels))
    return family


_NAMES = {Result.PASS: "passed", Result.FAIL: "failed", Result.NOT_EVALUATED: "not_evaluated"}
