"""Events from vendors: checked over the raw bytes, handled once, in any order, never twice in effect."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from mocks.merchant.clients.stripe_client import is_signature_valid, refund_of, state_of
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.errors import Refusal
from mocks.merchant.hub import tracking
from mocks.merchant.hub.payment_news import payment_seen
from mocks.merchant.seams import seam
from mocks.merchant.settings import secret
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.refund import gateway_refund_seen

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
        return gateway_refund_seen(shop, refund_of(subject))
    if kind not in _INTENT_EVENTS:
        return "not needed"
    checkout_id = (subject.get("metadata") or {}).get("checkout_id")
    if not checkout_id:
        return "not ours"
    row = shop.database.one("SELECT status FROM checkouts WHERE id = ?", checkout_id)
    if row is None:
        return "unknown"
    return payment_seen(shop, checkout_id, state_of(subject if row["status"] == "ordered" else _charged(shop, subject)))


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
    note_event(shop, "stripe", event["id"], event["type"], outcome)
    return outcome


def note_event(shop: Shop, source: str, id_: str, kind: str, outcome: str) -> None:
    """Write down that an event was handled, so that it is handled once."""
    with shop.database.write() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", (id_, source, kind, shop.now_iso(), outcome)
        )
    shop.log.write("event", id=id_, type=kind, outcome=outcome)


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
    if not isinstance(content.get("trackingNumber"), str) or not isinstance(content.get("activityStatus"), dict):
        raise Refusal(400, "not_an_event", "The body is no tracking event.")
    if not all(isinstance(content["activityStatus"].get(each, ""), str) for each in ("type", "code", "description")):
        raise Refusal(400, "not_an_event", "What happened to the parcel is told in texts.")
    return "taken" if tracking.apply_event(shop, content) else "not ours"


def _charged(shop: Shop, intent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an intent with what the bank checked; without an answer it stays as it is."""
    try:
        return shop.stripe.with_charge(intent)
    except (Unreachable, Refused) as error:
        shop.log.write("charge_unknown", intent=intent["id"], error=str(error))
        return intent


def _readable(raw: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(raw)
        if all(isinstance(event[name], str) for name in ("id", "type")) and isinstance(event["data"]["object"], dict):
            return dict(event)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    raise Refusal(400, "not_an_event", "The body is no event.")
