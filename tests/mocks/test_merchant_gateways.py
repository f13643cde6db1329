"""Three gateways behind one shop: cards at Adyen, PayPal by its page, their webhooks, and what is offered where."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.mocks.lossy_proxy import LossyProxy
from tests.mocks.merchant_rig import FURTHER, SECRETS, VENDORS, Rig

PLAIN, AUTHENTICATED = "4111111111111111", "4212345678901237"


@pytest.fixture(scope="module")
def relays() -> dict[str, LossyProxy]:
    """What stands between the merchant and the two gateways, by name."""
    return {}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, relays: dict[str, LossyProxy]) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    running = Rig(tmp_path_factory.mktemp("gateways"), (*VENDORS, *FURTHER), {})
    try:
        for name in ("adyen", "paypal"):
            relays[name] = LossyProxy(running.vendor[name])
        urls = running.vendor | {name: relay.url for name, relay in relays.items()}
        running.start_merchant(vendors={name: {"base_url": url} for name, url in urls.items()})
        running.settle()
        yield running
    finally:
        running.close()
        for relay in relays.values():
            relay.close()


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """The merchant with its default configuration before and after."""
    yield shared
    shared.settings(
        capture="automatic",
        card_gateways={"default": ["stripe", "adyen"]},
        paypal_currencies=None,
        cash_rounding={},
        rates_source="ecb",
    )


def card(number: str = PLAIN, holder: str = "Zoë Müller") -> dict[str, Any]:
    """Return the payment of a checkout by a card of Adyen's form."""
    fields = {
        "encryptedCardNumber": number,
        "encryptedExpiryMonth": "03",
        "encryptedExpiryYear": "2030",
        "encryptedSecurityCode": "737",
    }
    form = {"type": "scheme", "holderName": holder, **{name: f"test_{value}" for name, value in fields.items()}}
    return {"kind": "card", "payment_method": json.dumps(form)}


def visit(rig: Rig, waiting: dict[str, Any], **form: str) -> str:
    """Go to the page a checkout leads to, fill in its form, and return the link the browser goes back by."""
    page = urlsplit(waiting["redirect_url"])
    vendor = "paypal" if page.path == "/checkoutnow" else "adyen"
    fields = {**dict(part.split("=") for part in page.query.split("&")), **form}
    answer = rig.client.post(f"{rig.vendor[vendor]}{page.path}?{page.query}", data=fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def approved(rig: Rig, cart: str, instrument: str = "wallet") -> tuple[dict[str, Any], str]:
    """Submit a cart to PayPal and approve; return the waiting checkout and the link back."""
    status, waiting = rig.checkout(cart, {"kind": "paypal"})
    assert (status, waiting["status"]) == (202, "requires_action")
    return waiting, visit(rig, waiting, outcome="approve", instrument=instrument)


def by_paypal(rig: Rig, currency: str = "EUR", instrument: str = "wallet", **cart: Any) -> dict[str, Any]:
    """Place an order paid at PayPal and return it."""
    _, back = approved(rig, rig.cart(currency, **cart), instrument)
    status, order = rig.call("GET", back)
    assert status in (200, 201), order
    return dict(order)


def paypal(rig: Rig, method: str, path: str, body: Any = None) -> Any:
    """Call PayPal directly."""
    pair = (SECRETS["PAYPAL_CLIENT_ID"], SECRETS["PAYPAL_CLIENT_SECRET"])
    url = rig.vendor["paypal"]
    token = rig.client.post(f"{url}/v1/oauth2/token", auth=pair, data={"grant_type": "client_credentials"}).json()
    bearer = {"authorization": f"Bearer {token['access_token']}", "prefer": "return=representation"}
    return rig.client.request(method, url + path, json=body, headers=bearer).json()


def adyen(rig: Rig, path: str, value: int, currency: str = "EUR") -> Any:
    """Ask Adyen directly for a modification, as somebody at its console would."""
    body = {"merchantAccount": "AssayECOM", "amount": {"value": value, "currency": currency}}
    key = {"x-api-key": SECRETS["ADYEN_API_KEY"]}
    return rig.client.post(f"{rig.vendor['adyen']}/v72/payments/{path}", json=body, headers=key).json()


def units(payment: dict[str, Any], name: str = "captured") -> Decimal:
    """Return an amount of a payment."""
    return Decimal(payment[name]["amount"])


def test_card_at_adyen_pays_at_once(rig: Rig) -> None:
    """A card of Adyen's form is charged there, its webhook changes nothing more, and no card field is written down."""
    order = rig.order(payment=card())
    [payment] = order["payments"]
    assert (payment["gateway"], order["payment_status"]) == ("adyen", "paid")
    assert units(payment) == Decimal(order["total"]["amount"])
    rig.settle()
    assert rig.read(order)["payment_status"] == "paid"
    kinds = [message["kind"] for message in rig.ok("GET", f"/api/orders/{order['id']}/messages")["messages"]]
    assert kinds == ["order_confirmed"]
    kept = (rig.folder / "merchant" / "merchant.sqlite").read_bytes() + rig.log().encode()
    assert PLAIN.encode() not in kept and b"test_737" not in kept


@pytest.mark.parametrize("currency", ["JPY", "KWD", "IDR", "ISK"])
def test_adyen_is_asked_in_its_own_units(rig: Rig, currency: str) -> None:
    """Where Adyen counts otherwise than ISO 4217 or Stripe, the order's own amount is taken and given back."""
    order = rig.order(currency, payment=card())
    [payment] = order["payments"]
    assert units(payment) == Decimal(order["total"]["amount"])
    rig.settle()
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"reason": "changed my mind"})
    rig.settle()
    order = rig.read(order)
    assert (order["status"], order["payment_status"]) == ("cancelled", "refunded")
    assert units(order["payments"][0], "refunded") == Decimal(order["total"]["amount"])


