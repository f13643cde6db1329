"""Each shipped monitor on the reference landscape: green while all is well, red with a defect, green again without it.

One landscape for all of them, as a running service has it; what a monitor reads of past orders is left behind by
letting its time pass. The table of what was seen is printed (``-s`` shows it, and a failure does).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.events import Probe, ProbeResult, Result
from assay.local.clock import LandscapeClock
from assay.local.plan import MERCHANT, Plan
from assay.local.processes import admin
from assay.monitor import Monitor
from assay.roles import Purchase
from assay.runners.campaign import flows_of
from assay.runners.scheduler.declared import monitors_of
from assay.runners.scheduler.probing import Prober
from assay.runners.scheduler.timetable import turn_of
from assay.runners.session import Session
from tests.engine.reference_landscape import ROOT, reference_landscape

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("shipped_monitors")]
SYNTHETIC = "probe@example.com"
SELF, NEWS, USUAL = "self_check", "contract_news", "distribution"
"""What judges a running service, what no defect of a merchant can cause, and what needs weeks of hundreds of orders.

They are proven where that is tested; the last over drawn shops, in tests/engine/drift/test_distribution_check.py.
"""
PRICES = Path("mocks") / "merchant" / "prices.csv"
CJK = "山田 太郎"


@dataclass
class Stage:
    """A landscape that is up, with the shipped monitors on it."""

    plan: Plan
    session: Session
    prober: Prober
    monitors: dict[str, Monitor]
    on: list[str] = field(default_factory=list)

    def run(self, name: str, *, turn: int = 0, **options: object) -> Probe:
        """Run a monitor as it is, the options aside."""
        monitor = self.monitors[name]
        if options:
            monitor = replace(monitor, options={**monitor.options, **options})
        due_at = datetime(2026, 3, 2, tzinfo=UTC)
        while monitor.rotate and turn_of(monitor, due_at) % len(monitor.cases) != turn:
            due_at += timedelta(seconds=monitor.interval_s or 0)
        return self.prober.probe(monitor, due_at=due_at, stop=threading.Event())

    def switch(self, *, on: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> None:
        """Switch defects of the merchant."""
        port = self.plan.home.read().port(MERCHANT, MERCHANT)
        assert port is not None
        admin(port, "POST", "defects", {"on": list(on), "off": list(off)})

    def buy(self, currency: str = "EUR", sku: str = "0018", **more: object) -> str:
        """Buy as a customer would, and return the shop's reference of the order."""
        given = {"currency": currency, "lines": ((sku, 1),), "email": "someone@example.com", **more}
        ref: str = self.session.landscape.by_role("shop").place(Purchase(**given))  # type: ignore[arg-type]
        return ref

    def pass_time(self, **span: float) -> timedelta:
        """Let the landscape's time pass."""
        self.session.pass_time(timedelta(**span))
        return timedelta(**span)


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Bring up the reference landscape, its monitors and what runs them."""
    with reference_landscape(folder) as (plan, session):
        flows = flows_of(plan)
        prober = Prober(session, flows, location="here")
        yield Stage(plan, session, prober, monitors_of(plan, flows))
        prober.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape, its monitors and what runs them."""
    with staged(tmp_path_factory.mktemp("shipped")) as made:
        yield made


def violated(probe: Probe) -> set[str]:
    """Return the oracles that found something."""
    return {finding.oracle for finding in probe.all_findings if finding.result is Result.FAIL}


def said(probe: Probe) -> str:
    """Return a probe in words, for whoever reads a failure."""
    wrong = [finding.sentence() for finding in probe.all_findings if finding.result is Result.FAIL]
    steps = [f"{step.name}: {step.error}" for step in probe.all_steps if step.error]
    return "\n".join([f"{probe.monitor} {probe.result}", *wrong, *steps, *probe.trouble])


@dataclass(frozen=True)
class Proof:
    """How a defect shows a monitor: what happens while it is on, and what until all is well again."""

    monitor: str
    defect: str
    oracles: frozenset[str]
    happens: Callable[[Stage], object] = lambda stage: None
    mended: Callable[[Stage], object] = lambda stage: None
    turn: int = 0
    options: tuple[tuple[str, object], ...] = ()
    slow: bool = False


def lose(stage: Stage) -> None:
    """Buy what the ERP's import chokes on, and let everybody have their time."""
    stage.buy("EUR", "0018", name=CJK)
    stage.pass_time(minutes=20)


