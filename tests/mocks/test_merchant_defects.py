"""Each defect shows its symptom when it is on, and only then: healthy first, then broken, by the same question."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.mocks.lossy_proxy import LossyProxy
from tests.mocks.merchant_rig import SECRETS, Rig, serving

NEW_YORK = {
    "line1": "350 Fifth Ave",
    "city": "New York",
    "region": "NY",
    "postcode": "10118",
    "country": "US",
    "phone": "2125551234",
}
STEPS_UP = {"kind": "card", "payment_method": "pm_card_threeDSecure2Required"}
DECLINED = {"kind": "card", "payment_method": "pm_card_chargeDeclined"}
ORDERS = "API_SALES_ORDER_SRV/A_SalesOrder"

_EVENTS = count()

Symptom = Callable[["Bench"], bool]
SYMPTOMS: dict[str, Symptom] = {}


class Bench:
    """The rig, and relays that remember what the merchant sent to its vendors."""

    def __init__(self, rig: Rig, sent: dict[str, LossyProxy]) -> None:
        self.rig = rig
        self.sent = sent

    def empty_cart(self) -> str:
        """Return a cart nobody has filled."""
        return str(self.rig.ok("POST", "/api/carts", {"currency": "EUR"})["id"])

    def total(self, name: str, currency: str, **cart: Any) -> Decimal:
        """Return an amount of a fresh cart."""
        view = self.rig.ok("GET", f"/api/carts/{self.rig.cart(currency, **cart)}")
        value = view[name]["total"] if name == "shipping" else view[name]
        return Decimal(value["amount"])

    def charged(self, currency: str, **cart: Any) -> tuple[int, Decimal]:
        """Return what the gateway took for an order, in its own unit, and the order's total."""
        status, order = self.rig.checkout(self.rig.cart(currency, **cart))
        if status != 201:
            return -1, Decimal(0)
        intent = self.rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
        return intent["amount"], Decimal(order["total"]["amount"])

    def document(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Return the ERP's document of an order, or None."""
        self.rig.settle()
        wanted = f"$filter=PurchaseOrderByCustomer eq '{order['number']}'"
        found = self.rig.sap(f"{ORDERS}?{wanted}&$expand=to_Item/to_PricingElement,to_PricingElement,to_Text")
        return found[0] if found else None

    def worth(self, currency: str, coupon: str | None = None, **cart: Any) -> bool:
        """Say whether the ERP's document is worth another amount than the order."""
        basket = self.rig.cart(currency, **cart)
        if coupon:
            self.rig.ok("POST", f"/api/carts/{basket}/coupon", {"code": coupon})
        order = self.rig.checkout(basket)[1]
        document = self.document(order)
        assert document is not None
        conditions = list(document["to_PricingElement"]["results"])
        for item in document["to_Item"]["results"]:
            conditions += item["to_PricingElement"]["results"]
        beyond = [
            Decimal(entry["ConditionAmount"]) for entry in conditions if entry["ConditionType"] in ("MWST", "DIFF")
        ]
        return Decimal(document["TotalNetAmount"]) + sum(beyond) != Decimal(order["total"]["amount"])

    def shipped(self, **cart: Any) -> dict[str, Any]:
        """Return an order after its delivery was issued and its label was to be bought."""
        order = self.rig.order(**cart)
        self.rig.ship()
        return dict(self.rig.read(order))

    def package(self) -> dict[str, Any]:
        """Return the first package of the newest label request."""
        return dict(self.sent["ups"].last("/ship")["ShipmentRequest"]["Shipment"]["Package"][0])

    def weight(self) -> Decimal:
        """Return the weight of the newest label request."""
        return Decimal(self.package()["PackageWeight"]["Weight"])

    def authenticated(self, outcome: str = "complete", **cart: Any) -> dict[str, Any]:
        """Return a checkout whose customer answered the bank's question."""
        waiting = self.rig.checkout(self.rig.cart(**cart), STEPS_UP)[1]
        page = urlsplit(waiting["redirect_url"])
        self.rig.client.post(f"{self.rig.vendor['stripe']}{page.path}?{page.query}", data={"outcome": outcome})
        return dict(waiting)

    def event(self, order: dict[str, Any], kind: str, status: str, **changed: Any) -> int:
        """Deliver a signed event about an order's payment, oddly spaced; return the answer's status."""
        intent = self.rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
        subject = {**intent, "status": status, **changed}
        body = {"id": f"evt_{next(_EVENTS)}", "type": f"payment_intent.{kind}", "data": {"object": subject}, "é": "漢"}
        raw = json.dumps(body, ensure_ascii=False, separators=(" , ", ": ")).encode()
        stamp = int(self.rig.now.timestamp())
        signed = hmac.new(SECRETS["STRIPE_WEBHOOK_SECRET"].encode(), f"{stamp}.".encode() + raw, hashlib.sha256)
        headers = {"stripe-signature": f"t={stamp},v1={signed.hexdigest()}"}
        return self.rig.client.post(f"{self.rig.url}/webhooks/stripe", content=raw, headers=headers).status_code


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One merchant for this file's tests, its vendors behind relays."""
    with serving(tmp_path_factory.mktemp("defects")) as rig:
        rig.kill_merchant()
        proxies = {name: LossyProxy(rig.vendor[name]) for name in ("stripe", "sap_s4hana", "ups")}
        vendors = {name: {"base_url": proxy.url} for name, proxy in proxies.items()}
        rig.start_merchant(vendors={**vendors, "ecb": {"base_url": rig.vendor["ecb"]}})
        rig.settle()
        try:
            yield Bench(rig, proxies)
        finally:
            for proxy in proxies.values():
                proxy.close()


def shows(*names: str) -> Callable[[Symptom], Symptom]:
    """Register a question that is answered yes while one of these defects is on."""

    def register(symptom: Symptom) -> Symptom:
        SYMPTOMS.update(dict.fromkeys(names, symptom))
        return symptom

    return register


def charge_differs(currency: str, exponent: int, **cart: Any) -> Symptom:
    """Return the question whether the gateway takes another amount than the order's total."""

    def symptom(bench: Bench) -> bool:
        taken, total = bench.charged(currency, **cart)
        return Decimal(taken) != total.scaleb(exponent)

    return symptom


SYMPTOMS["MON-01"] = charge_differs("JPY", 0)
SYMPTOMS["MON-02"] = charge_differs("KWD", 3)
SYMPTOMS["MON-04"] = charge_differs("KWD", 3)
SYMPTOMS["MON-07"] = charge_differs("ISK", 2)
SYMPTOMS["MON-09"] = charge_differs("USD", 2)
SYMPTOMS["MON-10"] = charge_differs("EUR", 2, lines=(("F-606", 1),))
SYMPTOMS["MON-11"] = charge_differs("EUR", 2)
SYMPTOMS["MON-13"] = charge_differs("GBP", 2)
SYMPTOMS["PAY-17"] = lambda bench: (
    bench.rig.checkout(bench.rig.cart("USD"), {"kind": "sepa", "payment_method": "pm_card_visa"})[0] == 502
)
SYMPTOMS["ERP-02"] = lambda bench: (bench.document(bench.rig.order("GBP")) or {})["TransactionCurrency"] != "GBP"
SYMPTOMS["ERP-03"] = lambda bench: bench.worth("EUR")
SYMPTOMS["ERP-04"] = lambda bench: bench.worth("EUR")
SYMPTOMS["ERP-01"] = lambda bench: bench.worth("EUR", coupon="WELCOME10")
SYMPTOMS["ERP-06"] = lambda bench: bench.document(bench.rig.order(address={"country": "IT"})) is None
SYMPTOMS["ERP-12"] = lambda bench: bench.document(bench.rig.order(lines=(("B-200", 1),))) is None
SYMPTOMS["ERP-14"] = lambda bench: bench.document(bench.rig.order("USD")) is None
SYMPTOMS["CAT-04"] = lambda bench: bench.document(bench.rig.order()) is None
SYMPTOMS["CAT-05"] = lambda bench: len(bench.rig.ok("GET", "/api/products/0018")["gtin_14"]) != 14
SYMPTOMS["CAR-16"] = lambda bench: (
    bench.rig.call("PUT", f"/api/carts/{bench.empty_cart()}/customer", bench.rig.buyer())[0] == 422
)
SYMPTOMS["MON-39"] = lambda bench: (
    bench.total("goods", "USD") != Decimal(bench.rig.ok("GET", "/api/products/0017?currency=USD")["price"]["amount"])
)
SYMPTOMS["CAR-01"] = lambda bench: (
    bench.shipped() != {} and bench.package()["PackageWeight"]["UnitOfMeasurement"]["Code"] == "LBS"
)
SYMPTOMS["CAR-02"] = lambda bench: bench.shipped(lines=(("0018", 2),)) != {} and bench.weight() < 1
SYMPTOMS["CAR-03"] = lambda bench: bench.shipped(lines=(("0018", 2),)) != {} and bench.weight() > 8
SYMPTOMS["CAR-04"] = lambda bench: bench.shipped()["shipments"][0]["state"] == "failed"
SYMPTOMS["CAR-05"] = lambda bench: bench.shipped(lines=(("0018", 3),))["shipments"][0]["weight_g"] < 3 * 1900
SYMPTOMS["CAR-06"] = lambda bench: bench.rig.ok("GET", "/api/products/SET-01")["weight_g"] == 0
SYMPTOMS["CAR-11"] = lambda bench: bench.shipped()["shipments"][0]["tracking_number"] is None
SYMPTOMS["CAR-17"] = lambda bench: bench.shipped(address=NEW_YORK)["shipments"][0]["state"] == "failed"
SYMPTOMS["CAR-18"] = lambda bench: bench.shipped(address=NEW_YORK)["shipments"][0]["state"] == "failed"


@shows("MON-03", "MON-31")
def page_shows_another_price(bench: Bench) -> bool:
    """The product page shows another price or currency than the cart charges."""
    bench.rig.ok("GET", "/api/products/0017?currency=EUR")
    shown = bench.rig.ok("GET", "/api/products/0017?currency=KWD")["price"]
    return Decimal(shown["amount"]) != bench.total("goods", "KWD") or shown["currency"] != "KWD"


@shows("MON-12")
def shipping_ratio_is_not_the_rate(bench: Bench) -> bool:
    """Shipping in yen is another multiple of shipping in euros than the disclosed rate."""
    rate = next(Decimal(r["rate"]) for r in bench.rig.ok("GET", "/api/rates")["rates"] if r["currency"] == "JPY")
    return abs(bench.total("shipping", "JPY") - bench.total("shipping", "EUR") * rate) > 1


@shows("MON-27", "MON-29")
def price_is_not_converted(bench: Bench) -> bool:
    """A price in rupiah is far from the base price times the disclosed rate."""
    rate = next(Decimal(r["rate"]) for r in bench.rig.ok("GET", "/api/rates")["rates"] if r["currency"] == "IDR")
    shown = Decimal(bench.rig.ok("GET", "/api/products/0017?currency=IDR")["price"]["amount"])
    return abs(shown / (Decimal("9.50") * rate) - 1) > Decimal("0.01")


@shows("MON-33")
def cheap_basket_ships_free(bench: Bench) -> bool:
    """A basket of few euros ships free in yen."""
    return bench.total("shipping", "JPY") == 0


@shows("MON-34")
def fixed_discount_is_not_converted(bench: Bench) -> bool:
    """A discount of five euros is worth five yen."""
    cart = bench.rig.cart("JPY")
    bench.rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "FIVE"})
    return Decimal(bench.rig.ok("GET", f"/api/carts/{cart}")["discount"]["amount"]) < 100


