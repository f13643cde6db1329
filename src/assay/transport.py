"""What carries the bytes of `assay.http`: the standard library by default, geventhttpclient under Locust.

Separate so that no request model of either is ever seen above, and a change of library is a change here. Each is
imported when it is opened. The standard library's client costs a sixth of the CPU of httpx and its models a request.
"""

from __future__ import annotations

import select
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol
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


class _Kept(NamedTuple):
    """A connection that waits for its next request, and since when (`time.monotonic`)."""

    connection: Any
    since: float


class StandardTransport:
    """The standard library's HTTP/1.1 client over kept connections; safe for threads.

    connections: the most that are kept per server while nobody uses them. proxy: ``http://host:port`` of a proxy to go
    through, by CONNECT for https.
    """

    def __init__(self, timeout_s: float, ca_file: str | None, connections: int, proxy: str | None = None) -> None:
        import http.client
        import ssl

        self._http = http.client
        self._ssl = ssl
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._connections = connections
        self._proxy = urlsplit(proxy) if proxy else None
        self._kept: dict[tuple[str, str], list[_Kept]] = {}  # append and pop are atomic: no lock is needed
        self._closed = False

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; body and reply are whole."""
        parts = urlsplit(url)
        origin = parts.scheme, parts.netloc
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        if self._proxy and parts.scheme == "http":
            target = f"http://{parts.netloc}{target}"
        try:
            connection = self._take(origin)
            if connection is not None:
                try:
                    return self._over(connection, origin, method, target, headers, body)
                except ConnectionError:  # closed while it was idle: no byte of a reply came
                    if method not in _IDEMPOTENT:
                        raise
            connection = self._connect(parts.scheme, parts.hostname or "", parts.port)
            return self._over(connection, origin, method, target, headers, body)
        except TimeoutError as failure:
            raise TransportFailed(f"no answer within {self._timeout_s:g} s") from failure
        except (OSError, self._http.HTTPException, ValueError) as failure:
            raise TransportFailed(f"{type(failure).__name__}: {failure}") from failure

    def close(self) -> None:
        """Close kept connections."""
        self._closed = True
        for kept in self._kept.values():
            while kept:
                kept.pop().connection.close()

    def _over(
        self,
        connection: Any,
        origin: tuple[str, str],
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Reply:
        """Send the request over this connection, which is kept if it can serve again and closed if not."""
        keep = False
        try:
            connection.request(method, target, body=body or None, headers=headers)
            response = connection.getresponse()
            content = response.read()
            received = _joined(response.headers.items())
            keep = not response.will_close
        finally:
            if not keep or self._closed or len(self._kept.setdefault(origin, [])) >= self._connections:
                connection.close()
            else:
                self._kept[origin].append(_Kept(connection, time.monotonic()))
        return Reply(response.status, received, _decoded(content, received))

    def _take(self, origin: tuple[str, str]) -> Any:
        """Return a kept connection that its server has not closed, or None."""
        kept = self._kept.get(origin)
        while kept:
            try:
                connection, since = kept.pop()
            except IndexError:  # another thread was quicker
                return None
            if time.monotonic() - since < _IDLE_S and not _is_readable(connection.sock):
                return connection
            connection.close()
        return None

    def _connect(self, scheme: str, host: str, port: int | None) -> Any:
        if scheme == "https":
            context = _ssl_context(self._ssl, self._ca_file)
            if self._proxy is None:
                return self._http.HTTPSConnection(host, port or 443, timeout=self._timeout_s, context=context)
            connection = self._http.HTTPSConnection(
                self._proxy.hostname or "", self._proxy.port, timeout=self._timeout_s, context=context
            )
            connection.set_tunnel(host, port or 443)
            return connection
        if self._proxy is not None:
            host, port = self._proxy.hostname or "", self._proxy.port
        return self._http.HTTPConnection(host, port or 80, timeout=self._timeout_s)


class GeventTransport:
    """geventhttpclient, for the Locust runner: half the CPU a request, cooperative under gevent."""

    def __init__(self, timeout_s: float, ca_file: str | None, connections: int, proxy: str | None = None) -> None:
        try:
            import geventhttpclient  # pulls in gevent
            from gevent import ssl
        except ImportError:
            raise UsageError(
                "the transport geventhttpclient is not installed",
                hint="install assay[load], or use transport='standard'",
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


def _is_readable(sock: Any) -> bool:
    """Say whether something waits in an idle connection: its end, or bytes nobody asked for."""
    if sock is None:
        return True
    if not hasattr(select, "poll"):  # Windows; elsewhere select refuses what a large landscape opens
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


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