def test_declined_at_adyen_then_paid_elsewhere(rig: Rig) -> None:
    """A refused card answers 402 with the reason; the same cart then pays by another card, and by PayPal."""
    cart = rig.cart()
    status, refusal = rig.checkout(cart, card(holder="NOT_ENOUGH_BALANCE"))
    assert (status, refusal["error"]["reason"]) == (402, "not_enough_balance")
    assert rig.checkout(cart, card(number="4111111111111112"))[0] == 402
    rig.settle()
    status, order = rig.checkout(cart, card())
    assert (status, order["payment_status"]) == (201, "paid")
    cart = rig.cart()
    assert rig.checkout(cart, card(holder="DECLINED"))[0] == 402
    _, back = approved(rig, cart)
    assert rig.call("GET", back)[1]["payments"][0]["gateway"] == "paypal"


@pytest.mark.parametrize(("outcome", "status"), [("authorised", 201), ("refused", 402), ("cancelled", 402)])
def test_card_that_authenticates_at_adyen(rig: Rig, outcome: str, status: int) -> None:
    """3D Secure leads away and back; only a passed one makes an order, and coming back twice makes no second."""
    code, waiting = rig.checkout(rig.cart(), card(AUTHENTICATED))
    assert (code, waiting["status"]) == (202, "requires_action")
    back = visit(rig, waiting, outcome=outcome)
    assert rig.call("GET", back)[0] == status
    rig.settle()
    again, answer = rig.call("GET", back)
    assert again == (200 if status == 201 else 402)
    if status == 201:
        assert len(answer["payments"]) == 1 and answer["payment_status"] == "paid"


def test_lost_answer_of_adyen(rig: Rig, relays: dict[str, LossyProxy]) -> None:
    """A payment whose answer is lost is finished by its webhook; no further payment is asked for under another key."""
    before = len(relays["adyen"].seen)
    relays["adyen"].lose("POST", "/payments", times=3)
    status, waiting = rig.checkout(rig.cart(), card())
    assert (status, waiting["status"]) == (202, "processing")
    rig.settle()
    order = rig.read(waiting["order"])
    assert (order["payment_status"], len(order["payments"])) == ("paid", 1)
    calls = relays["adyen"].seen[before:]
    assert len({headers["Idempotency-Key"] for _, path, headers in calls if path.endswith("/payments")}) == 1


def test_lost_answers_of_paypal(rig: Rig, relays: dict[str, LossyProxy]) -> None:
    """An order of PayPal's whose creation was not answered is the same one later, and a lost capture is no second."""
    cart = rig.cart()
    relays["paypal"].lose("POST", "/v2/checkout/orders", times=3)
    assert rig.checkout(cart, {"kind": "paypal"})[1]["status"] == "processing"
    rig.advance(minutes=2)
    waiting, back = approved(rig, cart)
    relays["paypal"].lose("POST", "/capture", times=3)
    # Whoever asks first loses the answers: the browser's return, or the webhook that tells of the approval.
    assert rig.call("GET", back)[0] in (200, 201, 202)
    rig.advance(minutes=2)
    order = rig.read(waiting["order"])
    assert (order["payment_status"], len(order["payments"])) == ("paid", 1)


