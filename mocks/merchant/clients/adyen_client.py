"""Adyen's Checkout API, version 72, through the vendor's own SDK over our kept-alive connections.

Follows https://docs.adyen.com/api-explorer/Checkout/72/overview (payments, modifications),
https://docs.adyen.com/development-resources/api-idempotency and
https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures. Adyen answers a capture, a cancellation or
a refund with ``received`` and says by webhook what came of it; it cannot be asked how a payment stands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from Adyen.client import AdyenClient  # type: ignore[import-untyped]
from Adyen.exceptions import AdyenAPIResponseError  # type: ignore[import-untyped]
from Adyen.services.checkout import ModificationsApi, PaymentsApi  # type: ignore[import-untyped]

from mocks.merchant.clients.adyen_report import movements
from mocks.merchant.clients.gateway import Declined, PaymentState, Purchase, RefundState, Taken
from mocks.merchant.clients.settled import Movement, PaidOut
from mocks.merchant.clients.transport import Logger, Refused, Transport, Unreachable
from mocks.merchant.seams import seam

_VENDOR = "adyen"
_VERSION = "v72"
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
# Of https://docs.adyen.com/development-resources/error-codes: what is wrong with the card the customer typed in.
_CARD_ERRORS = ("101", "103", "129", "140", "153")
_WAITING = ("Pending", "Received", "PresentToShopper")


@seam("events in")
def adyen_is_authentic(item: Mapping[str, Any], key: str) -> bool:
    """Say whether a notification item is signed with our key: HMAC-SHA256 over eight of its fields, colons between."""
    amount = item.get("amount") or {}
    fields = [item.get(name, "") for name in _SIGNED]
    fields += [amount.get("value"), amount.get("currency"), item.get("eventCode"), item.get("success")]
    given = (item.get("additionalData") or {}).get("hmacSignature")
    try:
        secret = binascii.unhexlify(key)
    except ValueError:
        return False
    if not secret or not isinstance(given, str):
        return False
    made = hmac.new(secret, ":".join(str(each) for each in fields).encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(made), given.encode())


class _SdkTransport:
    """Stands in for the SDK's own HTTP client: one call over our connections, repeated only under its own key."""

    user_agent = "merchant"

    def __init__(self, transport: Transport, limit_s: float) -> None:
        self._transport = transport
        self._limit_s = limit_s

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,  # the SDK's word
        xapikey: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[str, Any, int, Mapping[str, str]]:
        """Carry out one call of the SDK; return answer, request, status and headers as it wants them."""
        given = {**(headers or {}), "X-API-Key": xapikey, "Content-Type": "application/json"}
        answer = self._transport.call(
            f"{method} {url.split(f'/{_VERSION}/')[-1]}",
            method,
            url,
            headers=given,
            content=_encoded(json),
            limit_s=self._limit_s,
            repeatable="Idempotency-Key" in given,
        )
        return answer.text, json, answer.status_code, answer.headers


