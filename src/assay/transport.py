"""What carries the bytes of `assay.http`: httpx's own connections (httpcore) by default, geventhttpclient under Locust.

Separate so that no request model of either is ever seen above, and a change of library is a change here. Each is
imported when it is opened.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

from assay.errors import UsageError
from assay.roles import Reply

_IDLE_S = 4.0
"""How long an unused connection is kept: many servers close theirs after five seconds."""
# What a server may have done already without harm when it is asked again (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class TransportFailed(Exception):
    """A transport got no reply; its text says what happened in plain words."""


class Transport(Protocol):
    """What carries bytes: one request out, one reply in, redirects never followed, no proxy from the environment."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send and wait for the whole reply; `TransportFailed` when none came."""

    def close(self) -> None:
        """Close kept connections."""


class HttpcoreTransport:
    """The connections of httpx without its client and models, which cost twice as much a request; safe for threads.

    connections: the most that are kept while nobody uses them. proxy: ``http://host:port`` of a proxy to go through, by
    CONNECT for https.
    """

    def __init__(self, timeout_s: float, ca_file: str | None, connections: int, proxy: str | None = None) -> None:
        import ssl

        import httpcore  # 50 ms that a connector's import must not cost

        self._timeout_s = timeout_s
        self._extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)}
        self._timed_out = httpcore.TimeoutException
        self._lost = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
        self._failures = (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
            ValueError,  # a port that is no number
        )
        self._connections = connections
        # One call at a time uses a pool: one that threads share closes connections another thread was just given.
        self._free: list[Any] = []  # append and pop are atomic: no lock is needed
        self._closed = False
        self._open = functools.partial(
            httpcore.ConnectionPool,
            ssl_context=_ssl_context(ssl, ca_file),
            proxy=httpcore.Proxy(proxy) if proxy else None,
            keepalive_expiry=_IDLE_S,
        )

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; body and reply are whole."""
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        pool = self._taken()
        ask = functools.partial(
            pool.request, method, url, headers=sent, content=body or None, extensions=self._extensions
        )
        try:
            try:
                response = ask()
            except self._lost:  # most often a kept connection that its server ended meanwhile
                if method not in _IDEMPOTENT:
                    raise
                response = ask()
        except self._timed_out as failure:
            raise TransportFailed(f"no answer within {self._timeout_s:g} s") from failure
        except self._failures as failure:
            raise TransportFailed(f"{type(failure).__name__}: {failure}") from failure
        finally:
            self._give_back(pool)
        received = _joined((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
        return Reply(response.status, received, _decoded(response.content, received))

    def close(self) -> None:
        """Close kept connections."""
        self._closed = True
        while self._free:
            self._free.pop().close()

    def _taken(self) -> Any:
        try:
            return self._free.pop()
        except IndexError:
            return self._open()

    def _give_back(self, pool: Any) -> None:
        if self._closed or len(self._free) >= self._connections:
            pool.close()
        else:
            self._free.append(pool)


class GeventTransport:
    """geventhttpclient, for the Locust runner: half the CPU a request, cooperative under gevent."""

    def __init__(self, timeout_s: float, ca_file: str | None, connections: int, proxy: str | None = None) -> None:
        try:
            import geventhttpclient  # pulls in gevent
            from gevent import ssl
        except ImportError:
            raise UsageError(
                "the transport geventhttpclient is not installed",
                hint="install assay[load], or use transport='httpcore'",
            ) from None
        self._factory = geventhttpclient.HTTPClient
        self._ssl = ssl
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._connections = connections
        self._proxy = urlsplit(proxy) if proxy else None
        self._by_origin: dict[str, Any] = {}

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; body and reply are whole."""
        parts = urlsplit(url)
        client = self._by_origin.get(parts.netloc)
        if client is None:
            client = self._open(parts.scheme, parts.netloc, parts.hostname or "", parts.port)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            response = client.request(method, target, body=body or b"", headers=headers)
            content = bytes(response.read())
        except TimeoutError as failure:
            raise TransportFailed(f"no answer within {self._timeout_s:g} s") from failure
        except Exception as failure:  # its errors share no base: sockets, its own parser's, gevent's
            raise TransportFailed(f"{type(failure).__name__}: {failure}") from failure
        received = _joined(response.headers)
        return Reply(response.status_code, received, _decoded(content, received))

    def close(self) -> None:
        """Close kept connections."""
        for client in self._by_origin.values():
            client.close()
        self._by_origin.clear()

    def _open(self, scheme: str, netloc: str, host: str, port: int | None) -> Any:
        tls = scheme == "https"
        client = self._factory(
            host,
            port,
            ssl=tls,
            # It hands over its own choice of CAs; ours are in the shared context.
            ssl_context_factory=(lambda cafile=None: _ssl_context(self._ssl, self._ca_file)) if tls else None,
            concurrency=self._connections,
            connection_timeout=self._timeout_s,
            network_timeout=self._timeout_s,
            proxy_host=self._proxy.hostname if self._proxy else None,
            proxy_port=self._proxy.port if self._proxy else None,
        )
        self._by_origin[netloc] = client
        return client


def _decoded(content: bytes, headers: Mapping[str, str]) -> bytes:
    """Undo the compression that some servers apply although none was asked for."""
    encoding = headers.get("content-encoding", "")
    if not content or encoding not in ("gzip", "x-gzip", "deflate"):
        return content
    for form in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip or zlib by their heads; some mean the bare stream
        with suppress(zlib.error):
            return zlib.decompress(content, form)
    raise TransportFailed(f"the reply's {encoding} is broken")


_contexts: dict[tuple[str, str | None], Any] = {}


def _ssl_context(ssl: Any, ca_file: str | None) -> Any:
    """One TLS context a process, TLS module and CA file: building one costs 50 ms of CPU."""
    key = (ssl.__name__, ca_file)
    if key not in _contexts:
        context = ssl.create_default_context()
        if not context.cert_store_stats()["x509_ca"]:  # a Python that was built without knowing the system's CAs
            import certifi

            context.load_verify_locations(certifi.where())
        if ca_file:
            try:
                context.load_verify_locations(ca_file)
            except OSError as error:
                raise UsageError(
                    "the CA file cannot be read", where=ca_file, expected="PEM certificates", seen=str(error)
                ) from None
        _contexts[key] = context
    return _contexts[key]


def _joined(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case the names and join repeated headers with a comma, as RFC 9110 section 5.3 allows."""
    joined: dict[str, str] = {}
    for name, value in items:
        name = name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
