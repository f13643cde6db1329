"""The HTTP client: what it sends, what it refuses to send, how long it waits, and what it lets be recorded."""

from __future__ import annotations

import copy
import ipaddress
import json
import pickle
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError, SafetyError, UsageError
from assay.http import Capture, Client, RateBudget, budgeted, open_client

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"
Answer = tuple[int, dict[str, str], bytes]


class Server:
    """A local server that answers by a function and notes request line, headers and body."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[int], Answer] = lambda _: (200, {"content-type": "application/json"}, b'{"ok": 1.10}')
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append((self.command, self.path, headers, body))
                status, extra, content = outer.answer(len(outer.seen))
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = reply  # noqa: N815 (the server's own naming)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A plain server on a free port."""
    running = Server()
    yield running
    running.stop()


@pytest.fixture(params=["httpcore", "geventhttpclient"])
def transport(request: pytest.FixtureRequest) -> Any:
    """Each transport by name; the one of Locust only where it is installed."""
    if request.param == "geventhttpclient":
        pytest.importorskip("geventhttpclient")
    return request.param


class Waits:
    """Real time replaced: sleeping moves the clock."""

    def __init__(self) -> None:
        self.clock = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Wait without waiting."""
        self.slept.append(round(seconds, 3))
        self.clock += seconds

    def budget(self, **options: Any) -> RateBudget:
        """A budget on this clock."""
        return RateBudget(sleep=self.sleep, monotonic=lambda: self.clock, **options)


def test_both_transports_send_and_return_the_same(server: Server, transport: Any) -> None:
    """Parameters, JSON, forms and headers arrive as given, and any status is a reply with lower-case header names."""
    server.answer = lambda _: (418, {"X-Thing": "a"}, b'{"amount": 1.10}')
    with open_client(server.url + "/base/", transport=transport, headers={"X-Shop": "1"}) as client:
        reply = client.request("GET", "/a", params=[("$filter", "x eq 'é&'"), ("expand[]", "b")])
        client.request("POST", "/b", json={"n": 1, "t": "é"}, headers={"Idempotency-Key": "k"})
        client.request("PATCH", "/c", form=[("a[b]", "c d"), ("a[b]", "é")])
    assert (reply.status, reply.headers["x-thing"], reply.json()) == (418, "a", {"amount": Decimal("1.10")})
    (get, post, patch) = server.seen
    assert get[:2] == ("GET", "/base/a?$filter=x%20eq%20%27%C3%A9%26%27&expand%5B%5D=b")
    assert get[2]["x-shop"] == "1"
    assert (post[3], post[2]["idempotency-key"]) == ('{"n":1,"t":"é"}'.encode(), "k")
    assert post[2]["content-type"] == "application/json"
    assert (patch[3], patch[2]["content-type"]) == (
        b"a%5Bb%5D=c+d&a%5Bb%5D=%C3%A9",
        "application/x-www-form-urlencoded",
    )


def test_a_redirect_is_a_reply(server: Server, transport: Any) -> None:
    """A redirect is handed back and never followed: it could lead past the host guard."""
    server.answer = lambda _: (302, {"location": "http://example.com/"}, b"")
    with open_client(server.url, transport=transport) as client:
        assert client.request("GET", "/").status == 302
    assert len(server.seen) == 1


def test_no_proxy_of_the_environment_is_used(server: Server, transport: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A witness never passes the edge, whatever HTTP_PROXY says."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with open_client(server.url, transport=transport) as client:
        assert client.request("GET", "/").status == 200


def test_a_named_proxy_is_gone_through(server: Server, transport: Any) -> None:
    """The profile's proxy gets the whole URL of a plain call, and is asked for a tunnel by an encrypted one."""
    with open_client("http://shop.invalid", transport=transport, proxy=server.url) as client:
        assert client.request("GET", "/a?b=1").status == 200
    assert (server.seen[0][1], server.seen[0][2]["host"]) == ("http://shop.invalid/a?b=1", "shop.invalid")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        asked: list[bytes] = []

        def refuse() -> None:
            with proxy.accept()[0] as connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        with (
            open_client("https://shop.invalid", transport=transport, proxy=address) as client,
            pytest.raises(InfrastructureError, match="403"),
        ):
            client.request("GET", "/")
        thread.join()
    assert asked[0].startswith(b"CONNECT shop.invalid:443 HTTP/1.")