@shows("MON-35")
def card_in_yen_pays_euros(bench: Bench) -> bool:
    """A gift card of another currency is taken."""
    return bench.rig.checkout(bench.rig.cart(), {"kind": "gift_card", "gift_card": "GIFT-JPY-5000"})[0] == 201


@shows("MON-42")
def rate_label_names_the_store(bench: Bench) -> bool:
    """The disclosed rate ends with the base currency on a foreign order."""
    view = bench.rig.ok("GET", f"/api/carts/{bench.rig.cart('USD')}")
    return bool(view["rate"]["label"].endswith("EUR"))


@shows("MON-32")
def revenue_mixes_currencies(bench: Bench) -> bool:
    """Revenue is one number though orders are in several currencies."""
    bench.rig.order("USD")
    bench.rig.order("EUR")
    return len(bench.rig.ok("GET", "/api/operator/revenue")["revenue"]) < 2


@shows("MON-16", "MON-18", "PAY-03")
def foreign_refund_is_wrong(bench: Bench) -> bool:
    """A refund of one dollar of a dollar order gives back another amount, or nothing."""
    order = bench.rig.order("USD")
    body = {"amount": {"amount": "1.00", "currency": "USD"}, "reason": "goodwill"}
    bench.rig.call("POST", f"/api/orders/{order['id']}/refunds", body, authorization="Bearer operator-demo")
    made = bench.rig.stripe("GET", f"/v1/refunds?payment_intent={order['payments'][0]['reference']}")["data"]
    return [refund["amount"] for refund in made] != [100]


