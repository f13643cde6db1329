"""The payment gateway, through the vendor's own SDK over our kept-alive connections.

Follows https://docs.stripe.com/api (payment intents, refunds) and https://docs.stripe.com/webhooks/signature.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Mapping
from typing import Any

import stripe
from stripe._http_client import HTTPClient  # the SDK's documented extension point, not re-exported with its type

from mocks.merchant.clients.gateway import Declined, PaymentState, Purchase, RefundState, Taken
from mocks.merchant.clients.settled import Movement, PaidOut
from mocks.merchant.clients.transport import Logger, Refused, Transport, Unreachable, sent_headers, timeout_s
from mocks.merchant.policy.money import from_minor_units
from mocks.merchant.seams import seam

_VENDOR = "stripe"
# https://docs.stripe.com/api/balance_transactions/object: the types of bookings this shop tells apart.
_KINDS = {
    **dict.fromkeys(("charge", "payment"), "charge"),
    **dict.fromkeys(("refund", "payment_refund", "refund_failure", "payment_failure_refund"), "refund"),
    **dict.fromkeys(("stripe_fee", "stripe_fx_fee", "tax_fee"), "fee"),
    **dict.fromkeys(("payout", "payout_cancel", "payout_failure"), "payout"),
}


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
    """Payment intents and refunds; its statuses are the shop's own words."""

    name = _VENDOR
    can_be_asked = True
    confirms_again = True

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

    def create(self, purchase: Purchase, key: str) -> PaymentState:
        """Create and confirm an intent; the same key never makes a second one."""
        params: Any = _parameters(purchase)
        return state_of(self._do(lambda: self._client.v1.payment_intents.create(params, {"idempotency_key": key})))

    def confirm(self, reference: str, purchase: Purchase, key: str) -> PaymentState:
        """Confirm an existing intent with another payment method."""
        params: Any = {"payment_method": purchase.method, "expand": ["latest_charge"], **_mandate(purchase)}
        return state_of(
            self._do(lambda: self._client.v1.payment_intents.confirm(reference, params, {"idempotency_key": key}))
        )

    def returned(self, reference: str, query: Mapping[str, str], *, manual: bool) -> PaymentState:
        """Return an intent as it stands: the bank has told Stripe already."""
        return self.retrieve(reference)

    def retrieve(self, reference: str) -> PaymentState:
        """Return an intent with its latest charge."""
        expand: Any = {"expand": ["latest_charge"]}
        return state_of(self._do(lambda: self._client.v1.payment_intents.retrieve(reference, expand)))

    def give_up(self, reference: str, key: str) -> PaymentState:
        """Cancel an intent nobody finished."""
        state = self.retrieve(reference)
        if state.status not in ("requires_action", "requires_payment_method", "requires_confirmation"):
            return state
        return self.cancel(Taken(reference, state.currency, {}), key)

    def capture(self, taken: Taken, units: int, key: str) -> PaymentState:
        """Capture that much of an authorised intent; the gateway releases the rest."""
        params: Any = {"amount_to_capture": units}
        return state_of(
            self._do(lambda: self._client.v1.payment_intents.capture(taken.reference, params, {"idempotency_key": key}))
        )

    def cancel(self, taken: Taken, key: str) -> PaymentState:
        """Cancel an intent that is not captured, releasing the money."""
        return state_of(
            self._do(lambda: self._client.v1.payment_intents.cancel(taken.reference, {}, {"idempotency_key": key}))
        )

    def refund(self, taken: Taken, units: int, refund_id: str, order_id: str, key: str) -> RefundState:
        """Refund that much of a captured intent; the same key never refunds twice."""
        params: Any = {
            "payment_intent": taken.reference,
            "amount": units,
            "metadata": {"order_id": order_id, "refund_id": refund_id},
        }
        return refund_of(self._do(lambda: self._client.v1.refunds.create(params, {"idempotency_key": key})))

    def retrieve_refund(self, reference: str) -> RefundState:
        """Return a refund."""
        return refund_of(self._do(lambda: self._client.v1.refunds.retrieve(reference)))

    def settled(self, since_s: int) -> tuple[list[Movement], list[PaidOut]]:
        """Return every movement of the balance and every payout since that second (the SDK walks the pages)."""
        created = {"gte": since_s}
        entries: Any = {"created": created, "limit": 100, "expand": ["data.source"]}
        paid: Any = {"created": created, "limit": 100}
        listed = self._all(lambda: self._client.v1.balance_transactions.list(entries))
        payouts = self._all(lambda: self._client.v1.payouts.list(paid))
        return [_movement(each) for each in listed], [_paid_out(each) for each in payouts]

    def with_charge(self, intent: Mapping[str, Any]) -> dict[str, Any]:
        """Return an intent with its charge, which events name by id alone."""
        charge = intent.get("latest_charge")
        if not isinstance(charge, str):
            return dict(intent)
        return {**intent, "latest_charge": self._do(lambda: self._client.v1.charges.retrieve(charge))}

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _all(self, call: Any) -> list[dict[str, Any]]:
        try:
            return [dict(each.to_dict()) for each in call().auto_paging_iter()]
        except stripe.APIConnectionError as error:
            raise Unreachable(str(error)) from error
        except stripe.StripeError as error:
            raise Refused(_VENDOR, "list", error.http_status or 0, str(error)) from error

    def _do(self, call: Any) -> dict[str, Any]:
        try:
            answer = call()
        except stripe.CardError as error:
            body: Any = error.json_body
            detail = (body or {}).get("error") or {}
            code = detail.get("decline_code") or error.code or "card_declined"
            intent = detail.get("payment_intent")
            raise Declined(code, error.user_message or "declined", state_of(intent) if intent else None) from error
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing" and error.param == "payment_method":  # the buyer's form named it
                raise Declined("unknown_payment_method", "The payment method is not known; enter it again.") from error
            raise Refused(_VENDOR, "call", error.http_status or 0, str(error)) from error
        except stripe.APIConnectionError as error:
            raise Unreachable(str(error)) from error
        except stripe.StripeError as error:
            raise Refused(_VENDOR, "call", error.http_status or 0, str(error)) from error
        return dict(answer.to_dict())


