"""Charges: the attempts of payment intents to take money (https://docs.stripe.com/api/charges)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocks.stripe.account import Account, Document, Request
from mocks.stripe.bank import is_failing
from mocks.stripe.cards import CARDS, SELLER_MESSAGES, Card
from mocks.stripe.error import missing_resource
from mocks.stripe.event import emit
from mocks.stripe.form import Accepts, merged_metadata, metadata, object_of, one_of, text
from mocks.stripe.listing import PAGING, page
from mocks.stripe.method import ADDRESS

LIST: Accepts = {**PAGING, "customer": text, "payment_intent": text, "transfer_group": text}
SHIPPING: Accepts = {
    "address": object_of(ADDRESS), "carrier": text, "name": text, "phone": text, "tracking_number": text,
}  # fmt: skip
SHIPPED = ("address", "name")  # what shipping details must have
UPDATE: Accepts = {
    "description": text,
    "metadata": metadata,
    "receipt_email": text,
    "shipping": object_of(SHIPPING, required=SHIPPED),
    "transfer_group": text,
    "fraud_details": object_of({"user_report": one_of("fraudulent", "safe")}),
}

_RISK_SCORE = {"normal": 12, "elevated": 68, "highest": 85}


def card_of(account: Account, method: Document) -> Card:
    """Return the test card behind a payment method of type card."""
    return CARDS[account.instruments[method["id"]]["name"]]


def comes_back(account: Account, method: Document) -> bool:
    """Return whether debits of this bank account fail after processing."""
    return is_failing(account.instruments[method["id"]]["name"])


def new_charge(
    account: Account,
    intent: Document,
    method: Document,
    *,
    status: str,
    captured: bool,
    decline: tuple[str, str] | None = None,
    message: str | None = None,
    authenticated: bool = False,
) -> Document:
    """Store and return the charge of one attempt; a decline is (error code, decline code)."""
    id_ = account.new_id("ch" if method["type"] == "card" else "py")
    succeeded = status == "succeeded"
    charge: Document = {
        "id": id_,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured and succeeded else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": _descriptor(account, intent) if method["type"] == "card" else None,
        "captured": captured and status != "failed",
        "created": account.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline[0] if decline else None,
        "failure_message": message,
        "fraud_details": {},
        "invoice": None,
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(account, method, status, decline),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(account, method, authenticated),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{id_}" if succeeded else None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    account.charges[id_] = charge
    return charge


def _descriptor(account: Account, intent: Document) -> str:
    own = intent["statement_descriptor"]
    if own:
        return str(own)
    prefix = str(account.setting("statement_descriptor", "ASSAY SHOP"))
    suffix = intent["statement_descriptor_suffix"]
    return f"{prefix}* {suffix}"[:22] if suffix else prefix


def _outcome(account: Account, method: Document, status: str, decline: tuple[str, str] | None) -> Document | None:
    if method["type"] != "card":
        return None
    risk = card_of(account, method).risk
    blocked = decline is not None and decline[1] == "fraudulent" and risk == "highest"
    outcome: dict[str, Any] = {
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": risk,
        "risk_score": _RISK_SCORE[risk],
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if status == "failed" and decline is not None:
        outcome |= {
            "network_status": "not_sent_to_network" if blocked else "declined_by_network",
            "reason": "highest_risk_level" if blocked else decline[1],
            "seller_message": SELLER_MESSAGES.get(decline[1], f"The bank returned the decline code `{decline[1]}`."),
            "type": "blocked" if blocked else "issuer_declined",
        }
    return outcome


def _details(account: Account, method: Document, authenticated: bool) -> Document:
    if method["type"] != "card":
        debit = {
            name: method["sepa_debit"][name] for name in ("bank_code", "branch_code", "country", "fingerprint", "last4")
        }
        return {"type": "sepa_debit", "sepa_debit": {**debit, "mandate": None}}
    public, card = method["card"], card_of(account, method)
    details = {
        name: public[name] for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    }
    checks = public["checks"]
    details |= {
        "checks": {
            "address_line1_check": checks["address_line1_check"] and card.line1_check,
            "address_postal_code_check": checks["address_postal_code_check"] and card.postal_code_check,
            "cvc_check": checks["cvc_check"] and card.cvc_check,
        },
        "installments": None,
        "mandate": None,
        "network": card.brand,
        "three_d_secure": _three_d_secure() if authenticated else None,
        "wallet": None,
    }
    return {"type": "card", "card": details}


def _three_d_secure() -> Document:
    return {"authentication_flow": "challenge", "result": "authenticated", "result_reason": None, "version": "2.2.0"}


def find_charge(account: Account, id_: str, param: str, *, status: int) -> Document:
    """Return a charge by id, or refuse."""
    found: Document | None = account.charges.get(id_)
    if found is None:
        raise missing_resource("charge", id_, param, status=status)
    return found


def retrieve(account: Account, request: Request) -> Document:
    """Return one charge."""
    return find_charge(account, request.path["charge"], "id", status=404)


def update(account: Account, request: Request) -> Document:
    """Change metadata, description, receipt address or shipping of a charge."""
    old = retrieve(account, request)
    change = {name: value for name, value in request.parameters.items() if name in UPDATE}
    change["metadata"] = merged_metadata(old["metadata"], request.parameters.get("metadata"))
    if "shipping" in change:
        change["shipping"] = shipping_of(change["shipping"])
    if "fraud_details" in change:
        report = (change["fraud_details"] or {}).get("user_report")
        change["fraud_details"] = {"user_report": report} if report else {}
    charge = {**old, **change}
    account.charges[old["id"]] = charge
    previous = {name: old[name] for name in change if old[name] != charge[name]}
    if previous:
        emit(account, "charge.updated", charge, request, previous=previous)
    return charge


def shipping_of(given: Document | None) -> Document | None:
    """Return shipping details as a payment shows them, every field present."""
    if not given:
        return None
    address = given.get("address") or {}
    return {
        "address": {name: address.get(name) for name in ADDRESS},
        "carrier": given.get("carrier"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tracking_number": given.get("tracking_number"),
    }


def list_(account: Account, request: Request) -> Document:
    """Return charges, newest first, of everything or of one payment intent, customer or transfer group."""
    parameters = request.parameters
    rows: Mapping[str, Document] = account.charges
    intent = parameters.get("payment_intent")
    if intent:
        # An intent has few charges and the account has many: look at its own only.
        note = account.intent_notes.get(intent)
        if note is None:
            raise missing_resource("payment_intent", intent, "payment_intent", status=400)
        rows = {id_: account.charges[id_] for id_ in note["charges"]}
    wanted = {name: parameters[name] for name in ("customer", "transfer_group") if parameters.get(name)}
    return page(
        rows,
        parameters,
        kind="charge",
        url="/v1/charges",
        keep=(lambda row: all(row[name] == value for name, value in wanted.items())) if wanted else None,
    )
