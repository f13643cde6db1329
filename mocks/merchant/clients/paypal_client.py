"""PayPal's Orders v2 and Payments v2, and the check of its webhooks.

Follows https://developer.paypal.com/docs/api/orders/v2/, https://developer.paypal.com/docs/api/payments/v2/ and
https://developer.paypal.com/api/rest/webhooks/rest/. Amounts are decimal strings with PayPal's own decimals. The shop
knows a payment by its PayPal order; of an answer it keeps the authorisation and the capture that orders made.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from mocks.merchant.clients.certificate import is_signed, public_key
from mocks.merchant.clients.gateway import Breakdown, Declined, PaymentState, Purchase, RefundState, Taken
from mocks.merchant.clients.oauth import Authorized, TokenPlace
from mocks.merchant.clients.paypal_history import movements
from mocks.merchant.clients.settled import Movement, PaidOut
from mocks.merchant.clients.transport import Logger, Refused, Transport, json_of
from mocks.merchant.policy.money import decimal_text, from_minor_units, gateway_exponent
from mocks.merchant.seams import seam

_VENDOR = "paypal"
_HOST = "https://api-m.paypal.com"
_CERTIFICATE_HOSTS = ("api.paypal.com", "api.sandbox.paypal.com")
_CERTIFICATES = "/v1/notifications/certs/"
_DECLINES = ("INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED", "PAYER_CANNOT_PAY", "TRANSACTION_REFUSED")
_ALREADY = ("ORDER_ALREADY_CAPTURED", "ORDER_ALREADY_AUTHORIZED")
_REFUNDS = {"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed", "CANCELLED": "canceled"}
_LONGEST_NAME = 127


@seam("events in")
def paypal_is_authentic(raw: bytes, headers: Mapping[str, str], webhook_id: str, certificate: str) -> bool:
    """Say whether an event is PayPal's: RSA over transmission id, time, our webhook's id and the body's CRC-32."""
    told = (headers.get("paypal-transmission-id"), headers.get("paypal-transmission-time"))
    if headers.get("paypal-auth-algo") != "SHA256withRSA" or not all(told):
        return False
    signed = f"{told[0]}|{told[1]}|{webhook_id}|{zlib.crc32(raw)}".encode()
    try:
        return is_signed(signed, headers.get("paypal-transmission-sig", ""), public_key(certificate))
    except ValueError:
        return False


