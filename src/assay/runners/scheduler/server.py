"""Serves the status page, its API and the metrics in a thread of the process that runs monitors."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.errors import InfrastructureError

_WITHIN_S = 5.0
_MOST_CONNECTIONS = 256
_LOOK_S, _ASK_S, _ANSWER_S = 5.0, 10.0, 60.0


@contextmanager
def serving(app: Any, bind: str, port: int) -> Iterator[str]:
    """Serve an ASGI app while the block runs and yield its address; port 0 takes a free one."""
    import uvicorn  # only a process that serves pages needs it

    listening = _listening(bind, port)
    config = uvicorn.Config(
        app,
        http=_patient(),
        log_level=logging.WARNING,
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="status page", daemon=True)
    thread.start()
    until = time.monotonic() + _WITHIN_S
    while not server.started and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    host = f"[{bind}]" if ":" in bind else bind
    try:
        yield f"http://{host}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        # Whoever still reads a stream of live updates does not hold the process up.
        server.force_exit = True
        thread.join(_WITHIN_S)
        with contextlib.suppress(OSError):
            listening.close()


def _patient() -> type[asyncio.Protocol]:
    """Return uvicorn's own protocol, with an end to its patience: each caller holds one of this process's files.

    Who takes too long to ask, or to be answered, is put off; where too many are there, who has asked nothing longest.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    ours: Any = AutoHTTPProtocol

    class Patient(ours):  # type: ignore[misc]
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._seen, self._since = None, self.loop.time()
            if len(self.connections) > _MOST_CONNECTIONS:
                silent = [each for each in self.connections if not (each.is_answering() or each.transport.is_closing())]
                min(silent or [self], key=lambda each: each._since).transport.abort()
            self.loop.call_later(_LOOK_S, self._look)

        def is_answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _look(self) -> None:
            if self.transport is None or self.transport.is_closing():
                return
            if self.cycle is not self._seen:
                self._seen, self._since = self.cycle, self.loop.time()
            if self.loop.time() - self._since >= (_ANSWER_S if self.is_answering() else _ASK_S):
                self.transport.abort()
                return
            self.loop.call_later(_LOOK_S, self._look)

    return Patient


def _listening(bind: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((bind, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        raise InfrastructureError(
            f"the status page cannot listen on {bind} port {port}: {error.strerror}",
            where="[monitoring] bind and port",
            hint="another `assay monitor` may have it: --port 0 takes a free one, --no-server does without"
            if taken
            else "name an address of this machine",
        ) from None
    return listening
