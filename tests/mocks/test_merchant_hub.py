"""The hub: ERP documents, deliveries, stock, labels, tracking; and what lost replies and crashes leave behind."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.mocks.lossy_proxy import LossyProxy
from tests.mocks.merchant_rig import VENDORS, Rig, serving

ORDERS = "API_SALES_ORDER_SRV/A_SalesOrder"
NEW_YORK = {
    "line1": "350 Fifth Avenue",
    "city": "New York",
    "region": "NY",
    "postcode": "10118",
    "country": "US",
    "phone": "2125551234",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """The merchant with its default configuration before and after."""
    yield shared
    shared.settings(split_by_warehouse=False, letter_max_g=None, safety_stock_by_sku={})


def documents(rig: Rig, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the ERP's orders for an order, its child references included."""
    number = order["number"]
    return rig.sap(
        f"{ORDERS}?$filter=startswith(PurchaseOrderByCustomer,'{number}')&$expand=to_Item/to_PricingElement,to_PricingElement,to_Text"
    )


def booked(document: dict[str, Any]) -> Decimal:
    """Return what an ERP document is worth with its tax and its rounding line, which SAP keeps out of the net value."""
    conditions = list(document["to_PricingElement"]["results"])
    for item in document["to_Item"]["results"]:
        conditions += item["to_PricingElement"]["results"]
    beyond = [Decimal(entry["ConditionAmount"]) for entry in conditions if entry["ConditionType"] in ("MWST", "DIFF")]
    return Decimal(document["TotalNetAmount"]) + sum(beyond)


@pytest.mark.parametrize(
    ("currency", "lines", "coupon"),
    [
        ("EUR", (("0017", 3), ("B-200", 2), ("E-503", 1)), None),
        ("EUR", (("C-301", 7), ("F-603", 3)), "WELCOME10"),
        ("JPY", (("SET-04", 2), ("00420", 1)), "FIVE"),
        ("KWD", (("D-404", 3), ("SET-02", 1)), "WELCOME10"),
        ("HUF", (("I-904", 3),), None),
    ],
)
def test_erp_document_is_worth_what_the_shop_sold(rig: Rig, currency: str, lines: Any, coupon: str | None) -> None:
    """One document an order, in its currency, net plus tax equal to the shop's total, every text unchanged."""
    cart = rig.cart(currency, lines=lines)
    if coupon:
        rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": coupon})
    _, order = rig.checkout(cart)
    rig.settle()
    (document,) = documents(rig, order)
    assert document["TransactionCurrency"] == currency
    assert booked(document) == Decimal(order["total"]["amount"])
    text = document["to_Text"]["results"][0]["LongText"]
    assert "12 rue de l’Été" in text and "75011 Paris" in text and "zoe@example.com" in text
    assert rig.read(order)["erp"]["sales_orders"][0]["number"] == document["SalesOrder"]


