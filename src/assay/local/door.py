"""Lets a platform in a container reach the edge, which itself stays on loopback.

``python -m assay.local.door CONFIG`` passes bytes on from one address of this machine, for the networks that the
profile names. The edge asks for a secret before its admin API then: a proxied call to any host reaches that API, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

_CHUNK = 65536


async def serve(config: dict[str, Any]) -> None:
    """Pass on until SIGTERM. The configuration: bind, port, allow (networks), edge (its port) and ready (a file)."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    networks = [ip_network(each) for each in config["allow"]]

    async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = ip_address(writer.get_extra_info("peername")[0])
        if not any(peer in network for network in networks):
            print(f"{peer} is in none of {', '.join(config['allow'])}: hung up", file=sys.stderr, flush=True)  # noqa: T201
            writer.close()
            return
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", config["edge"])
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))
        writer.close()

    server = await asyncio.start_server(let_in, config["bind"], config["port"])
    ready = Path(config["ready"])
    draft = ready.with_suffix(".part")
    draft.write_text(json.dumps({"pid": os.getpid(), "ports": {"door": server.sockets[0].getsockname()[1]}}))
    draft.replace(ready)
    async with server:
        await stop.wait()


def main(arguments: Sequence[str]) -> int:
    """Run from the command line."""
    asyncio.run(serve(json.loads(Path(arguments[0]).read_text())))
    return 0


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction to its end, then end it on the other side, too."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
