"""Serves several simulators from one process: ``python -m assay.simkit.serve CONFIG.json``.

The configuration: ``{"suite_roots": […], "dir": …, "clock": …, "seed": 1, "ready": FILE, "capture": DIR or null,
"systems": [{"vendor": "stripe", "port": 0, "settings": {…}, "given": {…}}]}``; without "capture" the variable
ASSAY_CAPTURE counts. "settings" are the user's: one that the simulator does not read ends the start with 2. "given" is
what every simulator is told (where webhooks go, the published credentials), whether it reads it or not.
Port 0 takes a free one; once all listen, the ready file names them: ``{"pid": …, "ports": {"stripe": 40001}}``. Admin
routes live under ``/__admin`` on each port: ``GET health``, ``GET requests``, ``POST settle`` (run what is due, answer
when nothing is), ``POST reset`` (``{"seed": 2}``), ``POST settings`` (merge into the settings, and tell them).
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import uvicorn

from assay.simkit.accesslog import AccessLog
from assay.simkit.application import Application, Receive, Scope, Send, Simulator
from assay.simkit.clock import SimClock
from assay.simkit.delivery import Delivery
from assay.simkit.world import World

_TICK_S = 0.05
KEEP_ALIVE_S = 75
"""WireMock looks at a pooled connection only after 5 s idle; uvicorn's default of 5 s would close it in its hand."""


class UnknownSetting(Exception):
    """A setting that the simulator does not read; the text says whose, and which was meant."""


class Served:
    """One simulator behind its port: the vendor's API, and the admin routes apart from it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.delivery = Delivery(application.world)
        self._settling = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the vendor's API, or an admin route."""
        if scope["type"] == "http" and scope["path"].startswith("/__admin/"):
            await self._admin(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def settle(self) -> int:
        """Run jobs and send webhooks until nothing is due; return how many ran."""
        done = 0
        # One at a time: whoever asks is answered when what the ticker has in flight has arrived, too.
        async with self._settling:
            while ran := self.application.run_due() + await self.delivery.send_due():
                done += ran
        return done

    def health(self) -> dict[str, Any]:
        """Return what the simulator says of itself."""
        due = self.application.world.next_due()
        return {
            "system": self.application.head.vendor,
            "pid": os.getpid(),
            "now": self.application.world.now().isoformat(),
            "next_due": due.isoformat() if due else None,
            "calls": self.application.log.count,
        }

    def _refused(self, settings: Mapping[str, Any]) -> str:
        application = self.application
        return _unknown(settings, {*application.head.settings, *application.world.settings})

    async def _admin(self, scope: Scope, receive: Receive, send: Send) -> None:
        action = (scope["method"], scope["path"].removeprefix("/__admin/"))
        message = await receive()
        status, body = 200, _object(message.get("body") or b"{}")
        answer: Any
        match action:
            case _ if body is None:
                status, answer = 400, {"error": "the body must be a JSON object"}
            case ("GET", "health"):
                answer = self.health()
            case ("GET", "requests"):
                answer = self.application.log.recent()
            case ("POST", "settle"):
                answer = {"ran": await self.settle(), **self.health()}
            case ("POST", "redeliver"):
                answer = {"sent": self.delivery.redeliver(), "ran": await self.settle()}
            case ("POST", "reset"):
                self.application.reset(body.get("seed"))
                answer = self.health()
            case ("POST", "settings") if problem := self._refused(body):
                status, answer = 400, {"error": problem}
            case ("POST", "settings"):
                self.application.world.settings = {**self.application.world.settings, **body}
                answer = {**self.health(), "settings": self.application.world.settings}
            case _:
                status = 404
                answer = {
                    "error": "known: GET health, GET requests, POST settle, POST redeliver, POST reset, POST settings"
                }
        content = orjson.dumps(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def _unknown(settings: Mapping[str, Any], known: Collection[str]) -> str:
    """Return what is wrong with settings that a simulator does not read; empty where it reads all."""
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "known: " + (", ".join(sorted(known)) or "none")
            return f"the simulator has no setting '{name}'; {hint}"
    return ""


def _object(body: bytes) -> Any:
    """Return the JSON object of a body, or None where it is none."""
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: one process serves several."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def load_head(vendor: str) -> Simulator:
    """Import ``mocks.<vendor>.simulator`` from the suite roots and return its head."""
    head = importlib.import_module(f"mocks.{vendor}.simulator").SIMULATOR
    if not isinstance(head, Simulator):
        raise TypeError(f"mocks/{vendor}/simulator.py: SIMULATOR must be an assay.simkit.Simulator, is {type(head)}")
    return head


def build(config: dict[str, Any], system: dict[str, Any]) -> Served:
    """Build one simulator from the configuration, its state replayed from disk."""
    folder = Path(config["dir"])
    folder.mkdir(parents=True, exist_ok=True)
    vendor = system["vendor"]
    head, settings = load_head(vendor), system.get("settings") or {}
    if problem := _unknown(settings, head.settings):
        raise UnknownSetting(f"systems.{vendor}.settings: {problem}")
    world = World.build(
        clock=SimClock(Path(config["clock"]) if config.get("clock") else None),
        log=folder / f"{vendor}.jsonl",
        seed=config.get("seed", 1),
        settings={**(system.get("given") or {}), **settings},
    )
    folder_of_captures = config.get("capture") or os.environ.get("ASSAY_CAPTURE")
    capture = Path(folder_of_captures) / f"{vendor}-{os.getpid()}.jsonl" if folder_of_captures else None
    return Served(Application(head, world, AccessLog(folder / f"{vendor}.access.jsonl", capture=capture)))


async def serve(config: dict[str, Any]) -> None:
    """Serve every configured simulator until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    served, servers, ports = [], [], {}
    for system in config["systems"]:
        listener = listen(system.get("port", 0))
        ports[system["vendor"]] = listener.getsockname()[1]
        simulator = build(config, system)
        settings = uvicorn.Config(
            simulator,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        server = _Server(settings)
        servers.append((server, asyncio.create_task(server.serve(sockets=[listener]))))
        served.append(simulator)
    ready = Path(config["ready"])
    draft = ready.with_suffix(".part")
    draft.write_text(json.dumps({"pid": os.getpid(), "ports": ports}))
    draft.replace(ready)
    # Documents are long-lived and acyclic: the collector's default rhythm costs a third of a small handler.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    tickers = [asyncio.create_task(_tick(simulator)) for simulator in served]
    await stop.wait()
    for ticker in tickers:
        ticker.cancel()
    for server, task in servers:
        server.should_exit = server.force_exit = True
        await task
    for simulator in served:
        await simulator.delivery.close()


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    config = json.loads(Path(arguments[0]).read_text())
    for root in reversed(config.get("suite_roots", [])):
        sys.path.insert(0, root)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(config))
    except UnknownSetting as error:
        print(error, file=sys.stderr)  # noqa: T201 - whoever started it reads its log
        return 2
    return 0


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the quickest event loop this machine has; None stands for asyncio's own."""
    try:
        import uvloop  # absent on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def listen(port: int) -> socket.socket:
    """Listen on loopback; port 0 takes a free one. `OSError` where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


async def _tick(simulator: Served) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        await simulator.settle()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
