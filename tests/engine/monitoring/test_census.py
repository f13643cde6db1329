"""The census: what is lost or doubled is red, what is late, parked, split, sold meanwhile or another's is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay.dossier import Gatherer, judging_of
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look
from assay.errors import InfrastructureError
from assay.events import Finding, Result
from assay.landscape import Landscape
from assay.money import Money
from assay.profile import load_profile
from assay.records import Document, MinorAmount, Order, Payment
from tests.engine.made_up_sellers import ListedGateway, ListedShop
from tests.engine.monitoring.stand_ins import of_one_gateway

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
AGO = timedelta(hours=1)


@dataclass
class World:
    """What shop, gateway and ERP hold; `later` is done while the check waits for its second read."""

    orders: list[Order] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    later: Callable[[], object] = lambda: None
    silent: str = ""
    now: datetime = NOW
    reads: int = 0

    def sell(self, number: str, *, ago: timedelta = AGO, booked: Sequence[str] | None = None, **more: Any) -> None:
        """Let an order be placed, paid, and booked under its number or under these references."""
        at = self.now - ago
        given: dict[str, Any] = {"status": "processing", **more}
        order = Order(
            system="merchant",
            ref=f"ref-{number}",
            number=number,
            total=Money.of("20", "EUR"),
            placed_at=at,
            lines=(),
            payment_refs=(f"pi_{number}",),
            **given,
        )
        self.orders.append(order)
        self.pay(f"pi_{number}", order_ref=order.ref, ago=ago)
        for reference in (number,) if booked is None else booked:
            self.book(reference, number)

    def pay(self, ref: str, *, order_ref: str | None = None, ago: timedelta = AGO) -> None:
        """Let a payment be captured."""
        amount = MinorAmount(2000, "EUR")
        self.payments.append(
            Payment(
                system="stripe",
                ref=ref,
                order_ref=order_ref,
                status="succeeded",
                phase="captured",
                amount=amount,
                captured=amount,
                refunded=MinorAmount(0, "EUR"),
                created_at=self.now - ago,
            )
        )

    def book(self, reference: str, number: str | None = None, **more: Any) -> None:
        """Let the ERP hold a sales order."""
        self.documents.append(
            Document(
                system="sap_s4hana",
                ref=str(len(self.documents) + 1),
                kind="sales_order",
                order_ref=number or reference,
                reference=reference,
                status="A",
                total=Decimal(20),
                currency="EUR",
                **more,
            )
        )


class Books:
    """The ERP of a world; it lists whole days, as some do."""

    def __init__(self, world: World) -> None:
        self.world = world

    def documents_of(self, number: str) -> list[Document]:
        """Return what carries a number."""
        return [each for each in self.world.documents if each.order_ref == number]

    def documents(self, since: datetime, until: datetime) -> list[Document]:
        """Return all there is."""
        self.world.reads += 1
        if self.world.silent == "erp":
            raise InfrastructureError("sap_s4hana did not answer")
        return list(self.world.documents)


def counted(world: World, **options: object) -> Look:
    """Run the census over a world and return what it looked at."""
    load_checks()
    profile = load_profile(ROOT / "assay.toml")
    connectors = {
        "merchant": ListedShop(world.orders, lambda: world.now),
        "stripe": ListedGateway(world.payments, lambda: world.now),
        "sap_s4hana": Books(world),
    }
    landscape = Landscape("local", of_one_gateway(profile), connectors, {})
    check = check_named("order_census")

    def pause(seconds: float) -> None:
        world.now += timedelta(seconds=seconds)
        world.later()

    with Gatherer(landscape, base_currency="EUR", read_at=world.now) as gatherer:
        look = Look(
            environment="local",
            landscape=landscape,
            gatherer=gatherer,
            judging=judging_of(profile.policies),
            now=lambda: world.now,
            deadline=time.monotonic() + 60,
            options={**check.options, **options},
            pause=pause,
        )
        check.act(look)
    return look


def wrong(look: Look) -> dict[str, Finding]:
    """Return the violations by oracle."""
    return {each.oracle: each for each in look.findings if each.result is Result.FAIL}


def measured(look: Look, name: str) -> dict[str, float]:
    """Return a measure by its system."""
    return {each.labels.get("system", ""): each.value for each in look.measures if each.name == f"assay_drift_{name}"}


@pytest.fixture
def world() -> World:
    """A world in which three orders went well."""
    made = World()
    for number in ("A1", "A2", "A3"):
        made.sell(number)
    return made


def test_all_is_well(world: World) -> None:
    """Orders that are everywhere once are no finding, and are counted; one read is enough."""
    look = counted(world)
    assert not wrong(look)
    assert measured(look, "census_orders") == {"": 3}
    assert measured(look, "census_missing") == {"stripe": 0, "sap_s4hana": 0}
    assert measured(look, "census_duplicate") == {"stripe": 0, "sap_s4hana": 0}
    assert world.reads == 1


def test_a_night_without_orders_is_no_alarm() -> None:
    """Where nothing was sold nothing is missing, and that is a verdict."""
    look = counted(World())
    assert not wrong(look)
    assert any(each.result is Result.PASS for each in look.findings)


def test_a_lost_order_is_red(world: World) -> None:
    """An order that never reached the ERP is named, counted, and said with what it is worth."""
    world.sell("A4", booked=())
    look = counted(world)
    found = wrong(look)
    assert "A4" in found["O-O8"].seen
    assert found["O-O2"].order_ref == "A4"
    assert str(found["O-O2"].at_risk) == str(Money.of("20", "EUR"))
    assert measured(look, "census_missing") == {"stripe": 0, "sap_s4hana": 1}
    assert world.reads == 2


def test_a_late_order_is_not_lost(world: World) -> None:
    """What is there at the second read was only late."""
    world.sell("A4", booked=())
    world.later = lambda: world.book("A4")
    assert not wrong(counted(world))


def test_a_young_order_is_not_looked_for(world: World) -> None:
    """Within the limit of the ERP, and the lag, nothing is missing yet."""
    world.sell("A4", booked=(), ago=timedelta(seconds=330))
    look = counted(world)
    assert not wrong(look)
    assert world.reads == 1
    assert measured(look, "census_orders") == {"": 3}


@pytest.mark.parametrize("more", [{"status": "held", "hold": "review"}, {"status": "pending"}, {"status": "cancelled"}])
def test_a_parked_order_is_not_lost(world: World, more: dict[str, Any]) -> None:
    """An order in review, waiting for its money, or cancelled need not be in the ERP."""
    world.sell("A4", booked=(), **more)
    if more["status"] == "cancelled":
        paid = world.payments.pop()
        world.payments.append(replace(paid, refunded=paid.captured))
    assert not wrong(counted(world))


def test_an_order_in_parts_is_one(world: World) -> None:
    """Two documents under references of their own are no duplicate."""
    world.sell("A4", booked=("A4-1", "A4-2"))
    look = counted(world)
    assert not wrong(look)
    assert measured(look, "census_duplicate")["sap_s4hana"] == 0


def test_a_doubled_order_is_red(world: World) -> None:
    """Two documents of one order are named, and counted."""
    world.book("A2")
    look = counted(world)
    assert wrong(look)["O-O1"].order_ref == "A2"
    assert measured(look, "census_duplicate") == {"stripe": 0, "sap_s4hana": 1}


def test_a_rejected_document_does_not_count(world: World) -> None:
    """A document that was taken back is no second one."""
    world.book("A2", rejected=True)
    assert not wrong(counted(world))


def test_a_payment_without_order_is_red(world: World) -> None:
    """Captured money that no order knows is red once its time is over, and not before."""
    world.pay("pi_young", ago=timedelta(seconds=100))
    assert not wrong(counted(world))
    world.pay("pi_lost")
    look = counted(world)
    assert {"O-O8", "O-O2"} <= wrong(look).keys()
    assert measured(look, "census_missing")["stripe"] == 1


def test_an_order_released_after_days_is_known(world: World) -> None:
    """A document of an order that was placed ten days ago and approved today is no stranger."""
    world.sell("A0", ago=timedelta(days=10))
    assert not wrong(counted(world))


def test_what_is_sold_while_we_read_is_no_stranger(world: World) -> None:
    """A document of an order that the shop's list did not hold yet is no finding, at the first read or the second."""
    world.sell("A4", booked=())  # a suspicion, so that there is a second read

    def sell_more() -> None:
        world.book("A4")
        world.book("A99")

    world.later = sell_more
    assert not wrong(counted(world))


def test_other_channels_are_others(world: World) -> None:
    """Documents of another channel are strangers, until the shop's own numbers are told from theirs."""
    world.book("TEL-77")
    assert "TEL-77" in wrong(counted(world))["O-O8"].seen
    assert not wrong(counted(world, numbers="A"))


def test_a_silent_erp_is_no_loss(world: World) -> None:
    """Where a system does not answer nothing is judged and nothing is counted."""
    world.silent = "erp"
    look = counted(world)
    assert not wrong(look)
    assert next(each for each in look.findings if each.oracle == "O-O8").reason.startswith("erp:")
    assert not look.measures