def test_customer_who_never_comes_back(rig: Rig) -> None:
    """An unfinished checkout at either gateway is given up in time; what its customer does later takes no money."""
    carts = rig.cart(), rig.cart()
    waiting = [rig.checkout(carts[0], card(AUTHENTICATED))[1], rig.checkout(carts[1], {"kind": "paypal"})[1]]
    rig.advance(minutes=35)
    backs = [visit(rig, waiting[0], outcome="authorised"), visit(rig, waiting[1], outcome="approve")]
    rig.settle()
    assert [rig.call("GET", back)[0] for back in backs] == [402, 402]
    assert [rig.checkout(cart)[0] for cart in carts] == [201, 201]


def test_late_capture_at_adyen(rig: Rig) -> None:
    """On shipment what ships is captured; a cancelled line is not, and a cancelled order is released, not refunded."""
    rig.settings(capture="on_shipment")
    order = rig.order(payment=card(), lines=(("0017", 2), ("0018", 1)))
    assert order["payment_status"] == "authorised"
    line = next(each for each in order["lines"] if each["sku"] == "0018")
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"lines": [{"line": line["id"], "quantity": 1}], "reason": "x"})
    rig.ship()
    order = rig.read(order)
    rest = Decimal(order["total"]["amount"]) - Decimal(line["total"]["amount"])
    assert (order["payment_status"], units(order["payments"][0])) == ("paid", rest)
    second = rig.order(payment=card())
    rig.ok("POST", f"/api/orders/{second['id']}/cancel", {"reason": "changed my mind"})
    rig.settle()
    assert (rig.read(second)["payment_status"], rig.read(second)["payments"][0]["status"]) == ("voided", "canceled")


def test_edit_charged_at_adyen(rig: Rig) -> None:
    """What an agent adds is charged on top by a card of Adyen's form, and its webhook is known as an extra charge."""
    order = rig.order(payment=card())
    change = {"add": [{"sku": "F-601", "quantity": 1}], "reason": "by phone"}
    rig.ok("POST", f"/api/orders/{order['id']}/edit", {**change, "payment_method": card()["payment_method"]})
    rig.settle()
    order = rig.read(order)
    assert [each["gateway"] for each in order["payments"]] == ["adyen", "adyen"]
    assert sum(map(units, order["payments"])) == Decimal(order["total"]["amount"])


def test_refunds_at_adyen_and_its_console(rig: Rig) -> None:
    """Parts and the rest are given back once; what its console gives back is taken over with its worth at home."""
    order = rig.order("USD", payment=card(), lines=(("0017", 3),))
    part = {"lines": [{"line": "1", "quantity": 1}], "reason": "broken"}
    rig.ok("POST", f"/api/orders/{order['id']}/refunds", part, **{"idempotency-key": "one"})
    rig.ok("POST", f"/api/orders/{order['id']}/refunds", part, **{"idempotency-key": "one"})
    rig.settle()
    adyen(rig, f"{order['payments'][0]['reference']}/refunds", 100, "USD")
    rig.settle()
    order = rig.read(order)
    ours, console = order["refunds"]
    assert (ours["status"], console["status"]) == ("succeeded", "succeeded")
    assert order["payment_status"] == "partially_refunded"
    assert Decimal(console["amount"]["amount"]) == 1 and console["console"]
    assert units(order["payments"][0], "refunded") == 1 + Decimal(ours["amount"]["amount"])


def test_refund_that_comes_back(rig: Rig) -> None:
    """A refund that worked and is rejected a day later is not counted as given back any more."""
    order = rig.order(payment=card(holder="refund failed"))
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"reason": "changed my mind"})
    rig.settle()
    assert rig.read(order)["payment_status"] == "refunded"
    rig.advance(days=1, minutes=1)
    order = rig.read(order)
    assert (order["payment_status"], units(order["payments"][0], "refunded")) == ("paid", Decimal(0))
    assert order["refunds"][0]["status"] == "failed"


