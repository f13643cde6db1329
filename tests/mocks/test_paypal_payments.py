"""The PayPal simulator's payments: authorisations in parts and over time, refunds, fees, conversion, webhooks."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from decimal import Decimal
from zlib import crc32

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.mocks.conftest import SimulatedClock, serving
from tests.mocks.paypal_caller import WHOLE, Json, PaypalCaller, issues, money, unit
from tests.mocks.webhook_listener import listening

Serve = Callable[..., str]
WEBHOOK_ID = "9ASSAY00HOOK00001"


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> SimulatedClock:
    """The clock of this module's simulator; every test moves it on from where the last one left it."""
    return SimulatedClock(tmp_path_factory.mktemp("clock") / "clock.json")


@pytest.fixture(scope="module")
def paypal(tmp_path_factory: pytest.TempPathFactory, clock: SimulatedClock) -> Iterator[PaypalCaller]:
    """A caller of one simulator for this module, with a token that outlives it; every test pays orders of its own."""
    with serving(tmp_path_factory.mktemp("paypal"), clock) as serve:
        url = serve("paypal", {"token_lifetime_s": 999_999_999})
        with PaypalCaller(url) as caller:
            yield caller


def test_an_authorisation_is_captured_in_parts(paypal: PaypalCaller) -> None:
    """Parts add up, the rest is taken without an amount, and a captured authorisation gives no more."""
    held = paypal.held(unit("40.00"))["id"]
    first = paypal.capture(held, {"amount": money("10.00")}, **WHOLE).json()
    assert first["supplementary_data"]["related_ids"]["authorization_id"] == held
    assert paypal.get(f"/v2/payments/authorizations/{held}").json()["status"] == "PARTIALLY_CAPTURED"
    rest = paypal.capture(held, **WHOLE).json()
    assert rest["amount"] == money("30.00")
    assert paypal.get(f"/v2/payments/authorizations/{held}").json()["status"] == "CAPTURED"
    assert issues(paypal.capture(held)) == (422, ["AUTHORIZATION_ALREADY_CAPTURED"])
    assert issues(paypal.post(f"/v2/payments/authorizations/{held}/void")) == (422, ["PREVIOUSLY_CAPTURED"])
    order = paypal.order(first["supplementary_data"]["related_ids"]["order_id"])
    captures = order["purchase_units"][0]["payments"]["captures"]
    assert [each["amount"]["value"] for each in captures] == ["10.00", "30.00"]


def test_all_captures_together_have_a_ceiling(paypal: PaypalCaller) -> None:
    """Up to 115 % of an authorisation may be captured, a cent more may not, and never in another currency."""
    held = paypal.held(unit("40.00"))["id"]
    assert issues(paypal.capture(held, {"amount": money("46.01")})) == (422, ["MAX_CAPTURE_AMOUNT_EXCEEDED"])
    mismatch = paypal.capture(held, {"amount": money("1.00", "USD")})
    assert issues(mismatch) == (422, ["AUTH_CAPTURE_CURRENCY_MISMATCH"])
    assert paypal.capture(held, {"amount": money("46.00")}).status_code == 201


def test_a_final_capture_is_the_last(paypal: PaypalCaller) -> None:
    """After a part marked final nothing more can be captured."""
    held = paypal.held(unit("40.00"))["id"]
    assert paypal.capture(held, {"amount": money("10.00"), "final_capture": True}).status_code == 201
    assert issues(paypal.capture(held)) == (422, ["AUTHORIZATION_ALREADY_CAPTURED"])


def test_a_void_gives_the_money_up(paypal: PaypalCaller) -> None:
    """A voided authorisation answers 204, or itself when asked for, and can be neither captured nor voided again."""
    held, shown = paypal.held()["id"], paypal.held()["id"]
    answer = paypal.post(f"/v2/payments/authorizations/{held}/void")
    assert (answer.status_code, answer.content) == (204, b"")
    whole = paypal.post(f"/v2/payments/authorizations/{shown}/void", **WHOLE)
    assert (whole.status_code, whole.json()["status"]) == (200, "VOIDED")
    assert issues(paypal.capture(held)) == (422, ["AUTHORIZATION_VOIDED"])
    assert issues(paypal.post(f"/v2/payments/authorizations/{held}/void")) == (422, ["PREVIOUSLY_VOIDED"])


