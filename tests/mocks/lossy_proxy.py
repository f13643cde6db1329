"""A small HTTP relay that loses replies on demand: the server behind it has acted, the caller never hears of it."""

from __future__ import annotations

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class LossyProxy:
    """Relays to one target; `lose` makes the next replies to matching calls vanish."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target).netloc
        self._wanted: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.is_down = False
        self.bodies: list[tuple[str, bytes]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self) -> None:
                """Pass one call on and its answer back, or hang up instead."""
                proxy.relay(self)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = relay  # noqa: N815 - named by http.server

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def lose(self, method: str, path: str, times: int = 1) -> None:
        """Lose the replies to the next calls whose method is this and whose path holds that."""
        with self._lock:
            self._wanted += [(method, path)] * times

    def count(self, method: str, path: str) -> int:
        """Return how many such calls were relayed."""
        return sum(seen[0] == method and path in seen[1] for seen in self.seen)

    def last(self, path: str) -> Any:
        """Return the JSON of the newest call whose path holds that."""
        return next(json.loads(body) for seen, body in reversed(self.bodies) if path in seen and body)

    def relay(self, handler: BaseHTTPRequestHandler) -> None:
        """Relay one call."""
        length = int(handler.headers.get("content-length") or 0)
        body = handler.rfile.read(length) if length else None
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        self.seen.append((handler.command, handler.path, headers))
        self.bodies.append((handler.path, body or b""))
        if self.is_down:
            handler.close_connection = True
            return
        connection = http.client.HTTPConnection(self._target, timeout=20)
        connection.request(handler.command, handler.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if self._is_lost(handler.command, handler.path):
            handler.close_connection = True
            return
        handler.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        """Stop relaying."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _is_lost(self, method: str, path: str) -> bool:
        with self._lock:
            for wanted in self._wanted:
                if wanted[0] == method and wanted[1] in path:
                    self._wanted.remove(wanted)
                    return True
        return False
