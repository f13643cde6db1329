"""PayPal's connector gives money back: everything that is still held, once for one key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.connectors.paypal import Paypal
from assay.errors import InfrastructureError
from assay.roles import Http, Refunds, UndoRefused

REFUND, VOID = "/v2/payments/captures/3C1/refund", "/v2/payments/authorizations/1A1/void"


def paid(ref: str, status: str, value: str = "19.90") -> dict[str, Any]:
    """An authorisation, a capture or a refund."""
    amount = {"currency_code": "EUR", "value": value}
    return {"id": ref, "amount": amount, "status": status, "create_time": "2026-03-01T09:00:00Z"}


def order(**payments: Any) -> dict[str, Any]:
    """An order with these payments."""
    unit = {"amount": {"currency_code": "EUR", "value": "19.90"}, "payments": payments}
    return {"id": "5O1", "status": "COMPLETED", "create_time": "2026-03-01T09:00:00Z", "purchase_units": [unit]}


def refused(issue: str, text: str = "no") -> dict[str, Any]:
    """An error in the shape of PayPal's documents."""
    return {"name": "UNPROCESSABLE_ENTITY", "message": "m", "details": [{"issue": issue, "description": text}]}


def sent(vendor: Any) -> list[str]:
    """The addresses that were asked to change something."""
    return [asked.path for asked in vendor.asked if asked.method == "POST" and "oauth2" not in asked.path]


@pytest.fixture
def paypal(vendor: Any, http: Http) -> Paypal:
    """The connector under test; the vendor hands out a token and takes whatever is asked."""
    vendor.on("POST", "/v1/oauth2/token", {"access_token": "A21canary", "expires_in": 32400})
    vendor.on("POST", VOID, b"", status=204)
    vendor.on("POST", REFUND, {"id": "2R1", "status": "COMPLETED"}, status=201)
    vendor.on("POST", "/v2/payments/captures/3C2/refund", {"id": "2R2", "status": "COMPLETED"}, status=201)
    return Paypal(http, {"client_id": "app", "client_secret": "s"})


@pytest.mark.parametrize("status", ["COMPLETED", "PARTIALLY_REFUNDED"])
def test_refunds_whatever_is_held(vendor: Any, paypal: Paypal, status: str) -> None:
    """A capture is refunded without an amount, which is all that is left of it, under the given key."""
    refunds = [paid("2R0", "COMPLETED", "5.00")] if status == "PARTIALLY_REFUNDED" else []
    vendor.on("GET", "/v2/checkout/orders/5O1", order(captures=[paid("3C1", status)], refunds=refunds))
    paypal.refund("5O1", "undo-1")
    asked = vendor.asked[-1]
    assert asked.path == REFUND
    assert json.loads(asked.body) == {}
    assert asked.headers["paypal-request-id"] == "undo-1-3C1"
    assert isinstance(paypal, Refunds)


def test_several_captures_have_a_key_each(vendor: Any, paypal: Paypal) -> None:
    """Each capture is refunded under a key of its own, and the rest of the authorisation is voided first."""
    captures = [paid("3C1", "COMPLETED", "5.00"), paid("3C2", "COMPLETED", "4.00")]
    authorisations = [paid("1A1", "PARTIALLY_CAPTURED")]
    vendor.on("GET", "/v2/checkout/orders/5O1", order(captures=captures, authorizations=authorisations))
    paypal.refund("5O1", "undo-1")
    assert sent(vendor) == [VOID, REFUND, "/v2/payments/captures/3C2/refund"]
    assert [asked.headers["paypal-request-id"] for asked in vendor.asked[-2:]] == ["undo-1-3C1", "undo-1-3C2"]


@pytest.mark.parametrize(
    "payments",
    [
        {},
        {"captures": [paid("3C1", "REFUNDED")]},
        {"captures": [paid("3C1", "DECLINED")]},
        {"authorizations": [paid("1A1", "VOIDED")]},
        {"authorizations": [paid("1A1", "DENIED")]},
    ],
)
def test_where_nothing_is_held_nothing_is_sent(vendor: Any, paypal: Paypal, payments: dict[str, Any]) -> None:
    """A payment given back, voided or never made before is only read."""
    vendor.on("GET", "/v2/checkout/orders/5O1", order(**payments))
    paypal.refund("5O1", "undo-1")
    assert sent(vendor) == []


def test_a_payment_never_captured_is_voided(vendor: Any, paypal: Paypal) -> None:
    """An open authorisation is voided."""
    vendor.on("GET", "/v2/checkout/orders/5O1", order(authorizations=[paid("1A1", "CREATED")]))
    paypal.refund("5O1", "undo-1")
    assert sent(vendor) == [VOID]


def test_somebody_quicker_is_no_error(vendor: Any, paypal: Paypal) -> None:
    """What was refunded or voided between our reading and our asking is what we wanted."""
    payments = {"captures": [paid("3C1", "COMPLETED")], "authorizations": [paid("1A1", "CREATED")]}
    vendor.on("GET", "/v2/checkout/orders/5O1", order(**payments))
    vendor.on("POST", REFUND, refused("CAPTURE_FULLY_REFUNDED"), status=422)
    vendor.on("POST", VOID, refused("PREVIOUSLY_VOIDED"), status=422)
    paypal.refund("5O1", "undo-1")
    assert sent(vendor) == [VOID, REFUND]


def test_a_capture_made_meanwhile_is_never_forgotten(vendor: Any, paypal: Paypal) -> None:
    """A void that comes too late is told, since the money is held; a rest PayPal released itself is no trouble."""
    vendor.on("POST", VOID, refused("PREVIOUSLY_CAPTURED", "It was captured."), status=422)
    vendor.on("GET", "/v2/checkout/orders/5O1", order(authorizations=[paid("1A1", "CREATED")]))
    with pytest.raises(UndoRefused, match=r"PREVIOUSLY_CAPTURED: It was captured\."):
        paypal.refund("5O1", "undo-1")
    payments = {"authorizations": [paid("1A1", "PARTIALLY_CAPTURED")], "captures": [paid("3C1", "COMPLETED", "5.00")]}
    vendor.on("GET", "/v2/checkout/orders/5O1", order(**payments))
    paypal.refund("5O1", "undo-2")
    assert vendor.asked[-1].path == REFUND


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (422, UndoRefused),
        (404, LookupError),
        (403, InfrastructureError),
        (409, InfrastructureError),
        (500, InfrastructureError),
    ],
)
def test_a_refusal_says_what_paypal_said(vendor: Any, paypal: Paypal, status: int, error: type[Exception]) -> None:
    """PayPal's issue and text are in the error; only a refusal for good is one for good."""
    vendor.on("GET", "/v2/checkout/orders/5O1", order(captures=[paid("3C1", "PENDING")]))
    vendor.on("POST", REFUND, refused("PENDING_CAPTURE", "The capture is pending."), status=status)
    with pytest.raises(error, match=r"PENDING_CAPTURE: The capture is pending\."):
        paypal.refund("5O1", "undo-1")


def test_an_unknown_order_is_a_lookup_error(vendor: Any, paypal: Paypal) -> None:
    """Nothing is sent for an order PayPal does not know."""
    vendor.on("GET", "/v2/checkout/orders/5O9", refused("INVALID_RESOURCE_ID"), status=404)
    with pytest.raises(LookupError, match="INVALID_RESOURCE_ID"):
        paypal.refund("5O9", "undo-1")
    assert sent(vendor) == []
