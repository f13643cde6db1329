"""Disputes: a cardholder takes a charge back; the money and a fee leave, and come back only for winning evidence.

Follows https://docs.stripe.com/api/disputes and https://docs.stripe.com/testing#disputes: cards named createDispute…
are disputed as soon as they were charged, evidence with the text ``winning_evidence`` or ``losing_evidence`` decides,
and what nobody answers by its day is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.charge import card_of
from mocks.stripe.error import missing_resource, refused
from mocks.stripe.event import emit
from mocks.stripe.form import Accepts, boolean, merged_metadata, metadata, object_of, text
from mocks.stripe.ledger import book, shown_transaction
from mocks.stripe.listing import PAGING, page

_EVIDENCE_FIELDS = """
access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
customer_communication customer_email_address customer_name customer_purchase_ip customer_signature
duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt
refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address
shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text
"""
_EVIDENCE: Accepts = dict.fromkeys(_EVIDENCE_FIELDS.split(), text)
LIST: Accepts = {**PAGING, "charge": text, "payment_intent": text}
UPDATE: Accepts = {"evidence": object_of(_EVIDENCE, unset=False), "metadata": metadata, "submit": boolean}

_ANSWER_DAYS = 9
_OPEN = ("needs_response", "under_review")
_DECIDING = {"winning_evidence": "won", "losing_evidence": "lost"}
_REASON_CODE = {"fraudulent": "10.4", "product_not_received": "13.1"}


def plan(account: Account, charge: Document, method: Document) -> None:
    """Have the cardholder dispute a charge just captured, where his card is one that does."""
    if method["type"] == "card" and card_of(account, method).dispute:
        wait = timedelta(seconds=float(account.setting("dispute_s", 0)))
        account.world.at(account.world.now() + wait, "open_dispute", {"charge": charge["id"]})


def open_dispute(account: Account, payload: Mapping[str, Any]) -> None:
    """Take the money of a charge and the fee out of the balance, unless nothing of it is left."""
    charge = account.charges[payload["charge"]]
    amount = charge["amount_captured"] - charge["amount_refunded"]
    if amount <= 0 or charge["disputed"]:
        return
    card = card_of(account, account.methods[charge["payment_method"]])
    now = account.now()
    dispute: Document = {
        "id": account.new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "evidence": dict.fromkeys(_EVIDENCE),
        "evidence_details": {
            "due_by": now + _ANSWER_DAYS * 86_400,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": card.brand, "network_reason_code": _REASON_CODE[card.dispute]},
            "type": "card",
        },
        "reason": card.dispute,
        "status": "needs_response",
    }
    described = {**dispute, "description": f"Chargeback withdrawal for {charge['id']}"}
    taken = book(account, "adjustment", described, -amount, fee_kind="dispute", category="dispute")
    account.disputes[dispute["id"]] = {**dispute, "balance_transactions": [taken]}
    account.charges[charge["id"]] = {**charge, "disputed": True}
    due = account.world.now() + timedelta(days=_ANSWER_DAYS)
    account.world.at(due, "decide_dispute", {"dispute": dispute["id"], "status": "lost", "unless": "under_review"})
    for event in ("created", "funds_withdrawn"):
        emit(account, f"charge.dispute.{event}", shown(account, dispute["id"]))


def decide_dispute(account: Account, payload: Mapping[str, Any]) -> None:
    """Close a dispute as won, with the money back, or as lost; one under review is not lost for its day alone."""
    old = account.disputes[payload["dispute"]]
    if old["status"] not in _OPEN or old["status"] == payload.get("unless"):
        return
    dispute = {**old, "status": payload["status"]}
    if dispute["status"] == "won":
        described = {**dispute, "description": f"Chargeback reversal for {dispute['charge']}"}
        back = book(account, "adjustment", described, dispute["amount"], category="dispute_reversal")
        dispute["balance_transactions"] = [*old["balance_transactions"], back]
    account.disputes[old["id"]] = dispute
    if dispute["status"] == "won":
        emit(account, "charge.dispute.funds_reinstated", shown(account, old["id"]))
    emit(account, "charge.dispute.closed", shown(account, old["id"]), previous={"status": old["status"]})


def shown(account: Account, id_: str) -> Document:
    """Return a dispute with its balance transactions as they stand."""
    dispute: Document = account.disputes[id_]
    entries = [shown_transaction(account, account.transactions[each]) for each in dispute["balance_transactions"]]
    return {**dispute, "balance_transactions": entries}


def retrieve(account: Account, request: Request) -> Document:
    """Return one dispute."""
    return shown(account, _found(account, request)["id"])


def list_(account: Account, request: Request) -> Document:
    """Return disputes, newest first, of everything or of one charge or payment intent."""
    wanted = {name: request.parameters[name] for name in ("charge", "payment_intent") if request.parameters.get(name)}
    return page(
        account.disputes,
        request.parameters,
        kind="dispute",
        url="/v1/disputes",
        keep=lambda row: all(row[name] == value for name, value in wanted.items()),
        show=lambda row: shown(account, row["id"]),
    )


def update(account: Account, request: Request) -> Document:
    """Add evidence, and submit it to the bank unless `submit` is false."""
    old = _found(account, request)
    given = request.parameters.get("evidence")
    if given is not None and old["status"] != "needs_response":
        raise refused("This dispute is already closed or under review.", "dispute_already_closed", param="evidence")
    evidence = {**old["evidence"], **(given or {})}
    details = {**old["evidence_details"], "has_evidence": any(evidence.values())}
    dispute = {**old, "metadata": merged_metadata(old["metadata"], request.parameters.get("metadata"))}
    submitted = given is not None and request.parameters.get("submit", True)
    if submitted:
        details["submission_count"] += 1
        dispute["status"] = "under_review"
        verdict = _DECIDING.get(evidence["uncategorized_text"] or "")
        if verdict is not None:
            account.world.at(account.world.now(), "decide_dispute", {"dispute": old["id"], "status": verdict})
    account.disputes[old["id"]] = {**dispute, "evidence": evidence, "evidence_details": details}
    previous = {"status": old["status"]} if submitted else {"evidence_details": old["evidence_details"]}
    emit(account, "charge.dispute.updated", shown(account, old["id"]), request, previous=previous)
    return shown(account, old["id"])


def close(account: Account, request: Request) -> Document:
    """Give a dispute up."""
    dispute = _found(account, request)
    if dispute["status"] != "needs_response":
        raise refused("This dispute is already closed or under review.", "dispute_already_closed")
    decide_dispute(account, {"dispute": dispute["id"], "status": "lost"})
    return shown(account, dispute["id"])


def _found(account: Account, request: Request) -> Document:
    found: Document | None = account.disputes.get(request.path["dispute"])
    if found is None:
        raise missing_resource("dispute", request.path["dispute"], "dispute")
    return found
