"""The route table as a client and a backend see it, both ways in."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

import pytest

from assay.edge import EdgeProcess, Installation, ReverseRoute, Route, RouteTable, load_routes, touch
from assay.edge.routes import route_mappings
from assay.errors import UsageError

from .conftest import Backend, call, call_host

pytestmark = pytest.mark.needs_java
HOST = "api.stripe.com"


def test_forward_proxy_reaches_the_simulator(edge: EdgeProcess, backend: Backend) -> None:
    """An HTTPS call to the vendor's production host reaches the simulator with path, body and original host told."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    reply = call_host(edge, HOST, "/v1/charges?limit=2", method="POST", body=b"a=1", headers={"User-Agent": "shop/1"})
    assert reply.status == 200
    (seen,) = backend.log
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/charges?limit=2", b"a=1")
    assert seen.headers["x-forwarded-host"] == HOST
    assert seen.headers["user-agent"] == "shop/1"


def test_base_url_reaches_the_simulator_without_its_prefix(edge: EdgeProcess, backend: Backend) -> None:
    """A call to the edge's base URL reaches the simulator, the prefix taken off and told in a header."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    assert call(edge, "/stripe/v1/charges?limit=2").status == 200
    (seen,) = backend.log
    assert seen.path == "/v1/charges?limit=2"
    assert seen.headers["x-forwarded-prefix"] == "/stripe"


def test_unknown_host_is_refused_and_marked(edge: EdgeProcess, backend: Backend) -> None:
    """A host without a route is answered 502 naming host, table and remedy, and the journal marks the call."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    reply = call_host(edge, "files.stripe.com", "/v1/files")
    assert reply.status == 502
    body = reply.json()
    assert body["host"] == "files.stripe.com"
    assert "files.stripe.com" in str(body["do"])
    assert body["routes"] == [{"system": "stripe", "hosts": [HOST], "base_url": "/stripe", "mode": "simulator"}]
    assert backend.log == []
    (entry,) = edge.admin.get("/requests")["requests"]
    assert entry["stubMapping"]["metadata"]["assay"]["refused"] is True


def test_host_nobody_ever_listed_is_refused(edge: EdgeProcess, backend: Backend, installation: Installation) -> None:
    """A host far from every route is refused in words too, where Java lets WireMock sign for it."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    context = ssl.create_default_context(cafile=str(edge.certificates.authority))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13's default; WireMock's certificates do not pass it
    link = http.client.HTTPSConnection("127.0.0.1", edge.port, timeout=20, context=context)
    link.set_tunnel("api.nobody.example", 443)
    try:
        link.request("GET", "/v1/x")
        reply = link.getresponse()
        assert (reply.status, json.loads(reply.read())["host"]) == (502, "api.nobody.example")
        assert installation.java.signs_unlisted_hosts
    except ssl.SSLCertVerificationError:
        assert not installation.java.signs_unlisted_hosts
    finally:
        link.close()


@pytest.mark.parametrize("path", ["/v1/charges", "/stripes/v1", "/stripe.com", "/%73tripe/v1"])
def test_unknown_prefix_is_refused(edge: EdgeProcess, backend: Backend, path: str) -> None:
    """A base-URL call outside every prefix is refused, also where it merely resembles one."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    assert call(edge, path).status == 502
    assert backend.log == []


def test_routes_are_pinned_to_their_host(edge: EdgeProcess, backend: Backend) -> None:
    """A base-URL prefix does not answer a foreign host, and a vendor's host is not answered by another route."""
    table = RouteTable((Route("stripe", HOST, target=backend.url), Route("ups", "onlinetools.ups.com", "stub")))
    load_routes(edge.admin, table)
    assert call_host(edge, "files.stripe.com", "/stripe/v1/charges").status == 502
    assert call_host(edge, "onlinetools.ups.com", "/stripe/v1/charges").status == 502
    assert backend.log == []


def test_stub_answers_both_ways_in(edge: EdgeProcess) -> None:
    """A stub written over the vendor's own path answers by host and by base URL; what no stub knows is refused."""
    stub = {
        "request": {"method": "GET", "urlPathPattern": "/v1/charges/[a-z0-9_]+"},
        "response": {"status": 404, "jsonBody": {"error": "none"}},
    }
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, "stub", stubs=(stub,)),)))
    for reply in (call_host(edge, HOST, "/v1/charges/ch_1"), call(edge, "/stripe/v1/charges/ch_1")):
        assert (reply.status, reply.json()) == (404, {"error": "none"})
    missed = call(edge, "/stripe/v1/customers")
    assert (missed.status, missed.json()["error"]) == (502, "no stub matches")


