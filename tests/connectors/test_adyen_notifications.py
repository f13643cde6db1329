"""Adyen's connector hears what signed notifications in the journal tell of payments, and nothing that is not signed."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.attribution import attribute, read_creations
from assay.connectors.adyen import HEAD, Adyen, signed_webhook
from assay.connectors.adyen.notification import sign_item
from assay.errors import InfrastructureError, UsageError
from assay.masking import mask_body
from assay.money import Money
from assay.records import Call, MinorAmount, Order, Payment
from assay.roles import Http

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "adyen"
# The key and item of Adyen's own example of a signature, and what it signs them with.
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
EXAMPLE = {
    "pspReference": "7914073381342284",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "amount": {"value": 1130, "currency": "EUR"},
    "eventCode": "AUTHORISATION",
    "success": "true",
}
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def item(code: str, psp: str = "PSP1", *, minute: int = 0, value: int = 2790, **changes: Any) -> dict[str, Any]:
    """An item of a notification as Adyen sends it, signed with the account's key."""
    said: dict[str, Any] = {
        "amount": {"currency": "EUR", "value": value},
        "eventCode": code,
        "eventDate": f"2026-03-01T13:{minute:02}:00+01:00",
        "merchantAccountCode": "OurShop",
        "merchantReference": "R-1001",
        "paymentMethod": "visa",
        "pspReference": psp,
        "reason": "",
        "success": "true",
        **changes,
    }
    if code != "AUTHORISATION":
        said.setdefault("originalReference", "PSP1")
    extra = {**said.get("additionalData", {}), "hmacSignature": sign_item(said, KEY)}
    return {**said, "additionalData": extra}


def webhook(*items: dict[str, Any], path: str = "/webhooks/adyen", **changes: Any) -> Call:
    """A call of the journal that brought these items to the platform."""
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": each} for each in items]}
    told: dict[str, Any] = {
        "id": "call-1",
        "at": AT,
        "system": "platform",
        "way": "reverse",
        "method": "POST",
        "host": "shop.example",
        "path": path,
        "query": "",
        "status": 200,
        "duration_ms": 3,
        "refused": False,
        "request_headers": {"content-type": "application/json"},
        "request_body": mask_body(json.dumps(body)),
        "response_headers": {},
        "response_body": "[accepted]",
    }
    return Call(**{**told, **changes})


def listening(http: Http, **more: str) -> Adyen:
    """The connector under test, told that captures are asked for."""
    credentials = {"api_key": "key_canary", "merchant_account": "OurShop", "hmac_key": KEY, "capture": "manual"}
    return Adyen(http, {**credentials, **more})


@pytest.fixture
def adyen(http: Http) -> Adyen:
    """A connector of an account that captures by hand."""
    return listening(http)


def one(adyen: Adyen, *items: dict[str, Any]) -> Payment:
    """Return the one payment that these items tell of."""
    (payment,) = adyen.payments_told([webhook(*items)])
    return payment


def test_every_item_of_a_message_is_signed() -> None:
    """What goes out is the message with each item's own signature in it, and whatever else stood there."""
    second = {**EXAMPLE, "pspReference": "OTHER", "additionalData": {"cardBin": "411111"}}
    items = [{"NotificationRequestItem": each} for each in (EXAMPLE, second)]
    message = json.dumps({"live": "false", "notificationItems": items}).encode()
    body, _ = signed_webhook(message, {"hmac_key": KEY}, datetime(2026, 3, 2, tzinfo=UTC))
    first, other = (each["NotificationRequestItem"] for each in json.loads(body)["notificationItems"])
    assert first["additionalData"]["hmacSignature"] == sign_item(EXAMPLE, KEY)
    assert other["additionalData"] == {"cardBin": "411111", "hmacSignature": sign_item(second, KEY)}


def test_signs_as_adyens_own_example() -> None:
    """The signature of Adyen's published example is the published one."""
    assert sign_item(EXAMPLE, KEY) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="