def test_an_answer_cut_short_is_an_infrastructure_error(server: Server, transport: Any) -> None:
    """Half a reply is never handed on as a whole one."""
    server.answer = lambda _: (200, {"content-length": "99"}, b"half")
    with (
        open_client(server.url, transport=transport, timeout_s=0.3) as client,
        pytest.raises(InfrastructureError, match="did not answer"),
    ):
        client.request("GET", "/")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare deflate"])
def test_a_compressed_answer_is_read(server: Server, transport: Any, encoding: str) -> None:
    """Some servers compress whatever they were asked for; one that is broken is an infrastructure error."""
    packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15, "bare deflate": -15}[encoding])
    packed = packer.compress(b'{"a": 1}') + packer.flush()
    headers = {"content-encoding": encoding.removeprefix("bare ")}
    server.answer = lambda number: (200, headers, packed if number == 1 else b"broken")
    with open_client(server.url, transport=transport) as client:
        assert client.request("GET", "/").json() == {"a": 1}
        with pytest.raises(InfrastructureError, match="did not answer"):
            client.request("GET", "/")


def test_threads_share_a_client(server: Server) -> None:
    """Calls made side by side each get their own reply, and no more connections are kept than allowed."""
    server.answer = lambda _: (200, {}, b"{}")
    with open_client(server.url, connections=2) as client, ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda n: client.request("GET", f"/{n}").status, range(24)))
    assert replies == [200] * 24
    assert {seen[1] for seen in server.seen} == {f"/{n}" for n in range(24)}


def test_a_time_limit_names_system_method_and_url(transport: Any) -> None:
    """A server that never answers is an infrastructure error within the limit, recorded with the reason."""
    recorded: list[Capture] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = open_client(url, system="erp", transport=transport, timeout_s=0.2, recorder=recorded.append)
        with client, pytest.raises(InfrastructureError, match=r"erp did not answer: no answer within 0\.2 s") as raised:
            client.request("GET", "/orders", params=[("access_token", "canary")])
    assert f"GET {url}/orders" in str(raised.value)
    assert "canary" not in str(raised.value)
    exchange = recorded[0].masked()
    assert (exchange.status, exchange.url) == (None, f"{url}/orders?access_token=***")
    assert "no answer" in (exchange.error or "")


def test_a_closed_port_is_an_infrastructure_error(transport: Any) -> None:
    """A refused connection says which system is not reachable and what to check."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with (
        open_client(f"http://127.0.0.1:{port}", system="ups", transport=transport) as client,
        pytest.raises(InfrastructureError, match="ups did not answer") as raised,
    ):
        client.request("GET", "/")
    assert "check that ups runs" in str(raised.value)


def test_https_is_verified_against_the_given_ca(tmp_path: Path, transport: Any) -> None:
    """A certificate of an unknown CA is refused; with that CA's file the call passes."""
    certificate = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(tls=context)
    try:
        with open_client(server.url, transport=transport, ca_file=str(certificate)) as client:
            assert client.request("GET", "/").status == 200
        with (
            open_client(server.url, transport=transport) as client,
            pytest.raises(InfrastructureError, match=r"(?i)certificate"),
        ):
            client.request("GET", "/")
    finally:
        server.stop()


