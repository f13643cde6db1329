"""The check `web`: what it asks, what it accepts, and what it says of pages that are away, wrong, slow or hostile."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from assay.drift.look import Look
from assay.drift.web import wanted_of, web
from assay.errors import InfrastructureError, UsageError
from assay.events import Finding, Result
from assay.landscape import Landscape
from assay.profile import Environment
from tests.conftest import run_assay
from tests.serving import Quiet, serving

LOGO = b'{"status": "ok", "shops": [{"id": 7, "open": true, "rate": 1.10}]}'


PLACES = {
    "home": "/?token=canary",
    "away": "http://localhost:PORT/",
    "mail": "mailto:owner@shop.example",
    "brackets": "http://[::",
    "port": "http://127.0.0.1:99999/",
}


class Pages(Quiet):
    """A shop's pages, healthy and otherwise; the path says which."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str]] = []  # noqa: RUF012 (each test looks at its own end of it)

    def do_GET(self) -> None:
        """Answer by the path."""
        self.asked.append((self.command, self.path))
        status, headers, body = 200, {}, b"<html><TITLE>\n Our  shop</TITLE>Linen shirt</html>"
        host = self.headers["host"]
        match self.path.split("/")[1:]:
            case ["api"]:
                body = LOGO
            case ["deep"]:
                body = b"[" * 200_000
            case ["status", number]:
                status, body = int(number), b"<title>Maintenance</title>" if number == "503" else b"no \x00"
            case ["circle", turn]:
                status, headers = 302, {"location": f"/circle/{1 - int(turn)}"}
            case ["on", number]:
                status, headers = 301, {"location": f"/on/{int(number) + 1}"}
            case ["to", place]:
                status, headers = 302, {"location": PLACES[place].replace("PORT", host.partition(":")[2])}
            case ["large"]:
                body = b"x" * 70_000
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            with suppress(OSError):
                self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 (the server's own naming)


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The pages on a free port."""
    with serving(Pages) as url:
        yield url


def look_at(options: Mapping[str, Any], *, addresses: Mapping[str, str] | None = None, left_s: float = 30.0) -> Look:
    """Run the check once, as a monitor's run does."""
    systems = {"our_shop": {"role": "shop", "mode": "live", "base_url": "http://127.0.0.1:1"}}
    systems["stripe"] = {"role": "payments", "mode": "live", "base_url": "http://127.0.0.1:1"}
    look = Look(
        environment="live",
        landscape=Landscape("live", Environment.model_validate({"systems": systems}), {}, {}, addresses or {}),
        gatherer=cast(Any, None),  # it reads no order
        judging=cast(Any, None),
        now=lambda: datetime.now(UTC),
        deadline=time.monotonic() + left_s,
        options={**web.options, **options},
    )
    web.act(look)
    return look


def finding(options: Mapping[str, Any], **more: Any) -> Finding:
    """Run the check and return its one verdict, which is a violation."""
    (found,) = look_at(options, **more).findings
    assert found.result is Result.FAIL
    return found


def test_a_page_that_answers_passes(shop: str) -> None:
    """A page with status, content and redirects as wanted is one verdict: it holds."""
    for options in (
        {"url": f"{shop}/"},
        {"url": f"{shop}/", "method": "head"},
        {"url": f"{shop}/", "holds": "Linen shirt"},
        {"url": f"{shop}/status/404", "status": 404},
        {"url": f"{shop}/status/404", "status": ["2xx", "404"]},
        {"url": f"{shop}/to/home", "redirects": 1},
        {"url": f"{shop}/to/home", "status": "3xx"},
        {"url": f"{shop}/to/away", "redirects": 1, "hosts": ["localhost"]},
        {"url": f"{shop}/api", "holds": {"status": "ok", "shops.0.id": 7, "shops.0.open": True, "shops.0.rate": 1.1}},
        {"url": f"{shop}/large", "max_bytes": 70_000},
    ):
        look = look_at(options)
        assert [each.result for each in look.findings] == [Result.PASS], options
        assert [(step.name, step.error) for step in look.steps] == [("ask", None)]


@pytest.mark.parametrize(
    ("options", "expected", "seen", "cause"),
    [
        ({"url": "/status/503"}, "status 2xx", "status 503, a page titled 'Maintenance'", "error of its own"),
        ({"url": "/status/404"}, "status 2xx", "status 404, 4 bytes", "page is gone"),
        ({"url": "/status/403"}, "status 2xx", "status 403", "access is refused"),
        ({"url": "/status/429", "status": 200}, "status 200", "status 429", "asked too often"),
        ({"url": "/to/home"}, "status 2xx", "status 302 to /?token=***", "redirects = 1"),
        ({"url": "/", "holds": "Sold out"}, "holds 'Sold out'", "titled 'Our shop'", "without what it must show"),
        ({"url": "/", "holds": {"status": "ok"}}, "JSON", "status 200", "not the interface"),
        ({"url": "/deep", "holds": {"status": "ok"}}, "JSON", "status 200", "not the interface"),
        ({"url": "/api", "holds": {"shops.0.id": "7"}}, "shops.0.id = '7'", "shops.0.id = 7", "not with what it must"),
        ({"url": "/api", "holds": {"shops.1.id": 7}}, "shops.1.id = 7", "nothing", "not with what it must"),
        ({"url": "/api", "holds": {"shops.0.open": 1}}, "= 1", "= True", "not with what it must"),
        ({"url": "/circle/0", "redirects": 9}, "at most 9 redirects", "/circle/0, where it had been before", "circle"),
        ({"url": "/on/1", "redirects": 3}, "at most 3 redirects", "4 and more", "without end"),
        (
            {"url": "/to/away", "redirects": 3},
            "within 127.0.0.1",
            "redirected to http://localhost",
            "a host nobody named",
        ),
        ({"url": "/to/mail", "redirects": 3}, "redirects", "mailto:", "leads to no page"),
        ({"url": "/to/brackets", "redirects": 3}, "redirects", "no address", "leads to no page"),
        ({"url": "/to/port", "redirects": 3}, "a whole answer", "99999", ""),
        ({"url": "/large", "max_bytes": 65536}, "at most 64 KiB", "content-length: 70000", "no such page"),
    ],
)
def test_what_a_page_does_wrong_is_said(
    shop: str, options: dict[str, Any], expected: str, seen: str, cause: str
) -> None:
    """A violation names the page, what was expected, what was seen, and the likely cause; no secret of a URL."""
    found = finding({**options, "url": shop + options["url"]}, addresses={"our_shop": shop})
    assert (found.oracle, found.systems) == ("availability", ("our_shop",))
    assert found.order_ref == f"GET {shop}{options['url']}"
    assert expected in found.expected
    assert seen in found.seen
    assert cause in found.cause
    assert "canary" not in found.sentence()


def saying(*parts: bytes, every_s: float = 0.0, for_ever: bool = False) -> Any:
    """A handler that takes a call and says these bytes, whatever was asked."""

    class Saying(Quiet):
        def handle(self) -> None:
            self.request.recv(65536)
            with suppress(OSError):
                while True:
                    for part in parts:
                        self.request.sendall(part)
                        time.sleep(every_s)
                    if not for_ever:
                        break
                if not parts:
                    self.request.recv(1)

    return Saying


@pytest.mark.parametrize(
    ("handler", "seen", "cause"),
    [
        pytest.param(saying(), "no answer within 0.4 s", "time-out", id="never answers"),
        pytest.param(
            saying(*(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 99).split(b"|"), b"z", every_s=0.05, for_ever=True),
            "no whole answer within 0.4 s",
            "time-out",
            id="a byte at a time",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, for_ever=True), "more than 64 KiB", "content", id="endless"
        ),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "no HTTP", "something else", id="no web server"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), "in the middle", "crashes", id="cut"),
    ],
)
def test_a_shop_that_does_not_answer_well_is_a_violation(handler: Any, seen: str, cause: str) -> None:
    """For the shop itself no answer is the verdict: within the time, with what was seen and the likely cause."""
    with serving(handler) as url:
        found = finding({"system": "our_shop", "within": "400ms", "max_bytes": 65536}, addresses={"our_shop": url})
    assert seen in found.seen
    assert cause in found.cause