def test_hears_a_payment_from_authorisation_to_refund(vendor: Any, adyen: Adyen) -> None:
    """What was told in several calls is one payment, raw in Adyen's units, and nobody was asked for it."""
    calls = [
        webhook(item("AUTHORISATION", additionalData={"shopperEmail": "zoe@example.com"})),
        webhook(item("CAPTURE", "CAP1", minute=5, value=2000)),
        webhook(item("REFUND", "REF1", minute=9, value=500), item("REFUND", "REF2", minute=9, success="false")),
    ]
    (payment,) = adyen.payments_told(calls)
    assert (payment.ref, payment.order_ref, payment.customer) == ("PSP1", "R-1001", "zoe@example.com")
    assert payment.amount == MinorAmount(2790, "EUR")
    assert payment.captured == MinorAmount(2000, "EUR")
    assert payment.refunded == MinorAmount(500, "EUR")
    assert [(each.ref, each.settled) for each in payment.refunds] == [("REF1", True)]
    assert (payment.phase, payment.status, payment.capturable) == ("captured", "REFUND", MinorAmount(0, "EUR"))
    assert payment.created_at == AT
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("items", "phase", "captured", "refunded", "declined"),
    [
        ([item("AUTHORISATION")], "authorised", 0, 0, False),
        ([item("AUTHORISATION", success="false", reason="Refused")], "open", 0, 0, True),
        ([item("AUTHORISATION"), item("CANCELLATION", "C1", minute=1)], "voided", 0, 0, False),
        ([item("AUTHORISATION"), item("CANCELLATION", "C1", minute=1, success="false")], "authorised", 0, 0, False),
        ([item("AUTHORISATION"), item("EXPIRE", "X1", minute=1)], "voided", 0, 0, False),
        ([item("AUTHORISATION"), item("CAPTURE", "C1"), item("CAPTURE_FAILED", "C1")], "authorised", 0, 0, False),
        (
            [item("AUTHORISATION"), item("CAPTURE", "C1"), item("REFUND", "R1"), item("REFUND_FAILED", "R1")],
            "captured",
            2790,
            0,
            False,
        ),
        (
            [item("AUTHORISATION"), item("CANCEL_OR_REFUND", "M1", additionalData={"modification.action": "cancel"})],
            "voided",
            0,
            0,
            False,
        ),
        (
            [
                item("AUTHORISATION"),
                item("CAPTURE", "C1"),
                item("CANCEL_OR_REFUND", "M1", additionalData={"modification.action": "refund"}),
            ],
            "captured",
            2790,
            2790,
            False,
        ),
        ([item("AUTHORISATION"), item("CHARGEBACK", "D1"), item("CAPTURE", "C1")], "captured", 2790, 0, False),
    ],
)
def test_events(
    adyen: Adyen, items: list[dict[str, Any]], phase: str, captured: int, refunded: int, declined: bool
) -> None:
    """Each event changes what it says and nothing else; one that did not succeed changes nothing."""
    payment = one(adyen, *items)
    assert (payment.phase, payment.captured.minor, payment.refunded.minor) == (phase, captured, refunded)
    assert payment.declined is declined


def test_an_adjusted_amount_is_the_amount(adyen: Adyen) -> None:
    """An authorisation that was raised is as large as it was raised to."""
    payment = one(adyen, item("AUTHORISATION"), item("AUTHORISATION_ADJUSTMENT", "A1", minute=3, value=3500))
    assert payment.amount == payment.capturable == MinorAmount(3500, "EUR")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_order_and_repetition_change_nothing(adyen: Adyen, seed: int, times: int) -> None:
    """Adyen delivers at least once and in any order: what is heard is the same."""
    told = [
        item("AUTHORISATION"),
        item("CAPTURE", "CAP1", minute=5, value=1000),
        item("CAPTURE", "CAP2", minute=6, value=1790),
        item("REFUND", "REF1", minute=8, value=500),
        item("REFUND", "REF2", minute=8, value=500),
    ]
    calls = [webhook(each) for each in told * times]
    random.Random(seed).shuffle(calls)
    assert adyen.payments_told(calls) == adyen.payments_told([webhook(*told)])


def test_an_account_that_captures_by_itself(http: Http) -> None:
    """Where an authorisation is a capture, it counts as one unless it was cancelled."""
    adyen = listening(http, capture="immediate")
    assert one(adyen, item("AUTHORISATION")).captured == MinorAmount(2790, "EUR")
    assert one(adyen, item("AUTHORISATION"), item("CANCELLATION", "C1", minute=1)).captured.minor == 0


