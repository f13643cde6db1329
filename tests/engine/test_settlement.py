"""From the charge to the bank: simulators settle, the merchant books, and O-M8 reads both; healthy and with defects."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest

from assay.connectors.adyen import Adyen
from assay.connectors.merchant import Merchant
from assay.connectors.paypal import Paypal
from assay.connectors.sap_s4hana import SapS4hana
from assay.connectors.stripe import Stripe
from assay.events import Finding, Result
from assay.http import open_client
from assay.oracles import POPULATION_ORACLES, Judging
from assay.records import MinorAmount, Population
from assay.roles import Card
from tests.mocks.merchant_rig import FURTHER, SECRETS, VENDORS, Rig, serving

CLASSES = frozenset({"fee", "reserve", "adjustment", "conversion"})
DECLARED = Judging(ledger_limit=timedelta(days=3), ledger_classes=CLASSES)
DAYS = 10


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A merchant with three gateways, an ERP, and rates."""
    with serving(tmp_path_factory.mktemp("settlement"), (*VENDORS, *FURTHER)) as running:
        yield running


class Witnesses:
    """Whoever says something of money after the charge."""

    def __init__(self, rig: Rig, stack: ExitStack) -> None:
        def client(system: str, url: str) -> Any:
            return stack.enter_context(open_client(url, system=system))

        self.rig = rig
        self.stripe = Stripe(client("stripe", rig.vendor["stripe"]), {"api_key": SECRETS["STRIPE_API_KEY"]})
        app = {"client_id": SECRETS["PAYPAL_CLIENT_ID"], "client_secret": SECRETS["PAYPAL_CLIENT_SECRET"]}
        self.paypal = Paypal(client("paypal", rig.vendor["paypal"]), app)
        account = {"api_key": SECRETS["ADYEN_API_KEY"], "merchant_account": "AssayECOM", "time_zone": "UTC"}
        self.adyen = Adyen(client("adyen", rig.vendor["adyen"]), account)
        self.gateways = (self.stripe, self.paypal, self.adyen)
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
            # Adyen lists payments in a report of its own, which this simulator does not write.
            payments=(*self.stripe.payments(since, until), *self.paypal.payments(since, until)),
            entries=tuple(entry for each in self.gateways for entry in each.balance_entries(earlier, until)),
            payouts=tuple(payout for each in self.gateways for payout in each.payouts(earlier, until)),
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


def test_three_gateways_agree_with_the_books(witnesses: Witnesses) -> None:
    """Orders paid at Adyen and PayPal, parts of them given back at the console, are settled and booked to the unit."""
    rig = witnesses.rig
    rig.advance(minutes=1)
    began = rig.now
    card = witnesses.adyen.tokenise(Card(number="4111111111111111", holder="Zoë Müller", cvc="737", expires=(3, 2030)))
    at_adyen = [
        rig.order(currency, {"kind": "card", "payment_method": card}, lines=[("0017", 3)])
        for currency in ("JPY", "EUR")
    ]
    _, waiting = rig.checkout(rig.cart("USD", lines=[("0017", 2)]), {"kind": "paypal"})
    status, at_paypal = rig.call("GET", witnesses.paypal.authenticate(waiting["redirect_url"], passes=True))
    assert status in (200, 201)
    rig.settle()
    rig.advance(days=1)
    for order, gateway, part in (
        (at_adyen[0], witnesses.adyen, MinorAmount(500, "JPY")),
        (at_paypal, witnesses.paypal, MinorAmount(350, "USD")),
    ):
        gateway.refund_part(rig.read(order)["payments"][0]["reference"], part, f"console-{order['id']}")
    for _ in range(6):
        rig.advance(days=1)
    population = witnesses.population(began)
    moved = {(entry.system, entry.kind) for entry in population.entries if entry.created_at >= began}
    assert moved >= {(system, kind) for system in ("adyen", "paypal") for kind in ("charge", "refund")}
    books = {line.reference for line in population.journal_lines}
    own = [each for each in population.entries if each.created_at >= began and each.kind in ("charge", "refund")]
    assert {each.ref for each in own} <= books
    assert [payout.system for payout in population.payouts if payout.created_at >= began]
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
    with sqlite3.connect(rig.folder / "merchant" / "merchant.sqlite") as connection:
        connection.execute("UPDATE settled SET state = 'posting', document = NULL")
    rig.start_merchant()
    rig.advance(days=1)
    assert len(witnesses.sap.journal_lines(began, rig.now + timedelta(days=1))) == before
