"""Events from vendors: forged, repeated, parallel, late and reordered."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.mocks.merchant_rig import SECRETS, Rig, serving


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests; the gateway does not send events by itself."""
    quiet = {"stripe": {"webhook_url": None}}
    with serving(tmp_path_factory.mktemp("webhooks"), ("stripe", "sap_s4hana", "ups", "ecb"), quiet) as running:
        yield running


def event(kind: str, subject: dict[str, Any], name: str = "evt_1") -> bytes:
    """Return the raw body of an event, with text that a re-serialisation would change."""
    body = {"id": name, "type": kind, "zz": "é ü 漢 \\u00e9", "data": {"object": subject}, "a": 1}
    return json.dumps(body, ensure_ascii=False, separators=(", ", " : ")).encode()


def send(
    rig: Rig, raw: bytes, *, secret: str = SECRETS["STRIPE_WEBHOOK_SECRET"], age_s: int = 0, scheme: str = "v1"
) -> tuple[int, Any]:
    """Deliver a signed event and return the merchant's answer."""
    stamp = int(rig.now.timestamp()) - age_s
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    answer = rig.client.post(
        f"{rig.url}/webhooks/stripe", content=raw, headers={"stripe-signature": f"t={stamp},{scheme}={signature}"}
    )
    return answer.status_code, answer.json()


