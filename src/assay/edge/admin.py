"""WireMock's admin API over one kept-alive connection.

Plain ``http.client``: it is a quarter of the CPU of a full client, imports in no time at start-up, and knows nothing
of proxies in the environment. The PyPI client of WireMock is not used because it drops ``host`` and
``serveEventListeners`` from a mapping.
"""

from __future__ import annotations

import http.client
import socket
import threading
from typing import Any

import orjson

from assay.edge.sockets import authorization
from assay.errors import InfrastructureError

_STATUS_LINE = b"HTTP/1.1 "


class EdgeGone(InfrastructureError):
    """The edge does not answer at all."""


class Admin:
    """One edge's admin API; safe to share between threads."""

    def __init__(self, port: int, *, secret: str = "", timeout_s: float = 30.0) -> None:
        self.port = port
        self._credentials = {"Authorization": authorization(secret)} if secret else {}
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Any:
        """Return the JSON at ``path`` (below ``/__admin``)."""
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Send ``body`` as JSON and return the JSON answered, or None."""
        return self.call("POST", path, body)

    def delete(self, path: str) -> Any:
        """Delete what is at ``path``."""
        return self.call("DELETE", path)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one call; raise InfrastructureError where the edge is gone or refuses it."""
        payload = None if body is None else orjson.dumps(body)
        with self._lock:
            status, answer = self._exchange(method, "/__admin" + path, payload)
        if status >= 400:
            raise InfrastructureError(
                "The edge refused an administrative call.",
                where=f"{method} http://127.0.0.1:{self.port}/__admin{path}",
                expected="a 2xx answer",
                seen=f"{status}: {answer[:600].decode(errors='replace')}",
            )
        return orjson.loads(answer) if answer.strip() else None

    def delete_many(self, paths: list[str]) -> None:
        """Delete every path, pipelined (many times quicker than one by one); a path already gone is no error."""
        if not paths:
            return
        lines = {"Host": "127.0.0.1", **self._credentials}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        burst = "".join(f"DELETE /__admin{path} HTTP/1.1\r\n{head}" for path in paths).encode("ascii")
        with self._lock:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=self._timeout_s) as link:
                    link.sendall(burst)
                    answered, rest = 0, b""
                    while answered < len(paths):
                        chunk = link.recv(65536)
                        if not chunk:
                            raise ConnectionError("closed before every deletion was answered")
                        rest += chunk
                        answered += rest.count(_STATUS_LINE)
                        rest = rest[-len(_STATUS_LINE) + 1 :]
            except OSError as error:
                raise self._gone("DELETE", "/__admin/…", error) from error

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _exchange(self, method: str, path: str, payload: bytes | None) -> tuple[int, bytes]:
        headers = self._credentials | ({} if payload is None else {"Content-Type": "application/json"})
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._timeout_s)
                fresh = True
            else:
                fresh = False
            try:
                self._connection.request(method, path, payload, headers)
                response = self._connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if fresh or attempt == 2:  # a kept connection may have been closed while idle; a fresh one may not
                    raise self._gone(method, path, error) from error
        raise AssertionError("unreachable")

    def _gone(self, method: str, path: str, error: Exception) -> EdgeGone:
        return EdgeGone(
            "The edge does not answer.",
            where=f"{method} http://127.0.0.1:{self.port}{path}",
            expected="WireMock's admin API",
            seen=f"{type(error).__name__}: {error}",
            hint="assay status says which process is gone; assay up repairs it",
        )

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
