"""The merchant's connector takes orders back and finds them by their customer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.connectors.merchant import Merchant
from assay.errors import InfrastructureError
from assay.money import Money
from assay.roles import Cancels, Http, Shop, UndoRefused

SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EUROS = {"amount": "19.90", "currency": "EUR"}
LINE = {"id": "1", "sku": "0017", "name": "Cup", "quantity": 1, "unit_price": EUROS, "total": EUROS, "tax_rate": "20"}
PAID = {"id": "pay_1", "gateway": "stripe", "kind": "card", "reference": "pi_1", "status": "succeeded"}
ORDER = {
    "id": "ord_1",
    "number": "A100001",
    "status": "confirmed",
    "currency": "EUR",
    "total": EUROS,
    "placed_at": "2026-03-02T09:00:00Z",
    "lines": [LINE],
    "payments": [{**PAID, "amount": EUROS, "captured": EUROS, "refunded": EUROS}],
    "history": [{"at": "2026-03-02T09:00:00Z", "field": "status", "value": "confirmed", "cause": ""}],
}


@pytest.fixture
def merchant(http: Http) -> Merchant:
    """The connector under test."""
    return Merchant(http, {"operator_token": "canary"})


def test_cancels_an_order_with_the_reason(vendor: Any, merchant: Merchant) -> None:
    """An order is cancelled whole, by the operator, with the reason."""
    vendor.on("POST", "/api/orders/ord_1/cancel", {"id": "ord_1", "status": "cancelled"})
    merchant.cancel_order("ord_1", "a test")
    assert vendor.asked[0].body == b'{"reason":"a test"}'
    assert vendor.asked[0].headers["authorization"] == "Bearer canary"
    assert isinstance(merchant, Cancels)
    assert isinstance(merchant, Shop)


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, UndoRefused), (404, LookupError), (500, InfrastructureError), (401, InfrastructureError)],
)
def test_what_cannot_be_cancelled_says_why(
    vendor: Any, merchant: Merchant, status: int, error: type[Exception]
) -> None:
    """Too late is a refusal for good, an unknown order a LookupError, everything else trouble that may pass."""
    vendor.on("POST", "/api/orders/ord_1/cancel", {"error": {"code": "too_late"}}, status=status)
    with pytest.raises(error, match="ord_1" if status != 409 else "409 .*too_late"):
        merchant.cancel_order("ord_1", "a test")


def test_finds_every_order_of_a_customer(vendor: Any, merchant: Merchant) -> None:
    """Orders are found by their customer's address in any case, over every page, oldest first, and nobody else's."""

    def page(asked: Any) -> tuple[int, Any]:
        number = int(asked.query["page"])
        emails = ["Zoe@example.com"] + ["other@example.com"] * 99 if number == 1 else ["zoe@example.com"]
        orders = [{"id": f"ord_{number}_{place}", "customer": {"email": email}} for place, email in enumerate(emails)]
        return 200, {"orders": orders}

    vendor.on("GET", "/api/orders", page)
    assert merchant.find_by_marker("zoe@example.com", SINCE) == ["ord_1_0", "ord_2_0"]
    assert vendor.asked[0].query["since"] == "2026-03-02T09:00:00+00:00"
    assert "until" not in vendor.asked[0].query


def without(content: Any, path: str) -> Any:
    """Return a copy of a document in which the member at this path is gone."""
    copy = json.loads(json.dumps(content))
    *parents, last = path.split(".")
    holder = copy
    for part in parents:
        holder = holder[int(part) if part.isdigit() else part]
    del holder[last]
    return copy


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("number", "a text"),
        ("total", "an object"),
        ("total.amount", "a decimal number"),
        ("placed_at", "a text"),
        ("lines", "a list"),
        ("lines.0.sku", "a text"),
        ("lines.0.unit_price.currency", "a text"),
        ("payments.0.gateway", "a text"),
        ("payments.0.captured", "an object"),
        ("history.0.at", "a text"),
    ],
)
def test_an_order_that_lacks_what_the_document_has_is_named(
    vendor: Any, merchant: Merchant, gone: str, expected: str
) -> None:
    """A required member that is gone is an error that says which call, where in the answer, and what belongs there."""
    vendor.on("GET", "/api/orders/ord_1", ORDER)
    [tender] = merchant.order("ord_1").tenders
    assert (tender.gateway, tender.captured) == ("stripe", Money.of("19.90", "EUR"))
    vendor.on("GET", "/api/orders/ord_1", without(ORDER, gone))
    with pytest.raises(InfrastructureError) as refused:
        merchant.order("ord_1")
    error = refused.value
    assert (error.where, error.expected, error.seen) == (f"GET /api/orders/ord_1: {gone}", expected, "nothing")
    assert "merchant" in error.message and error.hint is not None


def test_an_answer_of_another_form_is_named(vendor: Any, merchant: Merchant) -> None:
    """An instant that is none, a status nobody documented and a page instead of an answer are told apart."""
    for path, value in (("placed_at", "yesterday"), ("number", 100001), ("lines", {})):
        vendor.on("GET", "/api/orders/ord_1", {**ORDER, path: value})
        with pytest.raises(InfrastructureError) as refused:
            merchant.order("ord_1")
        assert refused.value.where == f"GET /api/orders/ord_1: {path}"
    vendor.on(
        "POST", "/api/carts/c-1/checkout", {"status": "thinking", "order": {"id": "o", "number": "A"}}, status=202
    )
    with pytest.raises(InfrastructureError) as refused:
        merchant.submit("c-1", "pm_1")
    assert refused.value.expected == "requires_action or processing"
    vendor.on("GET", "/api/orders/ord_1", b"<h1>Please sign in</h1>")
    with pytest.raises(InfrastructureError, match="did not answer with a JSON object"):
        merchant.order("ord_1")