def test_order_is_booked_on_the_accounting_day(rig: Rig) -> None:
    """An order at 23:30 UTC is of the next day in Paris, and so is its document."""
    rig.advance(hours=(23 - rig.now.hour) % 24, minutes=30 - rig.now.minute)
    order = rig.order()
    rig.settle()
    (document,) = documents(rig, order)
    day = int(document["SalesOrderDate"][6:-2]) // 86_400_000
    assert day == int((rig.now.timestamp() + 3600) // 86_400)


def test_slow_approval_is_waited_for(rig: Rig) -> None:
    """While the ERP approves, polls look and do not post again; ORD-30 switched on makes a second document."""
    order = rig.order()
    for _ in range(4):
        rig.advance(seconds=61)
    assert len(documents(rig, order)) == 1 and rig.read(order)["status"] == "processing"
    rig.defects("ORD-30")
    other = rig.order()
    rig.advance(seconds=61)
    rig.advance(seconds=61)
    rig.defects(off=["ORD-30"])
    assert len(documents(rig, other)) > 1


def test_order_is_delivered_end_to_end(rig: Rig) -> None:
    """ERP delivery, stock, one label that decodes, tracking, delivered, each message once."""
    stock = rig.ok("GET", "/api/stock/I-901")
    order = rig.order("USD", lines=(("I-901", 2),), address=NEW_YORK)
    assert rig.ok("GET", "/api/stock/I-901")["sellable"] == stock["sellable"] - 2
    rig.ship()
    order = rig.read(order)
    assert order["status"] == "shipped"
    (parcel,) = order["shipments"]
    assert parcel["tracking_number"].startswith("1Z") and parcel["weight_g"] == 2 * 1250 + 150
    label = rig.client.get(
        f"{rig.url}/api/orders/{order['id']}/labels/{parcel['label_id']}",
        headers={"authorization": "Bearer operator-demo"},
    )
    assert label.content[:3] == b"GIF"
    after = rig.ok("GET", "/api/stock/I-901")
    assert (after["on_hand"], after["reserved"]) == (stock["on_hand"] - 2, 0)
    movements = rig.ok("GET", "/api/operator/stock/I-901/movements")["movements"]
    assert sum(movement["quantity"] for movement in movements) == after["on_hand"]
    for _ in range(8):
        rig.advance(days=1)
    order = rig.read(order)
    assert order["status"] == "delivered" and order["shipments"][0]["status"] == "delivered"
    kinds = Counter(message["kind"] for message in rig.ok("GET", f"/api/orders/{order['id']}/messages")["messages"])
    assert kinds == {"order_confirmed": 1, "shipped": 1, "delivered": 1}


def test_bundle_ships_its_components(rig: Rig) -> None:
    """A bundle takes its components from the shelf, in the shop and in the ERP, and weighs what they weigh."""
    before = {sku: rig.ok("GET", f"/api/stock/{sku}")["on_hand"] for sku in ("F-600", "J-010", "J-011")}
    order = rig.order(lines=(("SET-04", 1),))
    rig.ship()
    (document,) = documents(rig, order)
    assert {item["Material"] for item in document["to_Item"]["results"]} == set(before)
    assert {item["MaterialByCustomer"] for item in document["to_Item"]["results"]} == {"SET-04"}
    assert {sku: rig.ok("GET", f"/api/stock/{sku}")["on_hand"] for sku in before} == {
        sku: quantity - 1 for sku, quantity in before.items()
    }
    assert rig.read(order)["shipments"][0]["weight_g"] == 2300 + 95 + 180 + 150


def test_order_splits_over_warehouses(rig: Rig) -> None:
    """Where the shop splits, each plant gets a document with a child reference, and the sums agree."""
    rig.settings(split_by_warehouse=True)
    order = rig.order(lines=(("0017", 1), ("H-803", 2)))
    rig.settle()
    found = documents(rig, order)
    assert sorted(document["PurchaseOrderByCustomer"] for document in found) == [
        f"{order['number']}-1",
        f"{order['number']}-2",
    ]
    assert {document["PurchaseOrderByShipToParty"] for document in found} == {order["number"]}
    assert sum(booked(document) for document in found) == Decimal(order["total"]["amount"])
    rig.ship()
    order = rig.read(order)
    assert order["status"] == "shipped" and len(order["shipments"]) == 2


def test_cancelled_order_never_ships(rig: Rig) -> None:
    """Cancelled before the push nothing is posted; cancelled after it every item is rejected and nothing leaves."""
    early = rig.order()
    rig.ok("POST", f"/api/orders/{early['id']}/cancel", {"reason": "early"})
    late = rig.order()
    rig.advance(minutes=3)
    assert rig.ok("POST", f"/api/orders/{late['id']}/cancel?key={late['access_key']}", {})["status"] == "cancelled"
    rig.settle()
    rig.ship()
    (document,) = documents(rig, late)
    assert all(item["SalesDocumentRjcnReason"] for item in document["to_Item"]["results"])
    for order in (early, late):
        seen = rig.read(order)
        assert (seen["status"], seen["payment_status"], seen["shipments"]) == ("cancelled", "refunded", [])


def test_letter_goes_without_tracking(rig: Rig) -> None:
    """An order light enough for a letter gets no label and no tracking number and is closed all the same."""
    rig.settings(letter_max_g=200)
    order = rig.order(lines=(("E-504", 1),))
    rig.ship()
    order = rig.read(order)
    (parcel,) = order["shipments"]
    assert (parcel["carrier"], parcel["tracking_number"], parcel["status"]) == ("letter", None, "untracked")
    assert order["status"] == "delivered"


def test_label_is_voided_and_bought_again(rig: Rig) -> None:
    """A label bought again leaves exactly one active label."""
    order = rig.order()
    rig.ship()
    assert rig.ok("POST", f"/api/operator/orders/{order['id']}/labels", {}) == {"voided": 1}
    rig.settle()
    parcels = rig.read(order)["shipments"]
    assert sorted(parcel["state"] for parcel in parcels) == ["labelled", "voided"]
    assert len({parcel["tracking_number"] for parcel in parcels}) == 2


def test_address_that_does_not_fit_is_never_cut(rig: Rig) -> None:
    """Long lines are wrapped within the carrier's limit with every word kept; what cannot fit waits for a person."""
    fits = {"line1": "Résidence des Quatre Vents, Bâtiment C12", "line2": "47 bis boulevard du Général de Gaulle"}
    order = rig.order(address=fits)
    wrong = rig.order(address={"line1": "Donaudampfschifffahrtsgesellschaftskapitänsweg 14"})
    rig.ship()
    assert rig.read(order)["shipments"][0]["state"] == "labelled"
    assert rig.read(wrong)["shipments"][0]["state"] == "failed"
    waiting = rig.ok("GET", "/api/operator/dead-letters")["labels"]
    assert wrong["id"] in {entry["order_id"] for entry in waiting}


def test_safety_stock_is_not_sold(rig: Rig) -> None:
    """The shop sells what is on hand less the safety stock; a back-order product is sold without stock."""
    on_hand = rig.ok("GET", "/api/stock/J-013")["on_hand"]
    rig.settings(safety_stock_by_sku={"J-013": on_hand - 3})
    assert rig.ok("GET", "/api/stock/J-013")["sellable"] == 3
    assert rig.checkout(rig.cart(lines=(("J-013", 4),)))[0] == 409
    assert rig.order(lines=(("K-001", 2),))["payment_status"] == "paid"


@pytest.fixture
def lossy(tmp_path: Any) -> Iterator[tuple[Rig, dict[str, LossyProxy]]]:
    """A merchant whose vendors sit behind relays that can lose replies."""
    with serving(tmp_path) as running:
        running.kill_merchant()
        proxies = {name: LossyProxy(running.vendor[name]) for name in VENDORS}
        vendors = {name: {"base_url": proxy.url} for name, proxy in proxies.items()}
        running.start_merchant(vendors=vendors)
        running.settle()
        try:
            yield running, proxies
        finally:
            for proxy in proxies.values():
                proxy.close()


def test_lost_replies_double_nothing(lossy: tuple[Rig, dict[str, LossyProxy]]) -> None:
    """Replies lost after success, at the gateway, the ERP and the carrier: one charge, one document, one label."""
    rig, proxies = lossy
    proxies["stripe"].lose("POST", "/v1/payment_intents", 1)
    proxies["sap_s4hana"].lose("POST", "A_SalesOrder", 1)
    proxies["ups"].lose("POST", "/ship", 1)
    order = rig.order()
    keys = {
        headers.get("Idempotency-Key")
        for method, path, headers in proxies["stripe"].seen
        if method == "POST" and path == "/v1/payment_intents"
    }
    assert proxies["stripe"].count("POST", "/v1/payment_intents") == 2 and len(keys) == 1
    for _ in range(5):
        rig.advance(seconds=20)
    assert len(documents(rig, order)) == 1
    rig.ship()
    rig.advance(minutes=5)
    (parcel,) = rig.read(order)["shipments"]
    assert parcel["state"] == "labelled" and parcel["taken_over"]
    assert proxies["ups"].count("POST", "/ship") == 1
    intents = rig.stripe("GET", "/v1/payment_intents?limit=100")["data"]
    assert [intent["amount_received"] for intent in intents] == [int(Decimal(order["total"]["amount"]) * 100)]


def test_order_cancelled_after_a_lost_reply_is_withdrawn(lossy: tuple[Rig, dict[str, LossyProxy]]) -> None:
    """A document whose posting was never answered is found and rejected when the order was cancelled meanwhile."""
    rig, proxies = lossy
    proxies["sap_s4hana"].lose("POST", "A_SalesOrder", 1)
    order = rig.order()
    rig.settle()
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {})
    rig.ship()
    (document,) = documents(rig, order)
    assert all(item["SalesDocumentRjcnReason"] for item in document["to_Item"]["results"])
    assert rig.read(order)["shipments"] == []