def test_stub_goes_before_the_simulator(edge: EdgeProcess, backend: Backend) -> None:
    """A stub on a simulated route answers its path alone; the rest reaches the simulator."""
    stub = {"request": {"urlPath": "/v1/down"}, "response": {"status": 503}}
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url, stubs=(stub,)),)))
    assert call(edge, "/stripe/v1/down").status == 503
    assert call(edge, "/stripe/v1/up").status == 200
    assert [seen.path for seen in backend.log] == ["/v1/up"]


def test_reverse_route_reaches_the_platform(edge: EdgeProcess, backend: Backend) -> None:
    """A simulator's webhook reaches the platform byte for byte, with nothing of ours added."""
    load_routes(edge.admin, RouteTable((), (ReverseRoute("merchant-webhooks", backend.url + "/webhooks"),)))
    body = json.dumps({"id": "evt_1", "name": "Zoë 東京"}, ensure_ascii=False).encode()
    headers = {"Stripe-Signature": "t=1,v1=ab", "Content-Type": "application/json"}
    assert call(edge, "/merchant-webhooks/stripe", method="POST", body=body, headers=headers).status == 200
    (seen,) = backend.log
    assert (seen.path, seen.body, seen.headers["stripe-signature"]) == ("/webhooks/stripe", body, "t=1,v1=ab")
    assert not [name for name in seen.headers if name.startswith(("x-assay", "x-forwarded"))]


def test_sandbox_learns_nothing_of_us(edge: EdgeProcess, backend: Backend) -> None:
    """A call passed on to a sandbox carries no header of ours."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, "sandbox", backend.url),)))
    assert call_host(edge, HOST, "/v1/balance").status == 200
    (seen,) = backend.log
    assert not [name for name in seen.headers if name.startswith(("x-assay", "x-forwarded"))]


def test_subdomains_share_a_wildcard_route(edge: EdgeProcess, backend: Backend) -> None:
    """A host with a star routes each sub-domain and not its parent."""
    load_routes(edge.admin, RouteTable((Route("stripe", "*.stripe.com", target=backend.url),)))
    assert call_host(edge, HOST, "/a").status == 200
    assert call_host(edge, "onlinetools.ups.com", "/a").status == 502


def test_loading_again_replaces(edge: EdgeProcess, backend: Backend) -> None:
    """A second load leaves exactly its own routes."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),)))
    load_routes(edge.admin, RouteTable((Route("ups", "onlinetools.ups.com", target=backend.url),)))
    assert call(edge, "/stripe/a").status == 502
    assert call(edge, "/ups/a").status == 200


def test_touch_leaves_no_trace(edge: EdgeProcess, backend: Backend) -> None:
    """Touching the routed hosts reaches neither target nor journal."""
    table = RouteTable((Route("stripe", HOST, target=backend.url), Route("ups", "onlinetools.ups.com", "stub")))
    load_routes(edge.admin, table)
    touch(edge.port, table.hosts, edge.certificates.authority)
    assert backend.log == []
    assert edge.admin.get("/requests")["requests"] == []


BAD: list[tuple[str, dict[str, Any]]] = [
    ("no usable target", {"routes": (Route("stripe", HOST),)}),
    ("no usable target", {"routes": (Route("stripe", HOST, target="127.0.0.1:80"),)}),
    ("share one host", {"routes": (Route("a", HOST, "stub"), Route("b", HOST.upper(), "stub"))}),
    ("share one base-URL prefix", {"routes": (Route("a", HOST, "stub", prefix="b"), Route("b", mode="stub"))}),
    ("neither host nor prefix", {"routes": (Route("a", None, "stub", prefix=""),)}),
]


@pytest.mark.parametrize(("words", "table"), BAD)
def test_bad_tables_are_refused(words: str, table: dict[str, Any]) -> None:
    """A table that cannot work is refused before anything is sent, naming the route."""
    with pytest.raises(UsageError, match=words):
        RouteTable(**table)


def test_no_mapping_is_written_twice() -> None:
    """Every mapping of a table has its own id and the same one each time."""
    table = RouteTable((Route("a", "a.example", "stub", hosts=("b.example",)), Route("c", mode="stub")))
    ids = [mapping["id"] for mapping in route_mappings(table, port=1)]
    assert len(set(ids)) == len(ids)
    assert ids == [mapping["id"] for mapping in route_mappings(table, port=1)]
