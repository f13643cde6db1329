"""What carries the bytes of `assay.http`: httpx's own connections (httpcore) by default, geventhttpclient under Locust.

Separate so that no request model of either is ever seen above, and a change of library is a change here. Each is
imported when it is opened. Whoever answers may be broken or hostile: every call has an end in time (`Limits`, `until`)
and in bytes, whatever comes and however slowly.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from assay.errors import UsageError
from assay.roles import Reply
from assay.transport.bounds import (
    MOST_BYTES,
    Limits,
    TransportFailed,
    failed,
    over,
    own_until,
    refuse_length,
    silent,
    size_text,
    slow,
    time_left,
    too_much,
    until,
)
from assay.transport.wire import Counted, Wire

__all__ = [
    "MOST_BYTES",
    "GeventTransport",
    "HttpcoreTransport",
    "Limits",
    "Transport",
    "TransportFailed",
    "own_until",
    "time_left",
    "until",
]

_IDLE_S = 4.0
"""How long an unused connection is kept: many servers close theirs after five seconds."""
# What a server may have done already without harm when it is asked again (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_HEADERS = 1000
_PIECE = 64 * 1024


class Transport(Protocol):
    """What carries bytes: one request out, one reply in, redirects never followed, no proxy from the environment."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send and wait for the whole reply; `TransportFailed` when none came."""

    def close(self) -> None:
        """Close kept connections."""


