"""Two `assay monitor` on one PostgreSQL: whatever is killed or stopped, no order is placed twice and none is left.

The simulated landscape stands for a real one: it is read and bought from as `production`, and its clock is nobody's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.events import ProbeResult
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.runners.session import Session
from assay.store import Store, StoredIntent, open_store
from assay.store.probes import KeptProbe
from tests.conftest import ASSAY
from tests.engine.monitoring.conftest import ROOT
from tests.engine.postgres import Cluster, cluster
from tests.rehearsal import CREDENTIALS, addresses, real_environment

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("two processes")]
EMAIL = "own@example.com"
INTERVAL_S = 6.0
PATIENCE_S = 60.0
SETTINGS = """
[monitoring]
sweep_every = "2s"

[store]
url = "env:SHARED_STORE"

[scenarios]
shipped = false
"""
FLOW = '''
"""One order of our own customer."""
from assay.flow import Case, flow
from assay.roles import Purchase

OWN = Purchase(currency="EUR", lines=(("0017", 1),), email="own@example.com")


@flow(id="own", title="One order", cases=[Case("one", OWN)], reversible=True, tags=["order"])
def own(run, shop):
    """Buy, and linger."""
    with run.step("buy"):
        run.buy(shop)
    with run.step("linger"):
        run.surroundings.wait(1.0)
'''
MONITORS = """
[monitors.orders]
title = "One order"
flow = "own"
interval = "6s"
timeout = "5s"
owner = "me"
runbook = "x.md"
environments = ["real"]
alert = { severity = "page" }
"""
READER = '''
from assay.monitor import AlertRule, monitor


@monitor(name="reads", title="Reads", interval="2s", timeout=1.5, owner="me", runbook="x.md", environments=("real",),
         alert=AlertRule())
def reads(look):
    """Read nothing, and find it well."""
    look.holds(True, systems=("shop",), expected="x", seen="x", cause="")
'''
SYSTEMS = ("merchant", "stripe", "sap_s4hana", "ups", "ecb")


@dataclass
class Real:
    """The landscape as the real one, and the processes that watch it over one store."""

    folder: Path
    address: str
    store: Store
    environment: dict[str, str]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def watch(self) -> int:
        """Start a process that watches and return its pid."""
        log = (self.folder / f"watch-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [str(ASSAY), "monitor", "--env", "real", "--no-server"],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        self.processes[process.pid] = process
        return process.pid

    def said(self) -> str:
        """Return what all of them printed."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("watch-*.log")))

    def kill(self, pid: int) -> None:
        """End one without a word."""
        self.processes[pid].send_signal(signal.SIGKILL)
        self.processes.pop(pid).wait(timeout=10)

    def stop(self) -> None:
        """End all as one would in good order."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            assert process.wait(timeout=60) == 0, self.said()
        self.processes.clear()

    def open_intents(self) -> list[StoredIntent]:
        """Return what is still to be taken back, the latest first."""
        return list(self.store.intents.unsettled("real"))

    def kept(self, monitor: str = "orders") -> list[KeptProbe]:
        """Return the runs kept of a monitor, oldest first."""
        now, hour = datetime.now(UTC), timedelta(hours=1)
        return self.store.probes.history("real", monitor, since=now - hour, until=now + hour, limit=1000)[::-1]

    def until(self, come: Callable[[], Any]) -> Any:
        """Wait until something is there and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(InfrastructureError):  # a store that was stopped
                if found := come():
                    return found
            assert time.monotonic() < deadline, self.said()
            assert all(process.poll() is None for process in self.processes.values()), self.said()
            time.sleep(0.05)


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A landscape that is up."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml")
    bring_up(plan, lambda _: None)
    yield plan
    take_down(plan.home, lambda _: None)


