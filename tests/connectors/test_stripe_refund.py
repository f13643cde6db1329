"""Stripe's connector gives money back: everything that is still held, once for one key."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from assay.connectors.stripe import Stripe
from assay.errors import InfrastructureError
from assay.roles import Http, Refunds, UndoRefused


def intent(status: str = "succeeded", *, captured: int = 8000, refunded: int = 0) -> dict[str, Any]:
    """A payment intent with its charge expanded."""
    charge = {"id": "ch_1", "object": "charge", "amount_refunded": refunded} if captured else None
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 8000,
        "amount_received": captured,
        "currency": "jpy",
        "created": 1772323200,
        "status": status,
        "metadata": {},
        "latest_charge": charge,
    }


def refused(code: str, message: str = "no") -> dict[str, Any]:
    """An error in the shape of Stripe's document."""
    return {"error": {"type": "invalid_request_error", "code": code, "message": message}}


@pytest.fixture
def stripe(http: Http) -> Stripe:
    """The connector under test."""
    return Stripe(http, {"api_key": "sk_test_canary"})


@pytest.mark.parametrize("refunded", [0, 500])
def test_refunds_whatever_is_held(vendor: Any, stripe: Stripe, refunded: int) -> None:
    """A captured payment is refunded without an amount, which is all that is left of it, under the given key."""
    vendor.on("GET", "/v1/payment_intents/pi_1", intent(refunded=refunded))
    vendor.on("POST", "/v1/refunds", {"id": "re_1", "object": "refund"})
    stripe.refund("pi_1", "undo-1")
    asked = vendor.asked[-1]
    assert dict(parse_qsl(asked.body.decode())) == {"payment_intent": "pi_1", "metadata[assay]": "undo"}
    assert asked.headers["idempotency-key"] == "undo-1"
    assert isinstance(stripe, Refunds)


@pytest.mark.parametrize("state", [intent(refunded=8000), intent("canceled", captured=0)])
def test_where_nothing_is_held_nothing_is_sent(vendor: Any, stripe: Stripe, state: dict[str, Any]) -> None:
    """A payment given back or voided before is only read."""
    vendor.on("GET", "/v1/payment_intents/pi_1", state)
    stripe.refund("pi_1", "undo-1")
    assert [asked.method for asked in vendor.asked] == ["GET"]


def test_a_payment_never_captured_is_cancelled(vendor: Any, stripe: Stripe) -> None:
    """An authorisation is voided by cancelling its intent."""
    vendor.on("GET", "/v1/payment_intents/pi_1", intent("requires_capture", captured=0))
    vendor.on("POST", "/v1/payment_intents/pi_1/cancel", intent("canceled", captured=0))
    stripe.refund("pi_1", "undo-1")
    assert vendor.asked[-1].path == "/v1/payment_intents/pi_1/cancel"
    assert vendor.asked[-1].headers["idempotency-key"] == "undo-1"


def test_somebody_quicker_is_no_error(vendor: Any, stripe: Stripe) -> None:
    """A refund that was made between our reading and our asking is what we wanted."""
    vendor.on("GET", "/v1/payment_intents/pi_1", intent())
    vendor.on("POST", "/v1/refunds", refused("charge_already_refunded"), status=400)
    stripe.refund("pi_1", "undo-1")
    assert vendor.asked[-1].method == "POST"


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, UndoRefused), (404, LookupError), (401, InfrastructureError), (500, InfrastructureError)],
)
def test_a_refusal_says_what_stripe_said(vendor: Any, stripe: Stripe, status: int, error: type[Exception]) -> None:
    """Stripe's code and text are in the error; only a refusal for good is one for good."""
    vendor.on("GET", "/v1/payment_intents/pi_1", intent())
    vendor.on("POST", "/v1/refunds", refused("charge_disputed", "The charge is disputed."), status=status)
    with pytest.raises(error, match=r"charge_disputed: The charge is disputed\."):
        stripe.refund("pi_1", "undo-1")
