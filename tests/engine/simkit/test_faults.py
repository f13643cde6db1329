"""Each fault proven from both ends: what the client saw, and what the simulator did and logged."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from assay.local.clock import LandscapeClock

from .conftest import START, Demo, Seen

FAULT = "X-Assay-Fault"


def faulted(demo: Demo, fault: str, body: str = "a=1") -> Seen:
    """Create a thing under a fault."""
    return demo.call("POST", "/things", body, {FAULT: fault})


def made(demo: Demo) -> int:
    """How many things there are beside the first."""
    return len(demo.things()) - 1


def logged(demo: Demo) -> Any:
    """The fault of the last call that created something, as the simulator's own log holds it."""
    calls = [call for call in demo.admin("GET", "requests") if call["method"] == "POST"]
    return calls[-1].get("fault")


def test_no_fault_no_difference(demo: Demo) -> None:
    """Without the header nothing is delayed or noted."""
    assert demo.call("POST", "/things", "a=1").status == 201
    assert logged(demo) is None


@pytest.mark.parametrize("fault", ["delay; ms=300", "delay_lognormal; median_ms=300; sigma=0"])
def test_delay(demo: Demo, fault: str) -> None:
    """The whole answer comes, late; others are served meanwhile; the thing exists."""
    began = time.monotonic()
    answer = faulted(demo, fault)
    assert 0.29 < time.monotonic() - began < 3
    assert (answer.status, made(demo), logged(demo)) == (201, 1, fault.split(";")[0])


def test_a_delay_holds_nobody_else_up(demo: Demo) -> None:
    """While one answer is held back the next call is served at once."""
    link = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=10)
    link.request("POST", "/things", "a=1", {FAULT: "delay; ms=1500"})
    began = time.monotonic()
    assert made(demo) == 1
    assert time.monotonic() - began < 1
    link.close()


def test_drop(demo: Demo) -> None:
    """The connection closes without an answer after the simulator acted."""
    with pytest.raises(http.client.RemoteDisconnected):
        faulted(demo, "drop")
    assert (made(demo), logged(demo)) == (1, "drop")


def test_reset(demo: Demo) -> None:
    """The connection is reset (RST, not an orderly close) after the simulator acted."""
    with socket.create_connection(("127.0.0.1", demo.port), timeout=5) as link:
        link.sendall(b"POST /things HTTP/1.1\r\nHost: x\r\nX-Assay-Fault: reset\r\nContent-Length: 3\r\n\r\na=1")
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    assert (made(demo), logged(demo)) == (1, "reset")


def test_truncate(demo: Demo) -> None:
    """The length of the whole is promised and half of the body comes; the thing exists."""
    body = b"a=" + b"x" * 2000
    head = f"POST /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{FAULT}: truncate\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", demo.port), timeout=5) as link:
        link.sendall(head.encode() + b"\r\n\r\n" + body)
        raw = b"".join(iter(lambda: link.recv(65536), b""))
    promised = re.search(rb"content-length: (\d+)", raw)
    whole = json.dumps(demo.things()[-1], separators=(",", ":")).encode()
    assert promised is not None
    assert int(promised[1]) == len(whole)
    assert whole[: len(whole) // 2] in raw
    assert whole[: len(whole) // 2 + 1] not in raw
    assert (made(demo), logged(demo)) == (1, "truncate")


@pytest.mark.parametrize(("fault", "status"), [("status; code=500", 500), ("status", 503)])
def test_status(demo: Demo, fault: str, status: int) -> None:
    """The client sees a failure in the vendor's shape although the simulator acted."""
    answer = faulted(demo, fault)
    assert (answer.status, answer.json()["demo_error"]) == (status, "unavailable")
    assert (made(demo), logged(demo)) == (1, "status")


def test_duplicate(demo: Demo) -> None:
    """The simulator acts twice, as if the call had arrived twice; the client sees one answer."""
    answer = faulted(demo, "duplicate")
    assert answer.status == 201
    assert (made(demo), logged(demo)) == (2, "duplicate")
    assert answer.json() == demo.things()[-1]


@pytest.mark.parametrize(("fault", "wait"), [("rate_limit; retry_after=7", "7"), ("rate_limit", "1")])
def test_rate_limit(demo: Demo, fault: str, wait: str) -> None:
    """The call is refused with 429 and Retry-After before the simulator acts."""
    answer = faulted(demo, fault)
    assert (answer.status, answer.headers["retry-after"]) == (429, wait)
    assert answer.json()["demo_error"] == "rate_limited"
    assert (made(demo), logged(demo)) == (0, "rate_limit")


def test_the_connection_after_a_drop_is_a_new_one(demo: Demo) -> None:
    """A dropped connection hurts that call alone: the next is served."""
    with pytest.raises(http.client.RemoteDisconnected):
        faulted(demo, "drop")
    assert faulted(demo, "status").status == 503
    assert made(demo) == 2
    assert "Traceback" not in demo.log


def test_a_share_of_the_calls(serve: Callable[..., Demo]) -> None:
    """About the share is hit, and exactly the same calls are hit again for the same seed."""

    def hit(demo: Demo, seed: int) -> list[bool]:
        return [faulted(demo, f"status; code=500; share=0.3; seed={seed}").status == 500 for _ in range(100)]

    one, other = serve(), serve()
    first = hit(one, 7)
    assert 15 <= sum(first) <= 45
    assert hit(other, 7) == first
    assert hit(other, 8) != first


@pytest.mark.parametrize(("share", "hits"), [("0", 0), ("1", 20)])
def test_the_ends_of_a_share(demo: Demo, share: str, hits: int) -> None:
    """Share 0 hits no call and share 1 every one."""
    assert sum(faulted(demo, f"status; share={share}").status == 503 for _ in range(20)) == hits


def test_a_span_of_simulated_time(serve: Callable[..., Demo], clock: LandscapeClock) -> None:
    """A fault with `from` and `until` acts in that span of the landscape's clock: start included, end not."""
    demo = serve()
    span = "status; from=2026-03-02T10:00:00+00:00; until=2026-03-02T11:00:00+00:00"
    seen = []
    for minutes in (59, 60, 119, 120):
        clock.set(START + timedelta(minutes=minutes), [demo.settle])
        seen.append(faulted(demo, span).status)
    assert seen == [201, 503, 503, 201]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("dropp", "unknown fault 'dropp', known: delay"),
        ("", "unknown fault ''"),
        ("delay", "delay needs ms"),
        ("delay; ms=soon", "ms must be a number, is 'soon'"),
        ("delay_lognormal; median_ms=3", "needs sigma"),
        ("status; code=abc", "code must be a number"),
        ("rate_limit; retry_after=later", "retry_after must be a number"),
        ("drop; share=half", "share must be a number"),
        ("drop; share", "key=value"),
        ("drop; from=yesterday", "yesterday"),
    ],
)
def test_a_malformed_fault_is_refused_before_anything_happens(demo: Demo, fault: str, said: str) -> None:
    """A header outside the grammar is a 400 in the vendor's shape that says what is wrong; nothing was done."""
    answer = faulted(demo, fault)
    assert answer.status == 400
    assert said in answer.json()["text"]
    assert made(demo) == 0
    assert "Traceback" not in demo.log
