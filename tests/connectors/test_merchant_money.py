"""What the merchant's connector does about money beyond selling: its calls, and what it makes of answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from assay import roles
from assay.connectors.merchant import Merchant
from assay.money import Money
from assay.records import AnalyticsEvent, CreditMovement, Figure, PaymentOption, Rate, StatementLine
from assay.roles import Http, ShopRefused

SINCE, UNTIL = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
REFUNDS = "/api/orders/ord_1/refunds"
NONE = {"amount": "0.00", "currency": "EUR"}


def euros(amount: str) -> dict[str, str]:
    """Return an amount as the shop writes it."""
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture
def merchant(http: Http) -> Merchant:
    """The connector under test."""
    return Merchant(http, {"operator_token": "canary"})


def sent(vendor: Any, place: int = -1) -> Any:
    """Return the body of a call."""
    return json.loads(vendor.asked[place].body)


def test_it_plays_every_part_of_money(merchant: Merchant) -> None:
    """The connector offers every verb the flows of money ask a shop for."""
    parts = (
        roles.OffersPayment, roles.SwitchesCurrency, roles.HasStores, roles.ShowsText, roles.WalletSheet,
        roles.PaysLater, roles.GivesCredit, roles.RefundsOrders, roles.TakesReturns, roles.TellsAnalytics,
        roles.Reports, roles.ReadsStatements,
    )  # fmt: skip
    assert [part.__name__ for part in parts if not isinstance(merchant, part)] == []


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ({"amount": Money.of("3.50", "EUR")}, {"amount": euros("3.50")}),
        ({"lines": {"1": 2}}, {"lines": [{"line": "1", "quantity": 2}], "shipping": False}),
        ({"shipping": True}, {"lines": [], "shipping": True}),
    ],
)
def test_a_refund_says_what_goes_back(vendor: Any, merchant: Merchant, asked: Any, body: Any) -> None:
    """Amount, lines or shipping are named to the shop, under the caller's key; the gateway's reference comes back."""
    vendor.on("POST", REFUNDS, {"refunds": [{"id": "rfd_1", "reference": "re_1"}, {"id": "rfd_2", "reference": None}]})
    assert merchant.refund_order("ord_1", reason="broken", key="k-1", **asked) == ["re_1", "rfd_2"]
    assert sent(vendor) == {"reason": "broken", **body}
    headers = vendor.asked[-1].headers
    assert (headers["idempotency-key"], headers["authorization"]) == ("k-1", "Bearer canary")


def test_everything_is_what_is_left(vendor: Any, merchant: Merchant) -> None:
    """Where nothing is named, what was captured and neither given back nor about to be goes back."""
    payments = [{"captured": euros("80.00"), "refunded": euros("5.00")}, {"captured": euros("20.00"), "refunded": NONE}]
    refunds = [{"amount": euros("7.00"), "status": "queued"}, {"amount": euros("5.00"), "status": "succeeded"}]
    vendor.on("GET", "/api/orders/ord_1", {"currency": "EUR", "payments": payments, "refunds": refunds})
    vendor.on("POST", REFUNDS, {"refunds": []})
    merchant.refund_order("ord_1")
    assert sent(vendor)["amount"] == euros("88.00")


def test_a_refused_refund_is_the_shops_no(vendor: Any, merchant: Merchant) -> None:
    """More than can be given back, or a shop that cannot at all, is `ShopRefused` with its words."""
    vendor.on("POST", REFUNDS, {"error": {"code": "not_refundable"}}, status=409)
    with pytest.raises(ShopRefused, match="not_refundable"):
        merchant.refund_order("ord_1", shipping=True)


def test_goods_come_back(vendor: Any, merchant: Merchant) -> None:
    """A return is announced with its lines and taken in by its reference."""
    vendor.on("POST", "/api/orders/ord_1/returns", {"id": "ret_1"}, status=201)
    vendor.on("POST", "/api/operator/returns/ret_1/receive", {"id": "ret_1"})
    assert merchant.request_return("ord_1", {"2": 1}, "too small") == "ret_1"
    assert sent(vendor) == {"lines": [{"line": "2", "quantity": 1}], "reason": "too small"}
    merchant.receive_return("ret_1")


def test_credit_is_given_held_used_and_told(vendor: Any, merchant: Merchant) -> None:
    """Credit goes to an e-mail address and is used by its owner's token; movements name order and instant."""
    moved = {"amount": euros("-4.00"), "order": "ord_1", "at": "2026-03-02T09:00:00Z"}
    vendor.on("POST", "/api/operator/credit", {"balances": []}, status=201)
    vendor.on("GET", "/api/operator/credit", {"balances": [euros("6.00"), {"amount": "700", "currency": "JPY"}]})
    vendor.on("PUT", "/api/carts/c-1/credit", {"error": {"code": "not_yours"}}, status=409)
    vendor.on("GET", "/api/orders/ord_1/credit", {"movements": [moved]})
    merchant.give_credit("zoe@example.com", Money.of("10", "EUR"), "sorry")
    assert sent(vendor) == {"email": "zoe@example.com", "worth": euros("10.00"), "reason": "sorry"}
    assert merchant.credit("zoe@example.com") == [Money.of("6", "EUR"), Money.of("700", "JPY")]
    assert vendor.asked[-1].query == {"email": "zoe@example.com"}
    with pytest.raises(ShopRefused):
        merchant.use_credit("c-1", "token-1")
    assert vendor.asked[-1].headers["authorization"] == "Bearer token-1"
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert merchant.credit_movements("ord_1") == [
        CreditMovement(amount=Money.of("-4", "EUR"), order_ref="ord_1", at=at)
    ]