def cancel(stage: Stage) -> None:
    """Buy as a synthetic customer and take it back at once, as every synthetic order is."""
    operator = stage.session.operator
    assert operator is not None
    clock = LandscapeClock(stage.plan.home.clock)
    clock.freeze()  # the outbox hands on at once: here the ERP is away, and the next try waits for the clock
    away = operator.put_fault("status", "sap_s4hana", code=503)
    ref = stage.buy("EUR", "D-404", email=SYNTHETIC)
    stage.session.settle()
    stage.session.landscape.by_role("shop").cancel_order(ref, "a test order of Assay")
    operator.take_fault(away)
    clock.run()
    stage.pass_time(hours=3)


def sell_and_wait(stage: Stage) -> None:
    """Buy, and let the order have its time in the ERP, and the document that was changed last its own."""
    for currency in ("EUR", "JPY", "USD"):
        stage.buy(currency)
    stage.pass_time(minutes=50)


def reprice(stage: Stage, price: str) -> None:
    """Put another price of an article into the list that the ERP hands over."""
    folder = stage.plan.profile.folder / PRICES
    folder.parent.mkdir(parents=True, exist_ok=True)
    lines = [line for line in (ROOT / PRICES).read_text().splitlines() if not line.startswith("L-021,EUR,")]
    draft = folder.with_suffix(".draft")
    draft.write_text("\n".join([*lines, f"L-021,EUR,{price},,", ""]))
    draft.replace(folder)
    stage.pass_time(minutes=2)


def ask_old_prices(stage: Stage) -> None:
    """Let the list change, be seen to differ once, and have its time."""
    reprice(stage, "59.00")
    stage.run("pair_prices")
    stage.pass_time(minutes=6)


def wait_two_cycles(stage: Stage) -> None:
    """Let the catalogue be seen to differ once, and the sync take over all there is."""
    stage.pass_time(minutes=2)
    stage.run("pair_catalogue")
    stage.pass_time(hours=2, minutes=5)


def learn_and_fall_silent(stage: Stage) -> None:
    """Sell for nine days while all follows, then only what the ERP's import chokes on."""
    stage.switch(off=("ERP-12",))
    for _ in range(18):
        for _ in range(2):
            stage.buy()
        stage.pass_time(hours=12)
        stage.run("freshness")
    stage.switch(on=("ERP-12",))
    for _ in range(12):
        stage.buy("EUR", "0018", name=CJK)
    stage.pass_time(hours=1)


def several(stage: Stage) -> None:
    """Buy so often that the gateway has something to tell."""
    for _ in range(3):
        stage.buy()
    stage.pass_time(minutes=1)


PROOFS = (
    Proof("synthetic_order", "ORD-14", frozenset({"O-O12"})),
    Proof("synthetic_foreign_order", "MON-01", frozenset({"O-M1"}), turn=0),
    Proof("synthetic_refund", "MON-16", frozenset({"O-M6"}), turn=1),
    Proof(
        "fx_feed",
        "MON-25",
        frozenset({"O-M7"}),
        lambda s: s.pass_time(days=6),
        lambda s: s.pass_time(hours=2),
        slow=True,
    ),
    Proof(
        "fx_feed",
        "MON-26",
        frozenset({"O-M7"}),
        lambda s: s.pass_time(days=6),
        lambda s: s.pass_time(hours=2),
        slow=True,
    ),
    Proof("fx_feed", "MON-27", frozenset({"O-M7"})),
    Proof("order_census", "ERP-12", frozenset({"O-O8", "O-O2"}), lose, lambda s: s.pass_time(hours=4)),
    Proof(
        "order_census",
        "ORD-30",
        frozenset({"O-O1"}),
        lambda s: (s.buy(), s.pass_time(minutes=20)),
        lambda s: s.pass_time(hours=4),
    ),
    Proof(
        "order_sample",
        "MON-01",
        frozenset({"O-M1"}),
        lambda s: (s.buy("JPY", "A-100"), s.pass_time(minutes=20)),
        lambda s: s.pass_time(hours=2),
    ),
    Proof("stock_drift", "STK-07", frozenset({"O-S1"}), lambda s: s.buy("EUR", "D-403")),
    Proof(
        "shipments",
        "CAR-13",
        frozenset({"O-K5"}),
        lambda s: (s.buy("EUR", "0018"), s.pass_time(hours=60)),
        lambda s: s.pass_time(days=5),
        slow=True,
    ),
    Proof(
        "shipments",
        "ORD-22",
        frozenset({"O-O7"}),
        cancel,
        lambda s: s.pass_time(hours=7),
        options=(("window", "6h"),),
    ),
    Proof("webhooks", "PAY-10", frozenset({"O-O10"}), several, several),
    Proof("latency", "PRF-02", frozenset({"O-L3"})),
    Proof(
        "pair_stock",
        "STK-07",
        frozenset({"records"}),
        lambda s: (s.buy("EUR", "D-403"), s.pass_time(minutes=2)),
        lambda s: s.pass_time(minutes=2),
    ),
    Proof("pair_prices", "CAT-02", frozenset({"records"}), ask_old_prices, lambda s: reprice(s, "64.00"), slow=True),
    Proof(
        "pair_catalogue", "CAT-05", frozenset({"records"}), wait_two_cycles, lambda s: s.pass_time(minutes=2), slow=True
    ),
    Proof("pair_orders", "ERP-04", frozenset({"records"}), sell_and_wait, lambda s: s.pass_time(days=8), slow=True),
    Proof(
        "pair_ledger",
        "PAY-12",
        frozenset({"records"}),
        lambda s: (s.buy("JPY", "A-100"), s.buy("USD"), s.pass_time(days=3)),
        lambda s: s.pass_time(days=15),
        slow=True,
    ),
    Proof(
        "pair_shipments",
        "CAR-13",
        frozenset({"records"}),
        lambda s: (s.buy("EUR", "0018"), s.pass_time(hours=60)),
        lambda s: s.pass_time(days=14),
        slow=True,
    ),
    Proof("freshness", "ERP-12", frozenset({"O-T3"}), learn_and_fall_silent, sell_and_wait, slow=True),
    Proof(
        "contract_drift",
        "ERP-15",
        frozenset({"O-D1"}),
        lambda s: s.buy(),
        lambda s: s.prober.watch.forget("merchant"),
    ),
    Proof(
        "synthetic_marker",
        "ORD-22",
        frozenset({"marker"}),
        cancel,
        lambda s: s.pass_time(hours=7),
        options=(("customers", [SYNTHETIC]), ("window", "6h")),
    ),
)
_SEEN: list[str] = []


