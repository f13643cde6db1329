"""What a customer or a gateway would see of the defects of money, cart, checkout and orders."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from urllib.parse import urlsplit

from tests.mocks.merchant_bench import (
    DECLINED,
    NEW_YORK,
    STEPS_UP,
    SYMPTOMS,
    Bench,
    charge_differs,
    shows,
)

SYMPTOMS["MON-01"] = charge_differs("JPY", 0)
SYMPTOMS["MON-02"] = charge_differs("KWD", 3)
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
SYMPTOMS["ERP-15"] = lambda bench: "gateway" not in bench.rig.order()["payments"][0]
SYMPTOMS["CAT-04"] = lambda bench: bench.document(bench.rig.order()) is None
SYMPTOMS["CAT-05"] = lambda bench: len(bench.rig.ok("GET", "/api/products/0018")["gtin_14"]) != 14
SYMPTOMS["CAR-16"] = lambda bench: (
    bench.rig.call("PUT", f"/api/carts/{bench.empty_cart()}/customer", bench.rig.buyer())[0] == 422
)
SYMPTOMS["MON-21"] = lambda bench: (
    Decimal(bench.rig.order(lines=(("F-605", 1),))["lines"][0]["tax"]["amount"]) == Decimal("3.12")
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

_CUSTOMERS = count()


@shows("MON-03", "MON-31")
def page_shows_another_price(bench: Bench) -> bool:
    """The product page shows another price or currency than the cart charges."""
    bench.rig.ok("GET", "/api/products/0017?currency=EUR")
    shown = bench.rig.ok("GET", "/api/products/0017?currency=KWD")["price"]
    return Decimal(shown["amount"]) != bench.total("goods", "KWD") or shown["currency"] != "KWD"


@shows("MON-06")
def wallet_shows_more(bench: Bench) -> bool:
    """The wallet's sheet asks for another amount than the cart, where people chose to see two decimals of a yen."""
    bench.rig.settings(currency_decimals={"JPY": 2})
    sheet = bench.rig.ok("GET", f"/api/carts/{bench.rig.cart('JPY')}/wallet")
    return Decimal(sheet["total"]["amount"]) != bench.total("total", "JPY")


@shows("MON-26", "MON-30")
def a_store_or_a_direction_has_no_rates(bench: Bench) -> bool:
    """After a fetch the second store prices with older rates, or nobody can say what a yen is worth in euros."""
    bench.rig.advance(hours=25)
    tables = [bench.rig.ok("GET", f"/api/rates?store={store}")["rates"] for store in ("main", "outlet")]
    one_way = not any(rate["base"] == "JPY" for rate in tables[0])
    bench.rig.defects(off=["MON-26", "MON-30"])
    bench.rig.advance(hours=2)  # the next fetch makes the tables whole again
    return one_way or tables[0][0]["date"] != tables[1][0]["date"]


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
def credit_in_yen_pays_euros(bench: Bench) -> bool:
    """An order in euros takes from a customer's balance in yen."""
    email = f"wallet-{next(_CUSTOMERS)}@example.com"
    made = bench.rig.ok("POST", "/api/customers", {"email": email, "name": "Zoë", "password": "long enough"})
    worth = {"amount": "5000", "currency": "JPY"}
    bench.rig.ok("POST", "/api/operator/credit", {"email": email, "worth": worth, "reason": "sorry"})
    cart, token = bench.rig.cart(email=email), {"authorization": f"Bearer {made['token']}"}
    bench.rig.ok("PUT", f"/api/carts/{cart}/credit", {"use": True}, **token)
    bench.rig.checkout(cart)
    return bool(bench.rig.ok("GET", f"/api/operator/credit?email={email}")["balances"] != [worth])


@shows("MON-14")
def pay_page_keeps_the_number(bench: Bench) -> bool:
    """An order in dollars is to be paid in yen once its visitor switches."""
    order = bench.rig.order("USD", {"kind": "invoice"}, company="Assay SA")
    page = bench.rig.ok("GET", f"/api/orders/{order['id']}/pay-page?currency=JPY")
    return bool(page["amount"]["currency"] != "USD")


@shows("MON-41")
def analytics_gets_the_base_value(bench: Bench) -> bool:
    """An event of a yen order tells another number than its total."""
    order = bench.rig.order("JPY")
    [event] = bench.rig.ok("GET", f"/api/operator/analytics?order={order['id']}")["events"]
    return bool(event["value"] != order["total"])


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
    """An agent's German 1,50 is refunded as another amount, and 1.234,50 is read as one."""
    order = bench.rig.order()
    body = {"amount": {"amount": "1,50", "language": "de"}, "reason": "goodwill"}
    made = bench.rig.ok("POST", f"/api/orders/{order['id']}/refunds", body)
    typed = {"text": "1.234,50", "currency": "EUR", "language": "de"}
    read = bench.rig.ok("POST", "/api/operator/amounts", typed)["amount"]["amount"]
    return bool(made["refunds"][0]["amount"]["amount"] != "1.50" or read != "1234.50")


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
def unknown_status_ends_the_tracking(bench: Bench) -> bool:
    """After a status type nobody knows, a parcel's way to the door is not seen any more."""
    order = bench.shipped()
    body = {"trackingNumber": order["shipments"][0]["tracking_number"], "activityStatus": {"type": "Q", "code": "??"}}
    bench.rig.call("POST", "/webhooks/ups", body, credential="rig-credential")
    for _ in range(4):
        bench.rig.advance(days=1)
    return bool(bench.rig.read(order)["shipments"][0]["status"] == "unknown")


@shows("CAR-15")
def lost_reply_buys_two_labels(bench: Bench) -> bool:
    """A lost reply of the carrier makes a second purchase."""
    before = bench.sent["ups"].count("POST", "/ship")
    bench.sent["ups"].lose("POST", "/ship", 1)
    bench.shipped()
    bench.rig.advance(minutes=10)
    return bench.sent["ups"].count("POST", "/ship") - before > 1