def test_a_repeated_void_is_the_same_void(paypal: PaypalCaller) -> None:
    """A void repeated with its PayPal-Request-Id answers 204 again instead of refusing."""
    path = f"/v2/payments/authorizations/{paypal.held()['id']}/void"
    assert [paypal.post(path, PayPal_Request_Id="void-1").status_code for _ in range(2)] == [204, 204]
    assert issues(paypal.post(path, PayPal_Request_Id="void-2")) == (422, ["PREVIOUSLY_VOIDED"])


def test_an_authorisation_is_renewed_once(paypal: PaypalCaller, clock: SimulatedClock) -> None:
    """From the fourth day an authorisation is renewed once, both draw on one amount, and after 29 days it is over."""
    held = paypal.held(unit("40.00"))["id"]
    path = f"/v2/payments/authorizations/{held}/reauthorize"
    assert issues(paypal.post(path)) == (422, ["TRANSACTION_REFUSED"])
    clock.advance(days=4)
    again = paypal.post(path, **WHOLE).json()
    assert again["id"] != held
    assert issues(paypal.post(path)) == (422, ["REAUTHORIZATION_NOT_SUPPORTED"])
    assert issues(paypal.post(f"/v2/payments/authorizations/{again['id']}/void")) == (422, ["CANNOT_BE_VOIDED"])
    assert paypal.capture(again["id"], {"amount": money("39.00")}).status_code == 201
    assert issues(paypal.capture(held, {"amount": money("39.00")})) == (422, ["MAX_CAPTURE_AMOUNT_EXCEEDED"])
    clock.advance(days=26)
    assert issues(paypal.capture(held, {"amount": money("1.00")})) == (422, ["AUTHORIZATION_EXPIRED"])


def test_refunds_never_exceed_the_capture(paypal: PaypalCaller) -> None:
    """Parts and the rest add up to the capture; more, another currency and a second whole refund are refused."""
    capture = paypal.captured(unit("40.00"))["id"]
    part = paypal.refund(capture, {"amount": money("15.00"), "note_to_payer": "sorry"}, **WHOLE).json()
    assert (part["status"], part["amount"], part["note_to_payer"]) == ("COMPLETED", money("15.00"), "sorry")
    assert paypal.get(f"/v2/payments/captures/{capture}").json()["status"] == "PARTIALLY_REFUNDED"
    assert issues(paypal.refund(capture, {"amount": money("25.01")})) == (422, ["REFUND_AMOUNT_EXCEEDED"])
    foreign = paypal.refund(capture, {"amount": money("1.00", "USD")})
    assert issues(foreign) == (422, ["REFUND_CAPTURE_CURRENCY_MISMATCH"])
    rest = paypal.refund(capture, **WHOLE).json()
    assert rest["amount"] == money("25.00")
    assert rest["seller_payable_breakdown"]["total_refunded_amount"] == money("40.00")
    assert paypal.get(f"/v2/payments/captures/{capture}").json()["status"] == "REFUNDED"
    assert issues(paypal.refund(capture)) == (422, ["CAPTURE_FULLY_REFUNDED"])
    assert paypal.get(f"/v2/payments/refunds/{rest['id']}").json() == rest


def test_a_repeated_refund_gives_back_once(paypal: PaypalCaller, clock: SimulatedClock) -> None:
    """A refund repeated with its PayPal-Request-Id within 45 days is the same refund; another id is another refund."""
    capture = paypal.captured(unit("40.00"))["id"]
    first = paypal.refund(capture, {"amount": money("5.00")}, PayPal_Request_Id="r-1").json()["id"]
    clock.advance(days=44)
    assert paypal.refund(capture, {"amount": money("5.00")}, PayPal_Request_Id="r-1").json()["id"] == first
    assert paypal.refund(capture, {"amount": money("5.00")}, PayPal_Request_Id="r-2").json()["id"] != first


