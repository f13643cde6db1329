"""The shipped pairs of stock and of parcels on the reference landscape: green while it lives, red with its defects.

One landscape for all. A label that was lost stays lost: what a test left wrong is told again, and the next one looks
for what came beyond it.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from assay.roles import ShopRefused, UndoRefused
from tests.engine.drift.shipped_rig import Stage, staged, told

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("shipped_goods")]
PAIRS = ("stock", "sellable", "shipments", "labels")
SKUS = ("0018", "D-403", "B-200", "SET-01", "H-804", "J-010", "A-100")
_SEEN: list[str] = []


@dataclass
class Goods:
    """The landscape, and what is known to be wrong of each pair."""

    stage: Stage
    wrong: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    receipts: list[dict[str, Any]] = field(default_factory=list)

    def compare(self, pair: str) -> dict[str, Any]:
        """Compare a pair as a monitor does, in two steps; only what was not wrong before is kept of the differences."""
        self.stage.rest(minutes=2)  # what was read within a minute is not read again
        found = self.stage.compare(pair, "--confirm", "--show", "5000")
        assert not found["unread"], found["unread"]
        known = self.wrong.setdefault(pair, set())
        new = [each for each in found["differences"] if _name(each) not in known]
        known |= {_name(each) for each in found["differences"]}
        return {**found, "differences": new}

    def is_green(self, *pairs: str) -> bool:
        """Whether nothing new is wrong; what is, stands in the test's output."""
        found = {pair: self.compare(pair)["differences"] for pair in pairs}
        for pair, differences in found.items():
            sys.stdout.writelines(f"{pair}: {each}\n" for each in differences)
        return not any(found.values())

    @contextmanager
    def defect(self, name: str) -> Iterator[None]:
        """Let the merchant have a defect for a while."""
        self.stage.switch(on=(name,))
        try:
            yield
        finally:
            self.stage.switch(off=(name,))

    def receive(self, sku: str, quantity: int) -> None:
        """Post a goods receipt in the ERP."""
        operator = self.stage.session.operator
        assert operator is not None
        self.receipts.append({"id": f"r{len(self.receipts)}", "product": sku, "quantity": quantity})
        operator.configure("sap_s4hana", {"goods_receipts": self.receipts})

    @contextmanager
    def fault(self, kind: str, system: str, **figures: Any) -> Iterator[None]:
        """Put a fault in the way of the merchant's calls for a while."""
        operator = self.stage.session.operator
        assert operator is not None
        name = operator.put_fault(kind, system, **figures)
        try:
            yield
        finally:
            operator.take_fault(name)

    def saw(self, defect: str, pair: str, found: dict[str, Any]) -> None:
        """Keep what a defect looked like, for whoever reads the test's output."""
        for each in found["differences"]:
            values = ", ".join(
                f"{one['field']}: {one['left']} -> {one['right']} ({one['why']})" for one in each["fields"]
            )
            _SEEN.append(f"{defect:8}{pair:11}{each['class']:11}{' '.join(each['key']):20}{values or each['why']}")
        sys.stdout.write("\n".join([*_SEEN, ""]))


def _name(found: dict[str, Any]) -> tuple[str, ...]:
    row = found["left"] or {}
    return (*found["key"], str(row.get("number", "")))


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Goods]:
    """The reference landscape with its shipped pairs, and a parcel on its way: of none at all nothing is concluded."""
    with staged(tmp_path_factory.mktemp("goods")) as stage:
        stage.buy("EUR", ("0018", 1))
        stage.rest(hours=1)
        yield Goods(stage)


def test_green_while_orders_are_bought_cancelled_and_shipped(goods: Goods) -> None:
    """Whatever is reserved, on its way out of the warehouse, labelled, or cancelled meanwhile."""
    stage = goods.stage
    stage.buy("EUR", ("0018", 2), ("SET-01", 1))
    stage.shop.cancel_order(stage.buy("EUR", ("D-403", 1)), "changed his mind")
    assert goods.is_green("stock", "sellable")
    stage.rest(hours=1)  # the ERP has issued the goods, and labels are bought
    assert goods.is_green(*PAIRS)
    assert goods.stage.compare("shipments")["left"]["records"] > 0


