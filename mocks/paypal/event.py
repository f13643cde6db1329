"""Events and the signed webhooks that carry them, and the endpoints that read, resend and verify them.

Follows the published Webhooks Management v1 document and https://developer.paypal.com/api/rest/webhooks/rest/: the
transmission headers, and up to 25 attempts over three days until the listener answers 2xx.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import orjson

from assay.simkit import Answer, Call
from mocks.paypal.account import Business, Document, written
from mocks.paypal.gate import query_of
from mocks.paypal.issue import Problem
from mocks.paypal.signature import ALGORITHM, CERTIFICATE_ID, certificate, is_signed, message, signed

DEFAULT_WEBHOOK_ID = "9ASSAY00HOOK00001"
# Twenty-five waits that add up to three days; PayPal documents the number and the span, not the steps.
_RETRIES_S = (60, 120, 300, 600, 900, 1_800, 2_700, 3_600, 5_400, 7_200, *(15_768,) * 15)
_CERTIFICATES = "/v1/notifications/certs"
_MOST_LISTED = 300
_KINDS = {
    "CHECKOUT.ORDER.APPROVED": ("checkout-order", "An order has been approved by buyer"),
    "PAYMENT.AUTHORIZATION.CREATED": ("authorization", "A payment authorization is created for {}"),
    "PAYMENT.AUTHORIZATION.VOIDED": ("authorization", "A payment authorization is voided for {}"),
    "PAYMENT.CAPTURE.COMPLETED": ("capture", "Payment completed for {}"),
    "PAYMENT.CAPTURE.PENDING": ("capture", "Payment pending for {}"),
    "PAYMENT.CAPTURE.REFUNDED": ("refund", "A {} capture payment was refunded"),
}
_VERIFIED = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")


def emit(business: Business, type_: str, resource: Document) -> None:
    """Record an event and tell the listener."""
    id_ = f"WH-{business.new_id('event')}-{business.new_id('event')}"
    kind, summary = _KINDS[type_]
    path = f"/v1/notifications/webhooks-events/{id_}"
    event = {
        "id": id_,
        "event_version": "1.0",
        "create_time": business.now(),
        "resource_type": kind,
        "resource_version": "2.0",
        "event_type": type_,
        "summary": summary.format(_said(resource)),
        "resource": resource,
        "links": [business.link(path, "self"), business.link(f"{path}/resend", "resend", "POST")],
    }
    business.events[id_] = event
    wanted = business.setting("webhook_events", ["*"])
    url = business.setting("webhook_url", None)
    if url and ("*" in wanted or type_ in wanted):
        retries = tuple(int(wait) for wait in business.setting("webhook_retries_s", _RETRIES_S))
        _post(business, str(url), orjson.dumps(event), retries)


def send_again(business: Business, unsent: Document) -> None:
    """Send a webhook nobody took once more, signed at the new instant."""
    _post(business, unsent["url"], unsent["body"].encode(), tuple(unsent["retries_s"]))


def verify(business: Business, call: Call, debug_id: str) -> Answer:
    """Answer POST /v1/notifications/verify-webhook-signature."""
    body = _object(call)
    missing = [name for name in (*_VERIFIED, "webhook_event") if not body.get(name)]
    if missing:
        return _refusal(debug_id, [f"/{name}" for name in missing])
    wrong = [name for name in _VERIFIED if not isinstance(body[name], str)]
    if wrong or not isinstance(body["webhook_event"], dict):
        return _refusal(debug_id, [f"/{name}" for name in wrong or ["webhook_event"]])
    told = orjson.dumps(body["webhook_event"])
    content = message(body["transmission_id"], body["transmission_time"], body["webhook_id"], told)
    is_ours = (
        body["auth_algo"] == ALGORITHM
        and body["webhook_id"] == _webhook_id(business)
        and body["cert_url"] == _certificate_url(business)
        and is_signed(content, body["transmission_sig"])
    )
    return Answer({"verification_status": "SUCCESS" if is_ours else "FAILURE"})


def list_(business: Business, call: Call, debug_id: str) -> Answer:
    """Answer GET /v1/notifications/webhooks-events: newest first, by type, time and transaction."""
    query = query_of(call)
    try:
        size = int(query.get("page_size", "10"))
    except ValueError:
        size = 0
    if not 1 <= size <= _MOST_LISTED:
        return _refusal(debug_id, ["page_size"])
    found = [
        event
        for event in reversed(list(business.events.values()))
        if query.get("event_type") in (None, event["event_type"])
        and query.get("transaction_id") in (None, event["resource"]["id"])
        and query.get("start_time", "") <= event["create_time"]
        and event["create_time"] <= query.get("end_time", "9")
    ]
    links = [business.link("/v1/notifications/webhooks-events", "self")]
    return Answer({"events": found[:size], "count": len(found[:size]), "links": links})


def retrieve(business: Business, call: Call, debug_id: str) -> Answer:
    """Answer GET /v1/notifications/webhooks-events/{event_id}."""
    return Answer(_found(business, call))


def resend(business: Business, call: Call, debug_id: str) -> Answer:
    """Answer POST /v1/notifications/webhooks-events/{event_id}/resend."""
    event = _found(business, call)
    url = business.setting("webhook_url", None)
    if url:
        _post(business, str(url), orjson.dumps(event), ())
    return Answer(event, 202)


def show_certificate(business: Business, call: Call) -> Answer:
    """Answer GET /v1/notifications/certs/{id}, without a token as PayPal does."""
    if call.params["id"] != CERTIFICATE_ID:
        return Answer("", 404, media_type="text/plain")
    return Answer(certificate(), media_type="application/x-pem-file")


def _post(business: Business, url: str, body: bytes, retries_s: tuple[int, ...]) -> None:
    number = business.world.ids.number("transmission")
    transmission = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{business.world.ids.seed}:transmission:{number}"))
    time = written(business.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "PayPal/AUHD-214.0-58843513",
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": time,
        "PAYPAL-TRANSMISSION-SIG": signed(message(transmission, time, _webhook_id(business), body)),
        "PAYPAL-AUTH-ALGO": ALGORITHM,
        "PAYPAL-AUTH-VERSION": "v2",
        "PAYPAL-CERT-URL": _certificate_url(business),
    }
    business.world.post(url, body, headers, retries_s=retries_s, renew="webhook")


def _webhook_id(business: Business) -> str:
    return str(business.setting("webhook_id", DEFAULT_WEBHOOK_ID))


def _certificate_url(business: Business) -> str:
    base = str(business.setting("certificate_base_url", "https://api.paypal.com"))
    return f"{base}{_CERTIFICATES}/{CERTIFICATE_ID}"


def _said(resource: Document) -> str:
    """Return the amount as summaries say it: without trailing zeros but one."""
    amount = resource.get("amount")
    if amount is None:
        return ""
    value = Decimal(amount["value"]).normalize()
    return (
        f"$ {value:.1f} {amount['currency_code']}"
        if value == value.to_integral()
        else f"$ {value} {amount['currency_code']}"
    )


def _found(business: Business, call: Call) -> Document:
    event: Document | None = business.events.get(call.params["event_id"])
    if event is None:
        raise Problem(404)
    return event


def _object(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except orjson.JSONDecodeError:
        raise Problem(400) from None
    if not isinstance(body, dict):
        raise Problem(400)
    return body


def _refusal(debug_id: str, fields: list[str]) -> Answer:
    """Refuse as Webhooks Management v1 does: an older error object than that of the v2 interfaces."""
    body = {
        "name": "VALIDATION_ERROR",
        "message": "Invalid data provided",
        "debug_id": debug_id,
        "details": [{"field": field, "issue": "Is missing or not valid"} for field in fields],
    }
    return Answer(body, 400)
