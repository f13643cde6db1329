"""Payment intents of the Stripe simulator: the whole life of a payment, asked over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.mocks.stripe_caller import Caller
from tests.mocks.stripe_server import StripeServer

INTENTS = "/v1/payment_intents"


def paid(stripe: Caller, **form: Any) -> dict[str, Any]:
    """Return an intent created and confirmed in one call."""
    reply = stripe.post(
        INTENTS, **{"amount": 2599, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, **form}
    )
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


def types_of(stripe: Caller) -> list[str]:
    """Return the types of all events, oldest first."""
    return [event["type"] for event in stripe.get("/v1/events", limit=100).body["data"]][::-1]


def test_automatic_capture_succeeds_in_one_call(stripe: Caller) -> None:
    """Create with confirm charges the card, and everything the caller said is kept on intent and charge."""
    shipping = {"name": "Zoë Müller", "address": {"line1": "1 rue de l'Été", "city": "Paris", "country": "FR"}}
    intent = paid(
        stripe,
        metadata={"order_id": "A-1", "checkout_id": "c&<1>"},
        description="Order A-1",
        receipt_email="zoe@example.com",
        statement_descriptor="ASSAY A-1",
        shipping=shipping,
    )
    assert (intent["status"], intent["amount_received"], intent["amount_capturable"]) == ("succeeded", 2599, 0)
    charge = stripe.get(f"/v1/charges/{intent['latest_charge']}").body
    for document in (intent, charge):
        assert document["metadata"] == {"order_id": "A-1", "checkout_id": "c&<1>"}
        assert document["description"] == "Order A-1"
        assert document["receipt_email"] == "zoe@example.com"
        assert document["statement_descriptor"] == "ASSAY A-1"
        assert document["shipping"]["address"]["line1"] == "1 rue de l'Été"
    assert charge["captured"] and charge["paid"] and charge["amount_captured"] == 2599
    assert types_of(stripe) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_create_then_confirm_then_read(stripe: Caller) -> None:
    """An intent waits for a payment method, then for confirmation, and is found by id and in the list."""
    intent = stripe.post(INTENTS, amount=500, currency="JPY").body
    assert (intent["status"], intent["currency"]) == ("requires_payment_method", "jpy")
    updated = stripe.post(f"{INTENTS}/{intent['id']}", payment_method="pm_card_visa").body
    assert updated["status"] == "requires_confirmation"
    assert stripe.post(f"{INTENTS}/{intent['id']}/confirm").body["status"] == "succeeded"
    assert stripe.get(f"{INTENTS}/{intent['id']}").body["status"] == "succeeded"
    assert [row["id"] for row in stripe.get(INTENTS).body["data"]] == [intent["id"]]


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
def test_a_declined_card_is_recorded(stripe: Caller, method: str, code: str, decline_code: str) -> None:
    """A decline is 402 with its codes; intent and failed charge stay readable and another card can pay."""
    reply = stripe.post(INTENTS, amount=2599, currency="eur", payment_method=method, confirm=True)
    assert reply.status == 402
    error = reply.error
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, decline_code)
    intent = stripe.get(f"{INTENTS}/{error['payment_intent']['id']}").body
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["charge"] == intent["latest_charge"] == error["charge"]
    charge = stripe.get(f"/v1/charges/{error['charge']}").body
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, code)
    assert stripe.post(f"{INTENTS}/{intent['id']}/confirm", payment_method="pm_card_visa").body["status"] == "succeeded"
    charges = stripe.get("/v1/charges", payment_intent=intent["id"]).body["data"]
    assert [row["status"] for row in charges] == ["succeeded", "failed"]


def authenticated(intent: dict[str, Any], stripe: Caller, outcome: str) -> httpx.Response:
    """Do on the page of next_action what a cardholder would; return the redirect to the shop."""
    page = urlsplit(intent["next_action"]["redirect_to_url"]["url"])
    assert page.hostname == "hooks.stripe.com"
    address = f"{stripe.url}{page.path}?{page.query}"
    assert 'value="complete"' in httpx.get(address, trust_env=False).text
    return httpx.post(address, data={"outcome": outcome}, trust_env=False)


def test_three_d_secure_passed(stripe: Caller) -> None:
    """A card that needs 3D Secure waits for its holder, then pays; a replayed return changes nothing."""
    intent = paid(stripe, payment_method="pm_card_threeDSecure2Required", return_url="https://shop.example/back?cart=7")
    assert intent["status"] == "requires_action"
    back = authenticated(intent, stripe, "complete")
    assert back.status_code == 303
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert (
        query["cart"] == ["7"]
        and query["payment_intent"] == [intent["id"]]
        and query["redirect_status"] == ["succeeded"]
    )
    done = stripe.get(f"{INTENTS}/{intent['id']}", expand=["latest_charge"]).body
    assert (done["status"], done["next_action"]) == ("succeeded", None)
    assert done["latest_charge"]["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"
    page = urlsplit(intent["next_action"]["redirect_to_url"]["url"])
    again = httpx.post(f"{stripe.url}{page.path}?{page.query}", data={"outcome": "fail"}, trust_env=False)
    assert again.status_code == 303
    assert stripe.get(f"{INTENTS}/{intent['id']}").body["amount_received"] == 2599
    assert len(stripe.get("/v1/charges", payment_intent=intent["id"]).body["data"]) == 1


def test_three_d_secure_failed(stripe: Caller) -> None:
    """A holder who fails authentication leaves the intent waiting for another payment method, uncharged."""
    intent = paid(stripe, payment_method="pm_card_authenticationRequired", return_url="https://shop.example/back")
    back = authenticated(intent, stripe, "fail")
    assert parse_qs(urlsplit(back.headers["location"]).query)["redirect_status"] == ["failed"]
    failed = stripe.get(f"{INTENTS}/{intent['id']}").body
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert failed["latest_charge"] is None
    assert types_of(stripe)[-1] == "payment_intent.payment_failed"


def test_authentication_can_end_in_a_decline(stripe: Caller) -> None:
    """Some test cards pass authentication and are declined by the charge after it."""
    intent = paid(
        stripe, payment_method="pm_card_threeDSecureRequiredChargeDeclined", return_url="https://shop.example/"
    )
    authenticated(intent, stripe, "complete")
    failed = stripe.get(f"{INTENTS}/{intent['id']}").body
    assert (failed["status"], failed["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")


def test_authentication_without_a_customer_present(stripe: Caller) -> None:
    """Off session, or when told to fail rather than ask, a card that needs 3D Secure is refused with 402."""
    form: dict[str, Any] = {
        "amount": 900,
        "currency": "eur",
        "payment_method": "pm_card_authenticationRequired",
        "confirm": True,
    }
    for wish in ("off_session", "error_on_requires_action"):
        reply = stripe.post(INTENTS, **form, **{wish: "true"})
        assert (reply.status, reply.error["code"]) == (402, "authentication_required")


def test_manual_confirmation_after_authentication(stripe: Caller) -> None:
    """With confirmation_method manual the server confirms a second time and is not asked to authenticate again."""
    intent = paid(
        stripe,
        payment_method="pm_card_threeDSecureRequired",
        confirmation_method="manual",
        return_url="https://shop.example/",
    )
    authenticated(intent, stripe, "complete")
    assert stripe.get(f"{INTENTS}/{intent['id']}").body["status"] == "requires_confirmation"
    assert stripe.post(f"{INTENTS}/{intent['id']}/confirm").body["status"] == "succeeded"


def test_a_secure_payment_can_be_wished_for(stripe: Caller) -> None:
    """A card that merely supports 3D Secure asks for it on demand, through the SDK where no return URL is given."""
    intent = paid(stripe, payment_method_options={"card": {"request_three_d_secure": "any"}})
    assert intent["next_action"]["type"] == "use_stripe_sdk"
    assert paid(stripe)["status"] == "succeeded"


def test_a_hold_is_captured_in_part_and_the_rest_released(stripe: Caller) -> None:
    """A partial capture takes what was asked, gives the rest back without a booking, and cannot be repeated."""
    intent = paid(stripe, amount=10_000, capture_method="manual")
    assert (intent["status"], intent["amount_capturable"], intent["amount_received"]) == ("requires_capture", 10_000, 0)
    path = f"{INTENTS}/{intent['id']}/capture"
    too_much = stripe.post(path, amount_to_capture=10_001)
    assert (too_much.status, too_much.error["code"]) == (400, "amount_too_large")
    done = stripe.post(path, amount_to_capture=6_000).body
    assert (done["status"], done["amount"], done["amount_received"]) == ("succeeded", 10_000, 6_000)
    charge = stripe.get(f"/v1/charges/{done['latest_charge']}", expand=["balance_transaction"]).body
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (6_000, 4_000, False)
    assert charge["balance_transaction"]["amount"] == 6_000
    [release] = stripe.get("/v1/refunds", payment_intent=intent["id"]).body["data"]
    assert (release["amount"], release["balance_transaction"]) == (4_000, None)
    assert stripe.post(path).error["code"] == "payment_intent_unexpected_state"


def test_a_hold_is_cancelled_or_expires(stripe: Caller, stripe_server: StripeServer) -> None:
    """A cancelled hold and one nobody captured for seven days both end canceled with nothing booked."""
    first, second = (paid(stripe, capture_method="manual") for _ in range(2))
    canceled = stripe.post(f"{INTENTS}/{first['id']}/cancel", cancellation_reason="abandoned").body
    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", "abandoned")
    stripe_server.advance(days=7, seconds=1)
    expired = stripe.get(f"{INTENTS}/{second['id']}").body
    assert (expired["status"], expired["cancellation_reason"]) == ("canceled", "automatic")
    assert stripe.get("/v1/balance_transactions").body["data"] == []
    reasons = [row["reason"] for row in stripe.get("/v1/refunds").body["data"]]
    assert reasons == ["expired_uncaptured_charge", None]
    refused = stripe.post(f"{INTENTS}/{first['id']}/confirm", payment_method="pm_card_visa")
    assert (refused.status, refused.error["payment_intent"]["status"]) == (400, "canceled")


def test_updates_follow_the_status(stripe: Caller) -> None:
    """Before payment amount and currency change; afterwards only what does not touch the money; metadata merges."""
    intent = stripe.post(INTENTS, amount=500, currency="eur", metadata={"a": "1", "b": "2"}).body
    path = f"{INTENTS}/{intent['id']}"
    changed = stripe.post(path, amount=700, metadata={"a": "", "c": "3"}).body
    assert (changed["amount"], changed["metadata"]) == (700, {"b": "2", "c": "3"})
    stripe.post(f"{path}/confirm", payment_method="pm_card_visa")
    assert stripe.post(path, amount=800).error["code"] == "payment_intent_unexpected_state"
    assert stripe.post(path, description="late note", metadata="").body["metadata"] == {}


SEPA: dict[str, Any] = {
    "amount": 4200,
    "currency": "eur",
    "payment_method_types": ["sepa_debit"],
    "confirm": True,
    "mandate_data": {"customer_acceptance": {"type": "offline"}},
}
OWNER = {"name": "Zoë Müller", "email": "zoe@example.com"}


@pytest.mark.parametrize(
    ("iban", "status", "charge_status"),
    [
        ("DE89 3704 0044 0532 0130 00", "succeeded", "succeeded"),
        ("DE62370400440532013001", "requires_payment_method", "failed"),
    ],
)
def test_a_bank_debit_takes_days(
    stripe: Caller, stripe_server: StripeServer, iban: str, status: str, charge_status: str
) -> None:
    """A SEPA debit is processing for days of simulated time, then succeeds or fails as its test account says."""
    method = stripe.post(
        "/v1/payment_methods", type="sepa_debit", sepa_debit={"iban": iban}, billing_details=OWNER
    ).body
    intent = stripe.post(INTENTS, **SEPA, payment_method=method["id"]).body
    assert (intent["status"], intent["amount_received"]) == ("processing", 0)
    stripe_server.advance(days=4)
    assert stripe.get(f"{INTENTS}/{intent['id']}").body["status"] == "processing"
    stripe_server.advance(days=1)
    done = stripe.get(f"{INTENTS}/{intent['id']}", expand=["latest_charge"]).body
    assert (done["status"], done["latest_charge"]["status"]) == (status, charge_status)
    assert done["amount_received"] == (4200 if status == "succeeded" else 0)
    booked = [row["type"] for row in stripe.get("/v1/balance_transactions").body["data"]]
    assert booked == (["payment"] if status == "succeeded" else [])


def test_a_bank_debit_needs_euro_owner_and_mandate(stripe: Caller) -> None:
    """A debit without mandate or owner, in another currency, or from a wrong IBAN is refused and nothing is kept."""
    wrong = stripe.post("/v1/payment_methods", type="sepa_debit", sepa_debit={"iban": "DE89370400440532013001"})
    assert (wrong.status, wrong.error["code"]) == (400, "invalid_bank_account_iban")
    form = {**SEPA, "payment_method": "pm_success_de"}
    no_mandate = {name: value for name, value in form.items() if name != "mandate_data"}
    assert stripe.post(INTENTS, **no_mandate).error["code"] == "payment_intent_mandate_invalid"
    assert stripe.post(INTENTS, **{**form, "currency": "chf"}).error["param"] == "currency"
    nameless = stripe.post("/v1/payment_methods", type="sepa_debit", sepa_debit={"iban": "DE89370400440532013000"}).body
    assert stripe.post(INTENTS, **{**form, "payment_method": nameless["id"]}).error["param"] == "billing_details[name]"
    assert stripe.get(INTENTS).body["data"] == []


def test_a_payment_method_is_made_from_a_card_number(stripe: Caller) -> None:
    """The tokenising endpoint takes a publishable key, shows the last four digits only, and checks number and date."""
    with Caller(stripe.url, key="pk_test_assay") as shop:
        card = {"number": "4000 0025 0000 0003", "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        method = shop.post("/v1/payment_methods", type="card", card=card, billing_details={"name": "Anne"}).body
        assert (method["card"]["last4"], method["card"]["country"], method["card"]["brand"]) == ("0003", "FR", "visa")
        assert "4000002500000003" not in str(method)
        assert paid(stripe, payment_method=method["id"])["status"] == "succeeded"
        for change, code in (
            ({"number": "4242424242424241"}, "incorrect_number"),
            ({"exp_month": 13}, "invalid_expiry_month"),
            ({"exp_year": 2020}, "invalid_expiry_year"),
            ({"cvc": "1"}, "invalid_cvc"),
            ({"number": "4532015112830366"}, "card_declined"),
        ):
            reply = shop.post("/v1/payment_methods", type="card", card={**card, **change})
            assert (reply.status, reply.error["code"]) == (402, code)


def test_a_payment_method_is_spent_unless_it_belongs_to_a_customer(stripe: Caller) -> None:
    """A card used once without a customer cannot pay again; one saved with the customer can."""
    method = stripe.post("/v1/payment_methods", type="card", card={"token": "tok_visa"}).body["id"]
    paid(stripe, payment_method=method)
    again = stripe.post(INTENTS, amount=2599, currency="eur", payment_method=method, confirm=True)
    assert (again.status, again.error["param"]) == (400, "payment_method")
    customer = stripe.post("/v1/customers", email="a@example.com", name="Anne", payment_method="pm_card_visa").body
    [saved] = stripe.get("/v1/payment_methods", customer=customer["id"]).body["data"]
    for _ in range(2):
        assert paid(stripe, payment_method=saved["id"], customer=customer["id"])["customer"] == customer["id"]
    listed = stripe.get(INTENTS, customer=customer["id"]).body["data"]
    assert len(listed) == 2
    detached = stripe.post(f"/v1/payment_methods/{saved['id']}/detach").body
    assert detached["customer"] is None


def test_acknowledged_payments_survive_a_kill(stripe_server: StripeServer, stripe: Caller) -> None:
    """A payment that was answered is there, under its id, after SIGKILL and a new start."""
    intent = paid(stripe)
    stripe_server.kill_and_restart()
    with Caller(stripe_server.url) as again:
        assert again.get(f"{INTENTS}/{intent['id']}").body == intent
        assert paid(again)["id"] != intent["id"]
