"""Captures, cancels, refunds, reversals and changed amounts: taken at once, decided later, told by a webhook.

Follows Checkout v72 (each answers ``received``) and https://docs.adyen.com/online-payments/capture, /cancel, /refund,
/reversal and /adjust-authorisation: whether it worked, only the webhook says.
"""

from __future__ import annotations

from collections.abc import Callable

from mocks.adyen import settlement, webhook
from mocks.adyen.account import Account, Document, Request
from mocks.adyen.currency import amount_of
from mocks.adyen.error import invalid
from mocks.adyen.gate import text

_DAY_S = 86_400.0
_MODIFY = "applicationInfo merchantAccount reference "
CAPTURE = frozenset(
    (_MODIFY + "amount enhancedSchemeData lineItems platformChargebackLogic splits subMerchants").split()
)
REFUND = frozenset(
    (_MODIFY + "amount capturePspReference enhancedSchemeData lineItems merchantRefundReason splits store").split()
)
UPDATE = frozenset(
    (_MODIFY + "adjustAuthType adjustAuthorisationData amount industryUsage lineItems mpiData splits").split()
)
CANCEL = frozenset(_MODIFY.split())
STANDALONE = CANCEL | {"paymentReference"}
_REASONS = ("FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER")
_INSUFFICIENT = "Insufficient balance on payment"
_NOT_CAPTURED = "Transaction hasn't been captured, refund not possible"
_OTHER_CURRENCY = "Currency differs from that of the payment"
_NO_AUTHORISATION = "Transaction is not authorised"


def capture(account: Account, request: Request) -> Document:
    """Take a request to capture."""
    return _take(account, request, "CAPTURE", amount_of(request.body, least=1))


def cancel(account: Account, request: Request) -> Document:
    """Take a request to cancel an authorisation."""
    return _take(account, request, "CANCELLATION")


def reverse(account: Account, request: Request) -> Document:
    """Take a request to refund what is captured and to cancel what is not."""
    return _take(account, request, "CANCEL_OR_REFUND")


def refund(account: Account, request: Request) -> Document:
    """Take a request to refund."""
    reason, captured_by = request.body.get("merchantRefundReason"), request.body.get("capturePspReference")
    if reason is not None and reason not in _REASONS:
        raise invalid("192", "Invalid field merchantRefundReason")
    given = {"merchantRefundReason": reason, "capturePspReference": captured_by}
    more = {name: value for name, value in given.items() if value is not None}
    return {**_take(account, request, "REFUND", amount_of(request.body, least=1)), **more}


def update_amount(account: Account, request: Request) -> Document:
    """Take a request to authorise another amount."""
    taken = _take(account, request, "AUTHORISATION_ADJUSTMENT", amount_of(request.body, least=1))
    payment = account.payments[taken["paymentPspReference"]]
    usage = request.body.get("industryUsage")
    return {"reference": payment["reference"], **taken, **({"industryUsage": usage} if usage is not None else {})}


def cancel_by_reference(account: Account, request: Request) -> Document:
    """Take a request to cancel by the shop's own reference; of several payments with it, the last is meant."""
    missing = invalid("130", "Reference Missing")
    payment_reference = text(request.body, "paymentReference", 80, missing)
    found = account.references.get(payment_reference)
    if not found:
        raise invalid("167", "Original pspReference required for this operation")
    modification = _record(account, request, "TECHNICAL_CANCEL", found[-1], None)
    body = {name: modification[name] for name in ("pspReference", "reference") if modification[name]}
    return {**_received(account), **body, "paymentReference": payment_reference}


def _take(account: Account, request: Request, event: str, amount: Document | None = None) -> Document:
    payment = request.path["payment"]
    if payment not in account.payments:
        raise invalid("167", "Original pspReference required for this operation")
    modification = _record(account, request, event, payment, amount)
    body = {name: modification[name] for name in ("pspReference", "reference", "amount") if modification[name]}
    return {**_received(account), **body, "paymentPspReference": payment}


def _received(account: Account) -> Document:
    return {"merchantAccount": account.setting("merchant_account", "AssayECOM"), "status": "received"}


