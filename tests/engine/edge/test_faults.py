"""Every fault from both ends: what the caller saw, and what the backend's own log holds."""

from __future__ import annotations

import http.client
import json
import re
import socket
import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.edge import EdgeProcess, Fault, Harvester, ReverseRoute, Route, RouteTable, load_routes, set_faults
from assay.edge.faults import fault_header, fault_mappings
from assay.edge.routes import route_mappings
from assay.errors import AssayError, SafetyError, UsageError

from .conftest import Backend, Handler, Reply, Seen, call, call_host

HOST = "api.stripe.com"
ORDER = json.dumps({"name": "Zoë 東京", "note": 'a "b" <c> & {{d}}'}, ensure_ascii=False).encode()
Call = Callable[..., Reply]


def obey(backend: Backend) -> None:
    """Make the backend execute the fault header as a simulator must: the handler first (the log), then the fault."""

    def answer(handler: Handler, seen: Seen) -> None:
        kind, *rest = [part.strip() for part in seen.headers.get("x-assay-fault", "none").split(";")]
        values = dict(part.split("=", 1) for part in rest)
        body = json.dumps({"id": f"ch_{len(backend.log)}", "amount": 100}).encode()
        match kind:
            case "delay" | "delay_lognormal":
                time.sleep(int(values.get("ms") or values["median_ms"]) / 1000)
            case "status":
                return handler.reply(int(values["code"]), b"{}")
            case "rate_limit":
                backend.log.remove(seen)
                return handler.reply(429, b"{}", {"Retry-After": values["retry_after"]})
            case "duplicate":
                backend.log.append(seen)
            case "truncate":
                # The whole length beside a chunked half: the edge hands on the length, and the half.
                half = body[: len(body) // 2]
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nTransfer-Encoding: chunked\r\n\r\n"
                handler.wfile.write(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(half), half))
                return None
        return handler.reply(200, body)

    backend.answer = answer


@pytest.fixture(params=["proxy", "base"])
def way(request: pytest.FixtureRequest, edge: EdgeProcess) -> Call:
    """Call the system by either way in; a fault must be the same by both."""
    if request.param == "proxy":
        return lambda path="/v1/charges", **rest: call_host(edge, HOST, path, **rest)
    return lambda path="/v1/charges", **rest: call(edge, "/stripe" + path, **rest)


def simulated(edge: EdgeProcess, backend: Backend, *faults: Fault) -> None:
    """Route to a simulator that obeys the header, with these faults in front."""
    obey(backend)
    put(edge, RouteTable((Route("stripe", HOST, target=backend.url),)), *faults)


def sandboxed(edge: EdgeProcess, backend: Backend, *faults: Fault) -> None:
    """Route to a sandbox, which knows nothing of faults."""
    put(edge, RouteTable((Route("stripe", HOST, "sandbox", backend.url),)), *faults)


def put(edge: EdgeProcess, table: RouteTable, *faults: Fault) -> None:
    """Load a table and its faults."""
    load_routes(edge.admin, table)
    set_faults(edge.admin, table, faults)


def arrived(backend: Backend, count: int) -> list[Seen]:
    """Wait for the backend's log to hold ``count`` calls and return it."""
    deadline = time.monotonic() + 5
    while len(backend.log) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(backend.log) == count
    return backend.log


pytestmark = pytest.mark.needs_java
BOTH = pytest.mark.parametrize("route", [simulated, sandboxed])


@BOTH
@pytest.mark.parametrize("fault", [
    Fault(kind="delay", system="stripe", delay_ms=300),
    Fault(kind="delay_lognormal", system="stripe", median_ms=300, sigma=0.0001),
])  # fmt: skip
def test_delay(edge: EdgeProcess, backend: Backend, way: Call, route: Any, fault: Fault) -> None:
    """The caller gets the answer late; the backend acted before the wait."""
    route(edge, backend, fault)
    caller = threading.Thread(target=way)
    begun = time.monotonic()
    caller.start()
    while not backend.log:
        assert time.monotonic() - begun < 5
        time.sleep(0.005)
    assert caller.is_alive()
    caller.join()
    assert time.monotonic() - begun >= 0.29
    assert len(backend.log) == 1


