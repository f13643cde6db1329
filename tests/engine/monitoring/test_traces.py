"""Traces: an OTLP receiver gets flow, step and exchange with right times, the platform those ids, nobody a secret."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from assay.capture import Capture
from assay.errors import UsageError
from assay.events import Exchange, Finding, Outcome, Probe, ProbeResult, Result, StepDone
from assay.http import open_client
from assay.reporting.traces import Traces, placed_steps
from tests.serving import Quiet, serving

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector:
    """A receiver of OTLP over HTTP that keeps every span; `hold` keeps it from answering."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.status = 200
        self.answering = threading.Event()
        self.answering.set()
        self.url = ""

    def named(self) -> dict[str, Span]:
        """Return the spans by name."""
        return {span.name: span for span in self.spans}

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {each.value.string_value for each in of_resource.resource.attributes}
            for scoped in of_resource.scope_spans:
                self.spans += scoped.spans


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    it = Collector()

    class Handler(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            it.answering.wait(30)
            if it.status == 200 and self.path == "/v1/traces":
                it.take(body)
            self.send_response(it.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        it.url = address
        yield it
        it.answering.set()


def attributes(span: Span) -> dict[str, Any]:
    """Return a span's attributes as plain values."""
    values = {each.key: each.value for each in span.attributes}
    return {key: value.string_value or value.int_value for key, value in values.items()}


def at(span: Span) -> tuple[float, float]:
    """Return when a span began and ended, in seconds after noon."""
    began, ended = (each / 1e9 - NOON.timestamp() for each in (span.start_time_unix_nano, span.end_time_unix_nano))
    return round(began, 3), round(ended, 3)


def after(seconds: float) -> datetime:
    """Return the instant so long after noon."""
    return NOON + timedelta(seconds=seconds)


def exchange(seconds: float, **more: Any) -> Exchange:
    """Return a request that began so long after noon and took 200 ms."""
    parts: dict[str, Any] = {
        "system": "shop", "method": "POST", "url": "http://127.0.0.1:8000/checkout", "request_headers": {},
        "request_body": "", "status": 201, "response_headers": {}, "response_body": "", "seconds": 0.2, **more,
    }  # fmt: skip
    return Exchange(started_at=after(seconds), **parts)


OUTCOME = Outcome(
    flow="F01", case="eur", environment="shop", id="run-0001", run_id="run", runner="monitor", trace_id=TRACE,
    started_at=after(1), seconds=6.0, order_refs=("10001",),
    steps=(
        StepDone(name="fill the cart", started_at=after(1.0), seconds=1.0),
        StepDone(name="register", started_at=after(2.2), seconds=0.5),
        StepDone(name="pay and order", started_at=after(2.0), seconds=3.0, error="TimeoutError: nothing seen"),
    ),
    exchanges=(exchange(1.1), exchange(2.3, system="stripe", status=402)),
    findings=(
        Finding(
            oracle="O-M1", result=Result.FAIL, order_ref="10001", systems=("stripe",), expected="JPY 80",
            seen="JPY 8000", cause="exponent",
        ),
    ),
)  # fmt: skip
PROBE = Probe(
    id="p1", monitor="orders", subject="F01", environment="shop", location="paris", result=ProbeResult.FAILED,
    due_at=NOON, started_at=after(1), seconds=7.0, outcomes=(OUTCOME,),
)  # fmt: skip


def told(collector: Collector, *events: object) -> dict[str, Span]:
    """Tell traces these events and return what the collector got, by name."""
    traces = Traces(collector.url)
    for event in events:
        traces(event)
    traces.close()
    assert traces.lost == 0
    return collector.named()


def test_flow_step_and_exchange_hang_together(collector: Collector) -> None:
    """The collector gets one trace of our own id: exchanges in the step they were made in, steps in the flow."""
    spans = told(collector, PROBE)
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert collector.services >= {"assay"}
    flow, pay, register = spans["F01[eur]"], spans["pay and order"], spans["register"]
    assert not flow.parent_span_id
    assert pay.parent_span_id == spans["fill the cart"].parent_span_id == flow.span_id
    assert register.parent_span_id == pay.span_id
    assert spans["POST shop"].parent_span_id == spans["fill the cart"].span_id
    assert spans["POST stripe"].parent_span_id == register.span_id
    assert (at(flow), at(pay), at(register)) == ((1.0, 7.0), (2.0, 5.0), (2.2, 2.7))
    assert at(spans["POST stripe"]) == (2.3, 2.5)
    shown = attributes(flow)
    assert (shown["assay.monitor"], shown["assay.location"], shown["assay.result"]) == ("orders", "paris", "failed")
    assert attributes(spans["POST stripe"])["http.response.status_code"] == 402


def test_what_went_wrong_is_on_the_span(collector: Collector) -> None:
    """A failed flow, step and exchange have status error with their sentence; the finding is an event of the flow."""
    spans = told(collector, PROBE)
    assert spans["F01[eur]"].status.message.startswith("O-M1: order 10001 in stripe: expected JPY 80")
    assert [event.name for event in spans["F01[eur]"].events] == ["finding"]
    assert spans["pay and order"].status.message == "TimeoutError: nothing seen"
    assert spans["POST stripe"].status.message == "answered 402"
    assert spans["fill the cart"].status.code == 0


def test_the_platform_is_sent_the_very_ids(collector: Collector) -> None:
    """The traceparent of a request names the trace and the span the collector gets for that request."""
    parents: list[str] = []

    class Shop(Quiet):
        def do_GET(self) -> None:
            parents.append(self.headers["traceparent"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    captures: list[Capture] = []
    with serving(Shop) as address, open_client(address, system="shop") as client:
        traced = client.traced(TRACE, captures.append)
        traced.request("GET", "/basket")
        traced.request("GET", "/orders")
    exchanges = tuple(capture.masked() for capture in captures)
    began = exchanges[0].started_at
    told(collector, replace(OUTCOME, exchanges=exchanges, steps=(), started_at=began, findings=()))
    got = {f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in collector.spans if span.kind == 3}
    assert len(parents) == 2
    assert got == set(parents)


def test_secrets_and_people_stay_in_the_house(collector: Collector) -> None:
    """No query, header, body, secret, card number or address of a person leaves by any span."""
    mail = "jane.doe@example.com"
    seen = exchange(
        1.2,
        url=f"http://user:hush@127.0.0.1:8000/customers/{mail}/orders?api_key=hush&email={mail}",
        request_headers={"authorization": "Bearer hush"},
        request_body="hush",
        response_body="hush",
        status=None,
        error=f"no answer for {mail} with token=hush and card 4242424242424242",
    )
    steps = (StepDone(name=f"register {mail}", started_at=after(1), seconds=1, error='{"password": "hush"}'),)
    finding = replace(OUTCOME.findings[0], order_ref=f"the purchase of {mail}", seen="api_key=hush")
    told(collector, replace(OUTCOME, exchanges=(seen,), steps=steps, findings=(finding,)))
    text = str(collector.spans)
    assert len(collector.spans) == 3
    for secret in ("hush", "jane", "4242424242424242", "email="):
        assert secret not in text


def test_a_check_is_a_trace_too(collector: Collector) -> None:
    """A read-only check has a span with its steps; a run that was missed and did nothing has none."""
    steps = (StepDone(name="read the orders", started_at=after(1), seconds=2),)
    census = replace(PROBE, outcomes=(), subject="order_census", steps=steps, trouble=("stripe did not answer",))
    spans = told(collector, census, replace(census, id="p2", steps=(), trouble=(), result=ProbeResult.MISSED))
    assert set(spans) == {"order_census", "read the orders"}
    assert spans["read the orders"].parent_span_id == spans["order_census"].span_id
    assert spans["order_census"].status.message == "stripe did not answer"


def test_one_execution_is_one_trace(collector: Collector) -> None:
    """An outcome that comes by itself and again with its monitor's run is handed on once."""
    told(collector, OUTCOME, PROBE)
    assert len([span for span in collector.spans if span.name == "F01[eur]"]) == 1


def test_a_clock_that_jumps_moves_no_span(collector: Collector) -> None:
    """On a simulated landscape steps say its instants; their spans stand in real time, one after the other."""
    simulated = datetime(2027, 3, 1, tzinfo=UTC)
    steps = (
        StepDone(name="order", started_at=simulated, seconds=1.0),
        StepDone(name="the parcel", started_at=simulated + timedelta(days=3, seconds=0.5), seconds=0.25),
        StepDone(name="delivered", started_at=simulated + timedelta(seconds=1.125), seconds=2.0),
        StepDone(name="delivered, looked at again", started_at=simulated + timedelta(days=9), seconds=0.5),
    )
    outcome = replace(OUTCOME, started_at=simulated, steps=steps, exchanges=(exchange(1.0),))
    told(collector, replace(PROBE, outcomes=(outcome,)))
    spans = collector.named()
    assert at(spans["F01[eur]"]) == (1.0, 7.0)
    assert at(spans["order"]) == (1.0, 2.0)
    assert at(spans["delivered"]) == (2.125, 4.125)
    assert spans["the parcel"].parent_span_id == spans["delivered"].span_id
    assert at(spans["the parcel"]) == (2.125, 2.375)
    assert at(spans["delivered, looked at again"]) == (4.125, 4.625)


def test_real_instants_are_kept() -> None:
    """Where the landscape's clock is the real one, every step keeps the instant it said, a late second look too."""
    again = StepDone(name="paid, looked at again", started_at=after(700), seconds=0.5, error="gone")
    soft = StepDone(name="paid", started_at=after(1.5), seconds=0, soft=True, error="not so")
    placed = placed_steps((*OUTCOME.steps, soft, again), after(1), after(7))
    assert [each.began for each in placed] == [step.started_at for step in (*OUTCOME.steps, again)]
    assert [each.within for each in placed] == [None, 2, None, None]


def test_a_collector_that_is_away_holds_nobody_up(collector: Collector) -> None:
    """While a collector does not answer, runs are taken at once; what does not fit in memory is counted as lost."""
    collector.answering.clear()
    traces = Traces(collector.url)
    for number in range(2_500):
        traces(replace(PROBE, outcomes=(replace(OUTCOME, id=f"run-{number}"),)))
    assert collector.spans == []
    assert traces.lost > 0
    collector.answering.set()
    traces.close()
    assert len(collector.spans) + traces.lost == 2_500 * 6


@pytest.mark.parametrize(
    "spoil", [lambda it: setattr(it, "status", 400), lambda it: setattr(it, "url", "http://127.0.0.1:9")]
)
def test_a_collector_that_refuses_is_said_once(
    collector: Collector, spoil: Callable[[Collector], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector that refuses or is gone costs its spans, is told of once, and is tried again."""
    spoil(collector)
    monkeypatch.setattr("assay.reporting.traces._TIMEOUT_S", 0.2)
    said: list[str] = []
    traces = Traces(collector.url, say=said.append)
    for number in range(3):
        traces(replace(OUTCOME, id=str(number)))
        traces.flush()
    traces.close()
    assert traces.lost == 3 * 6
    assert len(said) == 1
    assert "does not take spans" in said[0]


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://user:hush@host:4318", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """What is no HTTP address, or holds a password, is an error that shows what to write and no secret."""
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:4318") as refused:
        Traces(address)
    assert "hush" not in str(refused.value)