@shows("MON-36")
def german_amount_is_misread(bench: Bench) -> bool:
    """An agent's German 1,50 is refunded as another amount."""
    order = bench.rig.order()
    body = {"amount": {"amount": "1,50", "language": "de"}, "reason": "goodwill"}
    made = bench.rig.ok("POST", f"/api/orders/{order['id']}/refunds", body)
    return bool(made["refunds"][0]["amount"]["amount"] != "1.50")


@shows("ORD-17")
def one_click_refunds_twice(bench: Bench) -> bool:
    """The same request twice gives back twice."""
    order = bench.rig.order()
    body = {"amount": {"amount": "1.00", "currency": "EUR"}, "reason": "goodwill"}
    for _ in range(2):
        bench.rig.ok("POST", f"/api/orders/{order['id']}/refunds", body)
    return len(bench.rig.read(order)["refunds"]) > 1


@shows("ORD-01")
def resubmit_makes_a_second_order(bench: Bench) -> bool:
    """Submitting a cart again gives another order number."""
    cart = bench.rig.cart()
    return bool(bench.rig.checkout(cart)[1]["number"] != bench.rig.checkout(cart)[1]["number"])


@shows("ORD-04")
def charged_order_is_missing(bench: Bench) -> bool:
    """One of three orders is charged and does not exist."""
    return 500 in [bench.rig.checkout(bench.rig.cart())[0] for _ in range(3)]


