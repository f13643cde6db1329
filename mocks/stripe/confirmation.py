"""What happens when a payment intent is confirmed: checks, 3D Secure, the charge or its decline, debits that take days.

Follows https://docs.stripe.com/payments/paymentintents/lifecycle. Every outcome is stored before it is answered or
refused, so a declined intent can be read and confirmed again with another payment method.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from mocks.stripe import dispute
from mocks.stripe.account import Account, Document, Request
from mocks.stripe.cards import DECLINE_MESSAGES, Card
from mocks.stripe.charge import card_of, comes_back, new_charge
from mocks.stripe.error import Problem, error_object, invalid, refused
from mocks.stripe.event import emit
from mocks.stripe.ledger import book, fee_kind
from mocks.stripe.method import attached

AUTHENTICATION_PATH = "/3d_secure_2/hosted"
HOLD = timedelta(days=7)
_AUTHENTICATION = ("card_declined", "authentication_required")


def unexpected_state(intent: Document, verb: str, states: tuple[str, ...]) -> Problem:
    """Refuse an operation the intent's status does not allow."""
    message = (
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. "
        f"Only a PaymentIntent with one of the following statuses can be used: {', '.join(states)}."
    )
    return refused(message, "payment_intent_unexpected_state", payment_intent=intent)


def confirmed(account: Account, request: Request, intent: Document) -> Document:
    """Return the intent after confirming it. Raises `Problem` 402 for a decline, which stays recorded."""
    if not intent["payment_method"]:
        raise refused(
            "You cannot confirm this PaymentIntent because it has no payment method; give one and confirm again.",
            "payment_intent_unexpected_state",
            payment_intent=intent,
        )
    method: Document = account.methods[intent["payment_method"]]
    _check_method(account, intent, method)
    note = {**account.intent_notes[intent["id"]]}
    note["return_url"] = request.parameters.get("return_url") or note["return_url"]
    account.intent_notes[intent["id"]] = note
    intent = {**intent, "last_payment_error": None, "next_action": None}
    if method["type"] == "sepa_debit":
        return _debit(account, request, intent, method)
    card = card_of(account, method)
    if _needs_authentication(intent, card) and note["authenticated"] != method["id"]:
        return _authenticate(account, request, intent, method, card)
    return _raised(*_charged(account, request, intent, method, card))


def _check_method(account: Account, intent: Document, method: Document) -> None:
    if method["type"] not in intent["payment_method_types"]:
        raise refused(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Allowed: "
            f"{', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )
    if method["customer"] and method["customer"] != intent["customer"]:
        raise refused(
            "The payment method belongs to a customer who is not the customer of the PaymentIntent.",
            param="payment_method",
        )
    used_by = account.instruments[method["id"]]["used_by"]
    if used_by not in (None, intent["id"]) and method["customer"] is None:
        raise refused(
            "The PaymentMethod was used before without being attached to a customer. It may not be used again.",
            param="payment_method",
        )


def _needs_authentication(intent: Document, card: Card) -> bool:
    wish = intent["payment_method_options"]["card"]["request_three_d_secure"]
    return card.secure == "required" or (card.secure == "optional" and wish in ("any", "challenge_only"))


def _authenticate(account: Account, request: Request, intent: Document, method: Document, card: Card) -> Document:
    if request.parameters.get("off_session") not in (None, "false"):
        return _raised(*_declined(account, request, intent, method, _AUTHENTICATION, code="authentication_required"))
    if request.parameters.get("error_on_requires_action"):
        return _raised(*_failed(account, request, intent, method, _authentication_error(method)))
    note = account.intent_notes[intent["id"]]
    attempt = account.new_id("payatt")
    account.intent_notes[intent["id"]] = {**note, "attempt": attempt}
    query = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "source": attempt,
    }
    base = str(account.setting("authentication_base_url", "https://hooks.stripe.com")).rstrip("/")
    url = f"{base}{AUTHENTICATION_PATH}?{urlencode(query)}"
    action: Document
    if note["return_url"] and not request.parameters.get("use_stripe_sdk"):
        action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": note["return_url"], "url": url},
        }
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
    intent = {**intent, "status": "requires_action", "next_action": action}
    account.intents[intent["id"]] = intent
    emit(account, "payment_intent.requires_action", intent, request)
    return intent