@contextmanager
def real_over(landscape: Plan, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Real]:
    """Make a project in which the landscape is production, over a store."""
    systems = {name: url for name, url in addresses(landscape.home.read()).items() if name in SYSTEMS}
    text = (ROOT / "assay.toml").read_text()
    for limit in ("shop = 5", "payments = 10", "erp = 300", "carrier = 3600"):
        text = text.replace(f"\n{limit}\n", f"\n{limit.partition(' ')[0]} = 1\n")
    (folder / "assay.toml").write_text(text + SETTINGS + real_environment(systems))
    files = {"scenarios/own.py": FLOW, "monitors/own.toml": MONITORS, "monitors/reads.py": READER}
    for name, content in {**files, "monitors/runbooks/x.md": "# x"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SHARED_STORE", address)
    store = open_store(address)
    with ExitStack() as ending:
        ending.callback(store.close)
        real = Real(folder, address, store, dict(os.environ))

        def end() -> None:
            for process in real.processes.values():
                process.kill()
                process.wait(timeout=10)

        ending.callback(end)
        yield real


def judge(real: Real, *, most: int) -> None:
    """See that no run placed two orders and no turn was run twice, and that all is taken back, the money too.

    most: how many orders there may be. A turn that two processes ran is kept once, and would show as one too many.
    """
    plan = plan_for("real", real.folder / "assay.toml")
    with Session(plan, plan.home.read()) as session:
        shop, gateway = (session.landscape.by_role(role) for role in ("shop", "payments"))
        orders = [shop.order(ref) for ref in shop.find_by_marker(EMAIL, real.began)]
        payments = [gateway.payment(ref) for order in orders for ref in order.payment_refs]
    assert 0 < len(orders) <= most, real.said()
    assert {order.status for order in orders} == {"cancelled"}, real.said()
    assert all(payment.refunded.minor == payment.captured.minor for payment in payments)
    assert real.store.intents.unsettled("real") == []


def ran(real: Real) -> int:
    """Return how many runs of the flow may have placed an order."""
    return sum(run.result not in (ProbeResult.REFUSED, ProbeResult.MISSED) for run in real.kept())


@pytest.mark.full
def test_one_killed_in_the_middle_of_an_order(
    landscape: Plan, tmp_path: Path, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has the next turn within two intervals, takes the order back, and places none twice."""
    with real_over(landscape, tmp_path, postgres.new_database(), monkeypatch) as real:
        pids = {real.watch(), real.watch()}
        intent = real.until(lambda: next((each for each in real.open_intents() if each.ref), None))
        victim = next(pid for pid in pids if f":{pid}:" in intent.holder)
        real.kill(victim)
        [survivor] = pids - {victim}
        held = next(each for each in real.store.turns.held("real") if f":{victim}:" in each.holder)
        after = real.until(lambda: [run for run in real.kept() if run.due_at > held.due_at])
        assert after[0].due_at - held.due_at <= timedelta(seconds=2 * INTERVAL_S)
        real.until(lambda: intent.number not in {each.number for each in real.open_intents()})
        real.until(lambda: len([run for run in real.kept() if run.due_at > held.due_at]) >= 2)
        assert survivor in real.processes
        real.stop()
        judge(real, most=ran(real) + 1)
        assert "swept: order" in real.said()


@pytest.mark.full
def test_the_store_stopped_for_a_minute(landscape: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that only read go on and are kept afterwards, nothing is created meanwhile, and then all goes on."""
    with cluster() as server, real_over(landscape, tmp_path, server.new_database(), monkeypatch) as real:
        real.watch()
        real.watch()
        real.until(lambda: len(real.kept()) >= 1)
        real.until(real.open_intents)  # in the middle of an order
        server.stop()
        began = datetime.now(UTC)
        time.sleep(60)
        ended = datetime.now(UTC)
        server.start()
        real.until(lambda: [run for run in answered(real) if run.due_at > ended])
        real.until(lambda: not waiting(tmp_path))
        real.until(lambda: not [each for each in real.open_intents() if each.created_at < began])
        real.stop()
        meanwhile = [run for run in real.kept() if began < run.due_at < ended]
        assert {run.result for run in meanwhile} == {ProbeResult.REFUSED}, real.said()
        assert all("cut off from the store" in str(run.detail["trouble"]) for run in meanwhile)
        reads = [run.due_at for run in real.kept("reads") if began < run.due_at < ended]
        assert len(reads) >= 20
        assert max(later - due for due, later in pairwise(reads)) <= timedelta(seconds=4)
        judge(real, most=ran(real))
        said = real.said()
        assert said.count("checks that only read go on, flows create nothing until it is back") == 2
        assert said.count("turns are shared again and flows create again") == 2


def answered(real: Real) -> list[KeptProbe]:
    """Return the runs of the flow that came to a verdict."""
    return [run for run in real.kept() if run.result is ProbeResult.PASSED]


def waiting(folder: Path) -> list[Path]:
    """Return the files in which results wait."""
    return [path for path in folder.glob(".assay/real/backlog-*.jsonl") if path.stat().st_size]