def test_refunds_end_after_180_days(paypal: PaypalCaller, clock: SimulatedClock) -> None:
    """A capture can be given back on its 180th day and no longer after it."""
    early, late = paypal.captured()["id"], paypal.captured()["id"]
    clock.advance(days=179)
    assert paypal.refund(early).status_code == 201
    clock.advance(days=1)
    assert issues(paypal.refund(late)) == (422, ["REFUND_TIME_LIMIT_EXCEEDED"])


def test_an_echeck_clears_after_three_days(paypal: PaypalCaller, clock: SimulatedClock) -> None:
    """A payment by e-check is pending, cannot be refunded, and completes by itself."""
    order = paypal.approved(instrument="echeck")
    [capture] = paypal.post(f"/v2/checkout/orders/{order}/capture").json()["purchase_units"][0]["payments"]["captures"]
    assert (capture["status"], capture["status_details"]["reason"]) == ("PENDING", "ECHECK")
    assert issues(paypal.refund(capture["id"])) == (422, ["PENDING_CAPTURE"])
    clock.advance(days=3)
    assert paypal.get(f"/v2/payments/captures/{capture['id']}").json()["status"] == "COMPLETED"
    assert paypal.refund(capture["id"]).status_code == 201


def test_fees_and_conversion_hold_to_the_minor_unit(serve_simulator: Serve) -> None:
    """Gross less fee is net in its own currency, and what arrives is net at the rate told, rounded to cents."""
    settings = {
        "fees": {"percent": "3", "fixed": {"JPY": "40", "EUR": "0.35"}},
        "held_currencies": ["EUR"],
        "exchange_rates": {"JPY": "160"},
        "conversion_percent": "2",
    }
    with PaypalCaller(serve_simulator("paypal", settings)) as paypal:
        own = paypal.captured(unit("100.00"))["seller_receivable_breakdown"]
        assert (own["paypal_fee"], own["net_amount"]) == (money("3.35"), money("96.65"))
        assert "receivable_amount" not in own
        foreign = paypal.captured(unit("10017", "JPY"))
        parts = foreign["seller_receivable_breakdown"]
        assert parts["paypal_fee"] == money("341", "JPY")
        assert parts["net_amount"] == money("9676", "JPY")
        rate = Decimal(parts["exchange_rate"]["value"])
        assert rate == Decimal("0.006125")
        assert parts["receivable_amount"] == money("59.27")
        back = paypal.refund(foreign["id"], **WHOLE).json()["seller_payable_breakdown"]
        assert back["net_amount"] == money("10017", "JPY")
        assert back["net_amount_breakdown"][0]["payable_amount"] == money("61.35")


def _told(body: bytes, headers: dict[str, str], **changed: object) -> Json:
    return {
        "auth_algo": headers["paypal-auth-algo"],
        "cert_url": headers["paypal-cert-url"],
        "transmission_id": headers["paypal-transmission-id"],
        "transmission_sig": headers["paypal-transmission-sig"],
        "transmission_time": headers["paypal-transmission-time"],
        "webhook_id": WEBHOOK_ID,
        "webhook_event": json.loads(body),
        **changed,
    }


def test_webhooks_tell_the_whole_story(serve_simulator: Serve, sim_clock: SimulatedClock) -> None:
    """Each step of a payment is one event, and can be read back and asked for again."""
    with listening() as heard, PaypalCaller(serve_simulator("paypal", {"webhook_url": heard.url})) as paypal:
        capture = paypal.captured()["id"]
        paypal.refund(capture)
        sim_clock.settle()
        told = sorted(body["event_type"] for body in heard.bodies)
        assert told == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"]
        found = paypal.get("/v1/notifications/webhooks-events", transaction_id=capture).json()
        assert (found["count"], found["events"][0]["resource"]["id"]) == (1, capture)
        event = found["events"][0]["id"]
        assert paypal.post(f"/v1/notifications/webhooks-events/{event}/resend", {}).status_code == 202
        sim_clock.settle()
        assert json.loads(heard.messages[-1][0])["id"] == event