def test_a_shop_that_is_away_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that listens, and a name nobody knows, are told apart."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    refused = finding({"url": f"http://127.0.0.1:{port}/"})
    assert (refused.systems, "nothing listens there" in refused.seen) == (("127.0.0.1",), True)
    assert "is down" in refused.cause
    unknown = finding({"url": "http://shop.invalid/"})
    assert "shop.invalid is not known" in unknown.seen
    assert unknown.cause.startswith("DNS")


def test_a_vendor_that_does_not_answer_is_trouble() -> None:
    """Nothing was learnt about the shop: the run ends with the system's name, and there is no verdict."""
    with pytest.raises(InfrastructureError, match="stripe did not answer"):
        look_at({"system": "stripe"}, addresses={"stripe": "http://127.0.0.1:1"})
    with pytest.raises(UsageError, match="nobody knows where 'strip' is") as raised:
        look_at({"system": "strip"}, addresses={"stripe": "http://127.0.0.1:1"})
    assert "did you mean 'stripe'?" in str(raised.value)


def test_the_verdict_comes_before_the_monitors_own_time_is_over() -> None:
    """A page slower than the monitor's timeout is a violation of the page, not trouble of the monitor."""
    with serving(saying()) as url:
        began = time.monotonic()
        found = finding({"url": url, "within": "20s"}, left_s=0.5)
        assert time.monotonic() - began < 5
    assert "time-out" in found.cause