def state_of(intent: Mapping[str, Any]) -> PaymentState:
    """Return how an intent stands, with what the bank checked where its charge is known."""
    charge = intent.get("latest_charge")
    details = (charge.get("payment_method_details") or {}) if isinstance(charge, Mapping) else {}
    checks = (details.get("card") or {}).get("checks") or {}
    return PaymentState(
        gateway=_VENDOR,
        reference=str(intent["id"]),
        status=str(intent["status"]),
        units=int(intent["amount"]),
        currency=str(intent["currency"]).upper(),
        received=int(intent.get("amount_received") or 0),
        purpose=str((intent.get("metadata") or {}).get("edit") or ""),
        redirect=((intent.get("next_action") or {}).get("redirect_to_url") or {}).get("url"),
        postcode_check=checks.get("address_postal_code_check"),
        answer=dict(intent),
    )


def refund_of(refund: Mapping[str, Any]) -> RefundState:
    """Return how a refund stands."""
    status = str(refund.get("status") or "pending")
    return RefundState(
        gateway=_VENDOR,
        reference=str(refund["id"]),
        status="pending" if status == "requires_action" else status,
        units=int(refund["amount"]),
        currency=str(refund["currency"]).upper(),
        payment=str(refund.get("payment_intent") or ""),
        refund_id=str((refund.get("metadata") or {}).get("refund_id") or ""),
    )


def _movement(entry: Mapping[str, Any]) -> Movement:
    """Return a booking on the balance, with what the customer paid where its charge or refund says so."""
    source = entry.get("source")
    source = source if isinstance(source, Mapping) else {}
    currency = str(entry["currency"]).upper()
    gross = from_minor_units(int(entry["amount"]), currency, _VENDOR)
    ordered = str(source.get("currency") or currency).upper()
    kind = _KINDS.get(str(entry["type"]), "other")
    presented = gross
    if kind in ("charge", "refund") and ordered != currency:
        amount = from_minor_units(int(source["amount"]), ordered, _VENDOR)
        presented = amount.copy_sign(gross)
    return Movement(
        gateway=_VENDOR,
        reference=str(entry["id"]),
        kind=kind,
        gross=gross,
        fee=from_minor_units(int(entry["fee"]), currency, _VENDOR),
        currency=currency,
        presented=presented,
        ordered=ordered if kind in ("charge", "refund") else currency,
        payment=str(source.get("payment_intent") or "") or None,
        refund=str(source["id"]) if kind == "refund" and source else None,
    )


def _paid_out(payout: Mapping[str, Any]) -> PaidOut:
    currency = str(payout["currency"]).upper()
    amount = from_minor_units(int(payout["amount"]), currency, _VENDOR)
    return PaidOut(_VENDOR, str(payout["id"]), amount, currency)


def _parameters(purchase: Purchase) -> dict[str, Any]:
    metadata = {"order_id": purchase.order_id, "checkout_id": purchase.checkout_id, "order_number": purchase.number}
    said = f"Order {purchase.number}"
    parameters: dict[str, Any] = {
        "amount": purchase.units,
        "currency": purchase.currency.lower(),
        "payment_method": purchase.method,
        "payment_method_types": ["sepa_debit" if purchase.kind == "sepa" else "card"],
        "capture_method": "manual" if purchase.manual else "automatic",
        "confirm": "true",
        "description": f"{said}, change {purchase.purpose}" if purchase.purpose else said,
        "receipt_email": purchase.email,
        "metadata": {**metadata, "edit": purchase.purpose} if purchase.purpose else metadata,
        "expand": ["latest_charge"],
        **_mandate(purchase),
    }
    if purchase.address is not None:
        parameters["shipping"] = _shipping(purchase.address)
    if purchase.kind == "card":
        parameters["return_url"] = purchase.return_url
    return parameters


def _shipping(address: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        "line1": address["line1"],
        "line2": address["line2"],
        "city": address["city"],
        "state": address["region"],
        "postal_code": address["postcode"],
        "country": address["country"],
    }
    shipping: dict[str, Any] = {
        "name": address["name"],
        "address": {name: value for name, value in fields.items() if value},
    }
    return {**shipping, "phone": address["phone"]} if address["phone"] else shipping


def _mandate(purchase: Purchase) -> dict[str, Any]:
    if purchase.kind != "sepa":
        return {}
    online = {"ip_address": purchase.ip, "user_agent": "storefront"}
    return {"mandate_data": {"customer_acceptance": {"type": "online", "online": online}}}
