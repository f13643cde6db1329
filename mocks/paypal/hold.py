"""What may be done to an authorisation: capture whole or in parts, void, renew.

Rules from the published Payments v2 document: valid 29 days, honoured three days, renewed once from day four on, all
captures together at most 115 % of it, and voided unless fully captured. The most captures are ten, as
https://developer.paypal.com/docs/checkout/standard/customize/authorization/ says of multiple captures.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mocks.paypal import event, payment
from mocks.paypal.account import Business, Document, Request
from mocks.paypal.currency import Money, money_of, read_amount
from mocks.paypal.gate import Done
from mocks.paypal.issue import problem

_HONOURED_S = 3 * 24 * 3600
_MOST_CAPTURES = 10
_OVER_PERCENT = 15


def retrieve(business: Business, request: Request) -> Done:
    """Find an authorisation."""
    return Done(_found(business, request)["id"])


def capture(business: Business, request: Request) -> Done:
    """Take the authorised money or a part of it."""
    held = _found(business, request)
    id_ = held["id"]
    amount = read_amount(request.body) or _rest(business, held)
    final = _flag(request.body, "final_capture")
    invoice_id = _text(request.body, "invoice_id", 127) or held.get("invoice_id")
    if held["status"] == "VOIDED":
        raise problem("AUTHORIZATION_VOIDED")
    if held["status"] == "CAPTURED":
        raise problem("AUTHORIZATION_ALREADY_CAPTURED")
    if _is_expired(business, id_):
        raise problem("AUTHORIZATION_EXPIRED")
    if amount.currency != held["amount"]["currency_code"]:
        raise problem("AUTH_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code", amount.currency)
    before = payment.captured_of(business, id_)
    if len(before) >= _MOST_CAPTURES:
        raise problem("MAX_CAPTURE_COUNT_EXCEEDED")
    taken = payment.total(before) + amount.value
    authorised = Decimal(held["amount"]["value"])
    if taken > authorised * (100 + Decimal(str(business.setting("overcapture_percent", _OVER_PERCENT)))) / 100:
        raise problem("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value", amount.value)
    order = business.orders[business.origins[id_]["order"]]
    made = payment.take(business, order, 0, amount, invoice_id=invoice_id, authorization=id_, final=final)
    payment.remember(business, "captures", made)
    note = _text(request.body, "note_to_payer", 255)
    if note:
        business.origins[made] = {**business.origins[made], "note": note}
    status = "CAPTURED" if final or taken >= authorised else "PARTIALLY_CAPTURED"
    business.authorizations[id_] = {**held, "status": status, "update_time": business.now()}
    payment.tell_capture(business, made)
    return Done(made, 201)


def void(business: Business, request: Request) -> Done:
    """Give up what is held and not yet captured."""
    held = _found(business, request)
    if business.origins[held["id"]]["parent"] is not None:
        raise problem("CANNOT_BE_VOIDED")
    if held["status"] == "VOIDED":
        raise problem("PREVIOUSLY_VOIDED")
    if held["status"] == "CAPTURED":
        raise problem("PREVIOUSLY_CAPTURED")
    business.authorizations[held["id"]] = {**held, "status": "VOIDED", "update_time": business.now()}
    event.emit(business, "PAYMENT.AUTHORIZATION.VOIDED", payment.show_authorization(business, held["id"], True))
    return Done(held["id"], 204)


def reauthorize(business: Business, request: Request) -> Done:
    """Renew an authorisation whose three days of honour are over."""
    held = _found(business, request)
    origin = business.origins[held["id"]]
    amount = read_amount(request.body) or money_of(held["amount"])
    if held["status"] == "VOIDED":
        raise problem("AUTHORIZATION_VOIDED")
    if held["status"] == "CAPTURED":
        raise problem("AUTHORIZATION_ALREADY_CAPTURED")
    if amount.currency != held["amount"]["currency_code"]:
        raise problem("AUTH_CURRENCY_MISMATCH", "/amount/currency_code", amount.currency)
    order = business.orders[origin["order"]]
    siblings = business.notes[order["id"]]["payments"][0]["authorizations"]
    renewed = any(business.origins[id_]["parent"] == held["id"] for id_ in siblings)
    if origin["parent"] is not None or renewed:
        raise problem("REAUTHORIZATION_NOT_SUPPORTED")
    early = business.timestamp() - origin["made"] < _HONOURED_S
    ceiling = Decimal(held["amount"]["value"]) * (100 + _OVER_PERCENT) / 100
    if early or _is_expired(business, held["id"]) or amount.value > ceiling:
        # The document lists no issue of its own for too early, too late and too much.
        raise problem("TRANSACTION_REFUSED", area="payments")
    id_ = payment.hold(business, order, parent=held["id"], amount=amount)
    payment.remember(business, "authorizations", id_)
    event.emit(business, "PAYMENT.AUTHORIZATION.CREATED", payment.show_authorization(business, id_, True))
    return Done(id_, 201)


def _found(business: Business, request: Request) -> Document:
    id_ = request.path["authorization_id"]
    held: Document | None = business.authorizations.get(id_)
    if held is None:
        raise problem("INVALID_RESOURCE_ID", "/authorization_id", id_)
    return held


def _rest(business: Business, held: Document) -> Money:
    """Return what a capture without amount takes: the whole authorisation, or what earlier parts left of it."""
    currency = held["amount"]["currency_code"]
    rest = Decimal(held["amount"]["value"]) - payment.total(payment.captured_of(business, held["id"]))
    return Money(currency, rest if rest > 0 else Decimal(held["amount"]["value"]))


def _is_expired(business: Business, id_: str) -> bool:
    expires: int = business.origins[id_]["expires"]
    return business.timestamp() >= expires


def _flag(body: Any, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise problem("INVALID_PARAMETER_SYNTAX", f"/{name}", value, area="payments")
    return value


def _text(body: Any, name: str, longest: int) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise problem("INVALID_PARAMETER_SYNTAX", f"/{name}", value, area="payments")
    if len(value) > longest:
        raise problem("INVALID_STRING_LENGTH", f"/{name}", value, area="payments")
    return value