def test_a_signature_is_verified_both_ways(serve_simulator: Serve, sim_clock: SimulatedClock) -> None:
    """The certificate at its address and PayPal's own endpoint accept a webhook, and neither accepts a forged one."""
    with listening() as heard, PaypalCaller(serve_simulator("paypal", {"webhook_url": heard.url})) as paypal:
        paypal.captured(unit("12.34"))
        sim_clock.settle()
        body, headers = heard.messages[-1]
        verify = "/v1/notifications/verify-webhook-signature"
        assert paypal.post(verify, _told(body, headers)).json() == {"verification_status": "SUCCESS"}
        forged = body.replace(b"12.34", b"12.35")
        for changed in (
            _told(forged, headers),
            _told(body, headers, webhook_id="OTHER"),
            _told(body, headers, transmission_sig="AAAA"),
            _told(body, headers, transmission_sig="é"),
        ):
            assert paypal.post(verify, changed).json() == {"verification_status": "FAILURE"}
        assert paypal.post(verify, {}).status_code == 400
        path = headers["paypal-cert-url"].removeprefix("https://api.paypal.com")
        key = x509.load_pem_x509_certificate(paypal.get(path).content).public_key()
    assert isinstance(key, RSAPublicKey)
    said = f"{headers['paypal-transmission-id']}|{headers['paypal-transmission-time']}|{WEBHOOK_ID}"
    signature = b64decode(headers["paypal-transmission-sig"])
    key.verify(signature, f"{said}|{crc32(body)}".encode(), PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(signature, f"{said}|{crc32(forged)}".encode(), PKCS1v15(), SHA256())


def test_a_webhook_nobody_takes_is_sent_25_times_more(serve_simulator: Serve, sim_clock: SimulatedClock) -> None:
    """A refused webhook comes again 25 times over three days, each time signed anew, and then no more."""
    with listening() as heard:
        heard.status = 503
        settings = {"webhook_url": heard.url, "webhook_events": ["CHECKOUT.ORDER.APPROVED"]}
        with PaypalCaller(serve_simulator("paypal", settings)) as paypal:
            paypal.captured()
            sim_clock.settle()
            for _ in range(60):
                sim_clock.advance(hours=2)
    assert len(heard.messages) == 26
    assert len({body for body, _ in heard.messages}) == 1
    assert len({headers["paypal-transmission-sig"] for _, headers in heard.messages}) == 26
    times = [headers["paypal-transmission-time"] for _, headers in heard.messages]
    assert times == sorted(times)


def test_an_empty_body_captures_and_refunds(paypal: PaypalCaller) -> None:
    """PayPal's own client sends no body with capture and refund; that is the whole amount."""
    order = paypal.approved(unit("7.00"))
    answer = paypal.call("POST", f"/v2/checkout/orders/{order}/capture", headers={"Content-Type": "application/json"})
    capture = answer.json()["purchase_units"][0]["payments"]["captures"][0]["id"]
    assert paypal.call("POST", f"/v2/payments/captures/{capture}/refund").status_code == 201
    assert paypal.get(f"/v2/payments/captures/{capture}").json()["status"] == "REFUNDED"


def test_too_many_requests_are_refused(serve_simulator: Serve) -> None:
    """Above the rate set for a second a call is refused with 429 in PayPal's words."""
    with PaypalCaller(serve_simulator("paypal", {"rate_limit_per_s": 2})) as paypal:
        answers = [paypal.create() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].json()["name"] == "RATE_LIMIT_REACHED"
