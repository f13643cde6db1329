"""One edge for all tests of this folder, a small recording backend, and clients for both ways in."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assay.edge import EdgeProcess, Installation, start_edge
from tests.serving import Quiet, serving

HOSTS = ("api.stripe.com", "onlinetools.ups.com")


@dataclass(frozen=True)
class Seen:
    """One request as the backend's own log holds it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[["Handler", Seen], None]


@dataclass
class Backend:
    """A real HTTP server with its own log; ``answer`` may take over the reply."""

    port: int
    log: list[Seen] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


class Handler(Quiet):
    """Records, then answers what it saw as JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    backend: Backend

    def handle_one_request(self) -> None:
        """Let a client that went away be."""
        with suppress(ConnectionError):
            super().handle_one_request()

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.backend.log.append(seen)
        if self.backend.answer is not None:
            self.backend.answer(self, seen)
        else:
            self.reply(200, json.dumps({"path": self.path, "body": body.decode("latin-1")}).encode())

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A fresh backend on a free port."""
    found = Backend(0)
    with serving(type("Bound", (Handler,), {"backend": found})) as url:
        found.port = int(url.rpartition(":")[2])
        yield found


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One authority for every edge of the session."""
    return tmp_path_factory.mktemp("authority")


@pytest.fixture(scope="session")
def running_edge(installation: Installation, authority_folder: Path) -> Iterator[EdgeProcess]:
    """One edge for the session."""
    with start_edge(hosts=HOSTS, certificates=authority_folder, installation=installation) as edge:
        yield edge


@pytest.fixture
def edge(running_edge: EdgeProcess) -> Iterator[EdgeProcess]:
    """The session's edge, empty of mappings and journal."""
    running_edge.admin.post("/reset")
    yield running_edge
    running_edge.admin.post("/reset")


@dataclass(frozen=True)
class Reply:
    """What a client saw."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """Return the body's JSON object."""
        answer = json.loads(self.body)
        assert isinstance(answer, dict)
        return answer


def call(
    edge: EdgeProcess,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 10,
) -> Reply:
    """Call the edge by base URL."""
    link = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=timeout)
    return _exchange(link, method, path, body, headers)


def call_host(
    edge: EdgeProcess,
    host: str,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 10,
) -> Reply:
    """Call ``https://host`` through the edge's proxy, verifying as strictly as Python 3.13 does by default."""
    context = ssl.create_default_context(cafile=str(edge.certificates.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    link = http.client.HTTPSConnection("127.0.0.1", edge.port, timeout=timeout, context=context)
    link.set_tunnel(host, 443)
    return _exchange(link, method, path, body, headers)


def _exchange(
    link: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str] | None
) -> Reply:
    try:
        link.request(method, path, body, headers or {})
        response = link.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        link.close()