@shows("ORD-09")
def abandoned_browser_loses_the_order(bench: Bench) -> bool:
    """A customer who paid and left has no order."""
    waiting = bench.authenticated()
    bench.rig.settle()
    path = f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}"
    return bench.rig.call("GET", path)[0] == 404


@shows("ORD-10")
def silence_is_called_failure(bench: Bench) -> bool:
    """The customer is told the payment failed while the money is taken."""
    bench.sent["stripe"].lose("POST", "/v1/payment_intents", 3)
    status, _ = bench.rig.checkout(bench.rig.cart())
    bench.rig.advance(seconds=40)
    return status == 402


@shows("ORD-12", "ORD-13")
def lost_reply_charges_twice(bench: Bench) -> bool:
    """A lost reply of the gateway makes a second charge."""
    bench.sent["stripe"].lose("POST", "/v1/payment_intents", 1)
    order = bench.rig.order()
    intents = bench.rig.stripe("GET", "/v1/payment_intents?limit=5")["data"]
    return len([intent for intent in intents if intent["metadata"].get("order_id") == order["id"]]) > 1


@shows("ORD-14")
def confirmation_comes_twice(bench: Bench) -> bool:
    """The customer is written to twice."""
    order = bench.rig.order()
    kinds = [message["kind"] for message in bench.rig.ok("GET", f"/api/orders/{order['id']}/messages")["messages"]]
    return kinds.count("order_confirmed") > 1


@shows("ORD-22")
def cancelled_order_is_pushed(bench: Bench) -> bool:
    """An order cancelled before the push is posted all the same."""
    bench.sent["sap_s4hana"].is_down = True
    order = bench.rig.order()
    bench.rig.settle()
    assert bench.rig.ok("POST", f"/api/orders/{order['id']}/cancel", {})["status"] == "cancelled"
    bench.sent["sap_s4hana"].is_down = False
    bench.rig.ship()
    return bool(bench.rig.read(order)["shipments"])


@shows("ORD-26")
def cancelled_quantity_is_shipped(bench: Bench) -> bool:
    """A unit cancelled before shipping is delivered all the same."""
    order = bench.rig.order(lines=(("F-602", 2),))
    bench.rig.advance(minutes=3)
    bench.rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"lines": [{"line": "1", "quantity": 1}]})
    document = bench.document(order)
    assert document is not None
    return Decimal(document["to_Item"]["results"][0]["RequestedQuantity"]) == 2


