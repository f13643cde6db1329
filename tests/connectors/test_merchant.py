"""The merchant's connector takes orders back and finds them by their customer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from assay.connectors.merchant import Merchant
from assay.errors import InfrastructureError
from assay.roles import Cancels, Http, Shop, UndoRefused

SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


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
