"""The main job on the embedded landscape: buy in two currencies, let time pass, and ask every system what it holds.

Everything shown is read by the connectors through the vendors' documented operations, never from the merchant's
database or an admin route.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from assay.errors import InfrastructureError
from assay.events import Listener, Outcome, Progress
from assay.flow import Case, Flow, Run, flow
from assay.local.plan import MERCHANT, Plan
from assay.local.processes import admin
from assay.local.state import Home
from assay.local.up import bring_up, take_down
from assay.records import Dossier
from assay.reporting.metrics import Known, Metrics
from assay.reporting.verdict import violations
from assay.roles import Purchase, Shop
from assay.runners.campaign import flows_of
from assay.runners.gate import gate_on, run_load
from assay.runners.run_log import RunLog
from assay.runners.scheduler.tick import tick
from assay.runners.session import Session
from assay.runners.verdict import Verdict
from assay.store import open_store
from assay.suite_flows import choose

GATE = ("F01[eur]", "F01[jpy]", "F01[kwd]", "F01[coupon]", "F01[bundle]", "thread[eur]")
"""What stands for the release set in the demonstration, so that it is over in three minutes."""
MONITORED = "thread"
DEFECT = "MON-01"
_SKU = "0017"
_HARVEST_WITHIN_S = 10.0
_STAGES = (timedelta(hours=1), timedelta(days=3))
"""First the ERP approves, delivers and posts the goods issue and the label is bought; then the parcel travels."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the systems say of one order of the demonstration."""

    outcome: Outcome
    dossier: Dossier

    @property
    def lines(self) -> list[tuple[str, str]]:
        """System and its own word, in the order in which an order travels."""
        order = self.dossier.order
        if order is None:
            return [("shop", "does not know the order")]
        told = [("shop order", f"{order.number}  {order.total}  {order.status}")]
        for payment in self.dossier.payments:
            amount = f"{payment.captured.minor} minor units {payment.captured.currency} captured"
            told.append((f"{payment.system} payment", f"{payment.ref}  {amount}  {payment.status}"))
        for document in self.dossier.documents:
            total = f"  net {document.total} {document.currency}" if document.total is not None else ""
            told.append(
                (f"{document.system} {document.kind.replace('_', ' ')}", f"{document.ref}{total}  {document.status}")
            )
        for shipment in self.dossier.shipments:
            told.append((f"{shipment.system} tracking", f"{shipment.tracking_number}  {shipment.status}"))
        return told

    @property
    def arrived(self) -> bool:
        """Whether every system holds its part and the parcel was delivered."""
        kinds = {document.kind for document in self.dossier.documents}
        delivered = [shipment for shipment in self.dossier.shipments if shipment.status == "delivered"]
        paid = any(payment.captured.minor for payment in self.dossier.payments)
        return paid and kinds >= {"sales_order", "delivery"} and bool(delivered)


@flow(
    id="demo",
    title="One order, bought and left to travel",
    cases=[
        Case(
            currency.lower(),
            Purchase(currency=currency, lines=((_SKU, 1),), email=f"demo-{currency.lower()}@example.com"),
        )
        for currency in ("EUR", "JPY")
    ],
)
def _buy(run: Run, shop: Shop) -> None:
    with run.step("place the order"):
        run.bought(shop.place(run.case.purchase))


@contextmanager
def landscape_of_its_own(plan: Plan, listen: Listener) -> Iterator[Session]:
    """Bring the landscape up in a folder of its own and remove both at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="assay-demo-"))
    own = replace(plan, home=Home(folder, plan.name))
    try:
        with Session(own, bring_up(own, listen), leasing=False) as session:
            yield session
    finally:
        take_down(own.home, listen)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the main job: its run, told and ended, and what is absent here."""

    log: RunLog
    absent: tuple[str, ...] = ()