@shows("ORD-27")
def unpaid_item_is_in_the_order(bench: Bench) -> bool:
    """A line added while paying is in the order though it was not paid."""
    cart = bench.rig.cart()
    waiting = bench.rig.checkout(cart, STEPS_UP)[1]
    bench.rig.ok("POST", f"/api/carts/{cart}/lines", {"sku": "H-805", "quantity": 1})
    page = urlsplit(waiting["redirect_url"])
    bench.rig.client.post(f"{bench.rig.vendor['stripe']}{page.path}?{page.query}", data={"outcome": "complete"})
    return len(bench.rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")[1]["lines"]) == 2


@shows("ORD-32")
def single_use_coupon_is_used_again(bench: Bench) -> bool:
    """A coupon with one use serves a second order."""
    statuses = []
    for _ in range(2):
        cart = bench.rig.cart()
        statuses.append(bench.rig.call("POST", f"/api/carts/{cart}/coupon", {"code": "ONCE"})[0])
        if statuses[-1] == 200:
            statuses.append(bench.rig.checkout(cart)[0])
    return statuses == [200, 201, 200, 201]


@shows("STK-07")
def reserved_units_are_offered(bench: Bench) -> bool:
    """What an order has reserved is still shown as sellable."""
    bench.rig.order(lines=(("I-900", 1),))
    level = bench.rig.ok("GET", "/api/stock/I-900")
    return bool(level["sellable"] == level["on_hand"])


@shows("STK-03")
def declined_payment_keeps_stock(bench: Bench) -> bool:
    """A declined card leaves a reservation behind."""
    before = bench.rig.ok("GET", "/api/stock/I-904")["reserved"]
    bench.rig.checkout(bench.rig.cart(lines=(("I-904", 1),), email="nobody@example.com"), DECLINED)
    bench.rig.advance(minutes=2)
    return bool(bench.rig.ok("GET", "/api/stock/I-904")["reserved"] > before)


@shows("STK-08")
def abandoned_redirect_keeps_stock(bench: Bench) -> bool:
    """A checkout nobody finishes holds its stock for ever."""
    before = bench.rig.ok("GET", "/api/stock/I-905")["reserved"]
    bench.rig.checkout(bench.rig.cart(lines=(("I-905", 1),)), STEPS_UP)
    bench.rig.advance(hours=3)
    return bool(bench.rig.ok("GET", "/api/stock/I-905")["reserved"] > before)


@shows("ERP-13")
def postcode_loses_its_zero(bench: Bench) -> bool:
    """A postcode with a leading zero arrives without it."""
    document = bench.document(bench.rig.order(address={"postcode": "01000", "city": "Bourg-en-Bresse"}))
    assert document is not None
    return "01000" not in document["to_Text"]["results"][0]["LongText"]


@shows("CAR-07", "CAR-08")
def address_is_joined_or_cut(bench: Bench) -> bool:
    """Two lines of thirty characters and more do not reach the label whole."""
    address = {"line1": "Immeuble Le Grand Large, escalier B12", "line2": "27 avenue du Marechal Foch"}
    bench.shipped(address=address)
    lines = bench.sent["ups"].last("/ship")["ShipmentRequest"]["Shipment"]["ShipTo"]["Address"]["AddressLine"]
    words = " ".join(lines).split()
    return words != " ".join(address.values()).split() or any(len(line) > 35 for line in lines)


@shows("CAR-09", "CAR-10")
def customs_differ_from_the_invoice(bench: Bench) -> bool:
    """The customs declaration names another currency or invoice number than the order."""
    order = bench.shipped(currency="CHF", address={**NEW_YORK})
    shipment = bench.sent["ups"].last("/ship")["ShipmentRequest"]["Shipment"]
    form = shipment["ShipmentServiceOptions"]["InternationalForms"]
    return bool(form["CurrencyCode"] != "CHF" or form["InvoiceNumber"] != order["number"])


@shows("CAR-13")
def delivered_parcel_delivers_nothing(bench: Bench) -> bool:
    """Days later the parcel has arrived and the order is still shipped."""
    order = bench.shipped()
    for _ in range(4):
        bench.rig.advance(days=1)
    return bool(bench.rig.read(order)["status"] != "delivered")


@shows("CAR-14")
def unknown_status_is_an_error(bench: Bench) -> bool:
    """A status type nobody knows is answered with a failure."""
    order = bench.shipped()
    body = {"trackingNumber": order["shipments"][0]["tracking_number"], "activityStatus": {"type": "Q", "code": "??"}}
    return bench.rig.call("POST", "/webhooks/ups", body, credential="rig-credential")[0] == 500


@shows("CAR-15")
def lost_reply_buys_two_labels(bench: Bench) -> bool:
    """A lost reply of the carrier makes a second purchase."""
    before = bench.sent["ups"].count("POST", "/ship")
    bench.sent["ups"].lose("POST", "/ship", 1)
    bench.shipped()
    bench.rig.advance(minutes=10)
    return bench.sent["ups"].count("POST", "/ship") - before > 1


@shows("PAY-04")
def failed_authentication_completes(bench: Bench) -> bool:
    """A failed 3D Secure leads to an order."""
    waiting = bench.authenticated("fail", email="three@example.com")
    return bench.rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")[0] in (200, 201)


@shows("PAY-06")
def browser_back_cancels(bench: Bench) -> bool:
    """Coming back without the bank's data cancels a paid order."""
    waiting = bench.authenticated()
    for _ in range(2):
        answer = bench.rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")[1]
    return bool(answer["status"] == "cancelled")


@shows("PAY-08")
def unsigned_event_is_taken(bench: Bench) -> bool:
    """An event without any signature is accepted."""
    body = {"id": "evt_unsigned", "type": "x", "data": {"object": {}}}
    return bench.rig.call("POST", "/webhooks/stripe", body)[0] == 200


@shows("PAY-09")
def wrong_signature_is_taken(bench: Bench) -> bool:
    """An event with a wrong signature is accepted."""
    body = {"id": "evt_wrong", "type": "x", "data": {"object": {}}}
    return bench.rig.call("POST", "/webhooks/stripe", body, **{"stripe-signature": "t=1,v1=00"})[0] == 200


@shows("PAY-15")
def card_tester_is_not_stopped(bench: Bench) -> bool:
    """Ten declined cards in a minute are all tried."""
    bench.rig.advance(minutes=2)
    answers = [bench.rig.checkout(bench.rig.cart(email="tester@example.com"), DECLINED)[0] for _ in range(10)]
    return 429 not in answers


@shows("SEC-03")
def raw_answer_is_stored(bench: Bench) -> bool:
    """What the shop keeps of the gateway's answer holds more than references and outcome."""
    return "client_secret" in bench.rig.order()["payments"][0]["gateway_answer"]


@shows("SEC-05")
def stranger_reads_an_order(bench: Bench) -> bool:
    """An order is readable by its id alone."""
    return bench.rig.call("GET", f"/api/orders/{bench.rig.order()['id']}")[0] == 200


@shows("SEC-06")
def stranger_cancels_an_order(bench: Bench) -> bool:
    """An order can be cancelled by its id alone."""
    return bench.rig.call("POST", f"/api/orders/{bench.rig.order()['id']}/cancel", {})[0] == 200


@shows("SSO-01")
def one_person_has_two_accounts(bench: Bench) -> bool:
    """The same address in other letters registers again."""
    bench.rig.call("POST", "/api/customers", {"email": "alice@example.com", "name": "A", "password": "long enough"})
    again = {"email": "ALICE@example.com", "name": "A", "password": "long enough"}
    return bench.rig.call("POST", "/api/customers", again)[0] == 201


@shows("MON-15")
def earlier_currency_sticks(bench: Bench) -> bool:
    """A customer who once bought in dollars gets a cart in dollars when asking for euros."""
    email = f"sticky-{len(bench.sent['stripe'].seen)}@example.com"
    token = bench.rig.ok("POST", "/api/customers", {"email": email, "name": "S", "password": "long enough"})["token"]
    bearer = {"authorization": f"Bearer {token}"}
    first = bench.rig.call("POST", "/api/carts", {"currency": "USD"}, **bearer)[1]["id"]
    bench.rig.ok("POST", f"/api/carts/{first}/lines", {"sku": "0017", "quantity": 1})
    bench.rig.ok("PUT", f"/api/carts/{first}/customer", bench.rig.buyer(email=email))
    bench.rig.checkout(first)
    return bool(bench.rig.call("POST", "/api/carts", {"currency": "EUR"}, **bearer)[1]["currency"] != "EUR")


@shows("MON-17")
def console_refund_is_booked_with_the_foreign_number(bench: Bench) -> bool:
    """A refund of 500 yen made at the gateway is booked as 500 in the base currency."""
    order = bench.rig.order("JPY")
    bench.rig.stripe("POST", "/v1/refunds", {"payment_intent": order["payments"][0]["reference"], "amount": 500})
    bench.rig.settle()
    (refund,) = bench.rig.read(order)["refunds"]
    return Decimal(refund["base_amount"]) == 500


@shows("MON-24", "MON-25")
def rates_stand_still(bench: Bench) -> bool:
    """Four days later the rates, or their dates, are those of before, or one."""
    before = {rate["currency"]: rate for rate in bench.rig.ok("GET", "/api/rates")["rates"]}
    bench.rig.advance(days=4)
    after = {rate["currency"]: rate for rate in bench.rig.ok("GET", "/api/rates")["rates"]}
    same = all(before[code]["rate"] == after[code]["rate"] for code in before)
    return same or after["JPY"]["date"] == before["JPY"]["date"]


@shows("MON-28")
def rate_is_one(bench: Bench) -> bool:
    """The rate of the yen is one; two publications later the shop believes the real one again."""
    for _ in range(2):
        bench.rig.advance(days=4)
    rate = next(rate for rate in bench.rig.ok("GET", "/api/rates")["rates"] if rate["currency"] == "JPY")
    bench.rig.defects(off=["MON-28"])
    for _ in range(2):
        bench.rig.advance(days=4)
    return Decimal(rate["rate"]) == 1


@shows("MON-38")
def large_yen_payment_stays_unpaid(bench: Bench) -> bool:
    """A paid order over 999 yen whose browser never came back is not completed by the gateway's event."""
    waiting = bench.authenticated(currency="JPY")
    bench.rig.settle()
    path = f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}"
    return bench.rig.call("GET", path)[0] == 404


