"""Refunds: money given back, holds released, and refunds whose bank answers later (https://docs.stripe.com/api/refunds).

A released hold (a cancelled intent, the rest of a partial capture) appears as a refund without balance transaction, as
Stripe shows it; `amount_refunded` of the charge counts it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.charge import card_of, find_charge
from mocks.stripe.currency import CURRENCIES, check_step, written
from mocks.stripe.error import invalid, missing_resource, refused
from mocks.stripe.event import emit
from mocks.stripe.form import Accepts, integer, merged_metadata, metadata, one_of, text
from mocks.stripe.ledger import book
from mocks.stripe.listing import PAGING, page

CREATE: Accepts = {
    "amount": integer,
    "charge": text,
    "currency": text,
    "instructions_email": text,
    "metadata": metadata,
    "payment_intent": text,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
}
UPDATE: Accepts = {"metadata": metadata}
LIST: Accepts = {**PAGING, "charge": text, "payment_intent": text}

_DAY_S = 86_400


def create(account: Account, request: Request) -> Document:
    """Refund a captured charge in whole or in part."""
    parameters = request.parameters
    charge = _charge_of(account, parameters)
    amount = _amount(charge, parameters.get("amount"))
    method = account.methods[charge["payment_method"]]
    behaviour = card_of(account, method).refund if method["type"] == "card" else "pending"
    id_ = account.new_id("re" if method["type"] == "card" else "pyr")
    kept = merged_metadata({}, parameters.get("metadata"))
    status = "pending" if behaviour == "pending" else "succeeded"
    refund = _refund(account, id_, charge, amount, reason=parameters.get("reason"), status=status, kept=kept)
    type_ = "refund" if method["type"] == "card" else "payment_refund"
    refund["balance_transaction"] = book(account, type_, {**refund, "description": charge["description"]}, -amount)
    charge = _stored(account, charge, refund)
    emit(account, "refund.created", refund, request)
    emit(account, "charge.refunded", charge, request)
    if behaviour != "succeeded":
        wait = float(account.setting("refund_settle_s", 3 * _DAY_S))
        outcome = {"refund": id_, "status": "failed" if behaviour == "failed" else "succeeded"}
        account.world.at(account.world.now() + timedelta(seconds=wait), "settle_refund", outcome)
    return refund


def _charge_of(account: Account, parameters: Mapping[str, Any]) -> Document:
    charge_id, intent_id = parameters.get("charge"), parameters.get("payment_intent")
    if not charge_id and not intent_id:
        raise invalid("One of payment_intent and charge is required.", "payment_intent", "parameter_missing")
    if intent_id:
        intent = account.intents.get(intent_id)
        if intent is None:
            raise missing_resource("payment_intent", intent_id, "payment_intent")
        if charge_id and charge_id not in account.intent_notes[intent_id]["charges"]:
            raise invalid(f"The charge '{charge_id}' does not belong to the payment intent '{intent_id}'.", "charge")
        charge_id = charge_id or intent["latest_charge"]
        if charge_id is None or intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            raise refused(message, "payment_intent_unexpected_state", param="payment_intent")
    charge = find_charge(account, str(charge_id), "charge", status=404)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise refused(
            f"Charge {charge['id']} cannot be refunded: it was not captured.", "charge_not_refundable", param="charge"
        )
    if charge["disputed"]:
        raise refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    return charge


def _amount(charge: Document, given: int | None) -> int:
    left: int = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise refused(
            f"Charge {charge['id']} has already been refunded.", "charge_already_refunded", charge=charge["id"]
        )
    if given is None:
        return left
    if given < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    currency = CURRENCIES[charge["currency"]]
    check_step(given, currency, "amount")
    if given > left:
        asked, unrefunded = written(given, currency), written(left, currency)
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({unrefunded})"
        raise refused(message, param="amount")
    return given


def _refund(
    account: Account,
    id_: str,
    charge: Document,
    amount: int,
    *,
    reason: str | None,
    status: str,
    kept: dict[str, str],
) -> Document:
    return {
        "id": id_,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": account.now(),
        "currency": charge["currency"],
        "metadata": kept,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }


def _stored(account: Account, charge: Document, refund: Document) -> Document:
    """Store a refund and return its charge with the refund counted."""
    account.refunds[refund["id"]] = refund
    account.charge_refunds[charge["id"]] = [*account.charge_refunds.get(charge["id"], ()), refund["id"]]
    return _counted(account, charge, refund["amount"])


def _counted(account: Account, charge: Document, amount: int) -> Document:
    total = charge["amount_refunded"] + amount
    charge = {**charge, "amount_refunded": total, "refunded": total == charge["amount"]}
    account.charges[charge["id"]] = charge
    return charge


def released(account: Account, charge: Document, amount: int, *, reason: str | None = None) -> Document:
    """Return the charge after `amount` of its hold went back to the cardholder."""
    refund = _refund(account, account.new_id("re"), charge, amount, reason=reason, status="succeeded", kept={})
    return _stored(account, charge, refund)


def settle_refund(account: Account, payload: Mapping[str, Any]) -> None:
    """Say how a refund ended whose bank answered only now; the money of a failed one comes back to the balance."""
    old = account.refunds[payload["refund"]]
    refund = {**old, "status": payload["status"]}
    if refund["status"] == "failed":
        charge = _counted(account, account.charges[old["charge"]], -old["amount"])
        described = {**refund, "description": charge["description"]}
        refund["failure_balance_transaction"] = book(account, "refund_failure", described, old["amount"])
        refund["failure_reason"] = "unknown"
        account.refunds[old["id"]] = refund
        emit(account, "refund.failed", refund)
    else:
        account.refunds[old["id"]] = refund
        emit(account, "refund.updated", refund, previous={"status": old["status"]})
    emit(account, "charge.refund.updated", refund, previous={"status": old["status"]})


def _find(account: Account, request: Request) -> Document:
    found: Document | None = account.refunds.get(request.path["refund"])
    if found is None:
        raise missing_resource("refund", request.path["refund"], "refund")
    return found


def retrieve(account: Account, request: Request) -> Document:
    """Return one refund."""
    return _find(account, request)


def update(account: Account, request: Request) -> Document:
    """Change the metadata of a refund."""
    old = _find(account, request)
    refund = {**old, "metadata": merged_metadata(old["metadata"], request.parameters.get("metadata"))}
    account.refunds[old["id"]] = refund
    return refund


def list_(account: Account, request: Request) -> Document:
    """Return refunds, newest first, of everything or of one charge or payment intent."""
    charge, intent = request.parameters.get("charge"), request.parameters.get("payment_intent")
    rows: Mapping[str, Document] = account.refunds
    if charge:
        find_charge(account, charge, "charge", status=404)
        rows = _rows(account, [charge])
    if intent:
        note = account.intent_notes.get(intent)
        if note is None:
            raise missing_resource("payment_intent", intent, "payment_intent")
        rows = _rows(account, [id_ for id_ in note["charges"] if charge in (None, id_)])
    return page(rows, request.parameters, kind="refund", url="/v1/refunds")


def list_of_charge(account: Account, request: Request) -> Document:
    """Return the refunds of the charge in the path."""
    charge = find_charge(account, request.path["charge"], "charge", status=404)["id"]
    return page(_rows(account, [charge]), request.parameters, kind="refund", url=f"/v1/charges/{charge}/refunds")


def _rows(account: Account, charges: list[str]) -> dict[str, Document]:
    ids = [id_ for charge in charges for id_ in account.charge_refunds.get(charge, ())]
    return {id_: account.refunds[id_] for id_ in ids}
