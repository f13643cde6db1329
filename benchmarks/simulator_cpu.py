"""Server CPU of a JSON POST to a simulator against an empty Starlette handler on the same server, in one run.

Limit: 1.6 x. Both answer the same bytes' worth of JSON over kept-alive connections; the simulator besides reads the
body, stores a document, appends it to its file, and writes its access log. CPU is the server process's own.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil

from assay.edge.sockets import free_port

LIMIT = 1.6
BODY = json.dumps({"reference": "A-1", "amount": "80", "currency": "JPY", "lines": [{"sku": "0017", "quantity": 2}]})
EMPTY = """
    import sys, uvicorn
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route
    async def take(request):
        return JSONResponse({"id": "1", **await request.json()}, status_code=201)
    application = Starlette(routes=[Route("/v1/things", take, methods=["POST"])])
    lean = {"log_level": "warning", "access_log": False, "loop": "uvloop", "http": "httptools"}
    uvicorn.run(application, port=int(sys.argv[1]), **lean)
"""
SIMULATOR = """
    from assay.simkit import Answer, Call, Failure, Route, Simulator, World
    class State:
        def __init__(self, world: World) -> None:
            self.world, self.things = world, world.table("things")
    def create(state: State, call: Call) -> Answer:
        thing = {"id": state.world.ids.token("thing"), **call.json()}
        state.things[thing["id"]] = thing
        return Answer(thing, 201)
    def error(failure: Failure) -> Answer:
        return Answer({"error": failure.message}, failure.status)
    SIMULATOR = Simulator("bare", "Bare", ["bare.example"], State, [Route("POST", "/v1/things", create)], error)
"""


def start(folder: Path, what: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start one of the two servers and return it with its port, answering."""
    port = free_port()
    if what == "empty":
        (folder / "empty.py").write_text(textwrap.dedent(EMPTY))
        command = [sys.executable, str(folder / "empty.py"), str(port)]
    else:
        (folder / "mocks" / "bare").mkdir(parents=True, exist_ok=True)
        (folder / "mocks" / "bare" / "__init__.py").touch()
        (folder / "mocks" / "bare" / "simulator.py").write_text(textwrap.dedent(SIMULATOR))
        systems = [{"vendor": "bare", "port": port}]
        config = {
            "suite_roots": [str(folder)],
            "dir": str(folder / "state"),
            "ready": str(folder / "ready"),
            "systems": systems,
        }
        (folder / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "assay.simkit.serve", str(folder / "config.json")]
    process = subprocess.Popen(command)
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    return process, port


def cpu_per_call(process: subprocess.Popen[bytes], port: int, calls: int) -> float:
    """Return microseconds of the server's CPU for one POST."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    server = psutil.Process(process.pid)

    def post(times: int) -> None:
        for _ in range(times):
            connection.request("POST", "/v1/things", BODY, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                raise SystemExit(f"status {answer.status}")

    post(calls // 10)
    before = server.cpu_times()
    post(calls)
    after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / calls * 1e6


def main() -> int:
    """Print the ratio against its limit; 1 when it is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.pop("ASSAY_CAPTURE", None)
    with tempfile.TemporaryDirectory() as name:
        servers = {what: start(Path(name), what) for what in ("empty", "simulator")}
        try:
            seen: dict[str, list[float]] = {what: [] for what in servers}
            for _ in range(options.rounds):
                for what, (process, port) in servers.items():
                    seen[what].append(cpu_per_call(process, port, options.calls))
        finally:
            for process, _ in servers.values():
                process.kill()
                process.wait()
    empty, simulator = (statistics.median(seen[what]) for what in ("empty", "simulator"))
    ratio = statistics.median(ours / theirs for ours, theirs in zip(seen["simulator"], seen["empty"], strict=True))
    print(f"empty Starlette handler   {empty:.0f} us CPU a POST")
    print(f"simulator                 {simulator:.0f} us CPU a POST")
    print(f"ratio {ratio:.2f} x   limit {LIMIT} x   {'within' if ratio <= LIMIT else 'OVER'}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
