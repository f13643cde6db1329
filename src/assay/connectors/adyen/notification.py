"""Standard webhooks as the journal keeps them: their items, whose word they are, and what they tell.

Follows Webhooks-v1.json and https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from assay.connectors.adyen.moves import Move
from assay.errors import UsageError
from assay.http import Answer
from assay.records import Call, MinorAmount

_PAYMENT = re.compile(r"/v\d+/payments$")
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
# Events of standard webhooks in the same words; an event that failed changes nothing but for an authorisation.
_EVENTS = {
    "AUTHORISATION": "authorised",
    "AUTHORISATION_ADJUSTMENT": "adjusted",
    "CAPTURE": "captured",
    "CAPTURE_FAILED": "capture failed",
    "CANCELLATION": "voided",
    "TECHNICAL_CANCEL": "voided",
    "EXPIRE": "voided",
    "REFUND": "refunded",
    "REFUND_FAILED": "refund failed",
    "REFUNDED_REVERSED": "refund failed",
}


def notification_items(call: Call) -> Iterator[Mapping[str, Any]]:
    """Return the items of a standard webhook; none where a call is no such thing.

    `LookupError` where the journal kept no body of a call to an endpoint of that name.
    """
    if call.method != "POST" or call.way != "reverse":
        return
    if call.request_body.startswith("<") and "adyen" in call.path.lower().split("/"):
        raise LookupError(f"a notification of adyen at {call.at:%H:%M:%S} UTC was too long for the journal")
    try:
        body = json.loads(call.request_body)
    except ValueError:
        return
    entries = body.get("notificationItems") if isinstance(body, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        item = entry.get("NotificationRequestItem") if isinstance(entry, dict) else None
        if isinstance(item, dict):
            yield item


def asked_to_hold(call: Call) -> set[str]:
    """Return the names of a payment the platform's own call asked to be captured later: PSP reference and its own.

    https://docs.adyen.com/online-payments/capture: ``manualCapture``, or a delay. Nothing for any other call.
    """
    if call.method != "POST" or call.way == "reverse" or not _PAYMENT.search(call.path):
        return set()
    try:
        asked, answered = json.loads(call.request_body), json.loads(call.response_body)
    except ValueError:
        return set()
    if not isinstance(asked, dict) or not isinstance(answered, dict):
        return set()
    more = asked.get("additionalData")
    manual = isinstance(more, dict) and str(more.get("manualCapture", "")).lower() == "true"
    if not manual and not asked.get("captureDelayHours"):
        return set()
    return {str(name) for name in (asked.get("reference"), answered.get("pspReference")) if name}


def sign_item(item: Mapping[str, Any], key: str) -> str:
    """Return the signature of a notification's item: HMAC-SHA256 over eight of its fields, in base64.

    `UsageError` for a key that is not hexadecimal.
    """
    try:
        secret = bytes.fromhex(key)
    except ValueError:
        raise UsageError("hmac_key of adyen is no hexadecimal key", expected="64 digits 0 to 9, A to F") from None
    return base64.b64encode(hmac.new(secret, ":".join(signed_texts(item)).encode(), hashlib.sha256).digest()).decode()


def signed_webhook(body: bytes, credentials: Mapping[str, str], at: datetime) -> tuple[bytes, Mapping[str, str]]:
    """Return a message as Adyen would deliver it, with its headers: each item signed with ``hmac_key``."""
    content = json.loads(body)
    for entry in content["notificationItems"]:
        item = entry["NotificationRequestItem"]
        told = item.get("additionalData") or {}
        item["additionalData"] = {**told, "hmacSignature": sign_item(item, credentials["hmac_key"])}
    return json.dumps(content, ensure_ascii=False).encode(), {"content-type": "application/json; charset=utf-8"}


def signed_texts(item: Mapping[str, Any]) -> list[str]:
    """Return what of an item is signed, in the order in which it is."""
    amount = item.get("amount")
    amount = amount if isinstance(amount, Mapping) else {}
    return [
        *(str(item.get(name) or "") for name in _SIGNED),
        *(str(amount.get(name, "")) for name in ("value", "currency")),
        *(str(item.get(name, "")) for name in ("eventCode", "success")),
    ]


def additional(item: Mapping[str, Any], name: str) -> str:
    """Return a text of an item's additional data, empty where there is none; names may hold dots."""
    data = item.get("additionalData")
    value = data.get(name) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else ""


def decode_item(item: Mapping[str, Any]) -> Iterator[Move]:
    """Turn an item into the change it tells of; nothing for an event that changes nothing of a payment."""
    answer = Answer(item, system="adyen", operation="a notification")
    code, succeeded = answer.text("eventCode"), answer.text("success") == "true"
    kind = _EVENTS.get(code)
    if code == "CANCEL_OR_REFUND":
        kind = {"cancel": "voided", "refund": "refunded"}.get(additional(item, "modification.action"))
    if code == "AUTHORISATION" and not succeeded:
        kind = "refused"
    elif not succeeded:
        return
    if kind is None:
        return
    yield Move(
        payment_ref=answer.text_or("originalReference", "") or answer.text("pspReference"),
        kind=kind,
        word=code if succeeded else f"{code} failed",
        ref=answer.text("pspReference"),
        amount=MinorAmount(answer.integer("amount.value"), answer.text("amount.currency")),
        at=_instant(answer),
        order_ref=answer.text_or("merchantReference", "") or None,
        customer=additional(item, "shopperEmail") or None,
    )


def _instant(answer: Answer) -> datetime:
    try:
        at = datetime.fromisoformat(answer.text("eventDate"))
    except ValueError:
        answer.refuse("eventDate", "a time such as 2026-03-01T19:58:55+01:00")
    if at.tzinfo is None:
        answer.refuse("eventDate", "a time with its offset")
    return at.astimezone(UTC)
