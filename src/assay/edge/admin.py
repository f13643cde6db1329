"""WireMock's admin API over one kept-alive connection.

Plain ``http.client``: it is a quarter of the CPU of a full client, imports in no time at start-up, and knows nothing
of proxies in the environment. The PyPI client of WireMock is not used because it drops ``host`` and
``serveEventListeners`` from a mapping.
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

from assay.errors import InfrastructureError


class EdgeGone(InfrastructureError):
    """The edge does not answer at all."""


class Admin:
    """One edge's admin API; safe to share between threads."""

    def __init__(self, port: int, *, timeout_s: float = 30.0) -> None:
        self.port = port
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
        payload = None if body is None else json.dumps(body).encode()
        with self._lock:
            status, answer = self._exchange(method, "/__admin" + path, payload)
        if status >= 400:
            raise InfrastructureError(
                "The edge refused an administrative call.",
                where=f"{method} http://127.0.0.1:{self.port}/__admin{path}",
                expected="a 2xx answer",
                seen=f"{status}: {answer[:600].decode(errors='replace')}",
            )
        return json.loads(answer) if answer.strip() else None

    def delete_many(self, paths: list[str]) -> None:
        """Delete every path on the one connection; a path already gone is no error."""
        with self._lock:
            for path in paths:
                self._exchange("DELETE", "/__admin" + path, None)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _exchange(self, method: str, path: str, payload: bytes | None) -> tuple[int, bytes]:
        headers = {} if payload is None else {"Content-Type": "application/json"}
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
                    raise EdgeGone(
                        "The edge does not answer.",
                        where=f"{method} http://127.0.0.1:{self.port}{path}",
                        expected="WireMock's admin API",
                        seen=f"{type(error).__name__}: {error}",
                        hint="assay status says which process is gone; assay up repairs it",
                    ) from error
        raise AssertionError("unreachable")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