def _authentication_error(method: Document) -> Document:
    return error_object(
        DECLINE_MESSAGES["authentication_required"],
        type_="card_error",
        code="authentication_required",
        decline_code="authentication_required",
        payment_method=method,
    )


def authenticated(account: Account, intent: Document, *, passed: bool) -> Document:
    """Return the intent after its cardholder passed or failed the authentication page."""
    method = account.methods[intent["payment_method"]]
    note = account.intent_notes[intent["id"]]
    if not passed:
        account.intent_notes[intent["id"]] = {**note, "attempt": None}
        error = error_object(
            "The payment method could not be authenticated. Choose a different payment method and try again.",
            code="payment_intent_authentication_failure",
            payment_method=method,
        )
        return _failed(account, None, intent, method, error)[0]
    account.intent_notes[intent["id"]] = {**note, "attempt": None, "authenticated": method["id"]}
    intent = {**intent, "next_action": None}
    if intent["confirmation_method"] == "manual":
        intent["status"] = "requires_confirmation"
        account.intents[intent["id"]] = intent
        return intent
    return _charged(account, None, intent, method, card_of(account, method))[0]


def _charged(
    account: Account, request: Request | None, intent: Document, method: Document, card: Card
) -> tuple[Document, Document | None]:
    """Return the intent after charging a card, and the error of a decline."""
    proven = account.intent_notes[intent["id"]]["authenticated"] == method["id"]
    decline = card.decline or (card.after if proven else None)
    if decline is not None:
        return _declined(account, request, intent, method, decline)
    hold = intent["capture_method"] == "manual"
    charge = new_charge(account, intent, method, status="succeeded", captured=not hold, authenticated=proven)
    if not hold:
        charge = booked(account, charge, method, at_once=card.available)
    emit(account, "charge.succeeded", charge, request)
    _remember(account, intent, charge, method, request)
    if not hold:
        dispute.plan(account, charge, method)
    intent = {
        **intent,
        "latest_charge": charge["id"],
        "status": "requires_capture" if hold else "succeeded",
        "amount_capturable": intent["amount"] if hold else 0,
        "amount_received": 0 if hold else intent["amount"],
    }
    account.intents[intent["id"]] = intent
    if hold:
        account.world.at(account.world.now() + HOLD, "expire_hold", {"intent": intent["id"], "charge": charge["id"]})
    emit(account, "payment_intent.amount_capturable_updated" if hold else "payment_intent.succeeded", intent, request)
    return intent, None


def booked(account: Account, charge: Document, method: Document, *, at_once: bool = False) -> Document:
    """Return a captured charge with its balance transaction."""
    type_ = "charge" if method["type"] == "card" else "payment"
    booked = book(account, type_, charge, charge["amount_captured"], fee_kind=fee_kind(method), at_once=at_once)
    charge = {**charge, "balance_transaction": booked}
    account.charges[charge["id"]] = charge
    return charge


def _remember(account: Account, intent: Document, charge: Document, method: Document, request: Request | None) -> None:
    """Note whose charge this is and that the payment method is spent or, if wished, saved with the customer."""
    note = account.intent_notes[intent["id"]]
    account.intent_notes[intent["id"]] = {**note, "charges": [*note["charges"], charge["id"]]}
    if charge["status"] == "failed":
        return
    account.instruments[method["id"]] = {**account.instruments[method["id"]], "used_by": intent["id"]}
    if intent["setup_future_usage"] and intent["customer"]:
        attached(account, method, intent["customer"], request)