@pytest.mark.parametrize(
    ("asked", "captured"),
    [
        ({"additionalData": {"manualCapture": "true"}}, 0),
        ({"additionalData": {"manualCapture": "false"}}, 2790),
        ({"captureDelayHours": 48}, 0),
        ({}, 2790),
    ],
)
def test_what_the_platform_asked_to_hold_is_not_captured(http: Http, asked: dict[str, Any], captured: int) -> None:
    """A payment asked to be captured later is authorised alone, though the account captures by itself."""
    adyen = listening(http, capture="immediate")
    made = replace(
        webhook(),
        way="proxy",
        path="/v72/payments",
        request_body=json.dumps({"reference": "R-1001", **asked}),
        response_body=json.dumps({"pspReference": "PSP1", "resultCode": "Authorised"}),
    )
    (payment,) = adyen.payments_told([made, webhook(item("AUTHORISATION"))])
    assert payment.captured.minor == captured
    (other,) = adyen.payments_told([made, webhook(item("AUTHORISATION", "PSP2", merchantReference="R-1002"))])
    assert other.captured.minor == 2790


def test_an_undeclared_capture_is_not_guessed(http: Http) -> None:
    """Where nobody said how the account captures, an authorisation alone says nothing, and the line is named."""
    adyen = Adyen(http, {"api_key": "key_canary", "merchant_account": "OurShop", "hmac_key": KEY})
    with pytest.raises(UsageError, match="captures by itself") as refused:
        adyen.payments_told([webhook(item("AUTHORISATION"))])
    assert "ADYEN_CAPTURE" in str(refused.value)
    assert one(adyen, item("AUTHORISATION"), item("CAPTURE", "C1")).captured.minor == 2790
    assert one(adyen, item("AUTHORISATION", success="false")).phase == "open"


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"currency": "EUR", "value": 1}},
        {"amount": {"currency": "JPY", "value": 2790}},
        {"merchantReference": "R-1002"},
        {"pspReference": "PSP9"},
        {"success": "false"},
        {"eventCode": "CAPTURE"},
        {"additionalData": {"hmacSignature": "AAAA"}},
        {"additionalData": {}},
        {"additionalData": "none"},
    ],
)
def test_a_forgery_is_not_heard(adyen: Adyen, change: dict[str, Any]) -> None:
    """Whoever changes a signed field, or does not sign at all, has told nothing."""
    assert adyen.payments_told([webhook({**item("AUTHORISATION"), **change})]) == []


def test_a_later_journal_knows_no_amount(adyen: Adyen) -> None:
    """A payment of which the authorisation was not told is left out, not made up from its refund."""
    assert adyen.payments_told([webhook(item("REFUND", "REF1"))]) == []


def test_other_accounts_calls_and_bodies_are_left_alone(adyen: Adyen) -> None:
    """Another merchant account, calls of the platform itself, and bodies of other shapes tell nothing."""
    calls = [
        webhook(item("AUTHORISATION", merchantAccountCode="OtherShop")),
        webhook(item("AUTHORISATION"), way="proxy", system="adyen"),
        webhook(request_body='{"notificationItems": [7, {"NotificationRequestItem": "x"}]}'),
        webhook(request_body='{"notificationItems": {}}'),
        webhook(request_body="[]"),
        webhook(request_body="not json"),
        webhook(request_body="<20000 bytes, the first 16384 of them>", path="/webhooks/other"),
    ]
    assert adyen.payments_told(calls) == []


def test_what_the_journal_could_not_keep_is_said(adyen: Adyen) -> None:
    """A reference that was masked as a card number, and a body too long to be kept, make the witness unreadable."""
    with pytest.raises(LookupError, match="masked in the journal"):
        adyen.payments_told([webhook(item("AUTHORISATION", "4242424242424242"))])
    with pytest.raises(LookupError, match="too long for the journal"):
        adyen.payments_told([webhook(request_body="<20000 bytes, the first 16384 of them>")])


def test_without_a_key_nothing_is_believed(http: Http) -> None:
    """A profile without the webhook's key is told which line it lacks; a key that is none is refused unshown."""
    deaf = Adyen(http, {"api_key": "key_canary", "merchant_account": "OurShop"})
    with pytest.raises(UsageError, match="forged") as refused:
        deaf.payments_told([webhook(item("AUTHORISATION"))])
    assert "ADYEN_HMAC_KEY" in str(refused.value)
    with pytest.raises(UsageError, match="hexadecimal") as unread:
        listening(http, hmac_key="no key at all")
    assert "no key at all" not in str(unread.value)