def test_all_are_green_while_all_is_well(stage: Stage) -> None:
    """Every shipped monitor passes on the healthy shop, before there are orders, and with orders of every age."""
    for name in sorted(stage.monitors.keys() - {SELF}):
        probe = stage.run(name)
        assert probe.result is ProbeResult.PASSED, said(probe)
    stage.buy("JPY", "A-100")
    for hours in (0.0, 0.2, 2.0, 10.0):
        stage.pass_time(hours=hours)
        checks = [name for name, each in stage.monitors.items() if each.check and name != SELF]
        # Pairs are compared for an hour and over midnight in test_shipped_pairs.py.
        for name in sorted(name for name in checks if hours == 10.0 or not name.startswith("pair_")):
            probe = stage.run(name)
            assert probe.result is ProbeResult.PASSED, f"after {hours} h: {said(probe)}"


@pytest.mark.parametrize(
    "proof",
    [
        pytest.param(each, id=f"{each.monitor}-{each.defect}", marks=[pytest.mark.full] if each.slow else [])
        for each in PROOFS
    ],
)
def test_a_defect_turns_it_red_and_green_again(stage: Stage, proof: Proof) -> None:
    """With its defect the monitor is red by the declared oracle; without it, and once the past is past, green again."""
    options = dict(proof.options)
    stage.switch(on=(proof.defect,))
    try:
        proof.happens(stage)
        red = stage.run(proof.monitor, turn=proof.turn, **options)
    finally:
        stage.switch(off=(proof.defect,))
    assert red.result is ProbeResult.FAILED, said(red)
    assert violated(red) & proof.oracles, said(red)
    for finding in red.all_findings:
        if finding.result is Result.FAIL:
            assert finding.expected and finding.seen and finding.cause and finding.systems, finding
    proof.mended(stage)
    green = stage.run(proof.monitor, turn=proof.turn, **options)
    assert green.result is ProbeResult.PASSED, said(green)
    row = (proof.monitor, proof.defect, ", ".join(sorted(violated(red))), f"{red.seconds:.1f} s", green.result.value)
    _SEEN.append("| " + " | ".join(row) + " |")


def test_every_shipped_monitor_is_proven(stage: Stage) -> None:
    """No shipped monitor is without a defect that turns it red; the table says which."""
    sys.stdout.write(
        "\n| monitor | defect | found by | red after | without it |\n|---|---|---|---|---|\n" + "\n".join([*_SEEN, ""])
    )
    assert {proof.monitor for proof in PROOFS} == stage.monitors.keys() - {SELF, NEWS, USUAL}