def write_certificate(folder: Path) -> Path:
    """Write key and certificate of 127.0.0.1 into one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


# The guard


def test_a_foreign_host_is_refused_before_anything_is_sent(server: Server) -> None:
    """A base URL or an absolute URL outside the allowed hosts is a safety error, and nothing leaves."""
    with pytest.raises(SafetyError, match="nothing was sent"):
        open_client(server.url, allow_hosts=["api.stripe.com"])
    with open_client(server.url) as client:
        for url in (
            f"http://localhost:{server.port}/x",
            f"http://127.0.0.1.example.com:{server.port}/x",
            f"http://127.0.0.1@example.com:{server.port}/x",
        ):
            with pytest.raises(SafetyError, match="nothing was sent"):
                client.request("GET", url)
        assert client.request("GET", f"{server.url}/next").status == 200
    assert [seen[1] for seen in server.seen] == ["/next"]


@pytest.mark.parametrize(
    ("allowed", "url", "passes"),
    [
        ("*.example.com", "http://a.example.com", True),
        ("*.example.com", "http://a.b.example.com", True),
        ("*.example.com", "http://example.com.evil.org", False),
        ("*.example.com", "http://evilexample.com", False),
        ("127.0.0.1:1", "http://127.0.0.1:1", True),
        ("127.0.0.1:1", "http://127.0.0.1:2", False),
        ("API.example.com", "http://api.EXAMPLE.com", True),
    ],
)
def test_hosts_match_by_name_port_or_domain(allowed: str, url: str, passes: bool) -> None:
    """A host is allowed by its name, by name and port, or by a domain with a star, never by a part of it."""
    if passes:
        open_client(url, allow_hosts=[allowed]).close()
    else:
        with pytest.raises(SafetyError):
            open_client(url, allow_hosts=[allowed])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client: client.request("GET", "@evil"), "starts with '/'"),
        (lambda client: client.request("GET", "/a b"), "printable ASCII"),
        (lambda client: client.request("GET", "/", headers={"authorization": "Bearer canary\n"}), "authorization"),
        (lambda client: client.request("POST", "/", json={}, form=[]), "one body"),
        (lambda client: client.request("POST", "/", json={"amount": Decimal("1.1")}), "JSON"),
    ],
)
def test_wrong_calls_are_usage_errors(server: Server, call: Callable[[Client], object], message: str) -> None:
    """What cannot be sent is refused with the reason, and no secret in it."""
    with open_client(server.url) as client, pytest.raises(UsageError, match=message) as raised:
        call(client)
    assert "canary" not in str(raised.value)
    assert server.seen == []


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:80", "http://", "https://user:pass@host"])
def test_a_wrong_base_url_is_a_usage_error(url: str) -> None:
    """A base URL is http or https, has a host and holds no password."""
    with pytest.raises(UsageError, match="base URL") as raised:
        open_client(url)
    assert "pass@" not in str(raised.value)
    with pytest.raises(UsageError, match="transport"):
        open_client("http://127.0.0.1", transport="requests")  # type: ignore[arg-type]


# The budget


def test_retry_after_is_waited_for_and_the_call_sent_again(server: Server) -> None:
    """A 429 with seconds or a date is waited for by the injected sleep, then the same call is sent again."""
    waits = Waits()
    later = {"retry-after": format_datetime(NOW + timedelta(seconds=4), usegmt=True)}
    answers: list[Answer] = [(429, {"retry-after": "3"}, b""), (503, later, b""), (200, {}, b"{}")]
    server.answer = lambda number: answers[number - 1]
    with open_client(server.url, budget=waits.budget(), now=lambda: NOW) as client:
        assert client.request("GET", "/x").status == 200
    assert waits.slept == [3.0, 4.0]
    assert len(server.seen) == 3


def test_waiting_is_bounded(server: Server) -> None:
    """A vendor that asks for more than the limit, or says "now" for ever, gets its refusal handed on."""
    waits = Waits()
    server.answer = lambda _: (429, {"retry-after": "3600"}, b"")
    with open_client(server.url, budget=waits.budget(max_wait_s=10)) as client:
        assert client.request("GET", "/x").status == 429
        assert waits.slept == []
        with pytest.raises(InfrastructureError, match="may not be called for another 3600"):
            client.request("GET", "/x")
    server.answer = lambda _: (429, {"retry-after": "0"}, b"")
    with open_client(server.url, budget=Waits().budget(max_wait_s=10)) as client:
        assert client.request("GET", "/x").status == 429
    assert len(server.seen) < 10


def test_a_write_refused_by_503_is_not_repeated(server: Server) -> None:
    """After a 503 a POST may have been done: it is repeated only with an idempotency key."""
    server.answer = lambda number: (503, {"retry-after": "1"}, b"") if number != 3 else (200, {}, b"")
    with open_client(server.url, budget=Waits().budget()) as client:
        assert client.request("POST", "/x", json={}).status == 503
        assert client.request("POST", "/x", json={}, headers={"Idempotency-Key": "k"}).status == 200
    assert len(server.seen) == 3


def test_without_a_budget_nothing_is_repeated(server: Server) -> None:
    """A flow that wants to see a 429 sees it."""
    server.answer = lambda _: (429, {"retry-after": "1"}, b"")
    with open_client(server.url) as client:
        assert client.request("GET", "/x").status == 429


def test_calls_are_spread_to_the_rate(server: Server) -> None:
    """A burst passes at once, what follows waits for its turn; two clients of a vendor share the budget."""
    waits = Waits()
    budget = waits.budget(per_second=2, burst=2)
    with open_client(server.url, budget=budget) as one, open_client(server.url, budget=budget) as other:
        for client in (one, other, one, other):
            client.request("GET", "/")
    assert waits.slept == [0.5, 0.5]
    with pytest.raises(UsageError, match="positive rate"):
        RateBudget(per_second=0)


def test_a_budget_of_a_block_holds_for_its_systems_alone(server: Server) -> None:
    """Who reads much lends a client that has no budget one of its own, and takes it back at the block's end."""
    waits = Waits()
    server.answer = lambda number: (429, {"retry-after": "7"}, b"") if number in (1, 3, 4) else (200, {}, b"{}")
    with open_client(server.url, system="shop") as shop, open_client(server.url, system="erp") as erp:
        with budgeted({"shop": waits.budget()}):
            assert shop.request("GET", "/").status == 200
            assert erp.request("GET", "/").status == 429
        assert shop.request("GET", "/").status == 429
    assert waits.slept == [7.0]


