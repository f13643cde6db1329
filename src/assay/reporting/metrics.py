"""Metrics of runs for Prometheus: how often flows ran, what each oracle said, how long flows took.

Labels are closed sets: the environment, flows, steps, oracles and results of the suite; never an order, a customer or a
text.
"""

from __future__ import annotations

from assay.errors import UsageError
from assay.events import Outcome, Result
from assay.reporting.verdict import state_of

_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """A listener that counts outcomes. `text` is what a scrape is answered with.

    `UsageError` where prometheus-client, which writes the format, is not installed.
    """

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
        except ImportError:
            raise UsageError(
                "metrics need prometheus-client, which is not installed", hint="pip install prometheus-client"
            ) from None
        self._scrape = generate_latest
        self._registry = CollectorRegistry()
        self._runs = Counter(
            "assay_flow_runs", "Executions of a flow by what they came to", ("environment", "flow", "result"),
            registry=self._registry,
        )  # fmt: skip
        self._ok = Gauge(
            "assay_flow_ok", "Whether the last execution of a flow passed", ("environment", "flow"),
            registry=self._registry,
        )  # fmt: skip
        self._verdicts = Counter(
            "assay_verdicts", "Verdicts of an oracle by result", ("environment", "oracle", "result"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "assay_flow_seconds", "How long a flow took, in seconds of real time", ("environment", "flow"),
            buckets=_BUCKETS_S, registry=self._registry,
        )  # fmt: skip

    def __call__(self, event: object) -> None:
        """Count one outcome; other events are passed over."""
        if not isinstance(event, Outcome):
            return
        where, flow = event.environment, event.flow
        self._runs.labels(where, flow, state_of(event).value.replace(" ", "_")).inc()
        self._ok.labels(where, flow).set(0 if event.failed else 1)
        self._seconds.labels(where, flow).observe(event.seconds)
        for finding in event.findings:
            self._verdicts.labels(where, finding.oracle, _NAMES[finding.result]).inc()

    @property
    def text(self) -> str:
        """The metrics in Prometheus's text format."""
        return self._scrape(self._registry).decode()


_NAMES = {Result.PASS: "passed", Result.FAIL: "failed", Result.NOT_EVALUATED: "not_evaluated"}