def test_stock_that_is_not_taken_over(goods: Goods) -> None:
    """STK-11: what the ERP received does not reach the shop; a receipt that waits for the next hour is no finding."""
    with goods.defect("STK-11"):
        goods.receive("0018", 7)
        assert goods.is_green("stock")
        goods.stage.rest(minutes=100)
        found = goods.compare("stock")
    assert told(found) == {"differs": {"on_hand", "moved"}}
    assert [each["key"] for each in found["differences"]] == [["0018"]]
    assert "exactly 7 more" in found["differences"][0]["fields"][0]["why"]
    goods.saw("STK-11", "stock", found)
    goods.stage.rest(minutes=65)
    assert goods.is_green("stock") and goods.stage.compare("stock")["code"] == 0


@pytest.mark.full
def test_a_label_without_a_number(goods: Goods) -> None:
    """CAR-11: a parcel that is labelled and cannot be followed is a row without a key; the carrier has one more."""
    with goods.defect("CAR-11"):
        goods.stage.buy("EUR", ("H-804", 1))
        goods.stage.rest(minutes=50)
    found = goods.compare("shipments")
    assert told(found) == {"unreadable": set()} and found["differences"][0]["why"].endswith("without a key")
    goods.saw("CAR-11", "shipments", found)
    goods.stage.buy("EUR", ("H-804", 1))
    goods.stage.rest(hours=14)
    assert "extra" in told(goods.compare("labels"))
    assert goods.is_green("shipments", "labels")


def _buying(goods: Goods, stop: threading.Event, draw: random.Random) -> None:
    while not stop.is_set():
        goods.stage.buy("EUR", (draw.choice(SKUS), draw.randint(1, 3)))
        stop.wait(0.6)