@shows("MON-40")
def return_is_in_the_store_currency(bench: Bench) -> bool:
    """The return of a pound order is in another currency."""
    order = bench.shipped(currency="GBP")
    body = {"lines": [{"line": "1", "quantity": 1}], "reason": "x"}
    return bool(bench.rig.ok("POST", f"/api/orders/{order['id']}/returns", body)["currency"] != "GBP")


@shows("ORD-03")
def parallel_submits_make_two_orders(bench: Bench) -> bool:
    """Submitting a cart four times at once makes more than one order."""
    cart = bench.rig.cart()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: bench.rig.checkout(cart), range(4)))
    return len({content["number"] for status, content in answers if status in (200, 201)}) > 1


@shows("ORD-08")
def late_event_takes_a_payment_back(bench: Bench) -> bool:
    """An event of an earlier state sets a paid order back."""
    order = bench.rig.order()
    bench.event(order, "processing", "processing")
    return bool(bench.rig.read(order)["payment_status"] != "paid")


@shows("ORD-15")
def event_after_a_refund_makes_it_paid(bench: Bench) -> bool:
    """A repeated success after a full refund shows the order as paid."""
    order = bench.rig.order()
    bench.rig.ok("POST", f"/api/orders/{order['id']}/refunds", {"amount": order["total"], "reason": "x"})
    bench.event(order, "succeeded", "succeeded")
    return bool(bench.rig.read(order)["payment_status"] == "paid")


