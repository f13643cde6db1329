"""What every call of the Adyen simulator passes: key, account, bodies, idempotency, currencies, signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.mocks.adyen_caller import HMAC_KEY, MERCHANT, Caller, Server, items, served
from tests.mocks.webhook_listener import listening


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The simulator of this module."""
    with served(tmp_path_factory.mktemp("adyen")) as running:
        yield running


@pytest.fixture
def adyen(server: Server) -> Iterator[Caller]:
    """A caller of the emptied simulator."""
    server.reset()
    caller = Caller(server.url)
    yield caller
    caller.close()


def test_keys_and_accounts(adyen: Caller) -> None:
    """A wrong key is 401, the key as Basic password is taken, another merchant account is 403."""
    body = {"merchantAccount": MERCHANT}
    basic = base64.b64encode(b"ws@Company.Assay:AQE_test_assay").decode()
    for key, status in (("no", 401), ("", 401), ("AQE_test_assay", 200)):
        assert adyen.post("/paymentMethods", body, X_API_Key=key).status_code == status
    adyen.forget_key()
    assert adyen.post("/paymentMethods", body).json()["errorCode"] == "000"
    assert adyen.post("/paymentMethods", body, Authorization=f"Basic {basic}").status_code == 200
    other = adyen.post("/paymentMethods", {"merchantAccount": "Other"}, Authorization=f"Basic {basic}")
    assert (other.status_code, other.json()["errorCode"], other.json()["errorType"]) == (403, "901", "security")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": None}, 422, "100"),
        ({"amount": {"value": "10", "currency": "EUR"}}, 422, "137"),
        ({"amount": {"value": 10.5, "currency": "EUR"}}, 422, "137"),
        ({"amount": {"value": True, "currency": "EUR"}}, 422, "137"),
        ({"amount": {"value": -1, "currency": "EUR"}}, 422, "137"),
        ({"amount": {"value": 10, "currency": "XXX"}}, 422, "138"),
        ({"amount": {"value": 10, "currency": "eur"}}, 422, "138"),
        ({"reference": None}, 422, "130"),
        ({"reference": "x" * 81}, 422, "29_001"),
        ({"returnUrl": None}, 422, "14_030"),
        ({"returnUrl": "http://[shop"}, 422, "192"),
        ({"reference": ["A"]}, 422, "192"),
        ({"paymentMethod": None}, 422, "14_006"),
        ({"paymentMethod": {"type": "alipay"}}, 500, "905"),
        ({"amount": {"value": 10, "currency": "USD"}, "paymentMethod": {"type": "ideal"}}, 500, "905"),
        ({"paymentMethod": {"type": "sepadirectdebit", "iban": "DE00", "ownerName": "Z"}}, 422, "161"),
        ({"paymentMethod": {"type": "scheme"}}, 422, "14_004"),
        ({"method": {"number": "4111111111111112"}}, 422, "101"),
        ({"method": {"number": 4111}}, 422, "14_005"),
        ({"method": {"cvc": "73"}}, 422, "103"),
        ({"method": {"cvc": "73x"}}, 422, "153"),
        ({"method": {"expiryMonth": "13"}}, 422, "140"),
        ({"method": {"expiryYear": "2020"}}, 422, "140"),
        ({"method": {"expiryYear": None}}, 422, "129"),
        ({"method": {"expiryYear": "1" * 5_000}}, 422, "129"),
        ({"method": {"number": None, "encryptedCardNumber": "adyenjs_x"}}, 422, "174"),
        ({"colour": "red"}, 400, "702"),
        ({"billingAddress": {"city": None}}, 400, "702"),
        ({"method": {"cvc": None}}, 400, "702"),
        ({"method": {"type": 7}}, 422, "192"),
    ],
)
def test_what_is_refused(adyen: Caller, change: dict[str, Any], status: int, code: str) -> None:
    """A request that makes no sense gets Adyen's status and error code, and creates nothing."""
    answer = adyen.pay(**change)
    assert (answer.status_code, answer.json()["status"], answer.json()["errorCode"]) == (status, status, code)
    gone = adyen.post("/cancels", {"merchantAccount": MERCHANT, "paymentReference": "A100001"})
    assert (gone.status_code, gone.json()["errorCode"]) == (422, "167")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"a": \xff}', b"null"])
def test_bodies_that_are_none(adyen: Caller, body: bytes) -> None:
    """A body that is no JSON object is 400 in Adyen's error shape."""
    answer = adyen.post("/payments", body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "702")


def test_unknown_payments_and_paths(adyen: Caller) -> None:
    """A modification of a payment nobody knows is 422, an unknown path 404, a zero capture 422."""
    assert adyen.modify("NOPE", "captures", 1).json()["errorCode"] == "167"
    assert adyen.post("/nope", {}).status_code == 404
    payment = adyen.pay(5).json()["pspReference"]
    assert adyen.modify(payment, "captures", 0).json()["errorCode"] == "137"
    assert adyen.modify(payment, "refunds", 1, merchantRefundReason="BORED").status_code == 422
    assert adyen.modify(payment, "refunds", 1, merchantRefundReason="RETURN").json()["merchantRefundReason"] == "RETURN"


