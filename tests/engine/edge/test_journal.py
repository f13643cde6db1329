"""The journal: nothing lost, nothing of somebody else's removed, secrets masked, memory flat, gaps told."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from assay.edge import (
    EdgeProcess,
    Exchange,
    Gap,
    Harvester,
    Installation,
    ReverseRoute,
    Route,
    RouteTable,
    load_routes,
    start_edge,
)
from assay.errors import InfrastructureError

from .conftest import Backend, Handler, Seen, call, call_host

pytestmark = pytest.mark.needs_java
HOST = "api.stripe.com"


class Keeper:
    """A store in memory with its harvester."""

    def __init__(self, edge: EdgeProcess, *, last_seen: datetime | None = None) -> None:
        self.kept: dict[str, Exchange] = {}
        self.gaps: list[Gap] = []
        self.harvester = Harvester(edge.admin, self.keep, on_gap=self.gaps.append, last_seen=last_seen)

    def keep(self, exchanges: Sequence[Exchange]) -> None:
        """Keep by id."""
        self.kept.update((exchange.id, exchange) for exchange in exchanges)

    def wait(self, count: int) -> None:
        """Harvest until ``count`` are kept: a call is finished a moment after its client has the answer."""
        deadline = time.monotonic() + 5
        while len(self.kept) < count and time.monotonic() < deadline:
            self.harvester.harvest()
        assert len(self.kept) == count

    def one(self) -> Exchange:
        """Harvest and return the only exchange."""
        self.wait(1)
        (exchange,) = self.kept.values()
        return exchange


@pytest.fixture
def routed(edge: EdgeProcess, backend: Backend) -> Iterator[EdgeProcess]:
    """The edge with a simulated payment gateway and a way back to the platform."""
    back = ReverseRoute("merchant-webhooks", backend.url)
    load_routes(edge.admin, RouteTable((Route("stripe", HOST, target=backend.url),), (back,)))
    yield edge


def test_exchange_says_what_crossed(routed: EdgeProcess) -> None:
    """A call by proxy is kept with system, vendor's path, both bodies, status, time and duration."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    call_host(routed, HOST, "/v1/charges?expand=x", method="POST", body=b"amount=1")
    seen = Keeper(routed).one()
    assert (seen.system, seen.way, seen.mode, seen.host, seen.method) == ("stripe", "proxy", "simulator", HOST, "POST")
    assert (seen.path, seen.query, seen.status, seen.refused) == ("/v1/charges", "expand=x", 200, False)
    assert seen.request_body.text == "amount=1"
    assert seen.response_body.text is not None
    assert json.loads(seen.response_body.text)["body"] == "amount=1"
    assert seen.duration_ms is not None
    assert before < seen.started_at < datetime.now(UTC) + timedelta(seconds=1)


def test_path_is_the_vendors_by_either_way(routed: EdgeProcess) -> None:
    """By base URL and by reverse route the path is kept without our prefix."""
    keeper = Keeper(routed)
    call(routed, "/stripe/v1/charges")
    call(routed, "/merchant-webhooks/stripe/events")
    keeper.wait(2)
    assert {(e.system, e.way, e.path) for e in keeper.kept.values()} == {
        ("stripe", "base", "/v1/charges"),
        ("merchant-webhooks", "reverse", "/stripe/events"),
    }


def test_refused_call_is_kept_as_refused(routed: EdgeProcess) -> None:
    """A call to an unknown host is kept, marked refused, with its host."""
    call_host(routed, "files.stripe.com", "/v1/files")
    seen = Keeper(routed).one()
    assert (seen.refused, seen.host, seen.system, seen.status) == (True, "files.stripe.com", "unrouted", 502)


