"""Serves the status page, its API and the metrics in a thread of the process that runs monitors."""

from __future__ import annotations

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


@contextmanager
def serving(app: Any, bind: str, port: int) -> Iterator[str]:
    """Serve an ASGI app while the block runs and yield its address; port 0 takes a free one."""
    import uvicorn  # only a process that serves pages needs it

    listening = _listening(bind, port)
    config = uvicorn.Config(
        app, log_level=logging.WARNING, lifespan="off", access_log=False, server_header=False, proxy_headers=False
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
