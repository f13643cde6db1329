"""Each fault of `assay faults`, from both ends: what a client of the edge saw, and what the simulator then holds."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from assay.edge import Fault
from assay.local.faults import in_force, put
from assay.local.plan import EDGE, SIMULATORS, Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from tests.conftest import PROFILE

KEY = {"Authorization": "Bearer sk_test_assay"}
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("faults")]


class Bench:
    """A landscape with Stripe, a client behind the forward proxy, and a look at the simulator itself."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        running = plan.home.read()
        bundle = plan.home.path / "edge" / "certificates" / "ca-bundle.pem"
        self._proxy = f"http://127.0.0.1:{running.port(EDGE, EDGE)}"
        self._context = ssl.create_default_context(cafile=str(bundle))
        self._direct = f"http://127.0.0.1:{running.port(SIMULATORS, 'stripe')}"

    def create(self, timeout_s: float = 5.0) -> httpx.Response:
        """Create a payment as an unchanged platform would: at Stripe's own address, through the proxy."""
        with httpx.Client(proxy=self._proxy, verify=self._context, timeout=timeout_s, trust_env=False) as client:
            url = "https://api.stripe.com/v1/payment_intents"
            return client.post(url, data={"amount": "1000", "currency": "eur"}, headers=KEY)

    def held(self) -> int:
        """Return how many payments the simulator holds, asked directly."""
        answer = httpx.get(f"{self._direct}/v1/payment_intents?limit=100", headers=KEY, trust_env=False)
        return len(answer.json()["data"])

    def settled(self, expected: int) -> int:
        """Return what it holds once the expected number is there, or what it still holds after two seconds."""
        deadline = time.monotonic() + 2
        while (held := self.held()) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return held

    def fault(self, kind: Any, **more: Any) -> None:
        """Put one fault in force."""
        put(self.plan, [Fault(kind=kind, system="stripe", **more)])


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """Return a small landscape that is up."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "assay.toml").write_text(PROFILE)
    plan = plan_for("local", folder / "assay.toml")
    try:
        bring_up(plan, lambda _: None)
        yield plan
    finally:
        take_down(plan.home, lambda _: None)


@pytest.fixture
def bench(landscape: Plan) -> Iterator[Bench]:
    """Return the bench; faults are taken away afterwards."""
    yield Bench(landscape)
    put(landscape, [])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "drop"}, httpx.RemoteProtocolError),
        ({"kind": "drop", "hold_ms": 1500}, httpx.ReadTimeout),
        # Inside a proxy's tunnel a reset may arrive as an end of the connection.
        ({"kind": "reset"}, (httpx.ReadError, httpx.RemoteProtocolError)),
        ({"kind": "truncate"}, httpx.RemoteProtocolError),
        ({"kind": "delay", "delay_ms": 1500}, httpx.ReadTimeout),
    ],
)
def test_a_lost_answer_is_lost_after_the_simulator_acted(bench: Bench, fault: dict[str, Any], error: Any) -> None:
    """The client sees its connection broken or its time run out; the payment exists all the same."""
    before = bench.held()
    bench.fault(**fault)
    with pytest.raises(error):
        bench.create(timeout_s=1.0)
    assert bench.settled(before + 1) == before + 1


@pytest.mark.parametrize(
    ("fault", "status", "more"),
    [
        ({"kind": "status", "code": 503}, 503, 1),
        ({"kind": "rate_limit", "retry_after_s": 2}, 429, 0),
        ({"kind": "duplicate"}, 200, 2),
        ({"kind": "delay_lognormal", "median_ms": 20, "sigma": 0.3}, 200, 1),
        ({"kind": "status", "code": 503, "path": "/v1/refunds"}, 200, 1),
        ({"kind": "status", "code": 503, "method": "DELETE"}, 200, 1),
    ],
)
def test_an_answer_is_changed_and_the_simulator_acted_so_often(
    bench: Bench, fault: dict[str, Any], status: int, more: int
) -> None:
    """The client sees this status; the simulator acted none, one or two times; other paths and methods are spared."""
    before = bench.held()
    bench.fault(**fault)
    answer = bench.create()
    assert answer.status_code == status
    assert status != 429 or answer.headers["retry-after"] == "2"
    assert bench.settled(before + more) == before + more


def test_about_the_share_asked_for_is_hit(bench: Bench) -> None:
    """Of twenty calls about four in ten are hit."""
    bench.fault("status", code=503, share=0.4, seed=11)
    hits = [bench.create().status_code == 503 for _ in range(20)]
    assert 3 <= sum(hits) <= 13


def test_faults_are_remembered_in_order_and_taken_away(bench: Bench) -> None:
    """What was put is what is listed; after clearing, nothing is hit."""
    bench.fault("status", code=503)
    assert [fault.name for fault in in_force(bench.plan.home)] == ["status stripe code=503"]
    put(bench.plan, [])
    assert in_force(bench.plan.home) == []
    assert bench.create().status_code == 200