def test_stores_and_their_rates(vendor: Any, merchant: Merchant) -> None:
    """Stores are listed with the default one first, rates are read by store and in both directions."""
    rate = {"base": "EUR", "currency": "JPY", "rate": "160.12345", "date": "2026-02-27", "source": "ECB"}
    back = {**rate, "base": "JPY", "currency": "EUR", "rate": "0.006245"}
    vendor.on("GET", "/api/stores", {"stores": [{"id": "main"}, {"id": "second"}]})
    vendor.on("GET", "/api/rates", {"rates": [rate, back]})
    vendor.on("POST", "/api/carts", {"id": "crt_1"}, status=201)
    assert merchant.stores() == ["main", "second"]
    first, second = merchant.store_rates("second")
    day = date(2026, 2, 27)
    assert first == Rate(system="merchant", base="EUR", quote="JPY", value=Decimal("160.12345"), as_of=day)
    assert (second.base, second.quote, second.value) == ("JPY", "EUR", Decimal("0.006245"))
    assert vendor.asked[-1].query == {"store": "second"}
    assert merchant.open_cart_in("second", "JPY") == "crt_1"
    assert sent(vendor) == {"currency": "JPY", "store": "second"}


def test_texts_are_read_as_they_are_written(vendor: Any, merchant: Merchant) -> None:
    """Price and total come as the shop writes them in a language, and what it reads comes back as money."""
    vendor.on("GET", "/api/products/A/1", {"price_text": "1.234,50 EUR"})
    vendor.on("GET", "/api/carts/c-1", {"total_text": "JP¥80"})
    vendor.on("POST", "/api/operator/amounts", {"amount": euros("1234.50")})
    assert merchant.price_text("A/1", "EUR", "de") == "1.234,50 EUR"
    assert vendor.asked[-1].query == {"currency": "EUR", "language": "de"}
    assert merchant.total_text("c-1", "ja") == "JP¥80"
    assert merchant.read_amount("1.234,50", "EUR", "de") == Money.of("1234.50", "EUR")


def test_what_a_page_or_a_wallet_asks_for(vendor: Any, merchant: Merchant) -> None:
    """The wallet's sheet and the page for unpaid orders say an amount; paying there is answered like a checkout."""
    vendor.on("GET", "/api/carts/c-1/wallet", {"currencyCode": "JPY", "total": {"label": "x", "amount": "1624"}})
    vendor.on("GET", "/api/orders/ord_1/pay-page", {"amount": {"amount": "80", "currency": "JPY"}})
    vendor.on("POST", "/api/orders/ord_1/pay", {"error": {"code": "x", "message": "No."}}, status=402)
    vendor.on("GET", "/api/carts/c-1/payment-methods", {"methods": [{"kind": "invoice", "gateway": None}]})
    assert merchant.wallet_total("c-1") == Money.of("1624", "JPY")
    assert merchant.pay_page("ord_1", currency="JPY") == Money.of("80", "JPY")
    assert vendor.asked[-1].query == {"currency": "JPY"}
    assert merchant.pay_order("ord_1", "pm_1", currency="JPY").status == "declined"
    assert sent(vendor) == {"payment_method": "pm_1", "currency": "JPY"}
    assert merchant.payment_options("c-1") == [PaymentOption(kind="invoice")]


def test_what_others_are_told(vendor: Any, merchant: Merchant) -> None:
    """Events, figures and statements are read with their span; a statement goes as it is, with its form named."""
    event = {"name": "purchase", "value": euros("80.00"), "at": "2026-03-02T09:00:00Z"}
    figure = {"name": "revenue", "total": euros("80.00"), "per_currency": [euros("80.00")]}
    line = {"ref": "B-1", "amount": euros("-53.79"), "booked_on": "2026-03-02", "text": "STRIPE PAYOUT po_1"}
    vendor.on("GET", "/api/operator/analytics", {"events": [event]})
    vendor.on("GET", "/api/operator/revenue", {"figures": [figure]})
    vendor.on("POST", "/api/operator/statements", {"added": 2}, status=201)
    vendor.on("GET", "/api/operator/statements", {"lines": [line]})
    at, amount = datetime(2026, 3, 2, 9, tzinfo=UTC), Money.of("80", "EUR")
    assert merchant.analytics_events("ord_1") == [
        AnalyticsEvent(name="purchase", order_ref="ord_1", value=amount, at=at)
    ]
    assert merchant.figures(SINCE, UNTIL) == [
        Figure(system="merchant", name="revenue", total=amount, since=SINCE, until=UNTIL, per_currency=(amount,))
    ]
    assert merchant.import_statement(b":20:X", "mt940") == 2
    assert (vendor.asked[-1].query, vendor.asked[-1].body) == ({"form": "mt940"}, b":20:X")
    assert merchant.statement_lines(SINCE, UNTIL) == [
        StatementLine(
            system="merchant",
            ref="B-1",
            amount=Money.of("-53.79", "EUR"),
            booked_on=date(2026, 3, 2),
            text="STRIPE PAYOUT po_1",
        )
    ]
