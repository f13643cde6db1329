"""PayPal's webhooks: signature checked over the raw bytes, handled once; what they say is read again at PayPal.

Follows https://developer.paypal.com/api/rest/webhooks/event-names/ and the page named in `clients/paypal_client.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mocks.merchant.clients.gateway import Declined
from mocks.merchant.clients.paypal_client import paypal_is_authentic, refund_of
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.payment_news import payment_seen
from mocks.merchant.hub.webhook import answer_to_unknown, is_repeated, note_event
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import checkout
from mocks.merchant.storefront.reconcile import completes_alone
from mocks.merchant.storefront.refund import gateway_refund_seen

_NAME = "paypal"
_REFUNDS = ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED")


def paypal_webhook(shop: Shop, raw: bytes, headers: Mapping[str, str]) -> str:
    """Take one event; return what came of it. Raises `Refusal` for a forged or unreadable one, 503 to have it again."""
    try:
        certificate = shop.paypal.certificate(headers.get("paypal-cert-url", ""))
    except Refused as error:
        raise Refusal(401, "bad_signature", f"The certificate cannot be trusted: {error.detail}.") from error
    except Unreachable as error:
        raise Refusal(503, "unavailable", "The certificate could not be read; deliver it again.") from error
    if not paypal_is_authentic(raw, headers, shop.config.vendors[_NAME]["webhook_id"], certificate):
        raise Refusal(401, "bad_signature", "The signature does not fit the body.")
    event = _readable(raw)
    known = shop.database.one("SELECT outcome FROM events WHERE id = ?", event["id"])
    if is_repeated(known is not None):
        return "repeated"
    try:
        outcome = on_paypal_event(shop, event)
    except (Refused, Unreachable) as error:
        raise Refusal(503, "unavailable", f"PayPal could not be asked: {error}") from error
    if outcome == "unknown":
        raise Refusal(answer_to_unknown(event["event_type"]), "unknown_subject", "Not known yet; deliver it again.")
    note_event(shop, _NAME, event["id"], event["event_type"], outcome)
    return outcome


def on_paypal_event(shop: Shop, event: Mapping[str, Any]) -> str:
    """Handle one event and return what came of it; `unknown` asks PayPal to deliver it again."""
    kind, subject = event["event_type"], event["resource"]
    if kind in _REFUNDS:
        return _refunded(shop, subject)
    if kind == "CHECKOUT.ORDER.APPROVED":
        return _approved(shop, str(subject["id"]), subject["purchase_units"][0].get("custom_id"))
    if not kind.startswith(("PAYMENT.CAPTURE.", "PAYMENT.AUTHORIZATION.")):
        return "not needed"
    order = ((subject.get("supplementary_data") or {}).get("related_ids") or {}).get("order_id")
    row = shop.database.one("SELECT * FROM checkouts WHERE id = ?", subject.get("custom_id") or "")
    if row is None:
        return "unknown" if subject.get("custom_id") else "not ours"
    if row["intent"] != order:
        return "noted"  # the customer has chosen another way since
    return payment_seen(shop, row["id"], shop.paypal.retrieve(order))


def _approved(shop: Shop, order: str, ours: str | None) -> str:
    """Take the money of an order its customer approved, whether or not the browser comes back."""
    row = shop.database.one("SELECT * FROM checkouts WHERE id = ?", ours or "")
    if row is None:
        return "unknown" if ours else "not ours"
    if row["status"] != "requires_action" or row["intent"] != order or not completes_alone(row["status"]):
        return "noted"
    _, body = checkout.load_checkout(shop.database.read(), row["id"])
    try:
        state = shop.paypal.returned(order, {}, manual=bool(body["payment"].get("manual")))
        return payment_seen(shop, row["id"], state)
    except Declined as declined:
        try:
            checkout.settle(shop, row["id"], declined.state, declined=declined.code, message=declined.message)
        except Refusal as refusal:
            if refusal.status != 402:
                raise
        return "declined"


def _refunded(shop: Shop, refund: Mapping[str, Any]) -> str:
    capture = next((link["href"].rsplit("/", 1)[-1] for link in refund["links"] if link["rel"] == "up"), "")
    payment = shop.database.one(
        "SELECT reference FROM payments WHERE gateway = 'paypal' AND json_extract(body, '$.capture') = ?", capture
    )
    if payment is None:
        return "not ours"
    return gateway_refund_seen(shop, refund_of(refund, payment["reference"]))


def _readable(raw: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(raw)
        if all(isinstance(event[name], str) for name in ("id", "event_type")) and isinstance(event["resource"], dict):
            return dict(event)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    raise Refusal(400, "not_an_event", "The body is no event.")