@BOTH
def test_drop(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """The caller's connection closes without a byte; the backend has the whole call, byte for byte."""
    route(edge, backend, Fault(kind="drop", system="stripe"))
    headers = {"Authorization": "Bearer k", "Idempotency-Key": "key-1", "Content-Type": "application/json"}
    with pytest.raises(http.client.RemoteDisconnected):
        way("/v1/charges?expand=a%20b", method="POST", body=ORDER, headers=headers)
    (seen,) = arrived(backend, 1)
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/charges?expand=a%20b", ORDER)
    assert {name: seen.headers[name.lower()].split(";")[0] for name in headers} == headers


@BOTH
def test_drop_held(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """With a hold the backend acts at once and the caller waits until its own time-out."""
    route(edge, backend, Fault(kind="drop", system="stripe", hold_ms=1500))
    with pytest.raises(TimeoutError):
        way(method="POST", body=ORDER, timeout=0.5)
    assert arrived(backend, 1)[0].body == ORDER


@BOTH
def test_reset(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """The caller's connection is reset; the backend has the call."""
    route(edge, backend, Fault(kind="reset", system="stripe"))
    with pytest.raises(ConnectionResetError):
        way(method="POST", body=ORDER)
    (seen,) = arrived(backend, 1)
    assert (seen.body, "idempotency-key" in seen.headers) == (ORDER, False)


@BOTH
def test_truncate(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """The caller gets a broken body; the backend acted once."""
    route(edge, backend, Fault(kind="truncate", system="stripe"))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        way(method="POST", body=ORDER)
    arrived(backend, 1)
    if route is simulated:
        assert isinstance(broken.value, http.client.IncompleteRead)
        assert broken.value.partial.startswith(b'{"id"')


@BOTH
def test_status(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """The caller gets another status; the backend acted."""
    route(edge, backend, Fault(kind="status", system="stripe", code=503))
    assert way(method="POST", body=ORDER).status == 503
    arrived(backend, 1)


@BOTH
def test_rate_limit(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """The caller is told to come back later; the backend did nothing."""
    route(edge, backend, Fault(kind="rate_limit", system="stripe", retry_after_s=2))
    reply = way(method="POST", body=ORDER)
    assert (reply.status, reply.headers["retry-after"]) == (429, "2")
    arrived(backend, 0)


@BOTH
def test_duplicate(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """The caller gets one answer; the backend did it twice."""
    route(edge, backend, Fault(kind="duplicate", system="stripe"))
    assert way(method="POST", body=ORDER).status == 200
    first, second = arrived(backend, 2)
    assert (first.method, first.path, first.body) == (second.method, second.path, second.body)


def test_duplicate_delivery_of_a_webhook(edge: EdgeProcess, backend: Backend) -> None:
    """A webhook on its way to the platform is delivered twice, signature and all, with nothing of ours in it."""
    table = RouteTable((), (ReverseRoute("merchant-webhooks", backend.url),))
    put(edge, table, Fault(kind="duplicate", system="merchant-webhooks", path="/stripe"))
    headers = {"Stripe-Signature": "t=1,v1=abc", "Content-Type": "application/json"}
    assert call(edge, "/merchant-webhooks/stripe", method="POST", body=ORDER, headers=headers).status == 200
    for seen in arrived(backend, 2):
        assert (seen.body, seen.headers["stripe-signature"]) == (ORDER, "t=1,v1=abc")
        assert not [name for name in seen.headers if name.startswith(("x-assay", "x-forwarded"))]


def test_a_bare_header_would_not_do(edge: EdgeProcess, backend: Backend) -> None:
    """WireMock answers 500 itself when the system behind it hangs up: why drop and reset do not go by the header."""

    def hang_up(handler: Handler, _: Seen) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    backend.answer = hang_up
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    assert call(edge, "/stripe/v1/charges").status == 500


@BOTH
def test_scope(edge: EdgeProcess, backend: Backend, way: Call, route: Any) -> None:
    """A fault hits its method and whole path alone, whatever the query."""
    route(edge, backend, Fault(kind="status", system="stripe", code=503, path="/v1/charges/[^/]+", method="GET"))
    assert way("/v1/charges/ch_1?a=1").status == 503
    assert way("/v1/charges/ch_1", method="POST", body=b"").status == 200
    assert way("/v1/charges/ch_1/refunds").status == 200
    assert way("/v1/charges").status == 200


@pytest.mark.parametrize("share", [0.5, 0.3, 0.05])
def test_share_of_calls(edge: EdgeProcess, backend: Backend, share: float) -> None:
    """A share hits exactly that share over a cycle, the same calls each time for one seed, and loses no call."""
    table = RouteTable((Route("stripe", HOST, "sandbox", backend.url),))
    load_routes(edge.admin, table)

    def pattern(seed: int) -> list[bool]:
        fault = Fault(kind="rate_limit", system="stripe", retry_after_s=1, share=share, seed=seed)
        set_faults(edge.admin, table, [fault])
        return [call(edge, "/stripe/v1/charges").status == 429 for _ in range(40)]

    first = pattern(1)
    assert statistics.mean(first) == pytest.approx(share, abs=1e-9)
    assert pattern(1) == first
    assert len(backend.log) == 2 * first.count(False)


def test_share_of_drops(edge: EdgeProcess, backend: Backend) -> None:
    """Half the calls to a simulator are dropped, and the simulator holds every one of them."""
    simulated(edge, backend, Fault(kind="drop", system="stripe", share=0.5, seed=3))
    dropped = 0
    for _ in range(10):
        try:
            call(edge, "/stripe/v1/charges", method="POST", body=ORDER)
        except http.client.RemoteDisconnected:
            dropped += 1
    assert dropped == 5
    arrived(backend, 10)


def test_header_follows_the_grammar() -> None:
    """The header's value is what the simulators' grammar says."""
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    cases = {
        "delay; ms=1500": Fault(kind="delay", system="s", delay_ms=1500),
        "delay_lognormal; median_ms=200; sigma=0.5": Fault(
            kind="delay_lognormal", system="s", median_ms=200, sigma=0.5
        ),
        "status; code=503; share=0.3; seed=7": Fault(kind="status", system="s", code=503, share=0.3, seed=7),
        "rate_limit; retry_after=2": Fault(kind="rate_limit", system="s", retry_after_s=2),
        "truncate; from=2026-11-22T12:00:00+00:00": Fault(kind="truncate", system="s", since=noon),
        "duplicate; until=2026-11-22T12:00:00+00:00": Fault(kind="duplicate", system="s", until=noon),
        "delay; ms=9000": Fault(kind="drop", system="s", hold_ms=9000),
    }
    assert {header: fault_header(fault) for header, fault in cases.items()} == {header: header for header in cases}


EVERY = [
    Fault(kind="delay", system="x", delay_ms=1),
    Fault(kind="delay_lognormal", system="x", median_ms=1, sigma=0.1),
    Fault(kind="drop", system="x"),
    Fault(kind="drop", system="x", hold_ms=1),
    Fault(kind="status", system="x", code=500),
    Fault(kind="rate_limit", system="x", retry_after_s=1),
    Fault(kind="reset", system="x"),
    Fault(kind="truncate", system="x"),
    Fault(kind="duplicate", system="x"),
    Fault(kind="drop", system="x", share=0.25),
]
TABLES = {
    "simulator": RouteTable((Route("x", "x.example", target="http://127.0.0.1:9"),)),
    "sandbox": RouteTable((Route("x", "x.example", "sandbox", "http://127.0.0.1:9"),)),
    "platform": RouteTable((), (ReverseRoute("x", "http://127.0.0.1:9"),)),
}


@pytest.mark.parametrize("mode", TABLES)
def test_no_mapping_is_one_wiremock_ignores(mode: str) -> None:
    """No mapping has fault, status or body beside a proxy target: WireMock accepts those and ignores them."""
    for fault in EVERY:
        for mapping in [*fault_mappings(TABLES[mode], [fault], port=1), *route_mappings(TABLES[mode], port=1)]:
            response = mapping["response"]
            if "proxyBaseUrl" in response:
                assert not {"fault", "status", "body", "jsonBody", "base64Body", "bodyFileName"} & set(response)


@pytest.mark.parametrize("mode", ["sandbox", "platform"])
def test_the_header_never_leaves_for_a_real_system(mode: str) -> None:
    """No mapping towards a sandbox or the platform says a word of ours, in whatever place."""
    for fault in EVERY:
        for mapping in fault_mappings(TABLES[mode], [fault], port=1):
            sent = json.dumps([mapping["response"], mapping.get("serveEventListeners")])
            assert not re.search(r"x-assay|x-forwarded", sent, re.IGNORECASE)


def test_no_fault_in_front_of_a_live_system() -> None:
    """A live system gets no fault of any kind."""
    table = RouteTable((Route("x", "x.example", "live"),))
    for fault in EVERY:
        with pytest.raises(SafetyError, match="live system"):
            fault_mappings(table, [fault], port=1)


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("did you mean 'delay'", "simulator", {"kind": "dealy"}),
    ("needs delay_ms", "simulator", {"kind": "delay"}),
    ("has no code", "simulator", {"kind": "reset", "code": 500}),
    ("share lies", "simulator", {"kind": "reset", "share": 0.0}),
    ("share lies", "simulator", {"kind": "reset", "share": 1.1}),
    ("between 200 and 599", "simulator", {"kind": "status", "code": 42}),
    ("cannot be negative", "simulator", {"kind": "delay", "delay_ms": -1}),
    ("needs a time zone", "simulator", {"kind": "truncate", "since": datetime(2026, 1, 1)}),
    ("did you mean 'x'", "simulator", {"kind": "reset", "system": "xx"}),
    ("only a simulator knows", "sandbox", {"kind": "truncate", "since": NOON}),
    ("only a simulator knows", "platform", {"kind": "duplicate", "until": NOON}),
    ("hold_ms", "simulator", {"kind": "drop", "since": NOON}),
    ("set and clear the fault", "simulator", {"kind": "reset", "until": NOON}),
]


@pytest.mark.parametrize(("words", "mode", "fault"), BAD)
def test_bad_faults_are_refused(words: str, mode: str, fault: dict[str, Any]) -> None:
    """A fault that cannot be is refused with the reason and the way out."""
    with pytest.raises(UsageError) as refused:
        fault_mappings(TABLES[mode], [Fault(**{"system": "x", **fault})], port=1)
    assert words in str(refused.value)


def test_refused_fault_changes_nothing(edge: EdgeProcess, backend: Backend) -> None:
    """When one of several faults cannot be, those that were set stay as they were."""
    simulated(edge, backend, Fault(kind="status", system="stripe", code=503))
    table = RouteTable((Route("stripe", HOST, target=backend.url),))
    with pytest.raises(AssayError):
        set_faults(edge.admin, table, [Fault(kind="reset", system="nobody")])
    assert call(edge, "/stripe/a").status == 503


def test_cleared_faults_are_gone(edge: EdgeProcess, backend: Backend) -> None:
    """Setting no faults clears them, and the routes stay."""
    simulated(edge, backend, Fault(kind="status", system="stripe", code=503))
    set_faults(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)), [])
    assert call(edge, "/stripe/a").status == 200


def test_journal_names_the_fault(edge: EdgeProcess, backend: Backend) -> None:
    """The journal says which fault was in a call's way, also where the caller got no answer."""
    fault = Fault(kind="drop", system="stripe")
    simulated(edge, backend, fault)
    with pytest.raises(http.client.RemoteDisconnected):
        call(edge, "/stripe/v1/charges")
    arrived(backend, 1)
    kept: list[Any] = []
    harvester = Harvester(edge.admin, kept.extend, on_gap=print)
    deadline = time.monotonic() + 5
    while not kept and time.monotonic() < deadline:
        harvester.harvest()
    assert [(exchange.fault, exchange.path) for exchange in kept] == [(fault.name, "/v1/charges")]
