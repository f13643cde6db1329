"""A server that answers the ten calls as fast as Python can, in a process of its own, so that clients are measured."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from benchmarks.ten_steps.calls import CALLS

_ROOT = Path(__file__).resolve().parents[2]
_LENGTH = b"content-length:"


def _answers() -> dict[bytes, bytes]:
    found = {}
    for call in CALLS:
        body = json.dumps(call.answer).encode()
        head = f"HTTP/1.1 {call.status} OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        found[f"{call.method} {call.path}".encode()] = head.encode() + body
    return found


class _Connection(asyncio.Protocol):
    """Reads requests off one kept connection; whatever it does not know is a 404."""

    _known = _answers()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own class derives from neither
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._read) < end + 4 + length:
                return
            asked = b" ".join(self._read.split(b" ", 2)[:2])
            self._read = self._read[end + 4 + length :]
            self._transport.write(self._known.get(asked, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"))


async def serve() -> None:
    """Serve on a free port, which is printed, until the process ends."""
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve while the block lasts; gives the base URL."""
    command = [sys.executable, "-m", "benchmarks.ten_steps"]
    child = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