@pytest.mark.parametrize("when", ["yesterday", "2026-03-01T13:00:00"])
def test_a_time_that_is_none_is_refused(adyen: Adyen, when: str) -> None:
    """An event without an instant is of no shape Adyen documents."""
    with pytest.raises(InfrastructureError, match="eventDate"):
        adyen.payments_told([webhook(item("AUTHORISATION", eventDate=when))])


def call_out(path: str, body: dict[str, Any], answer: dict[str, Any], **headers: str) -> Call:
    """A call of the platform to Adyen."""
    return webhook(
        way="proxy",
        system="adyen",
        host="checkout-test.adyen.com",
        path=path,
        request_headers=headers,
        request_body=json.dumps(body),
        response_body=json.dumps(answer),
    )


def order() -> Order:
    """An order of the shop that is known by its number alone."""
    total = Money(2790, "EUR")
    return Order(
        system="merchant",
        ref="ord_1",
        number="R-1001",
        status="open",
        payment_status="paid",
        total=total,
        placed_at=AT,
    )


PAY = {"amount": {"currency": "EUR", "value": 2790}, "reference": "R-1001", "shopperEmail": "zoe@example.com"}
PAID = {"pspReference": "PSP1", "resultCode": "Authorised", "merchantReference": "R-1001"}


@pytest.mark.parametrize("prefix", ["", "/checkout"])
def test_calls_find_their_order(prefix: str) -> None:
    """Payment, capture, refund and webhook of an order are attributed to it, at the test host and the live one."""
    calls = [
        call_out(f"{prefix}/v72/payments", PAY, PAID),
        call_out(f"{prefix}/v72/payments/PSP1/captures", {"reference": "c"}, {"pspReference": "CAP1"}),
        call_out(f"{prefix}/v72/payments/PSP1/refunds", {"reference": "r"}, {"pspReference": "REF1"}),
        webhook(item("REFUND", "REF1", merchantReference="")),
        call_out(f"{prefix}/v72/payments/PSP7/captures", {}, {"pspReference": "CAP7"}),
    ]
    found = attribute(calls, [order()], {"adyen": HEAD.references})
    assert found.by_order["ord_1"] == calls[:4]
    assert found.unattributed == calls[4:]


def test_creations_are_read_with_key_and_amount() -> None:
    """What must not be created twice is read with its key, purpose, amount and customer."""
    calls = [
        call_out("/v72/payments", PAY, PAID, **{"idempotency-key": "key-1"}),
        call_out("/v72/payments/PSP1/refunds", {"reference": "refund-1"}, {}, **{"idempotency-key": "key-2"}),
        call_out("/v72/paymentMethods", {}, {}),
    ]
    payment, refund = read_creations(calls, {"adyen": HEAD.creations})
    assert (payment.kind, payment.key, payment.purpose) == ("payment", "key-1", "R-1001")
    assert (payment.amount, payment.currency, payment.customer) == ("2790", "EUR", "zoe@example.com")
    assert (refund.kind, refund.key, refund.purpose) == ("refund", "key-2", "PSP1/refund-1")


@pytest.mark.skipif(not SPECS.exists(), reason="the vendor's documents are not here")
def test_events_are_of_adyens_document(adyen: Adyen) -> None:
    """Every event that is heard is in Adyen's document, and each of its examples of one is decoded."""
    document = json.loads((SPECS / "Webhooks-v1.json").read_text(encoding="utf-8"))
    heard = 0
    for name, example in document["components"]["examples"].items():
        for entry in example.get("value", {}).get("notificationItems", ()):
            said = entry["NotificationRequestItem"]
            first = item("AUTHORISATION", said.get("originalReference", said["pspReference"]))
            if name.startswith(("post-AUTHORISATION-", "post-CAPTURE-", "post-CANCELLATION-", "post-REFUND-")):
                told = {**said, "merchantAccountCode": "OurShop"}
                told["additionalData"] = {"hmacSignature": sign_item(told, KEY)}
                heard += len(adyen.payments_told([webhook(first, told)]))
    assert heard >= 4
    assert {"/CAPTURE_FAILED", "/EXPIRE", "/TECHNICAL_CANCEL", "/REFUNDED_REVERSED"} <= set(document["webhooks"])