class AdyenGateway:
    """Payments and their modifications at one merchant account."""

    name = _VENDOR
    can_be_asked = False
    confirms_again = False

    def __init__(
        self, vendor: Mapping[str, Any], key: str, context: ssl.SSLContext, log: Logger, *, limit_s: float
    ) -> None:
        base = vendor["base_url"].rstrip("/")
        self._account = vendor["merchant_account"]
        self._key, self._limit_s = key or "missing", limit_s
        # Reports lie beside the checkout: ca-test.adyen.com for checkout-test.adyen.com.
        self._reports = base.replace("//checkout-", "//ca-")
        self._batches: list[tuple[list[Movement], list[PaidOut]]] = []
        self._transport = Transport(_VENDOR, base, context, log)
        client = AdyenClient(xapikey=key or "missing", platform="test")
        client.http_client, client.http_init = _SdkTransport(self._transport, limit_s), True
        self._payments, self._modifications = PaymentsApi(client), ModificationsApi(client)
        for api in (self._payments, self._modifications):
            api.baseUrl = f"{base}/{_VERSION}"

    def create(self, purchase: Purchase, key: str) -> PaymentState:
        """Ask for a payment; the same key gets the first answer, whatever the request."""
        request = {
            "amount": {"value": purchase.units, "currency": purchase.currency},
            "reference": purchase.reference,
            "merchantAccount": self._account,
            "returnUrl": purchase.return_url,
            "paymentMethod": json.loads(purchase.method) if purchase.method else {"type": "scheme"},
            "shopperEmail": purchase.email,
            "shopperIP": purchase.ip,
            "channel": "Web",
            "metadata": {"order_id": purchase.order_id, "checkout_id": purchase.checkout_id},
            "additionalData": {"manualCapture": "true" if purchase.manual else "false"},
        }
        answer = self._do(lambda: self._payments.payments(request, idempotency_key=key))
        return _decided(answer, purchase.units, purchase.currency, purchase.manual, purchase.purpose)

    def confirm(self, reference: str, purchase: Purchase, key: str) -> PaymentState:
        """Ask for another payment: a refused one is final."""
        return self.create(purchase, key)

    def returned(self, reference: str, query: Mapping[str, str], *, manual: bool) -> PaymentState:
        """Hand over what the customer brought back; the same again gets the same answer."""
        result = query.get("redirectResult")
        if not result:
            raise Unreachable("adyen: without redirectResult only its webhook says how the payment stands")
        request = {"details": {"redirectResult": result}}
        answer = self._do(lambda: self._payments.payments_details(request))
        amount = answer.get("amount") or {}
        units, currency = int(amount.get("value") or 0), str(amount.get("currency") or "")
        return _decided({"pspReference": reference, **answer}, units, currency, manual, "")

    def retrieve(self, reference: str) -> PaymentState:
        """Raise `Unreachable`: Adyen has no such call."""
        raise Unreachable(f"adyen: nobody can ask how {reference} stands; its webhook says so")

    def give_up(self, reference: str, key: str) -> PaymentState:
        """Say that it is over: a payment whose details are never handed over is never authorised."""
        return PaymentState(_VENDOR, reference, "canceled", 0, "")

    def capture(self, taken: Taken, units: int, key: str) -> PaymentState:
        """Ask to capture that much; the webhook CAPTURE says whether it was."""
        request = {"merchantAccount": self._account, "amount": {"value": units, "currency": taken.currency}}
        answer = self._do(
            lambda: self._modifications.capture_authorised_payment(request, taken.reference, idempotency_key=key)
        )
        told_as = str(answer["pspReference"])
        return PaymentState(_VENDOR, taken.reference, "capturing", units, taken.currency, told_as=told_as)

    def cancel(self, taken: Taken, key: str) -> PaymentState:
        """Ask to release what is held; the webhook CANCELLATION says whether it was."""
        request = {"merchantAccount": self._account}
        answer = self._do(
            lambda: self._modifications.cancel_authorised_payment_by_psp_reference(
                request, taken.reference, idempotency_key=key
            )
        )
        told_as = str(answer["pspReference"])
        return PaymentState(_VENDOR, taken.reference, "canceling", 0, taken.currency, told_as=told_as)

    def refund(self, taken: Taken, units: int, refund_id: str, order_id: str, key: str) -> RefundState:
        """Ask to give that much back; the webhook REFUND says whether it was."""
        request = {
            "merchantAccount": self._account,
            "amount": {"value": units, "currency": taken.currency},
            "reference": refund_id,
        }
        answer = self._do(
            lambda: self._modifications.refund_captured_payment(request, taken.reference, idempotency_key=key)
        )
        reference = str(answer["pspReference"])
        return RefundState(_VENDOR, reference, "pending", units, taken.currency, taken.reference, refund_id)

    def retrieve_refund(self, reference: str) -> RefundState:
        """Raise `Unreachable`: Adyen has no such call."""
        raise Unreachable(f"adyen: nobody can ask how refund {reference} stands; its webhook says so")

    def settled(self, since_s: int) -> tuple[list[Movement], list[PaidOut]]:
        """Return what every settlement batch holds: batches are numbered from 1, and none changes once it is closed."""
        while (report := self._report(len(self._batches) + 1)) is not None:
            self._batches.append(movements(report))
        moved = [each for batch, _ in self._batches for each in batch]
        return moved, [each for _, paid in self._batches for each in paid]

    def _report(self, number: int) -> str | None:
        name = f"settlement_detail_report_batch_{number}.csv"
        url = f"{self._reports}/reports/download/MerchantAccount/{self._account}/{name}"
        answer = self._transport.call(
            "report", "GET", url, headers={"X-API-Key": self._key}, limit_s=self._limit_s, repeatable=True
        )
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise Refused(_VENDOR, "report", answer.status_code, answer.text[:100])
        return answer.text

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _do(self, call: Callable[[], Any]) -> dict[str, Any]:
        try:
            message: dict[str, Any] = call().message
        except AdyenAPIResponseError as error:
            said: Any = error.message if isinstance(error.message, Mapping) else {}
            text = f"{said.get('errorCode', '')} {said.get('message', '')}".strip() or str(error.message)[:200]
            if error.status_code == 422 and error.error_code in _CARD_ERRORS:
                raise Declined(f"adyen_{error.error_code}", str(said.get("message") or "declined")) from error
            raise Refused(_VENDOR, "call", int(error.status_code), text) from error
        return message


def _decided(answer: Mapping[str, Any], units: int, currency: str, manual: bool, purpose: str) -> PaymentState:
    code = str(answer.get("resultCode"))
    reference = str(answer.get("pspReference") or "")
    if code == "Authorised":
        status = "requires_capture" if manual else "succeeded"
    elif code == "RedirectShopper":
        status = "requires_action"
    else:
        status = "processing" if code in _WAITING else "requires_payment_method"
    state = PaymentState(
        gateway=_VENDOR,
        reference=reference,
        status=status,
        units=units,
        currency=currency,
        received=units if status == "succeeded" else 0,
        purpose=purpose,
        redirect=(answer.get("action") or {}).get("url"),
        answer={**answer, "id": reference, "status": code},
    )
    if status == "requires_payment_method":
        reason = str(answer.get("refusalReason") or code)
        raise Declined(reason.lower().replace(" ", "_"), f"The payment was refused: {reason}.", state)
    return state


def _encoded(request: Any) -> bytes:
    return json.dumps(request, ensure_ascii=False).encode()