class PaypalGateway:
    """Orders a customer approves on PayPal's page, and their captures and refunds."""

    name = _VENDOR
    can_be_asked = True
    confirms_again = False

    def __init__(
        self,
        vendor: Mapping[str, Any],
        credentials: tuple[str, str],
        context: ssl.SSLContext,
        log: Logger,
        *,
        limit_s: float,
        now_s: Callable[[], float],
    ) -> None:
        self._transport = Transport(_VENDOR, vendor["base_url"], context, log)
        place = TokenPlace("/v1/oauth2/token", credentials, _checked, limit_s)
        self._authorized = Authorized(self._transport, place, now_s)
        self._limit_s = limit_s
        self._now_s = now_s
        self._certificates: dict[str, str] = {}

    def create(self, purchase: Purchase, key: str) -> PaymentState:
        """Create an order and return it with the page on which its customer approves it."""
        wallet = {
            "return_url": purchase.return_url,
            "cancel_url": f"{purchase.return_url}&cancelled=1",
            "user_action": "PAY_NOW",
            "shipping_preference": "SET_PROVIDED_ADDRESS" if purchase.address else "NO_SHIPPING",
        }
        request = {
            "intent": "AUTHORIZE" if purchase.manual else "CAPTURE",
            "purchase_units": [_unit(purchase)],
            "payment_source": {"paypal": {"experience_context": wallet, "email_address": purchase.email}},
        }
        return state_of(self._ask("create order", "POST", "/v2/checkout/orders", request, key))

    def confirm(self, reference: str, purchase: Purchase, key: str) -> PaymentState:
        """Create another order: a declined one stays as it is."""
        return self.create(purchase, key)

    def returned(self, reference: str, query: Mapping[str, str], *, manual: bool) -> PaymentState:
        """Take or hold the money of an order its customer approved; otherwise return it as it stands."""
        order = self._read(reference)
        if state_of(order).status != "requires_confirmation":
            return state_of(order)
        action = str(order["intent"]).lower()
        try:
            return state_of(
                self._ask(
                    f"{action} order", "POST", f"/v2/checkout/orders/{reference}/{action}", {}, f"pay-{reference}"
                )
            )
        except Refused as error:
            issue = error.detail.split(":")[0]
            if issue in _ALREADY:
                return self.retrieve(reference)
            if issue in _DECLINES:
                raise Declined(issue.lower(), "PayPal refused the payment; choose another way to pay.") from error
            raise

    def retrieve(self, reference: str) -> PaymentState:
        """Return an order as it stands."""
        return state_of(self._read(reference))

    def give_up(self, reference: str, key: str) -> PaymentState:
        """Take the money of an order that was approved; leave any other to expire, which is all PayPal offers."""
        try:
            state = self.returned(reference, {}, manual=False)
        except (Refused, Declined) as error:
            if isinstance(error, Refused) and error.status != 404:
                raise
            return PaymentState(_VENDOR, reference, "canceled", 0, "")
        if state.status not in ("requires_action", "requires_payment_method"):
            return state
        return PaymentState(_VENDOR, reference, "canceled", state.units, state.currency, answer=state.answer)

    def capture(self, taken: Taken, units: int, key: str) -> PaymentState:
        """Capture that much of an authorisation and release the rest."""
        held = taken.kept.get("authorization")
        request = {"amount": _money(units, taken.currency), "final_capture": True}
        answer = self._ask("capture", "POST", f"/v2/payments/authorizations/{held}/capture", request, key)
        pending = answer["status"] == "PENDING"
        return PaymentState(
            gateway=_VENDOR,
            reference=taken.reference,
            status="processing" if pending else "succeeded",
            units=units,
            currency=taken.currency,
            received=0 if pending else units,
            answer={**taken.kept, "id": taken.reference, "status": answer["status"], "capture": answer["id"]},
        )

    def cancel(self, taken: Taken, key: str) -> PaymentState:
        """Void an authorisation."""
        path = f"/v2/payments/authorizations/{taken.kept.get('authorization')}/void"
        try:
            self._ask("void", "POST", path, None, key)
        except Refused as error:
            if not error.detail.startswith("PREVIOUSLY_VOIDED"):
                raise
        return PaymentState(_VENDOR, taken.reference, "canceled", 0, taken.currency, answer=taken.kept)

    def refund(self, taken: Taken, units: int, refund_id: str, order_id: str, key: str) -> RefundState:
        """Give that much of a capture back."""
        request = {"amount": _money(units, taken.currency), "custom_id": refund_id}
        path = f"/v2/payments/captures/{taken.kept.get('capture')}/refund"
        return refund_of(self._ask("refund", "POST", path, request, key), taken.reference)

    def retrieve_refund(self, reference: str) -> RefundState:
        """Return a refund."""
        return refund_of(self._ask("read refund", "GET", f"/v2/payments/refunds/{reference}", None, None), "")

    def certificate(self, url: str) -> str:
        """Return the certificate a webhook names, kept once read. Raises `Refused` for an address not PayPal's."""
        known = self._certificates.get(url)
        if known is not None:
            return known
        parts = urlsplit(url)
        if (
            parts.scheme != "https"
            or parts.netloc not in _CERTIFICATE_HOSTS
            or not parts.path.startswith(_CERTIFICATES)
        ):
            raise Refused(_VENDOR, "certificate", 0, f"not an address of PayPal's: {url[:200]}")
        # A shop told to reach PayPal elsewhere finds the certificate there, too.
        elsewhere = self._transport.base_url != _HOST
        path = parts.path if elsewhere else url
        answer = self._transport.call("certificate", "GET", path, limit_s=self._limit_s, repeatable=True)
        if answer.status_code != 200:
            raise Refused(_VENDOR, "certificate", answer.status_code, answer.text[:100])
        self._certificates[url] = answer.text
        return answer.text

    def settled(self, since_s: int) -> tuple[list[Movement], list[PaidOut]]:
        """Return what PayPal moved since that second, as far as its search knows it; a month at most."""
        told: list[dict[str, Any]] = []
        page, last = 1, 1
        while page <= last:
            asked = {
                "start_date": _instant(since_s),
                "end_date": _instant(int(self._now_s())),
                "fields": "transaction_info",
                "balance_affecting_records_only": "Y",
                "page_size": "500",
                "page": str(page),
            }
            answer = self._ask("history", "GET", f"/v1/reporting/transactions?{urlencode(asked)}", None, None)
            told += answer.get("transaction_details") or []
            page, last = page + 1, int(answer.get("total_pages") or 1)
        return movements(told)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _read(self, reference: str) -> dict[str, Any]:
        return self._ask("read order", "GET", f"/v2/checkout/orders/{reference}", None, None)

    def _ask(
        self, operation: str, method: str, path: str, request: Mapping[str, Any] | None, key: str | None
    ) -> dict[str, Any]:
        """Make one call; it is repeated where it only reads, or under its own PayPal-Request-Id."""
        content = None if request is None else orjson.dumps(request)
        headers = {
            "Content-Type": "application/json",
            "Prefer": "return=representation",
            **({"PayPal-Request-Id": key} if key else {}),
        }
        return self._authorized.call(
            operation, method, path, headers=headers, content=content, limit_s=self._limit_s, repeatable=True
        )


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def state_of(order: Mapping[str, Any]) -> PaymentState:
    """Return how an order stands, by its payments where it has any."""
    unit = order["purchase_units"][0]
    payments = unit.get("payments") or {}
    captures, holds = payments.get("captures") or [], payments.get("authorizations") or []
    amount = unit["amount"]
    taken = [each for each in captures if each["status"] not in ("PENDING", "DECLINED", "FAILED")]
    kept = {"id": order["id"], "status": order["status"]}
    if captures:
        kept["capture"] = captures[0]["id"]
    if holds:
        kept["authorization"] = holds[-1]["id"]
    return PaymentState(
        gateway=_VENDOR,
        reference=str(order["id"]),
        status=_status(order, captures, holds),
        units=units_of(amount),
        currency=str(amount["currency_code"]),
        received=sum(units_of(each["amount"]) for each in taken),
        redirect=next((link["href"] for link in order["links"] if link["rel"] in ("payer-action", "approve")), None),
        answer={**order, **kept},
    )


