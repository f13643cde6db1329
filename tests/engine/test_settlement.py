"""From the charge to the bank: simulators settle, the merchant books, and O-M8 reads both; healthy and with defects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest

from assay.connectors.merchant import Merchant
from assay.connectors.sap_s4hana import SapS4hana
from assay.connectors.stripe import Stripe
from assay.events import Finding, Result
from assay.http import open_client
from assay.oracles import POPULATION_ORACLES, Judging
from assay.records import MinorAmount, Population
from tests.mocks.merchant_rig import SECRETS, Rig, serving

DECLARED = Judging(ledger_limit=timedelta(days=3), ledger_classes=frozenset({"fee", "reserve", "adjustment"}))
DAYS = 10


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A merchant with a gateway and an ERP, and rates."""
    with serving(tmp_path_factory.mktemp("settlement")) as running:
        yield running


class Witnesses:
    """Whoever says something of money after the charge."""

    def __init__(self, rig: Rig, stack: ExitStack) -> None:
        def client(system: str, url: str) -> Any:
            return stack.enter_context(open_client(url, system=system))

        self.rig = rig
        self.stripe = Stripe(client("stripe", rig.vendor["stripe"]), {"api_key": SECRETS["STRIPE_API_KEY"]})
        erp = {"user": SECRETS["SAP_USER"], "password": SECRETS["SAP_PASSWORD"]}
        self.sap = SapS4hana(client("sap_s4hana", rig.vendor["sap_s4hana"]), erp)
        self.shop = Merchant(client("merchant", rig.url), {"operator_token": "operator-demo"})

    def population(self, since: datetime) -> Population:
        """Read the window as a run reads it."""
        until, earlier = self.rig.now, since - timedelta(days=14)
        return Population(
            since=since,
            until=until,
            orders=tuple(self.shop.orders(since, until)),
            payments=tuple(self.stripe.payments(since, until)),
            entries=tuple(self.stripe.balance_entries(earlier, until)),
            payouts=tuple(self.stripe.payouts(earlier, until)),
            journal_lines=tuple(self.sap.journal_lines(earlier, until)),
            read_at=until,
        )


@pytest.fixture(scope="module")
def witnesses(rig: Rig) -> Iterator[Witnesses]:
    """The connectors, asked directly."""
    with ExitStack() as stack:
        yield Witnesses(rig, stack)


def judge(population: Population) -> Finding:
    """What O-M8 says."""
    return POPULATION_ORACLES["O-M8"](population, DECLARED)


def settled(witnesses: Witnesses, *currencies: str, console: bool = False) -> Population:
    """Sell in these currencies, give one back at the gateway's console, and let days pass until all is paid out."""
    rig = witnesses.rig
    rig.advance(minutes=1)
    began = rig.now
    orders = [rig.order(currency, lines=[("0017", 3)]) for currency in currencies]
    if console:
        payment = witnesses.stripe.payment(rig.read(orders[0])["payments"][0]["reference"])
        part = MinorAmount(payment.captured.minor // 4, payment.captured.currency)
        witnesses.stripe.refund_part(payment.ref, part, f"console-{payment.ref}")
        rig.settle()
    for _ in range(DAYS):
        rig.advance(days=1)
    return witnesses.population(began)


def test_everything_agrees_from_the_charge_to_the_books(witnesses: Witnesses) -> None:
    """Euros, yen and dinars, one of them given back at the console, are settled, booked and paid out to the unit."""
    population = settled(witnesses, "JPY", "EUR", "KWD", console=True)
    kinds = {entry.kind for entry in population.entries}
    assert {"charge", "refund", "payout"} <= kinds
    assert [payout for payout in population.payouts if payout.created_at >= population.since]
    booked = {line.reference for line in population.journal_lines}
    charges = [each for each in population.entries if each.kind in ("charge", "refund")]
    assert {each.ref for each in charges} <= booked
    assert any(each.presented and each.rate for each in charges)
    assert {line.purpose for line in population.journal_lines} >= {"clearing", "receivable", "refund", "fee"}
    finding = judge(population)
    assert finding.result is Result.PASS, finding.sentence()


@pytest.mark.parametrize(
    ("defect", "console", "cause"),
    [
        ("PAY-12", False, "booked in another currency, JPY"),
        ("PAY-13", False, "a rate of one's own"),
        ("MON-17", True, "not converted (none)"),
    ],
)
def test_a_defect_of_the_books_is_found(witnesses: Witnesses, defect: str, console: bool, cause: str) -> None:
    """What the merchant books wrongly is found with its cause, and nothing of it stays when it is switched off."""
    witnesses.rig.defects(defect)
    population = settled(witnesses, "JPY", console=console)
    witnesses.rig.defects(off=(defect,))
    finding = judge(population)
    assert finding.result is Result.FAIL
    assert cause in finding.cause, finding.sentence()
    assert set(finding.systems) == {"stripe", "sap_s4hana"}
    after = judge(settled(witnesses, "EUR"))
    assert after.result is Result.PASS, after.sentence()


def test_a_movement_is_booked_once_though_the_job_died(witnesses: Witnesses) -> None:
    """A run that ended after the post and before it was noted finds its entry in the ERP, and posts none again."""
    rig = witnesses.rig
    rig.advance(minutes=1)
    began = rig.now
    rig.order("EUR")
    rig.advance(days=1)
    rig.advance(days=1)
    before = len(witnesses.sap.journal_lines(began, rig.now + timedelta(days=1)))
    assert before
    rig.kill_merchant()
    import sqlite3

    with sqlite3.connect(rig.folder / "merchant" / "merchant.sqlite") as connection:
        connection.execute("UPDATE settled SET state = 'posting', document = NULL")
    rig.start_merchant()
    rig.advance(days=1)
    assert len(witnesses.sap.journal_lines(began, rig.now + timedelta(days=1))) == before