def _record(account: Account, request: Request, event: str, payment: str, amount: Document | None) -> Document:
    modification: Document = {
        "pspReference": account.new_reference(),
        "reference": text(request.body, "reference", 80),
        "payment": payment,
        "event": event,
        "amount": amount,
    }
    account.modifications[modification["pspReference"]] = modification
    account.in_seconds(float(account.setting("modification_s", 0)), "modify", modification["pspReference"])
    return modification


def modify_job(account: Account, psp_reference: str) -> None:
    """Job: carry a modification out, or not, and tell the shop."""
    modification = account.modifications[psp_reference]
    payment = account.payments[modification["payment"]]
    event, amount = modification["event"], modification["amount"] or payment["amount"]
    if amount["currency"] != payment["amount"]["currency"]:
        reason = _OTHER_CURRENCY
    else:
        reason = _CARRIED_OUT[event](account, payment, amount["value"])
        _book(account, payment, modification)
    additional = {}
    if event == "CANCEL_OR_REFUND" and not reason:
        additional = {"modification.action": "refund" if payment["captured"] else "cancel"}
    webhook.emit(
        account, payment, event, amount=amount, success=not reason, reason=reason, modification=modification,
        additional=additional,
    )  # fmt: skip
    later = payment.get("later")
    if not reason and later == f"{event}_FAILED":
        seconds = float(account.setting("scheme_reject_s", _DAY_S))
        account.in_seconds(seconds, "fail_later", [psp_reference, later])


def _book(account: Account, before: Document, modification: Document) -> None:
    """Book what a modification moved, whatever it was called."""
    after = account.payments[before["pspReference"]]
    for name, type_, sign in (("captured", "Settled", 1), ("refunded", "Refunded", -1)):
        if moved := after[name] - before[name]:
            settlement.book(account, after, type_, sign * moved, modification)


def fail_job(account: Account, failed: list[str]) -> None:
    """Job: the card scheme rejects what was carried out already."""
    modification = account.modifications[failed[0]]
    payment = account.payments[modification["payment"]]
    value, event = modification["amount"]["value"], failed[1]
    name = "captured" if event == "CAPTURE_FAILED" else "refunded"
    payment = account.update(payment, **{name: payment[name] - value})
    settlement.take_back(account, payment, modification)
    reason = "Capture Failed" if event == "CAPTURE_FAILED" else "Refund Failed"
    webhook.emit(account, payment, event, amount=modification["amount"], reason=reason, modification=modification)


def _capture(account: Account, payment: Document, value: int) -> str:
    """Carry a capture out; a rest after a partial one is released unless the account takes several."""
    if payment["status"] != "authorised":
        return _NO_AUTHORISATION
    if payment.get("closed") or payment["captured"] + value > payment["amount"]["value"]:
        return _INSUFFICIENT
    captured = payment["captured"] + value
    several = bool(account.setting("multiple_partial_captures", False))
    account.update(payment, captured=captured, closed=not several or captured == payment["amount"]["value"])
    return ""


def _cancel(account: Account, payment: Document, value: int) -> str:
    if payment["status"] != "authorised":
        return _NO_AUTHORISATION
    if payment["captured"]:
        return "Transaction has been captured, cancel not possible"
    account.update(payment, status="cancelled", closed=True)
    return ""


def _refund(account: Account, payment: Document, value: int) -> str:
    if not payment["captured"]:
        return _NOT_CAPTURED
    if payment["refunded"] + value > payment["captured"]:
        return _INSUFFICIENT
    account.update(payment, refunded=payment["refunded"] + value)
    return ""


def _reverse(account: Account, payment: Document, value: int) -> str:
    if not payment["captured"]:
        return _cancel(account, payment, value)
    return _refund(account, payment, payment["captured"])


def _adjust(account: Account, payment: Document, value: int) -> str:
    if payment["status"] != "authorised" or payment["captured"] or payment.get("closed"):
        return _NO_AUTHORISATION
    account.update(payment, amount={**payment["amount"], "value": value})
    return ""


_CARRIED_OUT: dict[str, Callable[[Account, Document, int], str]] = {
    "CAPTURE": _capture,
    "CANCELLATION": _cancel,
    "TECHNICAL_CANCEL": _cancel,
    "REFUND": _refund,
    "CANCEL_OR_REFUND": _reverse,
    "AUTHORISATION_ADJUSTMENT": _adjust,
}
