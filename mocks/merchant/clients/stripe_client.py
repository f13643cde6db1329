"""The payment gateway, through the vendor's own SDK over our kept-alive connections.

Follows https://docs.stripe.com/api (payment intents, refunds) and https://docs.stripe.com/webhooks/signature.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe
from stripe._http_client import HTTPClient  # the SDK's documented extension point, not re-exported with its type

from mocks.merchant.clients.transport import Logger, Refused, Transport, Unreachable, timeout_s
from mocks.merchant.seams import seam

_VENDOR = "stripe"


@dataclass(frozen=True, slots=True)
class Declined(Exception):
    """The bank or the gateway refused the payment; the intent stays and may be tried with another card."""

    code: str
    message: str
    intent: dict[str, Any] = field(default_factory=dict)


@seam("events in")
def is_signature_valid(raw: bytes, header: str, secret: str, now_s: int, tolerance_s: int) -> bool:
    """Say whether a Stripe-Signature is right: HMAC-SHA256 over ``t.raw``, and not older than the tolerance."""
    parts = [piece.split("=", 1) for piece in header.split(",") if "=" in piece]
    stamps = [value for name, value in parts if name.strip() == "t"]
    if not stamps or not stamps[0].isdigit() or not secret:
        return False
    if abs(now_s - int(stamps[0])) > tolerance_s:
        return False
    expected = hmac.new(secret.encode(), stamps[0].encode() + b"." + raw, hashlib.sha256).hexdigest()
    given = [value for name, value in parts if name.strip() == "v1"]
    return any(hmac.compare_digest(expected.encode(), value.strip().encode()) for value in given)


@seam("clients and retries")
def sent_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of one try of a call: the idempotency key is the same for every try."""
    return headers


class _SdkTransport(HTTPClient):
    """Lets the SDK use our connections; the SDK keeps its own retries with one idempotency key."""

    name = "httpx"

    def __init__(self, transport: Transport, limit_s: float) -> None:
        super().__init__()
        self._transport = transport
        self._limit_s = limit_s

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Carry out one call of the SDK."""
        content = post_data.encode() if isinstance(post_data, str) else post_data
        operation = f"{method} {url.split('?')[0].split('/v1/')[-1]}"
        limit_s = timeout_s(_VENDOR, operation, self._limit_s)
        headers = sent_headers(dict(headers or {}))
        try:
            answer = self._transport.once(operation, method, url, headers=headers, content=content, limit_s=limit_s)
        except Unreachable as error:
            raise stripe.APIConnectionError(str(error), should_retry=True) from error  # type: ignore[no-untyped-call]
        return answer.text, answer.status_code, answer.headers

    def close(self) -> None:
        """Leave closing to the owner of the connections."""


class StripeGateway:
    """Payment intents and refunds. Amounts are whole smallest units of the gateway; answers are plain dictionaries."""

    def __init__(
        self, vendor: Mapping[str, Any], key: str, context: ssl.SSLContext, log: Logger, *, limit_s: float
    ) -> None:
        base = vendor.get("base_url") or "https://api.stripe.com"
        self._transport = Transport(_VENDOR, base, context, log)
        self._client = stripe.StripeClient(
            key or "sk_missing",
            base_addresses={"api": base},
            http_client=_SdkTransport(self._transport, limit_s),
            max_network_retries=2,
        )

    def create_intent(self, params: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Create (and confirm, when the parameters say so) an intent; the same key never makes a second one."""
        return self._do(lambda: self._client.v1.payment_intents.create(dict(params), {"idempotency_key": key}))  # type: ignore[arg-type]

    def confirm_intent(self, intent: str, params: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Confirm an existing intent with another payment method."""
        return self._do(lambda: self._client.v1.payment_intents.confirm(intent, dict(params), {"idempotency_key": key}))  # type: ignore[arg-type]

    def retrieve_intent(self, intent: str) -> dict[str, Any]:
        """Return an intent with its latest charge."""
        return self._do(lambda: self._client.v1.payment_intents.retrieve(intent, {"expand": ["latest_charge"]}))

    def retrieve_charge(self, charge: str) -> dict[str, Any]:
        """Return a charge with what the bank checked."""
        return self._do(lambda: self._client.v1.charges.retrieve(charge))

    def capture_intent(self, intent: str, units: int, key: str) -> dict[str, Any]:
        """Capture that much of an authorised intent; the gateway releases the rest."""
        return self._do(
            lambda: self._client.v1.payment_intents.capture(
                intent, {"amount_to_capture": units}, {"idempotency_key": key}
            )
        )

    def cancel_intent(self, intent: str, key: str) -> dict[str, Any]:
        """Cancel an intent that is not captured, releasing the money."""
        return self._do(lambda: self._client.v1.payment_intents.cancel(intent, {}, {"idempotency_key": key}))

    def create_refund(self, intent: str, units: int, metadata: Mapping[str, str], key: str) -> dict[str, Any]:
        """Refund that much of a captured intent; the same key never refunds twice."""
        return self._do(
            lambda: self._client.v1.refunds.create(
                {"payment_intent": intent, "amount": units, "metadata": dict(metadata)}, {"idempotency_key": key}
            )
        )

    def retrieve_refund(self, refund: str) -> dict[str, Any]:
        """Return a refund."""
        return self._do(lambda: self._client.v1.refunds.retrieve(refund))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _do(self, call: Any) -> dict[str, Any]:
        try:
            answer = call()
        except stripe.CardError as error:
            body: Any = error.json_body
            detail = (body or {}).get("error") or {}
            code = detail.get("decline_code") or error.code or "card_declined"
            raise Declined(code, error.user_message or "declined", dict(detail.get("payment_intent") or {})) from error
        except stripe.APIConnectionError as error:
            raise Unreachable(str(error)) from error
        except stripe.StripeError as error:
            raise Refused(_VENDOR, "call", error.http_status or 0, str(error)) from error
        return dict(answer.to_dict())