def tls_server(folder: Path, days: float) -> tuple[ThreadingHTTPServer, Path]:
    """Serve the pages by TLS with a certificate of 127.0.0.1 that is valid for so long."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{days}.pem"
    encoding = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(encoding)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server, path


def test_a_certificate_that_ends_soon_is_a_violation(tmp_path: Path) -> None:
    """The days left are held against tls_days; one that has ended is what every browser refuses."""
    for days, wanted, fails in ((10.5, 14, True), (10.5, 7, False), (-1, None, True)):
        server, ca_file = tls_server(tmp_path, days)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}/"
        look = Look(
            environment="live",
            landscape=Landscape("live", Environment(), {}, {}, {}, lambda _, ca=str(ca_file): (None, ca)),  # type: ignore[misc]
            gatherer=cast(Any, None),
            judging=cast(Any, None),
            now=lambda: datetime.now(UTC),
            deadline=time.monotonic() + 20,
            options={**web.options, "url": url, "tls_days": wanted},
        )
        web.act(look)
        server.shutdown()
        thread.join()
        server.server_close()
        (found,) = look.findings
        assert (found.result is Result.FAIL) == fails
        if days < 0:
            assert "certificate has expired" in found.seen
            assert found.cause.startswith("TLS")
        elif fails:
            assert found.expected == "a certificate valid for 14 more days"
            assert "in 10.5 days" in found.seen
            assert "not renewed" in found.cause


@pytest.mark.parametrize(
    ("options", "option", "message"),
    [
        ({}, "url", "asks a url, or a path of a system"),
        ({"url": "https://a.example", "system": "our_shop"}, "url", "asks a url, or a path of a system"),
        ({"url": "shop.example"}, "url", "no address"),
        ({"url": "ftp://shop.example"}, "url", "no address"),
        ({"url": "https://me:pass@shop.example"}, "url", "no user or password"),
        ({"url": "https://shop.example/a b"}, "url", "without spaces"),
        ({"url": "https://shop.example", "path": "/x"}, "path", "below a system's address"),
        ({"system": "our_shop", "path": "x"}, "path", "write '/x'"),
        ({"url": "https://a.example", "method": "POST"}, "method", "only reads"),
        ({"url": "https://a.example", "status": 700}, "status", "no HTTP status"),
        ({"url": "https://a.example", "status": []}, "status", "no HTTP status"),
        ({"url": "https://a.example", "holds": ""}, "holds", "nothing a page could hold"),
        ({"url": "https://a.example", "holds": "x", "method": "HEAD"}, "holds", "HEAD holds nothing"),
        ({"url": "https://a.example", "redirects": -1}, "redirects", "out of range"),
        ({"url": "https://a.example", "redirects": True}, "redirects", "out of range"),
        ({"url": "https://a.example", "max_bytes": 0}, "max_bytes", "out of range"),
        ({"url": "https://a.example", "hosts": ["https://b.example"]}, "hosts", "no host"),
        ({"url": "https://a.example", "within": "soon"}, "within", "no span of time"),
        ({"url": "https://a.example", "within": 0}, "within", "no span of time"),
        ({"url": "http://a.example", "tls_days": 14}, "tls_days", "only https"),
        ({"url": "https://a.example", "tls_days": "14"}, "tls_days", "out of range"),
    ],
)
def test_wrong_options_are_refused_before_any_run(options: dict[str, Any], option: str, message: str) -> None:
    """An option that makes no sense is a configuration error that names the option, and repeats no password."""
    with pytest.raises(UsageError) as raised:
        wanted_of({**web.options, **options})
    assert message in str(raised.value)
    assert raised.value.where == option
    assert "me:pass" not in str(raised.value)


PROFILE = """
[scenarios]
shipped = false
[environments.live]
view = "witness"
[environments.live.systems.ecb]
role = "rates"
mode = "live"
base_url = "http://127.0.0.1:9"
"""
MONITOR = """
[monitors.{name}]
title = "{name}"
check = "web"
options = {{ {options} }}
interval = "1m"
timeout = "20s"
owner = "shop"
runbook = "page.md"
alert = {{ severity = "page" }}
"""


def test_assay_monitor_runs_it_and_refuses_what_makes_no_sense(shop: str, tmp_path: Path) -> None:
    """From a file to its line: a page passes, one fails with its cause, a vendor that is away is an error."""
    (tmp_path / "monitors" / "runbooks").mkdir(parents=True)
    (tmp_path / "monitors" / "runbooks" / "page.md").write_text("# Page\n")
    (tmp_path / "assay.toml").write_text(PROFILE)

    def once(**monitors: str) -> tuple[int, str]:
        text = "".join(MONITOR.format(name=name, options=options) for name, options in monitors.items())
        (tmp_path / "monitors" / "pages.toml").write_text(text)
        done = run_assay("monitor", "--env", "live", "--once", cwd=tmp_path)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    code, said = once(home=f'url = "{shop}/", holds = "Linen shirt"', gone=f'url = "{shop}/status/503"')
    assert code == 1
    assert "expected status 2xx, seen status 503, a page titled 'Maintenance'" in said
    assert "an error of its own" in said
    assert re.search(r" home passed ", said)
    code, said = once(vendor='system = "ecb"')
    assert code == 3
    assert "ecb did not answer: 127.0.0.1 port 9 refused the connection" in said
    code, said = once(home='url = "shop.example"')
    assert code == 2
    assert "pages.toml: monitors.home.options.url expected: http(s)://host/path seen: shop.example" in said
