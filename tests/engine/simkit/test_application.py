"""Requests reach the right handler, a failed one changes nothing, and garbage gets the vendor's own error shape."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable

import pytest

from assay.simkit import Answer, Failure, Route
from assay.simkit.application import Router

from .conftest import Demo


def _route(method: str, path: str) -> Route:
    return Route(method, path, lambda state, call: Answer(f"{method} {path}"))


ROUTER = Router(
    [
        _route("GET", "/v1/things"),
        _route("POST", "/v1/things"),
        _route("GET", "/v1/things/search"),
        _route("GET", "/v1/things/{id}"),
        _route("POST", "/v1/things/{id}/close"),
        _route("GET", "/files/{path:path}"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "found", "params"),
    [
        ("GET", "/v1/things", "GET /v1/things", {}),
        ("POST", "/v1/things", "POST /v1/things", {}),
        ("HEAD", "/v1/things", "GET /v1/things", {}),
        ("GET", "/v1/things/search", "GET /v1/things/search", {}),
        ("GET", "/v1/things/x1", "GET /v1/things/{id}", {"id": "x1"}),
        ("GET", "/v1/things/é ☕", "GET /v1/things/{id}", {"id": "é ☕"}),
        ("POST", "/v1/things/x1/close", "POST /v1/things/{id}/close", {"id": "x1"}),
        ("GET", "/files/a/b/c", "GET /files/{path:path}", {"path": "a/b/c"}),
    ],
)
def test_routes(method: str, path: str, found: str, params: dict[str, str]) -> None:
    """Fixed paths win over templates, templates give their parameters, HEAD is served by GET."""
    answer = ROUTER.find(method, path)
    assert not isinstance(answer, Failure)
    handler, got = answer
    assert (handler(None, None).body, got) == (found, params)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("GET", "/v1/thing", "not_found", 404),
        ("GET", "/v1/things/", "not_found", 404),
        ("GET", "/v1/things/x/y", "not_found", 404),
        ("GET", "/", "not_found", 404),
        ("DELETE", "/v1/things", "method_not_allowed", 405),
        ("GET", "/v1/things/x1/close", "method_not_allowed", 405),
        ("PATCH", "/v1/things/x1", "method_not_allowed", 405),
    ],
)
def test_no_route(method: str, path: str, kind: str, status: int) -> None:
    """An unknown path is 404, a known path with another method 405."""
    failure = ROUTER.find(method, path)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status) == (kind, status)


def test_created_documents_are_answered_and_listed(demo: Demo) -> None:
    """What a handler stored is there for the next call, with status, headers and media type as answered."""
    made = demo.call("POST", "/things", "name=Zo%C3%AB&empty=&name=2")
    assert made.status == 201
    assert made.json()["form"] == [["name", "Zoë"], ["empty", ""], ["name", "2"]]
    assert made.headers["x-thing"] == made.json()["id"]
    assert made.headers["content-type"] == "application/json"
    assert demo.call("GET", f"/things/{made.json()['id']}").json() == made.json()
    assert len(demo.things()) == 2


def test_answers_without_a_body(demo: Demo) -> None:
    """204 and HEAD carry no body; HEAD tells the length GET would have; the connection stays usable."""
    whole = demo.call("GET", "/things/first")
    head = demo.call("HEAD", "/things/first")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))
    gone = demo.call("DELETE", "/things/first")
    assert (gone.status, gone.body) == (204, b"")
    assert "content-length" not in gone.headers
    assert "content-type" not in gone.headers


def test_a_refused_request_changes_nothing(demo: Demo) -> None:
    """What a handler changed before it refused is undone, unless the refusal itself goes on record."""
    before = demo.things()
    refused = demo.call("POST", "/spoil/refused")
    assert (refused.status, refused.json()) == (402, {"error": "declined"})
    assert demo.things() == before
    assert demo.call("POST", "/spoil/kept").status == 402
    assert [thing["id"] for thing in demo.things()] == ["first", "new"]


def test_a_handler_that_fails_changes_nothing_and_says_so(demo: Demo) -> None:
    """A bug of a simulator is a 500 in the vendor's shape, undone, with the traceback in the log."""
    before = demo.things()
    failed = demo.call("POST", "/spoil/raised")
    assert (failed.status, failed.json()["demo_error"]) == (500, "internal")
    assert "a fault of the simulator" not in failed.body.decode()
    assert "RuntimeError: a fault of the simulator" in demo.log
    assert demo.things() == before


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/things", b"name=\xff\xfe", 400),
        ("GET", "/things/%ff%fe", None, 404),
        ("GET", "/things/first?%ff=%zz&&=&a", None, 200),
        ("GET", "/things//first", None, 404),
        ("GET", "//things", None, 404),
        ("GET", "/" + "x" * 5000, None, 404),
        ("PROPFIND", "/things", None, 405),
        ("OPTIONS", "/nothing", None, 404),
        ("GET", "/things", b"a body nobody asked for", 200),
        ("GET", "/__admin", None, 404),
    ],
)
def test_garbage_gets_the_vendors_error(demo: Demo, method: str, path: str, body: bytes | None, status: int) -> None:
    """Odd bytes in path, query or body are answered as the vendor would, never with a 500 or a broken connection."""
    answer = demo.call(method, path, body)
    assert answer.status == status
    if status >= 400:
        assert set(answer.json()) == {"demo_error", "text"}
    assert "Traceback" not in demo.log


def test_a_request_that_breaks_off_is_not_acted_upon(demo: Demo) -> None:
    """A client that dies in the middle of its body has ordered nothing: half a form is no order."""
    before = demo.things()
    with socket.create_connection(("127.0.0.1", demo.port)) as link:
        link.sendall(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\namount=800")
        time.sleep(0.1)
    time.sleep(0.1)
    assert demo.things() == before


def test_calls_on_one_connection_are_answered_in_order(demo: Demo) -> None:
    """Pipelined requests on a kept-alive connection get their answers one after the other."""
    with socket.create_connection(("127.0.0.1", demo.port), timeout=5) as link:
        for path in ("/things/first", "/nothing", "/things/first"):
            link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while answer.count(b"HTTP/1.1 ") < 3:
            answer += link.recv(65536)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404", b"200"]


def test_same_seed_same_world(serve: Callable[..., Demo]) -> None:
    """Two simulators of one seed are alike to the id; another seed differs."""
    one, other, third = serve(seed=7), serve(seed=7), serve(seed=8)
    for each in (one, other, third):
        each.call("POST", "/things", "a=1")
    assert one.things() == other.things()
    assert one.things() != third.things()


def test_every_call_is_logged(serve: Callable[..., Demo]) -> None:
    """The access log holds one line a call with method, path and status; admin calls are not in it."""
    demo = serve()
    demo.call("POST", "/things?x=1", "a=1")
    demo.call("GET", "/nothing")
    recent = demo.admin("GET", "requests")
    assert [(each["method"], each["path"], each["query"], each["status"]) for each in recent] == [
        ("POST", "/things", "x=1", 201),
        ("GET", "/nothing", "", 404),
    ]
    lines = (demo.folder / "state" / "demo.access.jsonl").read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["/things", "/nothing"]
