"""Events from vendors: checked over the raw bytes, handled once, in any order, never twice in effect."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from mocks.merchant.clients.stripe_client import is_signature_valid
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.errors import Refusal
from mocks.merchant.hub import tracking
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.stock import release_reservation
from mocks.merchant.seams import seam
from mocks.merchant.settings import secret
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import checkout, completion
from mocks.merchant.storefront.payment import expected_units, matches_order, payment_status_of, record_payment
from mocks.merchant.storefront.progress import find_order, move, move_payment
from mocks.merchant.storefront.refund import gateway_refund_seen, return_everything

_TOLERANCE_S = 300
_INTENT_EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.amount_capturable_updated",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
)
_REFUND_EVENTS = ("charge.refund.updated", "refund.created", "refund.updated", "refund.failed")


@seam("events in")
def is_authentic(raw: bytes, header: str | None, signing_secret: str, now_s: int) -> bool:
    """Say whether a payment event is signed with our secret over exactly these bytes."""
    return header is not None and is_signature_valid(raw, header, signing_secret, now_s, _TOLERANCE_S)


@seam("events in")
def is_repeated(known: bool) -> bool:
    """Say whether an event whose id was handled before is left alone."""
    return known


@seam("events in")
def on_event(shop: Shop, event: Mapping[str, Any]) -> str:
    """Handle one payment event and return what came of it; `unknown` asks the gateway to deliver it again."""
    kind, subject = event["type"], event["data"]["object"]
    if kind in _REFUND_EVENTS:
        return gateway_refund_seen(shop, subject)
    if kind not in _INTENT_EVENTS:
        return "not needed"
    checkout_id = (subject.get("metadata") or {}).get("checkout_id")
    if not checkout_id:
        return "not ours"
    if shop.database.one("SELECT 1 FROM checkouts WHERE id = ?", checkout_id) is None:
        return "unknown"
    return intent_seen(shop, checkout_id, subject)


@seam("events in")
def answer_to_unknown(kind: str) -> int:
    """Return the status answered to an event about something we do not know yet: not 2xx, so that it comes again."""
    return 409


@seam("events in")
def ups_is_authentic(given: str, expected: str) -> bool:
    """Say whether a tracking event carries the credential agreed with the carrier."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def stripe_webhook(shop: Shop, raw: bytes, header: str | None) -> str:
    """Take one payment event; return what came of it. Raises `Refusal` for a forged or unreadable one."""
    if not is_authentic(
        raw, header, secret(shop.config.vendors["stripe"], "webhook_secret_env"), shop.clock.timestamp()
    ):
        raise Refusal(400, "bad_signature", "The signature does not fit the body.")
    event = _readable(raw)
    known = shop.database.one("SELECT outcome FROM events WHERE id = ?", event["id"])
    if is_repeated(known is not None):
        return "repeated"
    outcome = on_event(shop, event)
    if outcome == "unknown":
        raise Refusal(answer_to_unknown(event["type"]), "unknown_subject", "Not known yet; deliver it again.")
    with shop.database.write() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO events VALUES (?, 'stripe', ?, ?, ?)",
            (event["id"], event["type"], shop.now_iso(), outcome),
        )
    shop.log.write("event", id=event["id"], type=event["type"], outcome=outcome)
    return outcome


def ups_webhook(shop: Shop, raw: bytes, headers: Mapping[str, str]) -> str:
    """Take one tracking event. Raises `Refusal` 401 without the agreed credential."""
    vendor = shop.config.vendors["ups"]
    expected = secret(vendor, "webhook_credential_env") or secret(vendor, "client_id_env")
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    given = (headers.get("credential") or bearer, headers.get("x-api-key") or "")
    if not any(ups_is_authentic(value, expected) for value in given):
        raise Refusal(401, "bad_credential", "The credential is missing or wrong.")
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "not_json", f"The body is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise Refusal(400, "not_an_object", "The body must be a JSON object.")
    return "taken" if tracking.apply_event(shop, content) else "not ours"


def intent_seen(shop: Shop, checkout_id: str, intent: Mapping[str, Any]) -> str:
    """Bring a checkout and its order to where its intent stands; late news of a lower state changes nothing."""
    row, body = checkout.load_checkout(shop.database.read(), checkout_id)
    if (intent.get("metadata") or {}).get("edit"):
        return "extra charge"
    status = str(intent["status"])
    if status in ("succeeded", "requires_capture", "processing") and not matches_order(
        int(intent["amount"]), str(intent["currency"]), expected_units(body), body["quote"]["currency"]
    ):
        shop.log.write("amount_differs", checkout=checkout_id, intent=intent["id"], alarm=True)
        return "amount differs"
    if row["status"] != "ordered":
        if status in ("succeeded", "requires_capture", "processing"):
            checkout.settle(shop, checkout_id, _with_charge(shop, intent))
            return "completed"
        return "noted"
    return _order_follows(shop, row, intent)


def _with_charge(shop: Shop, intent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an intent with its charge, which events name by id alone; without an answer it stays as it is."""
    charge = intent.get("latest_charge")
    if not isinstance(charge, str):
        return intent
    try:
        return {**intent, "latest_charge": shop.stripe.retrieve_charge(charge)}
    except (Unreachable, Refused) as error:
        shop.log.write("charge_unknown", intent=intent["id"], error=str(error))
        return intent


def _order_follows(shop: Shop, row: Mapping[str, Any], intent: Mapping[str, Any]) -> str:
    with shop.database.write() as connection:
        order = find_order(connection, row["order_id"])
        payment = connection.execute(
            "SELECT status, kind FROM payments WHERE reference = ?", (intent["id"],)
        ).fetchone()
        if payment is None or is_old_news(payment["status"], str(intent["status"])):
            return "known"
        new = payment_status_of(str(intent["status"]))
        record_payment(connection, shop, row, intent, payment["kind"])
        if new == "paid" and order["status"] == "cancelled":
            return_everything(connection, shop, order, "paid after the order was cancelled")
            move_payment(connection, shop, order["id"], "paid", "event")
            return "returned"
        if not move_payment(connection, shop, order["id"], new, "event"):
            return "late"
        if new in ("paid", "authorised"):
            completion.payment_arrived(connection, shop, order["id"], "payment arrived")
        elif new in ("failed", "voided") and order["status"] == "pending":
            _payment_failed(shop, row, order["id"])
    return new


@seam("events in")
def is_old_news(payment_status: str, intent_status: str) -> bool:
    """Say whether an event tells nothing new of a payment: it is final already, or stands there already."""
    return payment_status in ("succeeded", "canceled") or payment_status == intent_status


@seam("stock and bundles")
def stock_after_failed_debit(order_id: str) -> bool:
    """Say whether the stock of an order whose debit bounced is given back."""
    return True


def _payment_failed(shop: Shop, row: Mapping[str, Any], order_id: str) -> None:
    with shop.database.write() as connection:
        order = find_order(connection, order_id)
        move(connection, shop, order_id, "cancelled", "payment failed")
        if stock_after_failed_debit(order_id):
            release_reservation(connection, row["id"], "payment failed")
        return_everything(connection, shop, order, "payment failed")
        write_message(connection, shop, order, "payment_failed")


def _readable(raw: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(raw)
        if isinstance(event, dict) and isinstance(event["id"], str) and isinstance(event["data"]["object"], dict):
            return event
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    raise Refusal(400, "not_an_event", "The body is no event.")
