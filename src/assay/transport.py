"""What carries the bytes of `assay.http`: httpx by default, geventhttpclient under Locust, each imported when opened.

Separate so that no request model of either library is ever seen above, and a change of library is a change here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from assay.errors import UsageError
from assay.roles import Reply


class TransportFailed(Exception):
    """A transport got no reply; its text says what happened in plain words."""


class Transport(Protocol):
    """What carries bytes: one request out, one reply in, redirects never followed, no proxy from the environment."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send and wait for the whole reply; `TransportFailed` when none came."""

    def close(self) -> None:
        """Close kept connections."""


class HttpxTransport:
    """httpx's transport without its client: no cookies, redirects, proxies or netrc, and a quarter less CPU."""

    def __init__(self, timeout_s: float, ca_file: str | None, connections: int) -> None:
        import ssl

        import httpx  # 50 ms that a connector's import must not cost

        self._httpx = httpx
        self._extensions = {"timeout": httpx.Timeout(timeout_s).as_dict()}
        self._timeout_s = timeout_s
        self._inner = httpx.HTTPTransport(
            verify=_ssl_context(ssl, ca_file),
            trust_env=False,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request; body and reply are whole."""
        httpx = self._httpx
        try:
            request = httpx.Request(method, url, headers=headers, content=body, extensions=self._extensions)
            response = self._inner.handle_request(request)
            try:
                content = response.read()
            finally:
                response.close()
        except httpx.TimeoutException as failure:
            raise TransportFailed(f"no answer within {self._timeout_s:g} s ({type(failure).__name__})") from failure
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as failure:
            raise TransportFailed(f"{type(failure).__name__}: {failure}") from failure
        # Not `dict(response.headers)`: httpx joins repeated headers again for each key it looks up.
        return Reply(response.status_code, _joined(response.headers.multi_items()), content)

    def close(self) -> None:
        """Close kept connections."""
        self._inner.close()


class GeventTransport:
    """geventhttpclient, for the Locust runner: half the CPU a request, cooperative under gevent."""

    def __init__(self, timeout_s: float, ca_file: str | None, connections: int) -> None:
        try:
            import geventhttpclient  # pulls in gevent
            from gevent import ssl
        except ImportError:
            raise UsageError(
                "the transport geventhttpclient is not installed", hint="install assay[load], or use transport='httpx'"
            ) from None
        self._factory = geventhttpclient.HTTPClient
        self._ssl = ssl
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._connections = connections
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
        return Reply(response.status_code, _joined((name.lower(), value) for name, value in response.headers), content)

    def close(self) -> None:
        """Close kept connections."""
        for client in self._by_origin.values():
            client.close()
        self._by_origin.clear()

    def _open(self, scheme: str, netloc: str, host: str, port: int | None) -> Any:
        tls = scheme == "https"
        client = self._factory(
            host,
            port or (443 if tls else 80),
            ssl=tls,
            # It hands over its own choice of CAs; ours are in the shared context.
            ssl_context_factory=(lambda cafile=None: _ssl_context(self._ssl, self._ca_file)) if tls else None,
            concurrency=self._connections,
            connection_timeout=self._timeout_s,
            network_timeout=self._timeout_s,
        )
        self._by_origin[netloc] = client
        return client


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