class HttpcoreTransport:
    """The connections of httpx without its client and models, which cost twice as much a request; safe for threads.

    connections: the most that are kept while nobody uses them; 0 opens one for each call. proxy: ``http://host:port``
    of a proxy to go through, by CONNECT for https. certificate: told what each new TLS connection's certificate says.
    """

    def __init__(
        self,
        limits: Limits,
        ca_file: str | None,
        connections: int,
        proxy: str | None = None,
        *,
        certificate: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        import ssl

        import httpcore  # 50 ms that a connector's import must not cost

        self._limits = limits
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
        self._free: list[tuple[Wire, Any]] = []  # append and pop are atomic: no lock is needed
        self._closed = False
        self._wire = functools.partial(Wire, httpcore.ReadError, httpcore.WriteError, certificate)
        self._open = functools.partial(
            httpcore.ConnectionPool,
            ssl_context=_ssl_context(ssl, ca_file),
            proxy=httpcore.Proxy(proxy) if proxy else None,
            keepalive_expiry=_IDLE_S,
        )

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; body and reply are whole."""
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        wire, pool = kept = self._taken()
        try:
            wire.meter.begin(self._limits)
            try:
                return self._exchange(pool, method, url, sent, body)
            except self._lost:  # most often a kept connection that its server ended meanwhile
                if method not in _IDEMPOTENT or not self._connections:
                    raise
                wire.meter.received = 0
                return self._exchange(pool, method, url, sent, body)
        except self._failures as failure:
            raise failed(type(failure).__name__, str(failure), wire.meter.received) from failure
        finally:
            self._give_back(kept)

    def _exchange(self, pool: Any, method: str, url: str, sent: list[tuple[bytes, bytes]], body: bytes) -> Reply:
        most, content = self._limits.body, bytearray()
        with pool.stream(method, url, headers=sent, content=body or None) as response:
            received = _joined((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
            if method != "HEAD":
                refuse_length(received, most)
            for part in response.stream:
                content += part
                if len(content) > most:
                    raise too_much(most)
        return Reply(response.status, received, _decoded(bytes(content), received, most))

    def close(self) -> None:
        """Close kept connections."""
        self._closed = True
        while self._free:
            self._free.pop()[1].close()

    def _taken(self) -> tuple[Wire, Any]:
        try:
            return self._free.pop()
        except IndexError:
            wire = self._wire()
            return wire, self._open(network_backend=cast(Any, wire))  # not derived from its class, whose import is dear

    def _give_back(self, kept: tuple[Wire, Any]) -> None:
        if self._closed or len(self._free) >= self._connections:
            kept[1].close()
        else:
            self._free.append(kept)


class GeventTransport:
    """geventhttpclient, for the Locust runner: half the CPU a request, cooperative under gevent."""

    def __init__(self, limits: Limits, ca_file: str | None, connections: int, proxy: str | None = None) -> None:
        try:
            import geventhttpclient  # pulls in gevent
            from gevent import Timeout, ssl
        except ImportError:
            raise UsageError(
                "the transport geventhttpclient is not installed",
                hint="install assay[load], or use transport='httpcore'",
            ) from None
        self._factory = geventhttpclient.HTTPClient
        self._headers = _few(geventhttpclient.header.Headers)
        self._timeout = Timeout
        self._ssl = ssl
        self._limits = limits
        self._ca_file = ca_file
        self._connections = connections
        self._proxy = urlsplit(proxy) if proxy else None
        self._by_origin: dict[str, Any] = {}

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; body and reply are whole."""
        parts, limits, left = urlsplit(url), self._limits, time_left()
        if left <= 0:
            raise over("nothing was sent")
        late = over("the answer was not whole") if left < limits.total_s else slow(limits.total_s, None)
        client = self._by_origin.get(parts.netloc)
        if client is None:
            client = self._open(parts.scheme, parts.netloc, parts.hostname or "", parts.port)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            with self._timeout(min(left, limits.total_s), late):
                response = client.request(method, target, body=body or b"", headers=headers)
                received = _joined(response.headers)
                content = self._body(response, received, method)
        except TransportFailed:
            raise
        except TimeoutError as failure:
            raise silent(limits.silence_s, None) from failure
        except Exception as failure:  # its errors share no base: sockets, its own parser's, gevent's
            raise failed(type(failure).__name__, str(failure), None) from failure
        return Reply(response.status_code, received, _decoded(content, received, limits.body))

    def _body(self, response: Any, received: Mapping[str, str], method: str) -> bytes:
        """Read the body in pieces, so that one without end is not kept."""
        content, most = bytearray(), self._limits.body
        try:
            if method != "HEAD":
                refuse_length(received, most)
            while part := response.read(_PIECE):
                content += part
                if len(content) > most:
                    raise too_much(most)
        except BaseException:
            response.release()
            raise
        return bytes(content)

    def close(self) -> None:
        """Close kept connections."""
        for client in self._by_origin.values():
            client.close()
        self._by_origin.clear()

    def _count(self, pool: Any) -> None:
        """Let every socket of a pool be counted for the call it is lent to."""
        lend = pool.get_socket

        def get_socket() -> Counted:
            lent = lend()
            counted = lent if isinstance(lent, Counted) else Counted(lent)
            counted.meter.begin(self._limits)
            return counted

        pool.get_socket = get_socket

    def _open(self, scheme: str, netloc: str, host: str, port: int | None) -> Any:
        tls = scheme == "https"
        client = self._factory(
            host,
            port,
            ssl=tls,
            # It hands over its own choice of CAs; ours are in the shared context.
            ssl_context_factory=(lambda cafile=None: _ssl_context(self._ssl, self._ca_file)) if tls else None,
            concurrency=self._connections,
            connection_timeout=self._limits.silence_s,
            network_timeout=self._limits.silence_s,
            headers_type=self._headers,
            proxy_host=self._proxy.hostname if self._proxy else None,
            proxy_port=self._proxy.port if self._proxy else None,
        )
        self._count(client._connection_pool)
        self._by_origin[netloc] = client
        return client


def _few(headers: type[Any]) -> type[Any]:
    """Return the kind of headers that takes no more than any server sends."""

    class Few(headers):  # type: ignore[misc]
        def add(self, field: str, value: str) -> None:
            if len(self) >= _HEADERS:
                raise TransportFailed(f"it sent more than {_HEADERS} headers", "size", expected="fewer headers")
            super().add(field, value)

    return Few


def _decoded(content: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """Undo the compression that some servers apply although none was asked for, up to a size."""
    encoding = headers.get("content-encoding", "").lower()
    if not content or encoding not in ("gzip", "x-gzip", "deflate"):
        return content
    for form in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip or zlib by their heads; some mean the bare stream
        unpacker = zlib.decompressobj(form)
        with suppress(zlib.error):
            unpacked = unpacker.decompress(content, most + 1)
            if len(unpacked) > most:
                raise too_much(most, f"{size_text(len(content))} of {encoding} that unpack to more")
            if unpacker.eof:
                return unpacked
    raise TransportFailed(f"the reply's {encoding} is broken", "broken", seen=size_text(len(content)))


_contexts: dict[tuple[str, str | None, int], Any] = {}


def _ssl_context(ssl: Any, ca_file: str | None) -> Any:
    """One TLS context a process, TLS module and CA file: building one costs 50 ms of CPU."""
    # A CA file that is renewed is read again: a monitor's process lives longer than most certificates.
    written = Path(ca_file).stat().st_mtime_ns if ca_file and Path(ca_file).exists() else 0
    key = (ssl.__name__, ca_file, written)
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