def refund_of(refund: Mapping[str, Any], payment: str) -> RefundState:
    """Return how a refund stands; `payment` is the order it belongs to, as far as it is known."""
    amount = refund["amount"]
    return RefundState(
        gateway=_VENDOR,
        reference=str(refund["id"]),
        status=_REFUNDS.get(str(refund["status"]), "pending"),
        units=units_of(amount),
        currency=str(amount["currency_code"]),
        payment=payment,
        refund_id=str(refund.get("custom_id") or ""),
    )


def units_of(amount: Mapping[str, Any]) -> int:
    """Return an amount of PayPal's in its own smallest unit."""
    return int(Decimal(amount["value"]).scaleb(gateway_exponent(_VENDOR, amount["currency_code"])))


def _status(order: Mapping[str, Any], captures: list[Any], holds: list[Any]) -> str:
    if captures:
        status = captures[0]["status"]
        if status == "PENDING":
            return "processing"
        return "requires_payment_method" if status in ("DECLINED", "FAILED") else "succeeded"
    if holds:
        return "canceled" if holds[-1]["status"] in ("VOIDED", "DENIED") else "requires_capture"
    if order["status"] in ("APPROVED", "SAVED"):
        return "requires_confirmation"
    return "canceled" if order["status"] == "VOIDED" else "requires_action"


def _unit(purchase: Purchase) -> dict[str, Any]:
    amount: dict[str, Any] = _money(purchase.units, purchase.currency)
    unit: dict[str, Any] = {"custom_id": purchase.checkout_id, "invoice_id": purchase.reference, "amount": amount}
    if purchase.breakdown is not None:
        unit["items"] = _items(purchase.breakdown, purchase.currency)
        amount["breakdown"] = _parts(purchase.breakdown, purchase.currency)
    if purchase.address is not None:
        unit["shipping"] = _shipping(purchase.address)
    return unit


def _items(parts: Breakdown, currency: str) -> list[dict[str, Any]]:
    return [
        {
            "name": item.name[:_LONGEST_NAME],
            "sku": item.sku[:_LONGEST_NAME],
            "quantity": str(item.quantity),
            "unit_amount": _written(item.price, currency),
            "tax": _written(item.tax, currency),
        }
        for item in parts.items
    ]


def _parts(parts: Breakdown, currency: str) -> dict[str, Any]:
    named = {
        "item_total": parts.item_total,
        "tax_total": parts.tax_total,
        "shipping": parts.shipping,
        "handling": parts.handling,
        "discount": parts.discount,
    }
    needed = ("item_total", "tax_total")
    return {name: _written(value, currency) for name, value in named.items() if value or name in needed}


def _shipping(address: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        "address_line_1": address["line1"],
        "address_line_2": address["line2"],
        "admin_area_2": address["city"],
        "admin_area_1": address["region"],
        "postal_code": address["postcode"],
        "country_code": address["country"],
    }
    return {
        "name": {"full_name": address["name"]},
        "address": {name: value for name, value in fields.items() if value},
    }


def _money(units: int, currency: str) -> dict[str, Any]:
    return _written(from_minor_units(units, currency, _VENDOR), currency)


def _written(amount: Decimal, currency: str) -> dict[str, Any]:
    return {"currency_code": currency, "value": decimal_text(amount, currency, _VENDOR)}


def _checked(operation: str, answer: httpx.Response) -> dict[str, Any]:
    """Return the object of a good answer. Raises `Refused` whose detail begins with PayPal's issue."""
    if answer.status_code == 204:
        return {}
    content = json_of(answer)
    if answer.status_code in (200, 201) and isinstance(content, dict):
        return content
    details = (content.get("details") or []) if isinstance(content, dict) else []
    told = "; ".join(
        f"{each.get('issue')}: {each.get('field', '')} {each.get('value', '')}".strip() for each in details
    )
    name = str(content.get("name") or content.get("error")) if isinstance(content, dict) else answer.text[:200]
    raise Refused(_VENDOR, operation, answer.status_code, told or name)