def test_secrets_do_not_leave_the_edge(routed: EdgeProcess, backend: Backend) -> None:
    """Credentials in headers, cookies, query, form and JSON bodies are masked, in requests and answers."""
    backend.answer = lambda handler, _: handler.reply(200, b'{"access_token": "SECRET7"}', {"Set-Cookie": "s=SECRET8"})
    headers = {
        "Authorization": "Bearer sk_live_SECRET1",
        "X-Api-Key": "SECRET2",
        "Cookie": "sid=SECRET3",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    form = b"grant_type=client_credentials&client_secret=SECRET4&amount=5"
    call_host(routed, HOST, "/oauth?api_key=SECRET5&x=1", method="POST", body=form, headers=headers)
    body = json.dumps({"password": "SECRET6", "order": "1001"}).encode()
    call(routed, "/stripe/v1/login", method="POST", body=body, headers={"Content-Type": "application/json"})
    keeper = Keeper(routed)
    keeper.wait(2)
    told = repr(list(keeper.kept.values()))
    assert "SECRET" not in told
    assert "1001" in told
    assert "amount=5" in told


def test_long_bodies_become_hash_and_length(routed: EdgeProcess, backend: Backend) -> None:
    """A body above 16 kB is kept as its length and a hash, one of exactly 16 kB as text, gzip is unpacked."""

    def answer(handler: Handler, seen: Seen) -> None:
        if seen.path == "/packed":
            handler.reply(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})
        elif seen.path == "/brim":
            handler.reply(200, b"x" * 16_384)
        else:
            handler.reply(200, b"x" * 60_000)

    backend.answer = answer
    assert len(call(routed, "/stripe/label").body) == 60_000
    call(routed, "/stripe/brim")
    call(routed, "/stripe/packed")
    keeper = Keeper(routed)
    keeper.wait(3)
    bodies = {exchange.path: exchange.response_body for exchange in keeper.kept.values()}
    assert (bodies["/label"].text, bodies["/label"].length, len(bodies["/label"].sha256)) == (None, 60_000, 64)
    assert str(bodies["/label"]).startswith("<60000 bytes, ")
    assert bodies["/brim"].text == "x" * 16_384
    assert bodies["/packed"].text == '{"a": 1}'


def test_nothing_is_removed_before_it_is_stored(routed: EdgeProcess) -> None:
    """While the store fails nothing leaves the edge; afterwards everything is stored once and then removed."""
    for number in range(3):
        call(routed, f"/stripe/{number}")

    def broken(_: Sequence[Exchange]) -> None:
        raise OSError("disk full")

    time.sleep(0.2)
    with pytest.raises(OSError, match="disk full"):
        Harvester(routed.admin, broken, on_gap=print).harvest()
    assert routed.admin.get("/requests")["meta"]["total"] == 3
    keeper = Keeper(routed)
    keeper.wait(3)
    assert routed.admin.get("/requests")["meta"]["total"] == 0


def test_only_what_was_stored_is_removed(routed: EdgeProcess) -> None:
    """A call that arrives while the store writes stays for the next pass."""
    call(routed, "/stripe/first")
    kept: list[str] = []

    def store(exchanges: Sequence[Exchange]) -> None:
        if not kept:
            call(routed, "/stripe/meanwhile")
        kept.extend(exchange.path for exchange in exchanges)

    harvester = Harvester(routed.admin, store, on_gap=print)
    for expected in (["/first"], ["/first", "/meanwhile"]):
        deadline = time.monotonic() + 5
        while harvester.harvest().stored == 0 and time.monotonic() < deadline:
            pass
        assert kept == expected


def test_a_call_still_being_answered_stays(routed: EdgeProcess, backend: Backend) -> None:
    """A delayed call is kept once it is answered, with its whole duration, and hides no other call meanwhile."""
    slow = {"request": {"urlPath": "/v1/slow"}, "response": {"status": 200, "fixedDelayMilliseconds": 700}}
    load_routes(routed.admin, RouteTable((Route("stripe", HOST, target=backend.url, stubs=(slow,)),)))
    keeper = Keeper(routed)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, routed, "/stripe/v1/slow")
        time.sleep(0.25)
        call(routed, "/stripe/v1/quick")
        assert keeper.one().path == "/v1/quick"
        waiting.result()
    keeper.wait(2)
    duration = {exchange.path: exchange.duration_ms for exchange in keeper.kept.values()}["/v1/slow"]
    assert duration is not None
    assert duration >= 700