@contextmanager
def customers(goods: Goods, seed: int) -> Iterator[None]:
    """Let customers buy without a pause."""
    stop = threading.Event()
    thread = threading.Thread(target=_buying, args=(goods, stop, random.Random(seed)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _happens(goods: Goods, draw: random.Random, refs: list[str]) -> None:
    """Let customers buy, cancel and send back, and the warehouse receive."""
    shop = goods.stage.shop
    for _ in range(draw.randint(1, 3)):
        refs.append(goods.stage.buy(draw.choice(("EUR", "USD")), (draw.choice(SKUS), draw.randint(1, 3))))
    if draw.random() < 0.5:
        with suppress(UndoRefused, ShopRefused):  # a parcel has left
            shop.cancel_order(draw.choice(refs), "changed his mind")
    sent = [order for order in map(shop.order, refs[-12:]) if order.status == "delivered" and not order.returns]
    if sent:
        order = draw.choice(sent)
        shop.receive_return(shop.request_return(order.ref, {order.lines[0].ref: 1}, "too small"))
    if draw.random() < 0.4:
        goods.receive(draw.choice(("0018", "D-403", "J-010")), draw.randint(1, 30))


@pytest.mark.full
def test_green_over_days(goods: Goods) -> None:
    """Five days of orders, cancellations, deliveries, returns and receipts, compared while customers buy on."""
    draw, refs = random.Random(8), list[str]()
    for turn in range(12):
        _happens(goods, draw, refs)
        goods.stage.rest(hours=draw.choice((1, 7, 13, 16)))
        with customers(goods, turn):
            assert goods.is_green(*PAIRS), turn


@pytest.mark.full
def test_stock_offered_that_is_held(goods: Goods) -> None:
    """STK-07: what is on hand is offered, whoever it is held for; green again when it is not."""
    with goods.defect("STK-07"):
        goods.stage.buy("EUR", ("D-403", 3))
        found = goods.compare("sellable")
    assert {tuple(each["key"]) for each in found["differences"]} >= {("D-403",)}
    assert told(found) == {"differs": {"sellable"}}
    goods.saw("STK-07", "sellable", found)
    assert goods.is_green("sellable") and goods.stage.compare("sellable")["code"] == 0


@pytest.mark.full
def test_a_hold_that_never_ends(goods: Goods) -> None:
    """STK-08: somebody walks away from the bank's page, and what he wanted is kept from all others for ever."""
    with goods.defect("STK-08"):
        shop = goods.stage.shop
        cart = shop.open_cart("EUR")
        shop.put_in(cart, "I-905", 2)
        goods.stage.shop.deliver_to(cart, _guest())
        assert shop.submit(cart, "pm_card_authenticationRequired").status == "requires_action"
    found = goods.compare("sellable")
    assert told(found) == {"differs": {"sellable"}} and found["differences"][0]["key"] == ["I-905"]
    assert "exactly 2 more" in found["differences"][0]["fields"][0]["why"]
    goods.saw("STK-08", "sellable", found)


def _guest() -> Any:
    from assay.roles import Purchase

    return Purchase(currency="EUR", lines=(("I-905", 2),), email="someone@example.com")


@pytest.mark.full
def test_decrements_that_are_lost(goods: Goods) -> None:
    """STK-02: two deliveries within an hour take one off the shelf; movements tell both."""
    with goods.defect("STK-02"):
        goods.stage.buy("EUR", ("G-700", 1))
        goods.stage.buy("EUR", ("G-700", 2))
        goods.stage.rest(hours=1)
        found = goods.compare("sellable")
    assert told(found)["differs"] >= {"on_hand"} and ["G-700"] in [each["key"] for each in found["differences"]]
    goods.saw("STK-02", "sellable", found)


@pytest.mark.full
def test_a_delivery_that_is_not_understood(goods: Goods) -> None:
    """CAR-13: parcels arrive and stay on their way for the shop."""
    with goods.defect("CAR-13"):
        goods.stage.buy("EUR", ("0018", 1))
        goods.stage.rest(hours=58)
        found = goods.compare("shipments")
    assert told(found) == {"differs": {"status"}}
    assert {each["right"]["status"] for each in found["differences"]} == {"delivered"}
    goods.saw("CAR-13", "shipments", found)


@pytest.mark.full
def test_an_order_that_was_cancelled_and_left(goods: Goods) -> None:
    """ORD-22: it was cancelled while the ERP was away, and handed over all the same."""
    stage = goods.stage
    with goods.defect("ORD-22"):
        stage.clock.freeze()  # the outbox hands on at once: here the next try waits for the clock
        with goods.fault("status", "sap_s4hana", code=503):
            ref = stage.buy("EUR", ("D-404", 1))
            stage.session.settle()
            stage.shop.cancel_order(ref, "changed his mind")
        stage.clock.run()
        stage.rest(hours=14)
    found = goods.compare("shipments")
    (each,) = found["differences"]
    assert (each["left"]["standing"], each["right"]["status"]) == ("voided", "in_transit")
    assert each["left"]["order_ref"] == ref
    goods.saw("ORD-22", "shipments", found)


@pytest.mark.full
def test_labels_bought_again(goods: Goods) -> None:
    """CAR-15: an answer is lost, and each try buys another label; a healthy shop asks for the one it has."""
    for defect in (False, True):
        with goods.defect("CAR-15") if defect else _nothing():
            with goods.fault("drop", "ups", method="POST", path="/api/shipments/[^/]+/ship"):
                goods.stage.buy("EUR", ("H-804", 1))
                goods.stage.rest(hours=1)
            goods.stage.rest(hours=14)
        found = goods.compare("labels")
        assert set(told(found)) == ({"extra"} if defect else set())
    goods.saw("CAR-15", "labels", found)
    assert goods.is_green("shipments")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@pytest.mark.full
def test_a_scan_that_nobody_knows(goods: Goods) -> None:
    """A word of the carrier that no map has is a finding, and the shop's next words are compared as ever."""
    operator = goods.stage.session.operator
    assert operator is not None
    scan = {"after_hours": 20, "type": "NA", "code": "ZZ", "status_code": "099", "description": "Held For Inspection"}
    change = operator.configure("ups", {"extra_scans": [scan]})
    goods.stage.buy("EUR", ("D-403", 1))
    goods.stage.rest(minutes=50)
    operator.restore(change)
    goods.stage.rest(hours=21)
    found = goods.compare("shipments")
    assert told(found) == {"unreadable": {"status"}} and "no word maps to" in str(found["differences"])
    goods.stage.rest(hours=40)
    assert goods.is_green("shipments")


@pytest.mark.full
def test_what_was_lost_leaves_the_span(goods: Goods) -> None:
    """Two weeks after the last defect nothing is wrong: parcels of new orders alone are compared, and agree."""
    goods.stage.rest(days=14)
    goods.stage.buy("EUR", ("D-403", 1))
    goods.stage.rest(hours=60)
    for pair in ("shipments", "labels"):
        found = goods.stage.compare(pair, "--confirm")
        assert (found["code"], found["matched"]) == (0, 1)