# Trace and recording


def test_every_request_carries_its_own_span_of_the_trace(server: Server) -> None:
    """With a trace id each request carries a W3C traceparent of that trace; without one there is none."""
    with open_client(server.url, trace_id=TRACE) as client:
        client.request("GET", "/")
        client.request("GET", "/")
        client.traced("1" * 32).request("GET", "/")
    with open_client(server.url) as plain:
        plain.request("GET", "/")
        with pytest.raises(UsageError, match="trace id"):
            plain.traced("xyz")
    parents = [seen[2].get("traceparent") for seen in server.seen]
    assert parents[3] is None
    versions, traces, spans, flags = zip(*(parent.split("-") for parent in parents[:3] if parent), strict=True)
    assert (set(versions), traces, set(flags)) == ({"00"}, (TRACE, TRACE, "1" * 32), {"01"})
    assert len(set(spans)) == 3
    assert all(len(span) == 16 and int(span, 16) for span in spans)


def test_each_exchange_is_recorded_masked(server: Server) -> None:
    """The recorder gets request and reply whole, timed and without secrets or card numbers."""
    recorded: list[Capture] = []
    server.answer = lambda _: (
        200,
        {"set-cookie": "sid=canary"},
        b'{"client_secret": "pi_1_secret_canary", "id": "pi_1"}',
    )
    client = open_client(server.url, system="stripe", recorder=recorded.append, now=lambda: NOW, trace_id=TRACE)
    with client:
        form = [("card[number]", "4242424242424242"), ("card[cvc]", "987"), ("note", "4000 0566 5566 5556"), ("n", "1")]
        client.request("POST", "/v1/tokens", form=form, headers={"Authorization": "Bearer canary"})
    (capture,) = recorded
    exchange = capture.masked()
    assert (exchange.system, exchange.method, exchange.status) == ("stripe", "POST", 200)
    assert (exchange.url, exchange.started_at, exchange.trace_id) == (f"{server.url}/v1/tokens", NOW, TRACE)
    assert exchange.seconds > 0
    assert exchange.request_headers["authorization"] == "Bearer ***"
    assert exchange.response_headers["set-cookie"] == "***"
    assert json.loads(exchange.response_body) == {"client_secret": "***", "id": "pi_1"}
    for secret in ("canary", "4242424242424242", "987", "5566 5556", "5566+5556"):
        assert secret not in repr(replace(exchange, seconds=0)), secret
    assert exchange.request_body.endswith("&n=1")
    assert server.seen[0][2]["authorization"] == "Bearer canary"


def test_what_is_not_masked_yet_tells_nothing(server: Server) -> None:
    """A capture shows no secret in any text made of it, and can be neither copied nor pickled out of the process."""
    recorded: list[Capture] = []
    with open_client(server.url, system="stripe", recorder=recorded.append) as client:
        client.request("POST", "/v1/tokens?api_key=canary", json={"cvc": "canary"}, headers={"Authorization": "canary"})
    (capture,) = recorded
    for text in (repr(capture), str(capture), f"{capture}", repr(recorded)):
        assert "canary" not in text
    assert not hasattr(capture, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds secrets"):
            leave(capture)