def test_dead_edge_is_a_gap(installation: Installation, authority_folder: Path, tmp_path: Path) -> None:
    """When the edge is killed and replaced, the harvester says from when to when the journal is incomplete."""
    edge = start_edge(tmp_path, certificates=authority_folder, installation=installation)
    keeper = Keeper(edge)
    assert keeper.harvester.harvest().reachable
    before = keeper.harvester.last_seen
    psutil.Process(edge.state.pid).kill()
    edge.stop()
    assert not keeper.harvester.harvest().reachable
    assert keeper.gaps == []
    with start_edge(tmp_path, port=edge.port, certificates=authority_folder, installation=installation):
        assert keeper.harvester.harvest().reachable
        (gap,) = keeper.gaps
        assert gap.since == before
        assert gap.since < gap.until <= datetime.now(UTC)
        keeper.harvester.harvest()
        assert len(keeper.gaps) == 1
    keeper.harvester.close()
    assert len(keeper.gaps) == 2


def test_new_harvester_notices_an_edge_replaced_in_between(routed: EdgeProcess) -> None:
    """A harvester that takes over tells a gap only if the edge is another one than its predecessor's."""
    Keeper(routed).harvester.harvest()
    takes_over = Keeper(routed, last_seen=datetime.now(UTC))
    takes_over.harvester.harvest()
    assert takes_over.gaps == []
    routed.admin.post("/settings", {"proxyPassThrough": False})
    stranger = Keeper(routed, last_seen=datetime.now(UTC) - timedelta(minutes=1))
    stranger.harvester.harvest()
    assert len(stranger.gaps) == 1


def test_load_mode_says_there_is_no_journal(installation: Installation, authority_folder: Path) -> None:
    """Harvesting an edge without a journal is an error, not an empty answer."""
    with (
        start_edge(mode="load", certificates=authority_folder, installation=installation) as edge,
        pytest.raises(InfrastructureError, match="journal is disabled"),
    ):
        Keeper(edge).harvester.harvest()


KEEPER = """
import signal, sys, threading
from datetime import UTC, datetime
from assay.edge import Admin, Harvester
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
with open(sys.argv[2], "w", encoding="utf-8") as log:
    keep = lambda exchanges: log.writelines(f"{e.path}\\n" for e in exchanges)
    Harvester(Admin(int(sys.argv[1])), keep, on_gap=lambda gap: log.write(f"{gap}\\n")).run(stop, interval_s=0.25)
"""


def _call_for_labels(edge: EdgeProcess, backend: Backend, calls: int) -> tuple[list[int], list[int]]:
    label = base64.b64encode(bytes(range(256)) * 176)  # 60 kB, as a label answer is
    backend.answer = lambda handler, _: handler.reply(200, label)
    load_routes(edge.admin, RouteTable((Route("ups", "onlinetools.ups.com", target=backend.url),)))
    memory: list[int] = []
    waiting: list[int] = []
    link = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=30)
    for number in range(calls):
        link.request("GET", f"/ups/label/{number}")
        assert len(link.getresponse().read()) == len(label)
        if number % (calls // 10) == calls // 10 - 1:
            memory.append(psutil.Process(edge.state.pid).memory_info().rss)
            waiting.append(edge.admin.get("/requests?limit=1")["meta"]["total"])
    link.close()
    return memory, waiting


@pytest.mark.parametrize("calls", [1_000, pytest.param(20_000, marks=pytest.mark.full)])
def test_memory_stays_flat_under_labels(
    installation: Installation, authority_folder: Path, backend: Backend, tmp_path: Path, calls: int
) -> None:
    """With a harvester beside it, calls with 60 kB answers leave the edge's memory flat, and every call is stored."""
    log = tmp_path / "kept"
    with start_edge(certificates=authority_folder, installation=installation) as edge:
        keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(edge.port), str(log)])
        try:
            memory, waiting = _call_for_labels(edge, backend, calls)
        finally:
            keeper.terminate()
            assert keeper.wait(60) == 0
        assert edge.admin.get("/requests")["meta"]["total"] == 0
    assert sorted(log.read_text(encoding="utf-8").split()) == sorted(f"/label/{number}" for number in range(calls))
    # 20,000 such answers are 1.2 GB, more than the heap; the latter half must not need more than the former did.
    assert max(waiting) < 6_000, waiting  # a tenth of the heap
    assert max(memory) < 600e6, memory
    assert max(memory[5:]) < max(memory[:5]) * 1.25 + 50e6, memory