def paid_elsewhere(rig: Rig) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a checkout waiting for authentication and its intent, authenticated without the browser coming back."""
    _, waiting = rig.checkout(rig.cart(), {"kind": "card", "payment_method": "pm_card_threeDSecure2Required"})
    page = urlsplit(waiting["redirect_url"])
    rig.client.post(f"{rig.vendor['stripe']}{page.path}?{page.query}", data={"outcome": "complete"})
    intent = page.query.split("payment_intent=")[1].split("&")[0]
    return waiting, rig.stripe("GET", f"/v1/payment_intents/{intent}")


def test_forged_events_change_nothing(rig: Rig) -> None:
    """No signature, another secret, an old timestamp, an unknown scheme: refused, and the order does not exist."""
    waiting, intent = paid_elsewhere(rig)
    raw = event("payment_intent.succeeded", intent, "evt_forged")
    assert rig.client.post(f"{rig.url}/webhooks/stripe", content=raw).status_code == 400
    assert send(rig, raw, secret="whsec_other")[0] == 400
    assert send(rig, raw, age_s=4000)[0] == 400
    assert send(rig, raw, scheme="v0")[0] == 400
    assert rig.call("GET", f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}")[0] == 404


def test_event_over_raw_bytes_is_taken_once(rig: Rig) -> None:
    """A valid event makes the order; three parallel repeats and a later one change nothing."""
    waiting, intent = paid_elsewhere(rig)
    raw = event("payment_intent.succeeded", intent, "evt_parallel")
    with ThreadPoolExecutor(3) as pool:
        assert {status for status, _ in pool.map(lambda _: send(rig, raw), range(3))} == {200}
    first = rig.read(waiting["order"])
    assert send(rig, raw)[1]["outcome"] == "repeated"
    assert send(rig, event("payment_intent.succeeded", intent, "evt_other_id"))[0] == 200
    again = rig.read(waiting["order"])
    assert again["history"] == first["history"] and len(again["payments"]) == 1
    kinds = [message["kind"] for message in rig.ok("GET", f"/api/orders/{first['id']}/messages")["messages"]]
    assert kinds == ["order_confirmed"]


def test_underpaid_event_is_not_a_payment(rig: Rig) -> None:
    """An event over another amount or currency does not make an order."""
    waiting, intent = paid_elsewhere(rig)
    for changed in ({"amount": 1}, {"currency": "jpy"}):
        _, answer = send(rig, event("payment_intent.succeeded", {**intent, **changed}, f"evt_{changed}"))
        assert answer["outcome"] == "amount differs"
    assert rig.call("GET", f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}")[0] == 404


def test_late_news_takes_nothing_back(rig: Rig) -> None:
    """Events of earlier states after the payment, and after a refund, leave the order where it is."""
    order = rig.order()
    intent = rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
    for number, (kind, status) in enumerate(
        (("processing", "processing"), ("payment_failed", "requires_payment_method"))
    ):
        assert send(rig, event(f"payment_intent.{kind}", {**intent, "status": status}, f"evt_late{number}"))[0] == 200
    assert rig.read(order)["payment_status"] == "paid"
    rig.ok("POST", f"/api/orders/{order['id']}/refunds", {"amount": order["total"], "reason": "x"})
    send(rig, event("payment_intent.succeeded", intent, "evt_after_refund"))
    assert rig.read(order)["payment_status"] == "refunded"


def test_event_about_nothing_we_know_comes_again(rig: Rig) -> None:
    """An event of a checkout not stored yet is asked for again; foreign ones are acknowledged."""
    unknown = {
        "id": "pi_x",
        "status": "succeeded",
        "amount": 1,
        "currency": "eur",
        "metadata": {"checkout_id": "chk_x"},
    }
    assert send(rig, event("payment_intent.succeeded", unknown, "evt_unknown"))[0] == 409
    assert send(rig, event("payment_intent.succeeded", {**unknown, "metadata": {}}, "evt_foreign")) == (
        200,
        {"outcome": "not ours"},
    )
    assert send(rig, b'{"id": 1}')[0] == 400


def of_adyen(**changed: Any) -> dict[str, Any]:
    """Return an item of a notification, not signed."""
    whole = {
        "amount": {"value": 1, "currency": "EUR"},
        "eventCode": "CAPTURE",
        "merchantAccountCode": "AssayECOM",
        "merchantReference": "A1",
        "pspReference": "P1",
        "success": "true",
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


def test_an_event_of_another_shape_is_no_event(rig: Rig) -> None:
    """What is signed but names no type, and an item whose signature is not where it belongs, is refused with 400."""
    assert send(rig, b'{"id": "evt_x", "data": {"object": {}}}')[0] == 400
    assert send(rig, b'{"id": "evt_x", "type": 5, "data": {"object": {}}}')[0] == 400
    assert send(rig, b"[]")[0] == 400
    for item in (
        of_adyen(additionalData=[None, None]),
        of_adyen(additionalData="signed"),
        of_adyen(pspReference=None),
        of_adyen(merchantReference=7),
        of_adyen(merchantAccountCode=None),
        of_adyen(success="perhaps"),
    ):
        status, refusal = rig.call(
            "POST", "/webhooks/adyen", {"notificationItems": [{"NotificationRequestItem": item}]}
        )
        assert (status, refusal["error"]["code"]) == (400, "not_an_event")
    good = {"credential": SECRETS["UPS_WEBHOOK_CREDENTIAL"]}
    unreadable: tuple[dict[str, Any], ...] = (
        {},
        {"trackingNumber": "1Z"},
        {"trackingNumber": 5, "activityStatus": {}},
        {"activityStatus": {}},
        {"trackingNumber": "1Z", "activityStatus": {"type": "I", "code": 7, "description": "Out for delivery"}},
    )
    for body in unreadable:
        assert rig.call("POST", "/webhooks/ups", body, **good)[0] == 400


@pytest.mark.parametrize("vendor", ["stripe", "adyen", "paypal", "ups"])
def test_a_body_nobody_sends_is_too_large(rig: Rig, vendor: str) -> None:
    """More than a million bytes are not read, whoever says to have sent them."""
    answer = rig.client.post(f"{rig.url}/webhooks/{vendor}", content=b" " * 1_000_001)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_tracking_event_needs_its_credential(rig: Rig) -> None:
    """A tracking event without the agreed credential is refused; with it a delivered parcel delivers its order."""
    order = rig.order()
    rig.ship()
    tracking = rig.read(order)["shipments"][0]["tracking_number"]

    def push(kind: str, code: str, **headers: str) -> int:
        body = {"trackingNumber": tracking, "activityStatus": {"type": kind, "code": code, "description": "x"}}
        return rig.call("POST", "/webhooks/ups", body, **headers)[0]

    good = {"credential": SECRETS["UPS_WEBHOOK_CREDENTIAL"]}
    assert push("D", "FS") == 401 and push("D", "FS", credential="guess") == 401
    assert rig.read(order)["status"] == "shipped"
    assert push("Q", "??", **good) == 200 and rig.read(order)["shipments"][0]["status"] == "unknown"
    assert push("I", "OT", **good) == 200
    assert rig.read(order)["shipments"][0]["status"] == "out_for_delivery"
    assert push("D", "FS", **good) == 200 and rig.read(order)["status"] == "delivered"
    assert push("I", "DP", **good) == 200 and rig.read(order)["shipments"][0]["status"] == "delivered"