def decide(session: Session, listen: Listener, *, load_s: int = 0) -> Stage:
    """Run the gate's demonstration on the landscape: F01 in three currencies with a coupon and a bundle."""
    flows = flows_of(session.plan)
    names = [name for name in GATE if name.partition("[")[0] in flows]
    with again(session, "gate") as own:
        log, absent = gate_on(own, choose(flows, names=names), workers=len(names), load_s=load_s, listen=listen)
    return Stage(log, tuple(absent))


def in_one_sentence(outcomes: Sequence[Outcome]) -> str:
    """Return the gravest finding as one sentence about an order: why, between which systems, what it costs.

    Findings about an order that exists come first, then the one with most money at risk, in that money's own units.
    """
    found = [finding for outcome in outcomes for finding in violations(outcome)]
    if not found:
        return ""
    worst = max(found, key=lambda each: (" " not in each.order_ref, each.at_risk.minor if each.at_risk else 0))
    kind, _, detail = worst.cause.partition(": ")
    why = detail or kind or "the cause is not known"
    cost = f"; {worst.at_risk} at risk" if worst.at_risk else ""
    where = " and ".join(worst.systems)
    return f"{worst.about} is wrong in {where} because {why}: expected {worst.expected}, seen {worst.seen}{cost}."


def under_load(session: Session, seconds: int, listen: Listener) -> Stage:
    """Put the short load on the landscape and judge every order of it."""
    with again(session, "load") as own:
        verdict = Verdict()
        log = RunLog(own.plan, verdict, runner="load", run_id=own.run_id, seed=own.seed, planned=0)
        with log:
            absent = run_load(own, log, seconds=seconds, listen=listen)
    return Stage(log, tuple(absent))


def monitored(session: Session, rounds: int, listen: Listener) -> tuple[bool, str]:
    """Let the scheduler's synthetic transaction come round; return whether all was well, and what a scrape shows."""
    flows = flows_of(session.plan)
    metrics = Metrics(Known.of(session.plan.profile, flows=flows), session.plan.name)
    chosen, good = flows[MONITORED], True
    with again(session, "scheduler") as own:
        for number in range(1, rounds + 1):
            judged = tick(own, chosen, chosen.cases[:2], listen=metrics)
            well = bool(judged) and not any(outcome.failed for outcome in judged)
            listen(Progress(part=f"monitor round {number}", state="ready" if well else "failed"))
            good = good and well
    return good, metrics.text


def switch(session: Session, *, on: Sequence[str] = (), off: Sequence[str] = ()) -> None:
    """Switch defects of the running merchant."""
    port = session.plan.home.read().port(MERCHANT, MERCHANT)
    if port is None:
        raise InfrastructureError("the reference merchant is not up", hint="assay up")
    admin(port, "POST", "defects", {"on": list(on), "off": list(off)})


@contextmanager
def again(session: Session, runner: str) -> Iterator[Session]:
    """Open the same landscape once more, for a run of its own."""
    with Session(session.plan, session.plan.home.read(), runner=runner) as own:
        yield own


def demonstrate(session: Session, bought: Flow = _buy) -> list[Told]:
    """Buy every case, let the parcels travel, and return what each system says."""
    session.settle()
    outcomes = [session.perform(bought, case) for case in bought.cases]
    for span in _STAGES:
        session.pass_time(span)
    judged = [session.judge(outcome) for outcome in outcomes]
    return [Told(outcome, dossier) for outcome in judged for dossier in outcome.dossiers]


def journal_summary(session: Session) -> Sequence[tuple[str, int, int, int]]:
    """Return (system, calls, answered 400 or worse, refused) once the keeper has caught up with the edge."""
    store = open_store(session.plan.home.store)
    deadline, seen = time.monotonic() + _HARVEST_WITHIN_S, -1
    try:
        while True:
            summary = store.summary(session.plan.name)
            count = sum(row[1] for row in summary)
            if (count == seen and count) or time.monotonic() > deadline:
                return summary
            seen = count
            time.sleep(1.5)
    finally:
        store.close()