def _declined(
    account: Account,
    request: Request | None,
    intent: Document,
    method: Document,
    decline: tuple[str, str],
    *,
    code: str | None = None,
) -> tuple[Document, Document]:
    message = DECLINE_MESSAGES[decline[1]]
    charge = new_charge(account, intent, method, status="failed", captured=False, decline=decline, message=message)
    _remember(account, intent, charge, method, request)
    emit(account, "charge.failed", charge, request)
    error = error_object(
        message,
        type_="card_error",
        code=code or decline[0],
        decline_code=decline[1],
        charge=charge["id"],
        payment_method=method,
    )
    return _failed(account, request, {**intent, "latest_charge": charge["id"]}, method, error)


def _failed(
    account: Account, request: Request | None, intent: Document, method: Document, error: Document
) -> tuple[Document, Document]:
    """Store the intent as waiting for another payment method; `error` is what went wrong."""
    intent = {
        **intent,
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
    }
    account.intents[intent["id"]] = intent
    emit(account, "payment_intent.payment_failed", intent, request)
    return intent, error


def _raised(intent: Document, error: Document | None) -> Document:
    if error is not None:
        raise Problem(402, {**error, "payment_intent": intent}, keep=True, saved=True)
    return intent


def _debit(account: Account, request: Request, intent: Document, method: Document) -> Document:
    """Return the intent while a bank debit is under way; the bank answers days later."""
    if intent["currency"] != "eur":
        raise refused("SEPA Direct Debit takes payments in eur only.", param="currency")
    if intent["capture_method"] == "manual":
        raise refused("SEPA Direct Debit cannot be captured manually.", param="capture_method")
    billing = method["billing_details"]
    for name in ("name", "email"):
        if not billing[name]:
            raise invalid(
                f"Missing required param: billing_details[{name}].", f"billing_details[{name}]", "parameter_missing"
            )
    if not (request.parameters.get("mandate_data") or request.parameters.get("mandate")):
        raise refused(
            "This PaymentIntent requires a mandate; give the customer's acceptance in mandate_data.",
            "payment_intent_mandate_invalid",
        )
    charge = new_charge(account, intent, method, status="pending", captured=True)
    _remember(account, intent, charge, method, request)
    emit(account, "charge.pending", charge, request)
    intent = {**intent, "status": "processing", "latest_charge": charge["id"]}
    account.intents[intent["id"]] = intent
    emit(account, "payment_intent.processing", intent, request)
    due = account.world.now() + timedelta(seconds=float(account.setting("sepa_debit_s", 5 * 86_400)))
    account.world.at(due, "settle_debit", {"intent": intent["id"], "charge": charge["id"]})
    return intent


def settle_debit(account: Account, payload: Mapping[str, Any]) -> None:
    """Finish a bank debit the way its account behaves."""
    intent, charge = account.intents[payload["intent"]], account.charges[payload["charge"]]
    method = account.methods[charge["payment_method"]]
    if comes_back(account, method):
        message = "The bank account could not be debited."
        charge = {
            **charge, "status": "failed", "captured": False,
            "failure_code": "generic_could_not_process", "failure_message": message,
        }  # fmt: skip
        account.charges[charge["id"]] = charge
        emit(account, "charge.failed", charge)
        error = error_object(
            message, code="payment_intent_payment_attempt_failed", charge=charge["id"], payment_method=method
        )
        _failed(account, None, intent, method, error)
        return
    charge = {
        **charge, "status": "succeeded", "paid": True, "amount_captured": charge["amount"],
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{charge['id']}",
    }  # fmt: skip
    charge = booked(account, charge, method)
    emit(account, "charge.succeeded", charge)
    intent = {**intent, "status": "succeeded", "amount_received": charge["amount"]}
    account.intents[intent["id"]] = intent
    emit(account, "payment_intent.succeeded", intent)
