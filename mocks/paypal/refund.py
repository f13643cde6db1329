"""Captures and refunds: read a capture, give its money back whole or in parts, read a refund.

Rules from the published Payments v2 document: never more than what is left of the capture, in its currency, not while
it is pending; https://www.paypal.com/legalhub/useragreement-full gives 180 days.
"""

from __future__ import annotations

from decimal import Decimal

from mocks.paypal import event, payment
from mocks.paypal.account import Business, Document, Request
from mocks.paypal.books import book_refund
from mocks.paypal.currency import Money, read_amount
from mocks.paypal.fee import payable
from mocks.paypal.gate import Done
from mocks.paypal.issue import problem

_REFUNDABLE_S = 180 * 24 * 3600
_TEXTS = {"invoice_id": 127, "custom_id": 127, "note_to_payer": 255}


def retrieve_capture(business: Business, request: Request) -> Done:
    """Find a capture."""
    return Done(_capture(business, request)["id"])


def retrieve(business: Business, request: Request) -> Done:
    """Find a refund."""
    id_ = request.path["refund_id"]
    if id_ not in business.refunds:
        raise problem("INVALID_RESOURCE_ID", "/refund_id", id_)
    return Done(id_)


def create(business: Business, request: Request) -> Done:
    """Give back the whole of a capture, or the amount asked for."""
    captured = _capture(business, request)
    id_ = captured["id"]
    origin = business.origins[id_]
    wanted = read_amount(request.body)
    texts = _texts(request)
    if captured["status"] == "PENDING":
        raise problem("PENDING_CAPTURE")
    if captured["status"] == "REFUNDED":
        raise problem("CAPTURE_FULLY_REFUNDED")
    currency = captured["amount"]["currency_code"]
    if wanted is not None and wanted.currency != currency:
        raise problem("REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code", wanted.currency)
    if business.timestamp() - origin["made"] >= _REFUNDABLE_S:
        raise problem("REFUND_TIME_LIMIT_EXCEEDED")
    before = payment.total([business.refunds[each] for each in origin["refunds"]])
    left = Decimal(captured["amount"]["value"]) - before
    amount = wanted or Money(currency, left)
    if amount.value > left:
        raise problem("REFUND_AMOUNT_EXCEEDED", "/amount/value", amount.value)
    _claim_invoice(business, texts.get("invoice_id"))
    made = business.new_id("refund")
    refunded = Money(currency, before + amount.value)
    business.refunds[made] = {
        "id": made,
        "status": "COMPLETED",
        "amount": amount.shown(),
        **texts,
        **({"invoice_id": captured["invoice_id"]} if "invoice_id" in captured and "invoice_id" not in texts else {}),
        "seller_payable_breakdown": payable(business, amount, refunded),
        "create_time": business.now(),
        "update_time": business.now(),
    }
    business.origins[made] = {"order": origin["order"], "unit": origin["unit"], "capture": id_}
    business.origins[id_] = {**origin, "refunds": [*origin["refunds"], made]}
    status = "REFUNDED" if amount.value == left else "PARTIALLY_REFUNDED"
    business.captures[id_] = {**captured, "status": status, "update_time": business.now()}
    book_refund(business, business.refunds[made], business.captures[id_])
    payment.remember(business, "refunds", made)
    event.emit(business, "PAYMENT.CAPTURE.REFUNDED", payment.show_refund(business, made, True))
    return Done(made, 201)


def _capture(business: Business, request: Request) -> Document:
    id_ = request.path["capture_id"]
    captured: Document | None = business.captures.get(id_)
    if captured is None:
        raise problem("INVALID_RESOURCE_ID", "/capture_id", id_)
    return captured


def _texts(request: Request) -> dict[str, str]:
    texts = {}
    for name, longest in _TEXTS.items():
        value = request.body.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise problem("INVALID_PARAMETER_SYNTAX", f"/{name}", value, area="payments")
        if not 1 <= len(value) <= longest:
            raise problem("INVALID_STRING_LENGTH", f"/{name}", value, area="payments")
        texts[name] = value
    return texts


def _claim_invoice(business: Business, invoice_id: str | None) -> None:
    """Refuse an invoice number an earlier refund was made under."""
    if invoice_id is None or not business.setting("unique_invoice_ids", True):
        return
    if f"refund {invoice_id}" in business.invoices:
        raise problem("DUPLICATE_INVOICE_ID", "/invoice_id", invoice_id, area="refund")
    business.invoices[f"refund {invoice_id}"] = invoice_id
