"""Stripe, asked over plain HTTP: payment intents, refunds, and the signature under its webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from tests.apps.other_shop.order import Payment, Refund
from tests.apps.other_shop.setting import Setting
from tests.apps.other_shop.trouble import Refusal
from tests.apps.other_shop.vendor import Wire

API_VERSION = "2023-08-16"
TOLERANCE_S = 300
SHOP = "werkladen"


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment intent as far as the shop cares; amount_received in minor units."""

    id: str
    status: str
    amount_received: int
    currency: str
    client_secret: str | None


class StripeWire:
    """The calls the shop makes; every writing call carries the payment's own idempotency key."""

    def __init__(self, setting: Setting) -> None:
        self._wire = Wire("Stripe", setting.stripe_base, timeout_s=setting.timeout_s)
        self._headers = {"Authorization": f"Bearer {setting.stripe_key}", "Stripe-Version": API_VERSION}
        self.close = self._wire.close

    def create(self, payment: Payment, number: str) -> Intent:
        """Announce a payment to Stripe; nothing is charged yet."""
        form = {
            "amount": str(payment.amount),
            "currency": payment.currency,
            "payment_method_types[]": "card",
            "description": f"Bestellung {number}",
            "metadata[order]": number,
            "metadata[shop]": SHOP,
        }
        return _intent(self._post("/v1/payment_intents", form, f"{payment.key}-create"))

    def confirm(self, payment: Payment) -> Intent:
        """Charge the payment method the customer brought; a bare token is made a payment method first."""
        method = payment.method
        if method.startswith("tok_"):
            form = {"type": "card", "card[token]": method}
            method = self._post("/v1/payment_methods", form, f"{payment.key}-method")["id"]
        path = f"/v1/payment_intents/{payment.intent}/confirm"
        return _intent(self._post(path, {"payment_method": method}, f"{payment.key}-confirm"))

    def retrieve(self, intent: str) -> Intent:
        """Return an intent as Stripe has it now."""
        return _intent(self._read(self._wire.send("GET", f"/v1/payment_intents/{intent}", headers=self._headers)))

    def cancel(self, payment: Payment) -> Intent:
        """Close an intent nobody will pay any more."""
        path = f"/v1/payment_intents/{payment.intent}/cancel"
        return _intent(self._post(path, {"cancellation_reason": "abandoned"}, f"{payment.key}-cancel"))

    def refund(self, refund: Refund, intent: str, number: str) -> tuple[str, str]:
        """Give the money back, or ask how an earlier refund is doing; return its id and status."""
        if refund.refund:
            found = self._read(self._wire.send("GET", f"/v1/refunds/{refund.refund}", headers=self._headers))
        else:
            form = {"payment_intent": intent, "amount": str(refund.amount), "metadata[order]": number}
            found = self._post("/v1/refunds", form, f"{refund.key}-refund")
        return found["id"], found["status"]

    def _post(self, path: str, form: Mapping[str, str], key: str) -> Any:
        headers = {**self._headers, "Idempotency-Key": key}
        return self._read(self._wire.send("POST", path, data=dict(form), headers=headers))

    def _read(self, answer: requests.Response) -> Any:
        content = self._wire.read(answer)
        if answer.ok:
            return content
        error = content.get("error", {})
        code = error.get("decline_code") or error.get("code") or error.get("type") or "unknown"
        raise self._wire.refused(answer, f"{code}: {error.get('message', '')}", code=code)


def read_event(body: bytes, header: str, *, secret: str, second: float) -> Mapping[str, Any]:
    """Return the event Stripe signed, or refuse it: the HMAC is over the bytes as they came, at most 5 minutes ago."""
    if not secret:
        raise Refusal("NO_SECRET", "STRIPE_WEBHOOK_SECRET is not set: events cannot be trusted")
    parts = [part.partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in parts if name.strip() == "t" and value.isdigit()]
    if not stamps or abs(second - int(stamps[0])) > TOLERANCE_S:
        raise Refusal("BAD_SIGNATURE", f"Stripe-Signature: expected t within {TOLERANCE_S} s of now")
    expected = hmac.new(secret.encode(), stamps[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not any(
        name.strip() == "v1" and hmac.compare_digest(value.encode(), expected.encode()) for name, value in parts
    ):
        raise Refusal("BAD_SIGNATURE", "Stripe-Signature: no v1 fits the body")
    try:
        event: Mapping[str, Any] = json.loads(body)
    except ValueError as error:
        raise Refusal("BAD_INPUT", "the body is not JSON") from error
    return event


def event_intent(event: Mapping[str, Any]) -> tuple[Intent, str | None]:
    """Return the intent inside an event, and the number of our order if it is one of ours."""
    content = event["data"]["object"]
    metadata = content.get("metadata") or {}
    return _intent(content), metadata.get("order") if metadata.get("shop") == SHOP else None


def _intent(content: Mapping[str, Any]) -> Intent:
    return Intent(
        id=content["id"],
        status=content["status"],
        amount_received=content.get("amount_received") or 0,
        currency=content["currency"],
        client_secret=content.get("client_secret"),
    )
