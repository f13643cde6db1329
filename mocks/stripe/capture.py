"""What becomes of a hold: captured in whole or in part, cancelled, or expired (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocks.stripe import dispute
from mocks.stripe.account import Account, Document, Request
from mocks.stripe.charge import card_of
from mocks.stripe.confirmation import booked, unexpected_state
from mocks.stripe.currency import CURRENCIES, check_step, written
from mocks.stripe.error import invalid, refused
from mocks.stripe.event import emit
from mocks.stripe.form import Accepts, boolean, integer, merged_metadata, metadata, one_of, short
from mocks.stripe.intent import find_intent
from mocks.stripe.refund import released

CAPTURE: Accepts = {
    "amount_to_capture": integer,
    "final_capture": boolean,
    "metadata": metadata,
    "statement_descriptor": short(22),
    "statement_descriptor_suffix": short(22),
}
CANCEL: Accepts = {
    "cancellation_reason": one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
}

_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")


def capture(account: Account, request: Request) -> Document:
    """Take the money held, or `amount_to_capture` of it and release the rest."""
    intent = find_intent(account, request)
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "capture", ("requires_capture",))
    charge = account.charges[intent["latest_charge"]]
    amount = _amount(intent, request.parameters.get("amount_to_capture"))
    rest = charge["amount"] - amount
    if rest:
        charge = released(account, charge, rest)
    change = {
        name: request.parameters[name]
        for name in ("statement_descriptor", "statement_descriptor_suffix")
        if request.parameters.get(name)
    }
    charge = {**charge, **change, "captured": True, "amount_captured": amount}
    method = account.methods[charge["payment_method"]]
    charge = booked(account, charge, method, at_once=card_of(account, method).available)
    dispute.plan(account, charge, method)
    emit(account, "charge.captured", charge, request, previous={"captured": False, "amount_captured": 0})
    intent = {
        **intent,
        **change,
        "status": "succeeded",
        "amount_capturable": 0,
        "amount_received": amount,
        "metadata": merged_metadata(intent["metadata"], request.parameters.get("metadata")),
    }
    account.intents[intent["id"]] = intent
    emit(account, "payment_intent.succeeded", intent, request)
    return intent


def _amount(intent: Document, given: int | None) -> int:
    held: int = intent["amount_capturable"]
    if given is None:
        return held
    if given < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", "amount_to_capture", "parameter_invalid_integer"
        )
    currency = CURRENCIES[intent["currency"]]
    check_step(given, currency, "amount_to_capture")
    if given > held:
        message = (
            f"Amount to capture ({written(given, currency)}) is more than is capturable ({written(held, currency)})."
        )
        raise refused(message, "amount_too_large", param="amount_to_capture")
    return given


def cancel(account: Account, request: Request) -> Document:
    """Cancel an intent that has not taken money; a hold is released."""
    intent = find_intent(account, request)
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(intent, "cancel", _CANCELABLE)
    if intent["status"] == "requires_capture":
        charge = account.charges[intent["latest_charge"]]
        charge = released(account, charge, charge["amount"])
        emit(account, "charge.refunded", charge, request)
    return _canceled(account, intent, request.parameters.get("cancellation_reason"), request)


def _canceled(account: Account, intent: Document, reason: str | None, request: Request | None) -> Document:
    intent = {
        **intent,
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": account.now(),
        "cancellation_reason": reason,
        "next_action": None,
    }
    account.intents[intent["id"]] = intent
    emit(account, "payment_intent.canceled", intent, request)
    return intent


def expire_hold(account: Account, payload: Mapping[str, Any]) -> None:
    """Release a hold nobody captured in time."""
    intent = account.intents[payload["intent"]]
    if intent["status"] != "requires_capture" or intent["latest_charge"] != payload["charge"]:
        return
    charge = account.charges[payload["charge"]]
    charge = released(account, charge, charge["amount"], reason="expired_uncaptured_charge")
    emit(account, "charge.expired", charge)
    _canceled(account, intent, "automatic", None)