def test_forged_notifications_are_refused(rig: Rig) -> None:
    """Events are believed only with their signature over what they say, and acted on only for our own account."""
    order = rig.order(payment=card())
    item = {
        "amount": {"value": 1, "currency": "EUR"},
        "eventCode": "REFUND",
        "merchantAccountCode": "AssayECOM",
        "merchantReference": order["number"],
        "originalReference": order["payments"][0]["reference"],
        "pspReference": "FORGED",
        "success": "true",
    }
    fields = ("FORGED", item["originalReference"], "AssayECOM", order["number"], "1", "EUR", "REFUND", "true")
    made = hmac.new(bytes.fromhex(SECRETS["ADYEN_HMAC_KEY"]), ":".join(fields).encode(), hashlib.sha256).digest()
    for signature, amount, expected in ((base64.b64encode(made).decode(), 2, 401), ("", 1, 401)):
        told = {**item, "amount": {"value": amount, "currency": "EUR"}, "additionalData": {"hmacSignature": signature}}
        body = {"live": "false", "notificationItems": [{"NotificationRequestItem": told}]}
        assert rig.call("POST", "/webhooks/adyen", body)[0] == expected
    for wrong in ({"value": "12.5", "currency": "EUR"}, {"value": None, "currency": "EUR"}, {"value": 1}, None):
        body = {"live": "false", "notificationItems": [{"NotificationRequestItem": {**item, "amount": wrong}}]}
        assert rig.call("POST", "/webhooks/adyen", body)[0] == 400
    other = {**item, "merchantAccountCode": "OtherECOM"}
    fields = ("FORGED", item["originalReference"], "OtherECOM", order["number"], "1", "EUR", "REFUND", "true")
    made = hmac.new(bytes.fromhex(SECRETS["ADYEN_HMAC_KEY"]), ":".join(fields).encode(), hashlib.sha256).digest()
    other["additionalData"] = {"hmacSignature": base64.b64encode(made).decode()}
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": other}]}
    assert rig.call("POST", "/webhooks/adyen", body)[:2] == (200, {"outcome": "not ours"})
    assert rig.read(order)["refunds"] == []
    event = {"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {}}
    headers = {
        "paypal-transmission-id": "a",
        "paypal-transmission-time": "b",
        "paypal-transmission-sig": base64.b64encode(b"x" * 256).decode(),
        "paypal-auth-algo": "SHA256withRSA",
    }
    for certificate in (
        "https://api.paypal.com/v1/notifications/certs/CERT-assay000-00000001-2026",
        "https://x.example/c",
    ):
        assert rig.call("POST", "/webhooks/paypal", event, **headers, **{"paypal-cert-url": certificate})[0] == 401
    assert rig.read(order)["refunds"] == []


@pytest.mark.parametrize("currency", ["EUR", "JPY", "HUF"])
def test_paypal_takes_what_was_approved(rig: Rig, currency: str) -> None:
    """The customer approves, comes back and has an order; PayPal was told lines, tax and shipping that add up."""
    order = by_paypal(rig, currency, lines=(("0017", 7), ("00420", 3)))
    [payment] = order["payments"]
    assert (order["payment_status"], units(payment)) == ("paid", Decimal(order["total"]["amount"]))
    told = paypal(rig, "GET", f"/v2/checkout/orders/{payment['reference']}")["purchase_units"][0]
    assert told["invoice_id"] == order["number"] and told["custom_id"].startswith("chk_")
    assert len(told["items"]) == 2 and "tax_total" in told["amount"]["breakdown"]


def test_paypal_with_coupon_gift_card_and_cash_rounding(rig: Rig) -> None:
    """Discounts, a gift card's part and a rounded total leave a breakdown that adds up."""
    rig.settings(cash_rounding={"EUR": "0.05"})
    cart = rig.cart(lines=(("0017", 3), ("0018", 1)))
    rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "WELCOME10"})
    gift = rig.ok("POST", "/api/operator/gift-cards", {"value": {"amount": "3.33", "currency": "EUR"}})
    status, waiting = rig.checkout(cart, {"kind": "paypal", "gift_card": gift["code"]})
    assert status == 202, waiting
    _, order = rig.call("GET", visit(rig, waiting, outcome="approve"))
    paid = {each["gateway"]: units(each) for each in order["payments"]}
    assert paid["gift_card"] == Decimal("3.33") and sum(paid.values()) == Decimal(order["total"]["amount"])


def test_paypal_without_the_browser(rig: Rig) -> None:
    """An approved order is paid and made by PayPal's webhook alone, once."""
    waiting, back = approved(rig, rig.cart())
    rig.settle()
    order = rig.read(waiting["order"])
    assert (order["payment_status"], len(order["payments"])) == ("paid", 1)
    assert rig.call("GET", back)[0] == 200 and len(rig.read(order)["payments"]) == 1


def test_paypal_cancelled_and_declined(rig: Rig) -> None:
    """A customer who goes back unpaid, or whose wallet is refused, gets 402 and the cart again."""
    cart = rig.cart()
    _, waiting = rig.checkout(cart, {"kind": "paypal"})
    assert rig.call("GET", visit(rig, waiting, outcome="cancel"))[0] == 402
    _, back = approved(rig, cart, "declined")
    assert rig.call("GET", back)[0] == 402
    rig.settle()
    assert rig.checkout(cart)[0] == 201