def test_encrypted_fields_and_the_live_path(adyen: Caller) -> None:
    """Fields encrypted for test pay like plain ones; the live platform's folder leads to the same operations."""
    fields = {"encryptedCardNumber": "test_4111111111111111", "encryptedExpiryMonth": "test_03"}
    more = {"encryptedExpiryYear": "test_2030", "encryptedSecurityCode": "test_737", "type": "scheme"}
    assert adyen.pay(paymentMethod={**fields, **more}).json()["resultCode"] == "Authorised"
    assert adyen.post("/paymentMethods", {"merchantAccount": MERCHANT}, base="/checkout/v72").status_code == 200
    wrong = adyen.pay(method={"cvc": "111"}).json()
    assert (wrong["resultCode"], wrong["refusalReasonCode"]) == ("Refused", "2")


def test_payment_methods_by_place_and_currency(adyen: Caller) -> None:
    """What is offered follows currency, country, and what the shop allows and blocks."""

    def offered(**more: Any) -> list[str]:
        answer = adyen.post("/paymentMethods", {"merchantAccount": MERCHANT, **more}).json()
        return [each["type"] for each in answer["paymentMethods"]]

    assert offered() == ["scheme", "ideal", "sepadirectdebit"]
    assert offered(amount={"value": 1, "currency": "JPY"}) == ["scheme"]
    assert offered(countryCode="FR") == ["scheme", "sepadirectdebit"]
    assert offered(blockedPaymentMethods=["scheme"], countryCode="NL") == ["ideal", "sepadirectdebit"]
    assert offered(allowedPaymentMethods=["ideal"]) == ["ideal"]


def test_a_repeated_key_acts_once(adyen: Caller, server: Server) -> None:
    """A repeated idempotency key gives the first answer, whatever the body, for 31 days; a refused one as well."""
    first, again = adyen.pay(700, key="k-1"), adyen.pay(900, key="k-1")
    assert first.headers["idempotency-key"] == "k-1"
    assert first.json() == again.json()
    assert adyen.pay(700, key="k-2").json()["pspReference"] != first.json()["pspReference"]
    refused = adyen.pay(reference=None, key="k-3")
    assert (refused.status_code, adyen.pay(key="k-3").json()) == (422, refused.json())
    assert adyen.pay(colour="red", key="k-4").status_code == 400
    assert adyen.pay(key="k-4").status_code == 200
    assert adyen.pay(key="k" * 65).status_code == 422
    server.clock.advance(days=31)
    assert adyen.pay(900, key="k-1").json()["amount"]["value"] == 900


def test_currencies_that_leave_iso(adyen: Caller) -> None:
    """Amounts come back as Adyen counts them, in every currency; ISO's own codes Adyen does not list are refused."""
    for currency in ("JPY", "ISK", "CLP", "CVE", "IDR", "KWD", "HUF"):
        assert adyen.pay(123_400, currency).json()["amount"] == {"currency": currency, "value": 123_400}
    for currency in ("IRR", "XAU", "CLF"):
        assert adyen.pay(1, currency).json()["errorCode"] == "138"


def test_webhooks_are_signed_and_sent_until_taken(adyen: Caller, server: Server) -> None:
    """Every webhook carries the signature of its eight fields and comes again after 2, 5, 10 … minutes until 2xx."""
    with listening() as heard:
        heard.status = 503
        server.reset(webhook_url=heard.url, webhook_username="u", webhook_password="p")
        payment = adyen.pay(8_000, "JPY").json()["pspReference"]
        server.clock.settle()
        attempts = [server.clock.at]
        for minutes in (2, 5, 10, 15, 30, 60, 120, 240, 480, 480):
            before = len(heard.messages)
            server.clock.advance(minutes=minutes, seconds=-1)
            assert len(heard.messages) == before
            server.clock.advance(seconds=1)
            assert len(heard.messages) == before + 1
            attempts.append(server.clock.at)
        heard.status = 202
        server.clock.advance(hours=8)
        server.clock.advance(days=30)
    assert len(heard.messages) == len(attempts) + 1
    assert all(later > sooner for sooner, later in pairwise(attempts))
    assert len({body for body, _ in heard.messages}) == 1
    item = items(heard)[0]
    signed = f"{payment}::{MERCHANT}:A100001:8000:JPY:AUTHORISATION:true"
    digest = hmac.new(bytes.fromhex(HMAC_KEY), signed.encode(), hashlib.sha256).digest()
    assert item["additionalData"]["hmacSignature"] == base64.b64encode(digest).decode()
    assert heard.messages[0][1]["authorization"] == "Basic dTpw"


def test_no_card_number_is_kept(adyen: Caller, server: Server) -> None:
    """The simulator's state holds four digits of a card and neither its number nor its CVC."""
    adyen.pay(1)
    kept = server.state.read_text()
    assert "1111" in kept and "4111111111111111" not in kept and '"737"' not in kept
