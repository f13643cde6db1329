"""What PayPal moved and paid out, parts given back or taken, and the approval page, in the shapes of its documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from assay.connectors.paypal import Paypal
from assay.errors import InfrastructureError
from assay.records import MinorAmount
from assay.roles import CapturesInPart, Cardholder, Http, RefundsInPart, Settles, UndoRefused

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
SEARCH = "/v1/reporting/transactions"


def money(value: str, currency: str = "EUR") -> dict[str, str]:
    """An amount as PayPal writes it."""
    return {"currency_code": currency, "value": value}


def moved(ref: str, code: str, value: str, fee: str | None = None, **more: Any) -> dict[str, Any]:
    """A line of Transaction Search."""
    own = {"transaction_id": ref, "transaction_event_code": code, "transaction_amount": money(value)}
    own |= {"fee_amount": money(fee)} if fee else {}
    own |= {"transaction_status": "S", "transaction_initiation_date": "2026-03-01T10:00:00+0100", **more}
    return {"transaction_info": own}


def of(ref: str, kind: str = "ODR") -> dict[str, str]:
    """What a transaction refers to."""
    return {"paypal_reference_id": ref, "paypal_reference_id_type": kind}


def paid(ref: str, status: str, value: str = "19.90") -> dict[str, Any]:
    """An authorisation or a capture."""
    return {"id": ref, "amount": money(value), "status": status, "create_time": "2026-03-01T09:00:00Z"}


def order(**payments: Any) -> dict[str, Any]:
    """An order with these payments."""
    unit = {"amount": money("19.90"), "payments": payments}
    return {"id": "5O1", "status": "COMPLETED", "create_time": "2026-03-01T09:00:00Z", "purchase_units": [unit]}


@pytest.fixture
def paypal(vendor: Any, http: Http) -> Paypal:
    """The connector under test; the vendor hands out a token."""
    vendor.on("POST", "/v1/oauth2/token", {"access_token": "A21canary", "expires_in": 32400})
    return Paypal(http, {"client_id": "app", "client_secret": "s"})


def test_a_payment_and_its_refund_belong_to_one_order(vendor: Any, paypal: Paypal) -> None:
    """A fee below nothing was taken; a refund leads over its capture to the order, and is signed."""
    lines = [
        moved("3C1", "T0006", "19.90", "-0.94", invoice_id="R-1001", **of("5O1")),
        moved("2R1", "T1107", "-5.00", "0.10", invoice_id="R-1001", **of("3C1", "TXN")),
    ]
    vendor.on("GET", SEARCH, {"transaction_details": lines, "total_pages": 1})
    vendor.on("GET", "/v2/payments/captures/3C1", {"supplementary_data": {"related_ids": {"order_id": "5O1"}}})
    refund, charge = paypal.balance_entries(SINCE, UNTIL)
    assert isinstance(paypal, Settles)
    assert (charge.kind, charge.payment_ref, charge.order_ref) == ("charge", "5O1", "R-1001")
    assert (charge.gross.minor, charge.fee.minor, charge.net.minor) == (1990, 94, 1896)
    assert charge.created_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (refund.kind, refund.payment_ref, refund.refund_ref) == ("refund", "5O1", "2R1")
    assert (refund.gross.minor, refund.fee.minor, refund.net.minor) == (-500, -10, -490)
    assert vendor.asked[1].query["balance_affecting_records_only"] == "Y"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("T0200", "conversion"),
        ("T0106", "fee"),
        ("T1201", "chargeback"),
        ("T1108", "fee"),
        ("T1110", "reserve"),
        ("T2101", "reserve"),
        ("T0403", "payout"),
        ("T1900", "adjustment"),
        ("T0300", "other"),
    ],
)
def test_every_event_code_has_a_kind_of_ours(vendor: Any, paypal: Paypal, code: str, kind: str) -> None:
    """The group of the code says what moved; reversals of fees and holds are no refunds."""
    vendor.on("GET", SEARCH, {"transaction_details": [moved("9X1", code, "-3.00")], "total_pages": 1})
    (entry,) = paypal.balance_entries(SINCE, UNTIL)
    assert (entry.kind, entry.payment_ref) == (kind, None)
    assert entry.payout_ref == ("9X1" if kind == "payout" else None)


def test_what_is_pending_or_denied_moved_nothing(vendor: Any, paypal: Paypal) -> None:
    """Only what succeeded moves a balance, reversed later or not; a withdrawal is told while it is pending, too."""
    lines = [moved(f"4W{status}", "T0400", "-100.00", transaction_status=status) for status in "SPDV"]
    vendor.on("GET", SEARCH, {"transaction_details": lines, "total_pages": 1})
    assert [entry.ref for entry in paypal.balance_entries(SINCE, UNTIL)] == ["4WS", "4WV"]
    told = {payout.ref: payout.status for payout in paypal.payouts(SINCE, UNTIL)}
    assert told == {"4WS": "paid", "4WP": "pending", "4WD": "failed", "4WV": "cancelled"}
    assert paypal.payouts(SINCE, UNTIL)[0].amount == MinorAmount(10000, "EUR")


def test_a_movement_outside_the_span_is_left_out(vendor: Any, paypal: Paypal) -> None:
    """The span is by the instant a movement began, whatever day the search goes by."""
    line = moved("3C1", "T0006", "19.90", transaction_initiation_date="2026-02-28T23:59:59Z", **of("5O1"))
    vendor.on("GET", SEARCH, {"transaction_details": [line], "total_pages": 1})
    assert paypal.balance_entries(SINCE, UNTIL) == []


def test_part_of_a_capture_is_given_back(vendor: Any, paypal: Paypal) -> None:
    """A partial refund goes to the capture as a decimal text under the key; without a capture it is refused."""
    vendor.on("GET", "/v2/checkout/orders/5O1", order(captures=[paid("3C1", "COMPLETED")]))
    vendor.on("POST", "/v2/payments/captures/3C1/refund", {"id": "2R1"}, status=201)
    assert isinstance(paypal, RefundsInPart)
    paypal.refund_part("5O1", MinorAmount(500, "EUR"), "console-1")
    assert json.loads(vendor.asked[-1].body) == {"amount": money("5.00")}
    assert vendor.asked[-1].headers["paypal-request-id"] == "console-1-3C1"
    vendor.on("GET", "/v2/checkout/orders/5O1", order())
    with pytest.raises(UndoRefused, match="nothing of 5O1 was captured"):
        paypal.refund_part("5O1", MinorAmount(500, "EUR"), "console-2")


def test_part_of_an_authorisation_is_taken(vendor: Any, paypal: Paypal) -> None:
    """A partial capture leaves the authorisation open, and whole units stay whole."""
    vendor.on("GET", "/v2/checkout/orders/5O1", order(authorizations=[paid("1A1", "CREATED")]))
    vendor.on("POST", "/v2/payments/authorizations/1A1/capture", {"id": "3C1"}, status=201)
    assert isinstance(paypal, CapturesInPart)
    paypal.capture_part("5O1", MinorAmount(80, "JPY"), "console-1")
    assert json.loads(vendor.asked[-1].body) == {"amount": money("80", "JPY"), "final_capture": False}


@pytest.mark.parametrize(("passes", "outcome"), [(True, "approve"), (False, "cancel")])
def test_the_payer_presses_a_button(vendor: Any, paypal: Paypal, passes: bool, outcome: str) -> None:
    """The page's form is answered with the way back to the shop; a page without buttons is an error."""
    assert isinstance(paypal, Cardholder)
    vendor.on("POST", "/checkoutnow", b"", status=200)
    with pytest.raises(InfrastructureError, match="led nowhere"):
        paypal.authenticate("https://www.paypal.com/checkoutnow?token=5O1", passes=passes)
    sent = parse_qs(vendor.asked[-1].body.decode())
    assert sent == {"token": ["5O1"], "outcome": [outcome], "instrument": ["wallet"]}


def test_an_amount_without_currency_is_refused(vendor: Any, paypal: Paypal) -> None:
    """A shape PayPal's document does not have names the place."""
    broken = moved("3C1", "T0006", "19.90", **of("5O1"))
    broken["transaction_info"]["transaction_amount"] = {"value": "19.90"}
    vendor.on("GET", SEARCH, {"transaction_details": [broken], "total_pages": 1})
    with pytest.raises(InfrastructureError, match=r"transaction_amount\.currency_code"):
        paypal.balance_entries(SINCE, UNTIL)
