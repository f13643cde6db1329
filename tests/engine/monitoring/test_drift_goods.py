"""Stock, parcels, webhooks, latency and the marker over made-up systems: red for what is wrong, quiet for the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.dossier import Gatherer, judging_of
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look
from assay.events import Finding, Result
from assay.landscape import Landscape
from assay.money import Money
from assay.oracles.cancelled import nothing_leaves
from assay.profile import load_profile
from assay.records import (
    Article,
    Call,
    Document,
    Dossier,
    MinorAmount,
    Movement,
    Order,
    Parcel,
    Payment,
    Reservation,
    Shipment,
    ShipmentEvent,
    StockCount,
)
from tests.engine.monitoring.stand_ins import of_one_gateway

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROFILE = load_profile(ROOT / "assay.toml")
JUDGING = judging_of(PROFILE.policies)


def looked(
    name: str,
    connectors: dict[str, Any],
    *,
    pause: Callable[[float], None] = lambda _: None,
    journal: Callable[[datetime], Sequence[Call]] | None = None,
    **options: Any,
) -> Look:
    """Run a check over these systems and return what it looked at."""
    load_checks()
    landscape = Landscape("local", of_one_gateway(PROFILE), connectors, {})
    check = check_named(name)
    with Gatherer(landscape, base_currency="EUR", read_at=NOW) as gatherer:
        look = Look(
            environment="local",
            landscape=landscape,
            gatherer=gatherer,
            judging=JUDGING,
            now=lambda: NOW,
            deadline=time.monotonic() + 60,
            options={**check.options, **options},
            journal=journal,
            pause=pause,
        )
        check.act(look)
    return look


def wrong(look: Look) -> list[Finding]:
    """Return the violations."""
    return [each for each in look.findings if each.result is Result.FAIL]


def unjudged(look: Look) -> dict[str, str]:
    """Return why oracles were not evaluated."""
    return {each.oracle: each.reason for each in look.findings if each.result is Result.NOT_EVALUATED}


def measured(look: Look) -> dict[str, float]:
    """Return the measures by name, the last of each."""
    return {each.name.removeprefix("assay_drift_"): each.value for each in look.measures}


# --- stock ------------------------------------------------------------------------------------------------------------


def counted(on_hand: int = 10, sellable: int | None = None, *, opening: bool = True, **more: Any) -> StockCount:
    """Return a count of an article of which ten came and two are held."""
    held = more.pop("held", (Reservation(sku="P-1", quantity=2, holder="c", state="committed", at=NOW),))
    free = 10 - sum(each.quantity for each in held)
    return StockCount(
        system="merchant",
        sku="P-1",
        at=NOW,
        on_hand=on_hand,
        reserved=sum(each.quantity for each in held),
        sellable=free if sellable is None else sellable,
        movements=(Movement(sku="P-1", kind="opening" if opening else "receipt", quantity=10, reference="", at=NOW),),
        reservations=held,
        **more,
    )


@dataclass
class Shelf:
    """A shop that counts an article; each look takes the next count, the last for ever."""

    counts: list[StockCount]

    def articles(self, currency: str) -> list[Article]:
        """Return the one article."""
        return [self.article("P-1", currency)]

    def article(self, sku: str, currency: str) -> Article:
        """Return it."""
        return Article(system="merchant", sku=sku, price=Money.of("1", currency))

    def stock_count(self, sku: str, at: datetime) -> StockCount:
        """Return the next count."""
        return self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]


def test_stock_that_adds_up() -> None:
    """Counts that agree with movements and holds are right, at one read; what cannot be compared is named."""
    look = looked("stock", {"merchant": Shelf([counted()])})
    assert not wrong(look)
    assert {"O-S4", "O-S5"} <= unjudged(look).keys()
    assert measured(look) == {"stock_delta_units": 0, "reservation_age_seconds": 0}
    assert [step.name for step in look.steps] == ["choose articles", "read"]


@pytest.mark.parametrize(("count", "units"), [(counted(7), 3), (counted(sellable=10), 2)])
def test_stock_that_does_not(count: StockCount, units: int) -> None:
    """On hand that did not follow its movements, and sellable that forgets the holds, are red at the second read."""
    look = looked("stock", {"merchant": Shelf([count])})
    assert [each.oracle for each in wrong(look)] == ["O-S1"]
    assert measured(look)["stock_delta_units"] == units


@pytest.mark.parametrize("second", [counted(), counted(8)])
def test_stock_on_its_way_is_no_alarm(second: StockCount) -> None:
    """What is right, or wrong by another number, at the second read was caught between two bookings."""
    assert not wrong(looked("stock", {"merchant": Shelf([counted(7), second])}))


def test_stock_whose_movements_have_no_beginning() -> None:
    """Without an opening two counts are held against each other."""
    before = counted(opening=False)
    assert not wrong(looked("stock", {"merchant": Shelf([before, before])}))
    lost = replace(before, on_hand=9, sellable=7)
    assert [each.oracle for each in wrong(looked("stock", {"merchant": Shelf([before, lost])}))] == ["O-S1"]


@pytest.mark.parametrize(("minutes", "red"), [(29, False), (33, False), (40, True)])
def test_a_hold_that_outlives_its_time(minutes: int, red: bool) -> None:
    """A hold without an order is red once its half hour and the grace are over."""
    held = Reservation(sku="P-1", quantity=1, holder="c", state="open", at=NOW - timedelta(minutes=minutes))
    look = looked("stock", {"merchant": Shelf([counted(held=(held,))])})
    assert [each.oracle for each in wrong(look)] == (["O-S3"] if red else [])
    assert measured(look)["reservation_age_seconds"] == minutes * 60


def test_a_shop_that_does_not_count() -> None:
    """Without the verb the oracle is not evaluated, by name."""
    assert "stock_count" in unjudged(looked("stock", {"merchant": object()}))["O-S1"]


# --- what was cancelled -----------------------------------------------------------------------------------------------

CANCELLED = NOW - timedelta(hours=5)
ORDER = Order(
    system="merchant",
    ref="r1",
    number="A1",
    status="cancelled",
    total=Money.of("20", "EUR"),
    placed_at=CANCELLED,
    email="probe@example.com",
    payment_refs=("pi_1",),
)


def delivery(ago: timedelta, **more: Any) -> Document:
    """Return a delivery that was made so long ago."""
    at = NOW - ago
    return Document(system="sap_s4hana", ref="80", kind="delivery", order_ref="A1", status="A", created_at=at, **more)


def parcel(status: str, ago: timedelta) -> Shipment:
    """Return a parcel whose last scan was so long ago."""
    scan = ShipmentEvent(code="I", text="", at=NOW - ago)
    return Shipment(system="ups", ref="1Z", order_ref="A1", tracking_number="1Z", status=status, events=(scan,))


@pytest.mark.parametrize(
    ("dossier", "result"),
    [
        (Dossier(order=ORDER), Result.PASS),
        (Dossier(order=ORDER, documents=(delivery(timedelta(hours=1)),)), Result.FAIL),
        (Dossier(order=ORDER, documents=(delivery(timedelta(hours=1), rejected=True),)), Result.PASS),
        (Dossier(order=ORDER, documents=(delivery(timedelta(hours=5, minutes=-1)),)), Result.PASS),
        (Dossier(order=ORDER, documents=(delivery(timedelta(hours=6)),)), Result.PASS),
        (Dossier(order=ORDER, shipments=(parcel("in_transit", timedelta(hours=1)),)), Result.FAIL),
        (Dossier(order=ORDER, shipments=(parcel("in_transit", timedelta(hours=6)),)), Result.PASS),
        (Dossier(order=ORDER, shipments=(parcel("voided", timedelta(hours=1)),)), Result.PASS),
        (Dossier(order=ORDER, unread=(("carrier", "ups did not answer"),)), Result.NOT_EVALUATED),
    ],
)
def test_nothing_leaves_once_cancelled(dossier: Dossier, result: Result) -> None:
    """A delivery or scan after the cancellation and its grace is red; what was before, or was taken back, is not."""
    finding = nothing_leaves(replace(dossier, read_at=NOW), CANCELLED, JUDGING)
    assert finding.result is result, finding
    assert (finding.oracle, finding.order_ref) == ("O-O7", "A1")


def test_a_label_in_force_is_seen() -> None:
    """A label that was bought for a cancelled order and never voided is red; a voided one is not."""
    for state, result in (("labelled", Result.FAIL), ("voided", Result.PASS)):
        label = Parcel(ref="p", carrier="ups", state=state, status="none", tracking_number="1Z")
        order = replace(ORDER, parcels=(label,))
        assert nothing_leaves(Dossier(order=order, read_at=NOW), CANCELLED, JUDGING).result is result


# --- the marker -------------------------------------------------------------------------------------------------------


@dataclass
class Systems:
    """Shop, gateway, ERP and carrier that hold one synthetic order."""

    documents: tuple[Document, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    refunded: int = 2000
    listed: tuple[Order, ...] = (ORDER,)

    def connectors(self) -> dict[str, Any]:
        """Return them by id."""
        return {"merchant": self, "stripe": self, "sap_s4hana": self, "ups": self, "ecb": self}

    def order(self, ref: str) -> Order:
        """Return the order."""
        return ORDER

    def orders(self, since: datetime, until: datetime) -> list[Order]:
        """Return the orders of a span."""
        return [each for each in self.listed if since <= each.placed_at < until]

    def messages(self, ref: str) -> list[Any]:
        """Return none."""
        return []

    def payment(self, ref: str) -> Payment:
        """Return the payment."""
        amount = MinorAmount(2000, "EUR")
        return Payment(
            system="stripe",
            ref=ref,
            order_ref="r1",
            status="succeeded",
            amount=amount,
            captured=amount,
            refunded=MinorAmount(self.refunded, "EUR"),
            created_at=CANCELLED,
        )

    def payments(self, since: datetime, until: datetime) -> list[Payment]:
        """Return it, listed."""
        return [self.payment("pi_1")]

    def documents_of(self, number: str) -> tuple[Document, ...]:
        """Return what the ERP holds."""
        return self.documents

    def parcels_of(self, reference: str) -> tuple[Shipment, ...]:
        """Return what the carrier holds."""
        return self.shipments

    def track(self, number: str) -> Shipment:
        """Know no number."""
        raise LookupError(number)

    def history(self, since: object) -> list[Any]:
        """Publish nothing."""
        return []


def test_the_marker_holds() -> None:
    """A synthetic order that was taken back everywhere is proof; systems nobody can ask are named."""
    look = looked("marker", Systems().connectors(), customers=["Probe@example.com"])
    assert not wrong(look)
    assert sum(each.result is Result.PASS for each in look.findings) == 4
    reasons = {each.reason for each in look.findings if each.result is Result.NOT_EVALUATED}
    assert len(reasons) == 3
    assert any("marketing" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("systems", "what"),
    [
        (Systems(documents=(delivery(timedelta(hours=1)),)), "picking"),
        (Systems(shipments=(parcel("created", timedelta(hours=1)),)), "label"),
        (Systems(refunded=0), "money"),
    ],
)
def test_the_marker_leaks(systems: Systems, what: str) -> None:
    """What reached the warehouse or the carrier, or kept its money, is red, with the order and what it is worth."""
    [finding] = wrong(looked("marker", systems.connectors(), customers=["probe@example.com"]))
    assert what in finding.expected
    assert finding.order_ref == "A1"
    assert finding.at_risk == Money.of("20", "EUR")
    others = [name for name in ("picking", "label", "message", "money") if name != what]
    assert not wrong(looked("marker", systems.connectors(), customers=["probe@example.com"], ask=others))


def test_real_customers_are_no_synthetic_ones() -> None:
    """Orders of others are not looked at, and where no customer is declared there is nothing to say."""
    systems = Systems(refunded=0)
    assert not wrong(looked("marker", systems.connectors(), customers=["someone@example.com"]))
    assert not wrong(looked("marker", systems.connectors()))


# --- webhooks ---------------------------------------------------------------------------------------------------------


@dataclass
class Hooks(Systems):
    """A gateway with payments of the last hours; all of them have orders."""

    paid: int = 0
    silent: list[str] = field(default_factory=list)

    def payments(self, since: datetime, until: datetime) -> list[Payment]:
        """Return the payments."""
        at = NOW - timedelta(minutes=30)
        return [replace(self.payment("pi_1"), created_at=at, refunded=MinorAmount(0, "EUR"))] * self.paid


def delivered(*statuses: int, took_ms: int = 20) -> Callable[[datetime], Sequence[Call]]:
    """Return a journal with webhooks of the gateway that were answered so."""
    calls = [
        Call(
            id=str(number),
            at=datetime.now(UTC) - timedelta(minutes=10 - number),
            system="platform",
            way="reverse",
            method="POST",
            host="127.0.0.1",
            path="/webhooks/stripe",
            query="",
            status=status,
            duration_ms=took_ms,
            refused=False,
            request_headers={},
            request_body="",
            response_headers={},
            response_body="",
        )
        for number, status in enumerate(statuses)
    ]
    return lambda since: [call for call in calls if call.at >= since]


@pytest.mark.parametrize(
    ("paid", "journal", "oracles"),
    [
        (1, delivered(200, 200), []),
        (1, delivered(), ["O-O10"]),
        (0, delivered(), []),
        (1, delivered(200, 400, 400, 400), ["O-O10"]),
        (1, delivered(400, 400, 400, 200), []),
        (1, delivered(200, took_ms=6000), ["O-L5"]),
        (1, None, []),
    ],
)
def test_webhooks(paid: int, journal: Callable[[datetime], Sequence[Call]] | None, oracles: list[str]) -> None:
    """Silence counts where there were payments, refusals in a row, and slow answers; without an edge it is said."""
    look = looked("hooks", Hooks(paid=paid, listed=(ORDER,)).connectors(), journal=journal)
    assert [each.oracle for each in wrong(look)] == oracles
    assert ("O-O10" in unjudged(look)) is (journal is None)
    assert any(each.result is not Result.NOT_EVALUATED for each in look.findings)


# --- latency ----------------------------------------------------------------------------------------------------------


def test_latency_of_the_shop() -> None:
    """A shop that answers is in time, one that takes longer than the limit is red, by what was read."""
    shelf = Shelf([counted()])
    assert not wrong(looked("latency", {"merchant": shelf}))
    slow = wrong(looked("latency", {"merchant": shelf}, limit=0.000000001))
    assert {each.order_ref for each in slow} == {"reading the catalogue", "reading article P-1"}
    assert {each.oracle for each in slow} == {"O-L3"}


def test_latency_of_a_vendor() -> None:
    """Of a vendor's calls 19 of 20 must be in time, where there are five or more."""

    def calls(took_ms: int, count: int) -> Callable[[datetime], Sequence[Call]]:
        hook = delivered(*([200] * count), took_ms=took_ms)
        return lambda since: [replace(call, way="proxy", system="ups") for call in hook(since)]

    shelf = {"merchant": Shelf([counted()])}
    assert not wrong(looked("latency", shelf, journal=calls(30, 6)))
    [finding] = wrong(looked("latency", shelf, journal=calls(6000, 6)))
    assert (finding.oracle, finding.systems) == ("O-L2", ("ups",))
    assert not wrong(looked("latency", shelf, journal=calls(6000, 4)))


def test_no_parcel_is_quiet() -> None:
    """A window without parcels or cancelled orders is quiet, and green."""
    look = looked("parcels", Systems(listed=()).connectors())
    assert not wrong(look)
    assert [each.oracle for each in look.findings] == ["quiet"]
