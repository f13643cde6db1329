"""Freshness by each system's own rhythm: silence is counted in orders, and no order is no alarm."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.dossier import Gatherer, judging_of
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.freshness import Rhythm, rhythm_of
from assay.drift.look import Look
from assay.errors import InfrastructureError
from assay.events import Finding, Result
from assay.landscape import Landscape
from assay.money import Money
from assay.profile import load_profile
from assay.records import Document, MinorAmount, Order, Payment
from assay.store import Store, open_store
from tests.engine.made_up_sellers import ListedGateway, ListedShop
from tests.engine.monitoring.stand_ins import of_one_gateway

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LAG = timedelta(minutes=10)


@dataclass
class World:
    """A shop that sells by day, a gateway that pays at once, an ERP that books soon; each may fall silent."""

    now: datetime = NOON
    orders: list[Order] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    away: str = ""

    def sell(self, since: datetime, until: datetime, each: timedelta, *, silent: str = "", batch: bool = False) -> None:
        """Let an order be placed each so often, never at night; a batch is booked at four in the morning."""
        at = since
        while at < until:
            if 6 <= at.hour < 23:
                self._one(at, silent, batch)
            at += each

    def _one(self, at: datetime, silent: str, batch: bool) -> None:
        number = f"R{len(self.orders)}"
        self.orders.append(
            Order(
                system="merchant",
                ref=f"ref-{number}",
                number=number,
                status="processing",
                total=Money.of("20", "EUR"),
                placed_at=at,
            )
        )
        amount = MinorAmount(2000, "EUR")
        if silent != "stripe":
            self.payments.append(
                Payment(
                    system="stripe",
                    ref=f"pi_{number}",
                    order_ref=number,
                    status="succeeded",
                    amount=amount,
                    captured=amount,
                    refunded=MinorAmount(0, "EUR"),
                    created_at=at + timedelta(seconds=5),
                )
            )
        if silent != "sap_s4hana":
            booked = at + MINUTE
            if batch:
                booked = (at + 24 * HOUR).replace(hour=4, minute=0, second=0)
            self.documents.append(
                Document(
                    system="sap_s4hana",
                    ref=number,
                    kind="sales_order",
                    order_ref=number,
                    status="A",
                    created_at=booked,
                )
            )


class Books:
    """The ERP of a world; it lists whole days."""

    def __init__(self, world: World) -> None:
        self.world = world

    def documents(self, since: datetime, until: datetime) -> list[Document]:
        """Return what is there by now."""
        if self.world.away:
            raise InfrastructureError("sap_s4hana did not answer")
        return [each for each in self.world.documents if each.created_at and each.created_at < self.world.now]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(tmp_path / "s.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def world() -> World:
    """A world in which three weeks went well: an order every twenty minutes of the day."""
    made = World()
    made.sell(NOON - timedelta(days=21), NOON, 20 * MINUTE)
    return made


def looked(world: World, store: Store | None, **options: Any) -> Look:
    """Run the check."""
    load_checks()
    profile, check = load_profile(ROOT / "assay.toml"), check_named("freshness")
    connectors = {
        "merchant": ListedShop(world.orders, lambda: world.now),
        "stripe": ListedGateway(world.payments, lambda: world.now),
        "sap_s4hana": Books(world),
    }
    landscape = Landscape("local", of_one_gateway(profile), connectors, {})
    with Gatherer(landscape, read_at=world.now) as gatherer:
        look = Look(
            environment="local",
            landscape=landscape,
            gatherer=gatherer,
            judging=judging_of(profile.policies),
            now=lambda: world.now,
            deadline=time.monotonic() + 60,
            options={**check.options, "windows": 60, **options},
            store=None if store is None else lambda: store,
        )
        check.act(look)
    return look


def wrong(look: Look) -> list[Finding]:
    """Return the violations."""
    return [each for each in look.findings if each.result is Result.FAIL]


def test_all_is_fresh(world: World, store: Store) -> None:
    """Systems that follow the shop are green, and how old their last change is, is measured."""
    look = looked(world, store)
    assert not wrong(look) and {each.result for each in look.findings} == {Result.PASS}
    ages = {each.labels["system"]: each.value for each in look.measures}
    assert ages.keys() == {"stripe", "sap_s4hana"} and max(ages.values()) < 45 * 60


def test_a_silent_system_is_named(world: World, store: Store) -> None:
    """An ERP that takes nothing any more while the shop sells is red; the gateway stays green."""
    looked(world, store)
    world.sell(NOON, NOON + 5 * HOUR, 20 * MINUTE, silent="sap_s4hana")
    world.now = NOON + 5 * HOUR
    look = looked(world, store)
    (finding,) = wrong(look)
    assert finding.oracle == "O-T3" and finding.systems == ("sap_s4hana",)
    assert "15 orders since the last one, 5 h 19 min ago" in finding.seen and "at most" in finding.expected
    assert [each.order_ref for each in look.findings if each.result is Result.PASS] == [
        "changes of stripe: no order waits for one"
    ]
    world.now = NOON + 30 * HOUR  # it stays red when the silence is part of the half days that are over
    assert wrong(looked(world, store))


def test_silence_without_orders_is_no_alarm(world: World, store: Store) -> None:
    """Days on which nobody orders leave everything green, and after an outage what it took is not its rhythm."""
    looked(world, store)
    world.now = NOON + 40 * HOUR
    assert not wrong(looked(world, store))
    world.sell(NOON + 40 * HOUR, NOON + 60 * HOUR, 20 * MINUTE, silent="stripe")
    world.sell(NOON + 60 * HOUR, NOON + 70 * HOUR, 20 * MINUTE)
    world.now = NOON + 70 * HOUR
    assert not wrong(looked(world, store))
    world.sell(NOON + 70 * HOUR, NOON + 80 * HOUR, 20 * MINUTE, silent="stripe")
    world.now = NOON + 80 * HOUR
    assert [each.systems for each in wrong(looked(world, store))] == [("stripe",)]


def test_black_friday_is_no_alarm(world: World, store: Store) -> None:
    """Twenty times the orders, booked as quickly as ever, alarm nobody at any hour."""
    looked(world, store)
    world.sell(NOON, NOON + 8 * HOUR, MINUTE)
    for hours in (0.3, 1, 4, 8):
        world.now = NOON + hours * HOUR
        assert not wrong(looked(world, store))


def test_a_nightly_batch_has_its_own_rhythm(store: Store) -> None:
    """An ERP that books once a night is fresh all day, and silent when two nights passed without it."""
    world = World()
    world.sell(NOON - timedelta(days=21), NOON, 20 * MINUTE, batch=True)
    assert not wrong(looked(world, store, learn="20d"))
    world.sell(NOON, NOON + 75 * HOUR, 20 * MINUTE, silent="sap_s4hana")
    for hours, red in ((10, False), (20, False), (40, False), (75, True)):
        world.now = NOON + hours * HOUR
        assert bool(wrong(looked(world, store))) is red


def test_what_cannot_be_read_is_not_judged(world: World, store: Store) -> None:
    """A system that does not answer is named as not evaluated, and a rhythm nobody knows yet is said to be so."""
    world.away = "sap_s4hana"
    look = looked(world, store)
    reasons = [each.reason for each in look.findings if each.result is Result.NOT_EVALUATED]
    assert reasons == ["sap_s4hana: sap_s4hana did not answer"] and not wrong(look)
    young = World(orders=world.orders[-5:], payments=world.payments[-5:], documents=world.documents[-5:])
    look = looked(young, store, learn="1d")
    assert not wrong(look)
    (finding,) = looked(world, None).findings
    assert finding.result is Result.NOT_EVALUATED


def test_a_rhythm_is_kept_whole() -> None:
    """A rhythm read back is the same, and stretches of time add up wherever they are cut."""
    chosen = random.Random(3)
    placed = [NOON + chosen.uniform(0, 48) * HOUR for _ in range(400)]
    changes = [at + chosen.uniform(1, 30) * MINUTE for at in placed if chosen.random() < 0.7]
    end = NOON + 50 * HOUR
    whole = Rhythm().after(placed, changes, LAG, end)
    assert rhythm_of(whole.memory()) == whole
    parts = Rhythm()
    for hour in range(50):
        since, until = NOON + hour * HOUR, NOON + (hour + 1) * HOUR
        one, other = ([at for at in times if since <= at < until] for times in (placed, changes))
        parts = parts.after(one, other, LAG, until)
    assert (parts.orders, parts.changes, parts.last) == (whole.orders, whole.changes, whole.last)
    assert abs(parts.most - whole.most) <= 2
    assert whole.chance(3) > whole.chance(4) > 0
