"""Runs a merchant: ``python -m mocks.merchant CONFIG.json``; exit 2 for an unusable configuration or defect."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from assay.simkit.serve import KEEP_ALIVE_S, listen, loop_factory


def main(arguments: list[str]) -> int:
    """Run from the command line until SIGTERM or SIGINT."""
    if len(arguments) != 1:
        print("usage: python -m mocks.merchant CONFIG.json", file=sys.stderr)  # noqa: T201
        return 2
    try:
        content = json.loads(Path(arguments[0]).read_text())
    except (OSError, ValueError) as error:
        print(f"{arguments[0]}: cannot be read as JSON: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for root in reversed(content.get("suite_roots") or []):
        sys.path.insert(0, root)
    return _run(content)


def _run(content: dict[str, Any]) -> int:
    from mocks.merchant import errors, seams, switches
    from mocks.merchant.settings import read_config

    try:
        config = read_config(content)
        seams.load_all()
        switchboard = switches.Switchboard(config.defect_folders)
        switchboard.switch(on=config.defects)
        listener = listen(config.port)
    except (errors.Misconfigured, seams.UnknownSeam, switches.UnknownDefect, switches.BrokenDefect) as error:
        print(f"merchant: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except OSError as error:
        print(f"merchant: port {content.get('port')} cannot be used: {error}", file=sys.stderr)  # noqa: T201
        return 3

    from mocks.merchant.api.admin import Admin
    from mocks.merchant.api.application import build_application
    from mocks.merchant.hub.jobs import Runner
    from mocks.merchant.start import build_shop, close_shop

    shop = build_shop(config)
    runner = Runner(shop)
    application = build_application(shop, Admin(runner, switchboard))
    settings = uvicorn.Config(
        application, log_level="warning", access_log=False, lifespan="off", ws="none", timeout_keep_alive=KEEP_ALIVE_S
    )
    server = uvicorn.Server(settings)
    ready = {"pid": os.getpid(), "ports": {"merchant": listener.getsockname()[1]}}
    if config.jobs_at_once:
        runner.start()
    with asyncio.Runner(loop_factory=loop_factory()) as loop:
        loop.run(_serve(server, listener, config.ready, ready))
    runner.stop()
    close_shop(shop)
    return 0


async def _serve(server: uvicorn.Server, listener: socket.socket, ready: Path | None, content: dict[str, Any]) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, server.handle_exit)
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if ready is not None:
        draft = ready.with_suffix(".part")
        draft.write_text(json.dumps(content))
        draft.replace(ready)
    await serving


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