def test_unknown_payment_outcome_is_found_out(lossy: tuple[Rig, dict[str, LossyProxy]]) -> None:
    """When every reply of the gateway is lost the customer is told it is being processed, and the order follows."""
    rig, proxies = lossy
    proxies["stripe"].lose("POST", "/v1/payment_intents", 3)
    cart = rig.cart()
    status, answer = rig.checkout(cart)
    assert status == 202 and answer["status"] == "processing"
    rig.settle()
    rig.advance(seconds=40)
    assert rig.ok("GET", f"/api/orders/{answer['order']['id']}")["payment_status"] == "paid"
    assert len(rig.stripe("GET", "/v1/payment_intents?limit=100")["data"]) == 1


def test_killed_merchant_loses_and_doubles_nothing(tmp_path: Any) -> None:
    """SIGKILL in the middle of parallel orders: afterwards every charge has one order and one ERP document."""
    with serving(tmp_path, ("stripe", "sap_s4hana", "ecb")) as rig:
        carts = [rig.cart(email=f"crash{n}@example.com") for n in range(40)]
        acknowledged: list[str] = []

        def buy(cart: str) -> None:
            try:
                status, content = rig.checkout(cart)
            except httpx.HTTPError:
                return
            if status == 201:
                acknowledged.append(content["number"])
            if len(acknowledged) == 12:
                rig.kill_merchant()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(buy, carts))
        rig.start_merchant()
        for _ in range(4):
            rig.advance(seconds=61)
        orders = rig.ok("GET", "/api/orders?page_size=200")["orders"]
        numbers = Counter(order["number"] for order in orders)
        charges = [intent for intent in _all(rig, "/v1/payment_intents") if intent["status"] == "succeeded"]
        assert set(acknowledged) <= set(numbers) and len(acknowledged) >= 12
        assert Counter(charge["metadata"]["order_number"] for charge in charges) == numbers
        assert Counter(row["PurchaseOrderByCustomer"] for row in rig.sap(f"{ORDERS}?$top=200")) == numbers
        assert set(numbers.values()) == {1}


def _all(rig: Rig, path: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    while True:
        after = f"&starting_after={listed[-1]['id']}" if listed else ""
        page = rig.stripe("GET", f"{path}?limit=100{after}")
        listed += page["data"]
        if not page["has_more"]:
            return listed


def test_label_image_is_stored_once(rig: Rig) -> None:
    """The stored label is the carrier's image, not its base64 text."""
    order = rig.order()
    rig.ship()
    parcel = rig.read(order)["shipments"][0]
    answer = rig.client.get(f"{rig.url}/api/orders/{order['id']}/labels/{parcel['label_id']}?key={order['access_key']}")
    assert answer.headers["content-type"] == "image/gif"
    with pytest.raises(ValueError):
        base64.b64decode(answer.content, validate=True)
