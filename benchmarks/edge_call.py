"""What the edge adds to one call, against WireMock's default flags and against the direct call, interleaved.

Limits: by base URL at most 0.65 x the p50 that WireMock adds with its default flags; by HTTPS forward proxy, kept
alive, at most 3 ms above the direct call. A new connection for each call is printed beside it without a limit.
Run: ``python benchmarks/edge_call.py [--calls 2000] [--warm 3000]``.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from assay.edge import Admin, Installation, Route, RouteTable, load_routes, prepare, start_edge
from assay.edge.flags import command
from assay.edge.sockets import free_port, is_healthy

BASE_LIMIT = 0.65
PROXY_LIMIT_MS = 3.0
HOST = "api.stripe.com"
PATH = "/v1/payment_intents"
BODY = b'{"amount": 1999, "currency": "eur", "confirm": true}'
SIMULATOR = """
import sys
import uvicorn

async def app(scope, receive, send):
    if scope["type"] == "http":
        await receive()
        head = [(b"content-type", b"application/json"), (b"content-length", b"27")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b'{"id": "pi_1", "ok": true}\\n'})

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, timeout_keep_alive=75)
"""
Link = http.client.HTTPConnection


def call(link: Link, path: str) -> float:
    """Make one call on an open connection and return its milliseconds."""
    began = time.perf_counter()
    link.request("POST", path, BODY, {"Content-Type": "application/json"})
    response = link.getresponse()
    response.read()
    if response.status != 200:
        raise SystemExit(f"{path} answered {response.status}")
    return (time.perf_counter() - began) * 1000


@contextlib.contextmanager
def simulator() -> Iterator[int]:
    """Serve an empty simulator in a process of its own."""
    port = free_port()
    child = subprocess.Popen([sys.executable, "-c", SIMULATOR, str(port)])
    try:
        while True:
            with contextlib.suppress(OSError):
                call(Link("127.0.0.1", port), PATH)
                break
            time.sleep(0.05)
        yield port
    finally:
        child.terminate()
        child.wait()


@contextlib.contextmanager
def default_wiremock(installation: Installation, target: int) -> Iterator[int]:
    """Run WireMock as it comes, proxying to the simulator."""
    port = free_port()
    line = command(installation, [], ["--port", str(port), "--bind-address", "127.0.0.1"])
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_healthy(port):
            time.sleep(0.05)
        response = {"proxyBaseUrl": f"http://127.0.0.1:{target}", "proxyUrlPrefixToRemove": "/stripe"}
        Admin(port).post("/mappings", {"request": {"urlPathPattern": "/stripe(/.*)?"}, "response": response})
        yield port
    finally:
        child.kill()
        child.wait()


def measure(ways: dict[str, Callable[[], float]], *, calls: int, warm: int) -> dict[str, list[float]]:
    """Call each way in turns and return the milliseconds of every way."""
    for way in ways.values():
        for _ in range(warm):
            way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(calls // 50):
        for name, way in ways.items():
            taken[name].extend(way() for _ in range(50))
    return taken


def main() -> int:
    """Print both figures against their limits; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--warm", type=int, default=3000)
    arguments = parser.parse_args()
    installation = prepare(progress=print)
    with (
        simulator() as target,
        default_wiremock(installation, target) as plain,
        start_edge(hosts=(HOST,), installation=installation) as edge,
    ):
        load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=f"http://127.0.0.1:{target}"),)))
        context = ssl.create_default_context(cafile=str(edge.certificates.authority))

        def tunnel() -> Link:
            link = http.client.HTTPSConnection("127.0.0.1", edge.port, context=context)
            link.set_tunnel(HOST, 443)
            return link

        direct, default, base, proxy = (
            Link("127.0.0.1", target),
            Link("127.0.0.1", plain),
            Link("127.0.0.1", edge.port),
            tunnel(),
        )
        taken = measure(
            {
                "direct": lambda: call(direct, PATH),
                "default": lambda: call(default, "/stripe" + PATH),
                "base": lambda: call(base, "/stripe" + PATH),
                "proxy": lambda: call(proxy, PATH),
            },
            calls=arguments.calls,
            warm=arguments.warm,
        )
        fresh = [_fresh(tunnel) for _ in range(200)]
    return report({name: statistics.median(times) for name, times in taken.items()}, statistics.median(fresh))


def _fresh(tunnel: Callable[[], Link]) -> float:
    began = time.perf_counter()
    link = tunnel()
    call(link, PATH)
    link.close()
    return (time.perf_counter() - began) * 1000


def report(p50: dict[str, float], fresh: float) -> int:
    """Print p50s and verdicts."""
    ratio = (p50["base"] - p50["direct"]) / (p50["default"] - p50["direct"])
    above = p50["proxy"] - p50["direct"]
    verdicts = (ratio <= BASE_LIMIT, above <= PROXY_LIMIT_MS)
    said = ["within" if good else "OVER" for good in verdicts]
    print(f"direct                                   {p50['direct']:.2f} ms p50")
    print(f"WireMock's default flags, base URL      +{p50['default'] - p50['direct']:.2f} ms")
    print(f"edge, base URL                          +{p50['base'] - p50['direct']:.2f} ms")
    print(f"  … of the default flags' addition       {ratio:.2f} x   limit {BASE_LIMIT} x   {said[0]}")
    print(f"edge, HTTPS forward proxy, kept alive   +{above:.2f} ms   limit {PROXY_LIMIT_MS} ms   {said[1]}")
    print(f"edge, HTTPS forward proxy, new each     +{fresh - p50['direct']:.2f} ms")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