@shows("ORD-18", "TIM-07")
def deliveries_are_not_read(bench: Bench) -> bool:
    """With small pages some of five orders never learn that they were issued."""
    bench.rig.settings(page_size=2)
    orders = [bench.rig.order() for _ in range(5)]
    bench.rig.ship()
    missing = [order for order in orders if bench.rig.read(order)["status"] != "shipped"]
    bench.rig.settings(page_size=50)
    return bool(missing)


@shows("ORD-19")
def failing_order_blocks_the_next(bench: Bench) -> bool:
    """An order the hub cannot turn into a document keeps a good one from arriving."""
    bench.rig.defects("ERP-14")
    bench.rig.order("USD")
    bench.rig.settle()
    arrived = bench.document(bench.rig.order("EUR")) is not None
    bench.rig.defects(off=["ERP-14"])
    bench.rig.advance(hours=1)
    return not arrived


@shows("ORD-24")
def partial_delivery_is_ignored(bench: Bench) -> bool:
    """An order from two plants leaves in two deliveries and has no parcel."""
    return not bench.shipped(lines=(("0017", 1), ("H-803", 1)))["shipments"]


@shows("STK-01")
def last_units_are_sold_too_often(bench: Bench) -> bool:
    """Of two sellable units more than two are sold to parallel buyers."""
    level = bench.rig.ok("GET", "/api/stock/J-011")
    bench.rig.settings(safety_stock_by_sku={"J-011": level["on_hand"] - level["reserved"] - 2})
    carts = [bench.rig.cart(lines=(("J-011", 1),)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        statuses = [status for status, _ in pool.map(bench.rig.checkout, carts)]
    bench.rig.settings(safety_stock_by_sku={})
    return statuses.count(201) > 2


@shows("STK-02")
def decrement_is_lost(bench: Bench) -> bool:
    """After two deliveries booked at the same instant the stock is not the sum of its movements."""
    for _ in range(2):
        bench.rig.order(lines=(("F-605", 1),))
    for minutes in (3, 11, 11):
        bench.rig.advance(minutes=minutes)
    movements = bench.rig.ok("GET", "/api/operator/stock/F-605/movements")["movements"]
    moved = sum(movement["quantity"] for movement in movements)
    return bool(moved != bench.rig.ok("GET", "/api/stock/F-605")["on_hand"])


@shows("STK-04")
def bounced_debit_keeps_stock(bench: Bench) -> bool:
    """Days after a debit bounced its stock is still reserved."""
    before = bench.rig.ok("GET", "/api/stock/G-704")["reserved"]
    form = {"type": "sepa_debit", "sepa_debit[iban]": "AT861904300235473202", "billing_details[name]": "Z"}
    method = bench.rig.stripe("POST", "/v1/payment_methods", {**form, "billing_details[email]": "z@example.com"})["id"]
    bench.rig.order(payment={"kind": "sepa", "payment_method": method}, lines=(("G-704", 1),))
    bench.rig.advance(days=6)
    return bool(bench.rig.ok("GET", "/api/stock/G-704")["reserved"] != before)


@shows("ERP-08")
def export_is_called_reverse_charge(bench: Bench) -> bool:
    """A sale to the United States is classified as reverse charge."""
    view = bench.rig.ok("GET", f"/api/carts/{bench.rig.cart(address=NEW_YORK)}")
    return bool(view["tax_treatment"] != "export")


@shows("ERP-09", "ERP-10")
def document_is_of_another_day(bench: Bench) -> bool:
    """An order at 23:30 UTC, pushed a day later, is not booked on its day in Paris."""
    bench.rig.advance(hours=(23 - bench.rig.now.hour) % 24, minutes=30 - bench.rig.now.minute)
    placed = bench.rig.now
    bench.sent["sap_s4hana"].is_down = True
    order = bench.rig.order()
    bench.rig.advance(hours=25)
    bench.sent["sap_s4hana"].is_down = False
    bench.rig.advance(hours=2)
    document = bench.document(order)
    assert document is not None
    return int(document["SalesOrderDate"][6:-2]) // 86_400_000 != int((placed.timestamp() + 7200) // 86_400)


@shows("PAY-10")
def valid_event_is_refused(bench: Bench) -> bool:
    """An event with its own spacing and letters is refused."""
    return bench.event(bench.rig.order(), "succeeded", "succeeded") != 200


@shows("PAY-11")
def underpaid_event_pays(bench: Bench) -> bool:
    """An event over one cent completes an order."""
    waiting = bench.rig.checkout(bench.rig.cart(), STEPS_UP)[1]
    intent = urlsplit(waiting["redirect_url"]).query.split("payment_intent=")[1].split("&")[0]
    bench.event({"payments": [{"reference": intent}]}, "succeeded", "succeeded", amount=1)
    path = f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}"
    return bench.rig.call("GET", path)[0] == 200


@shows("PAY-14")
def wrong_postcode_is_not_held(bench: Bench) -> bool:
    """A card whose postcode does not match is not held for review."""
    card = {"number": "4000000000000036", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    form = {"type": "card", **{f"card[{name}]": value for name, value in card.items()}}
    method = bench.rig.stripe("POST", "/v1/payment_methods", {**form, "billing_details[address][postal_code]": "75011"})
    return bench.rig.order(payment={"kind": "card", "payment_method": method["id"]})["hold"] is None


@shows("SEC-01")
def card_number_is_in_the_log(bench: Bench) -> bool:
    """A card number sent to the shop by mistake stands in its log."""
    mistaken = {"payment": {"kind": "card", "payment_method": "pm_x", "number": "4242 4242 4242 4242", "cvc": "987"}}
    bench.rig.call("POST", f"/api/carts/{bench.rig.cart()}/checkout", mistaken)
    return "4242 4242 4242 4242" in bench.rig.log()


@shows("SEC-02")
def log_is_written_though_off(bench: Bench) -> bool:
    """With the log switched off it grows all the same."""
    bench.rig.settings(log=False)
    before = len(bench.rig.log())
    bench.rig.cart()
    grown = len(bench.rig.log()) > before
    bench.rig.settings(log=True)
    return grown


# These move the clock by days or many deliveries and take seconds each.
SLOW = {"TIM-07", "ORD-18", "STK-02", "STK-04", "CAR-13", "MON-24", "MON-25", "MON-28", "ORD-10", "ERP-09", "ERP-10"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] if name in SLOW else []) for name in sorted(SYMPTOMS)]
)
def test_defect_shows_its_symptom(bench: Bench, name: str) -> None:
    """The healthy merchant does not show the symptom; with the defect on it does."""
    symptom = SYMPTOMS[name]
    assert not symptom(bench), f"{name}: the healthy merchant shows the symptom"
    bench.rig.defects(name)
    try:
        assert symptom(bench), f"{name}: the symptom does not show"
    finally:
        bench.rig.defects(off=[name])


def test_symptoms_are_of_known_defects() -> None:
    """Every question belongs to a defect file."""
    files = {path.stem for path in (Path(__file__).parents[2] / "mocks" / "merchant" / "defects").glob("*.py")}
    assert set(SYMPTOMS) <= files