def test_paypal_waits_for_an_e_check(rig: Rig) -> None:
    """An e-check leaves the order pending until PayPal tells that it cleared."""
    order = by_paypal(rig, instrument="echeck")
    assert (order["status"], order["payment_status"]) == ("pending", "pending")
    rig.advance(days=4)
    order = rig.read(order)
    assert order["payment_status"] == "paid" and order["status"] in ("confirmed", "processing")


def test_late_capture_and_void_at_paypal(rig: Rig) -> None:
    """On shipment PayPal's authorisation is captured in part and the rest released; a cancelled order's is voided."""
    rig.settings(capture="on_shipment")
    order = by_paypal(rig, lines=(("0017", 2), ("0018", 1)))
    assert order["payment_status"] == "authorised"
    line = next(each for each in order["lines"] if each["sku"] == "0018")
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"lines": [{"line": line["id"], "quantity": 1}], "reason": "x"})
    rig.ship()
    order = rig.read(order)
    rest = Decimal(order["total"]["amount"]) - Decimal(line["total"]["amount"])
    assert (order["payment_status"], units(order["payments"][0])) == ("paid", rest)
    rig.ok("POST", f"/api/orders/{order['id']}/refunds", {"lines": [{"line": "1", "quantity": 1}], "reason": "x"})
    rig.settle()
    assert rig.read(order)["refunds"][0]["status"] == "succeeded"
    second = by_paypal(rig)
    rig.ok("POST", f"/api/orders/{second['id']}/cancel", {"reason": "changed my mind"})
    rig.settle()
    assert rig.read(second)["payment_status"] == "voided"


def test_refunds_at_paypal_and_its_console(rig: Rig) -> None:
    """Parts and the rest are given back; what PayPal's console gives back comes in by webhook."""
    order = by_paypal(rig, lines=(("0017", 3),))
    rig.ok("POST", f"/api/orders/{order['id']}/refunds", {"lines": [{"line": "1", "quantity": 1}], "reason": "x"})
    rig.settle()
    told = paypal(rig, "GET", f"/v2/checkout/orders/{order['payments'][0]['reference']}")
    [capture] = told["purchase_units"][0]["payments"]["captures"]
    amount = {"amount": {"currency_code": "EUR", "value": "2.00"}}
    paypal(rig, "POST", f"/v2/payments/captures/{capture['id']}/refund", amount)
    rig.settle()
    refunds = rig.read(order)["refunds"]
    assert [each["status"] for each in refunds] == ["succeeded", "succeeded"] and refunds[1].get("console")
    left = Decimal(order["total"]["amount"]) - sum(Decimal(each["amount"]["amount"]) for each in refunds)
    rig.ok("POST", f"/api/orders/{order['id']}/refunds", {"amount": f"{left}", "reason": "the rest"})
    rig.settle()
    assert rig.read(order)["payment_status"] == "refunded"


def test_another_amount_captured_at_the_console_parks_the_order(rig: Rig) -> None:
    """A part of an authorisation that somebody captured elsewhere does not make the order paid; it waits for a look."""
    rig.settings(capture="on_shipment")
    order = rig.order(payment=card())
    rig.settle()
    adyen(rig, f"{order['payments'][0]['reference']}/captures", 1)
    rig.settle()
    order = rig.read(order)
    assert (order["payment_status"], order["hold"]) == ("authorised", "payment_review")
    rig.ship()
    assert rig.read(order)["payment_status"] == "authorised"


def test_methods_offered_by_currency(rig: Rig) -> None:
    """A cart is offered what takes its currency and total; anything else is refused before money is asked for."""

    def offered(currency: str) -> set[tuple[str, str | None]]:
        methods = rig.ok("GET", f"/api/carts/{rig.cart(currency)}/payment-methods")["methods"]
        return {(each["kind"], each["gateway"]) for each in methods}

    cards = {("card", "stripe"), ("card", "adyen"), ("gift_card", None), ("invoice", None)}
    assert offered("EUR") == cards | {("sepa", "stripe"), ("paypal", "paypal")}
    assert offered("KWD") == offered("IDR") == cards
    assert offered("HUF") == cards | {("paypal", "paypal")}
    status, refusal = rig.checkout(rig.cart("KWD"), {"kind": "paypal"})
    assert (status, refusal["error"]["code"]) == (422, "not_supported")
    rig.settings(card_gateways={"default": ["stripe", "adyen"], "USD": ["stripe"]}, paypal_currencies=["EUR"])
    assert ("card", "adyen") not in offered("USD") and ("paypal", "paypal") not in offered("USD")
    assert rig.checkout(rig.cart("USD"), card())[0] == 422
    assert rig.checkout(rig.cart(), {"kind": "card", "payment_method": '{"type": "ideal"}'})[0] == 422
