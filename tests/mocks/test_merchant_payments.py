"""Payments beyond one card charge: debits, split tender, invoices, reviews, late capture, refunds, returns."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.mocks.merchant_rig import Rig, serving

GOOD_IBAN, BOUNCING_IBAN = "AT611904300234573201", "AT861904300235473202"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("payments")) as running:
        yield running


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """The merchant with its default configuration before and after."""
    yield shared
    shared.settings(b2b_approval=False, review_from=None, capture="automatic", cash_rounding={}, restock_returns=False)


def debit(rig: Rig, iban: str) -> dict[str, Any]:
    """Return the payment of a checkout by direct debit."""
    form = {
        "type": "sepa_debit",
        "sepa_debit[iban]": iban,
        "billing_details[name]": "Zoë",
        "billing_details[email]": "zoe@example.com",
    }
    return {"kind": "sepa", "payment_method": rig.stripe("POST", "/v1/payment_methods", form)["id"]}


def test_direct_debit_waits_for_the_bank(rig: Rig) -> None:
    """An order on direct debit is pending, is not handed to the ERP, and is confirmed once when the money arrives."""
    order = rig.order(payment=debit(rig, GOOD_IBAN))
    assert (order["status"], order["payment_status"]) == ("pending", "pending")
    assert rig.read(order)["erp"]["outbox"] == []
    rig.advance(days=6)
    order = rig.read(order)
    assert order["payment_status"] == "paid" and order["status"] in ("confirmed", "processing")
    kinds = [message["kind"] for message in rig.ok("GET", f"/api/orders/{order['id']}/messages")["messages"]]
    assert kinds == ["payment_pending", "order_confirmed"]


def test_bounced_debit_gives_the_stock_back(rig: Rig) -> None:
    """A debit the bank refuses cancels the order and releases its stock."""
    before = rig.ok("GET", "/api/stock/G-700")["reserved"]
    order = rig.order(payment=debit(rig, BOUNCING_IBAN), lines=(("G-700", 2),))
    assert rig.ok("GET", "/api/stock/G-700")["reserved"] == before + 2
    rig.advance(days=6)
    order = rig.read(order)
    assert (order["status"], order["payment_status"]) == ("cancelled", "failed")
    assert rig.ok("GET", "/api/stock/G-700")["reserved"] == before


def test_gift_card_and_card_share_a_total(rig: Rig) -> None:
    """A gift card pays what it holds, the card the rest; a refund of everything returns both."""
    card = {"kind": "card", "payment_method": "pm_card_visa", "gift_card": "GIFT-EUR-50"}
    order = rig.order(payment=card, lines=(("F-600", 1),))
    amounts = {payment["gateway"]: Decimal(payment["amount"]["amount"]) for payment in order["payments"]}
    assert amounts["gift_card"] == 50 and sum(amounts.values()) == Decimal(order["total"]["amount"])
    assert rig.checkout(rig.cart(), {"kind": "gift_card", "gift_card": "GIFT-EUR-50"})[0] == 409
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"reason": "changed my mind"})
    order = rig.read(order)
    assert (order["status"], order["payment_status"]) == ("cancelled", "refunded")
    assert rig.order(payment={"kind": "gift_card", "gift_card": "GIFT-EUR-50"})["payment_status"] == "paid"


def test_gift_card_pays_its_own_currency_alone(rig: Rig) -> None:
    """A card in yen does not pay an order in euros."""
    status, refusal = rig.checkout(rig.cart("EUR"), {"kind": "gift_card", "gift_card": "GIFT-JPY-5000"})
    assert status == 422 and refusal["error"]["code"] == "wrong_currency"


def test_company_order_waits_for_approval(rig: Rig) -> None:
    """An order on invoice is held until an operator approves it; private persons cannot buy on invoice."""
    rig.settings(b2b_approval=True)
    assert rig.checkout(rig.cart(), {"kind": "invoice"})[0] == 422
    order = rig.order(
        payment={"kind": "invoice"}, company="Müller & Söhne GmbH", vat_id="DE811907980", address={"country": "DE"}
    )
    assert (order["status"], order["hold"]) == ("held", "approval")
    assert order["tax_treatment"] == "reverse_charge" and Decimal(order["tax"]["amount"]) == 0
    rig.advance(days=2)
    assert rig.read(order)["erp"]["outbox"] == []
    assert order["id"] in {entry["id"] for entry in rig.ok("GET", "/api/operator/held")["orders"]}
    rig.ok("POST", f"/api/operator/orders/{order['id']}/release", {})
    rig.settle()
    assert rig.read(order)["erp"]["sales_orders"]
    assert rig.ok("POST", f"/api/operator/orders/{order['id']}/paid", {})["payment_status"] == "paid"


def test_review_holds_a_large_order(rig: Rig) -> None:
    """An order above the review limit is paid and held; released, it goes to the ERP."""
    rig.settings(review_from="100")
    order = rig.order(lines=(("H-805", 1),))
    assert (order["status"], order["hold"], order["payment_status"]) == ("held", "review", "paid")
    rig.settle()
    assert rig.read(order)["erp"]["outbox"] == []
    rig.ok("POST", f"/api/operator/orders/{order['id']}/release", {})
    assert rig.read(order)["status"] == "confirmed"


def test_capture_on_shipment_takes_what_shipped(rig: Rig) -> None:
    """Authorised at checkout; a cancelled line is not captured and the rest of the hold is released."""
    rig.settings(capture="on_shipment")
    order = rig.order(lines=(("0017", 1), ("E-501", 2)))
    assert order["payment_status"] == "authorised"
    rig.advance(minutes=3)
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"lines": [{"line": "2", "quantity": 1}]})
    rig.settle()
    rig.ship()
    order = rig.read(order)
    assert order["payment_status"] == "paid" and order["status"] == "shipped", order
    captured = Decimal(order["payments"][0]["captured"]["amount"])
    assert captured == Decimal(order["total"]["amount"]) - Decimal(order["lines"][1]["total"]["amount"]) / 2
    intent = rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
    assert intent["amount_capturable"] == 0 and intent["amount_received"] == int(captured * 100)
    items = rig.sap(f"API_SALES_ORDER_SRV/A_SalesOrder('{order['erp']['sales_orders'][0]['number']}')/to_Item")
    assert {item["Material"]: Decimal(item["RequestedQuantity"]) for item in items} == {"0017": 1, "E-501": 1}


def test_cancelled_authorisation_is_released(rig: Rig) -> None:
    """Cancelling an authorised order frees the money without a refund."""
    rig.settings(capture="on_shipment")
    order = rig.order()
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {})
    assert rig.read(order)["payment_status"] == "voided"
    assert rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")["status"] == "canceled"


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "ISK"])
def test_partial_refunds_sum_to_the_line(rig: Rig, currency: str) -> None:
    """Refunding a line unit by unit gives back exactly what the line cost, in the order's currency."""
    cart = rig.cart(currency, lines=(("B-200", 3),))
    rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "WELCOME10"})
    _, order = rig.checkout(cart)
    path = f"/api/orders/{order['id']}/refunds"
    for turn in range(3):
        body = {"lines": [{"line": "1", "quantity": 1}], "reason": "damaged"}
        made = rig.ok("POST", path, body, **{"idempotency-key": f"turn-{turn}"})["refunds"]
        assert made[0]["status"] == "succeeded" and made[0]["amount"]["currency"] == currency
    order = rig.read(order)
    refunded = Decimal(order["payments"][0]["refunded"]["amount"])
    assert refunded == Decimal(order["lines"][0]["total"]["amount"]) and order["payment_status"] == "partially_refunded"
    charge = rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}?expand[]=latest_charge")
    exponent = {"JPY": 0, "KWD": 3}.get(currency, 2)
    assert Decimal(charge["latest_charge"]["amount_refunded"]) == refunded.scaleb(exponent)


def test_one_click_refunds_once(rig: Rig) -> None:
    """The same request twice is one refund; more than was paid is refused."""
    order = rig.order()
    path, body = f"/api/orders/{order['id']}/refunds", {"amount": order["total"], "reason": "gone"}
    first, second = rig.ok("POST", path, body), rig.ok("POST", path, body)
    assert first["refunds"][0]["id"] == second["refunds"][0]["id"]
    assert (
        rig.call(
            "POST",
            path,
            {"amount": {"amount": "0.01", "currency": "EUR"}, "reason": "x"},
            authorization="Bearer operator-demo",
        )[0]
        == 409
    )
    assert rig.call("POST", path, body)[0] == 401
    assert len(rig.stripe("GET", f"/v1/refunds?payment_intent={order['payments'][0]['reference']}")["data"]) == 1


def test_refund_made_at_the_gateway_is_taken_over(rig: Rig) -> None:
    """A refund made in the gateway's console appears on the order once, with its amount and currency."""
    order = rig.order("USD")
    rig.stripe("POST", "/v1/refunds", {"payment_intent": order["payments"][0]["reference"], "amount": 500})
    rig.settle()
    order = rig.read(order)
    assert [refund["amount"] for refund in order["refunds"]] == [{"amount": "5.00", "currency": "USD"}]
    assert order["payment_status"] == "partially_refunded"


def test_return_is_refunded_when_it_arrives(rig: Rig) -> None:
    """A return is possible after shipping only, refunded once on arrival, and restocked where the shop says so."""
    rig.settings(restock_returns=True)
    order = rig.order(lines=(("C-300", 2),))
    body = {"lines": [{"line": "1", "quantity": 1}], "reason": "too small"}
    assert rig.call("POST", f"/api/orders/{order['id']}/returns?key={order['access_key']}", body)[0] == 409
    rig.ship()
    on_hand = rig.ok("GET", "/api/stock/C-300")["on_hand"]
    made = rig.ok("POST", f"/api/orders/{order['id']}/returns", body)
    rig.ok("POST", f"/api/operator/returns/{made['id']}/receive", {})
    rig.ok("POST", f"/api/operator/returns/{made['id']}/receive", {})
    assert rig.ok("GET", "/api/stock/C-300")["on_hand"] == on_hand + 1
    read = rig.read(order)
    assert [refund["amount"]["amount"] for refund in read["refunds"]] == ["8.90"]
    [back] = read["returns"]
    assert (back["status"], back["lines"], back["credited"]) == ("received", {"1": 1}, read["refunds"][0]["amount"])


def test_agent_adds_a_line_with_its_own_charge(rig: Rig) -> None:
    """An edit adds a line, a second charge and a further ERP document; the sums still agree."""
    order = rig.order()
    edit = {"add": [{"sku": "F-601", "quantity": 2}], "payment_method": "pm_card_visa", "reason": "by phone"}
    assert rig.call("POST", f"/api/orders/{order['id']}/edit", edit)[0] == 401
    changed = rig.ok("POST", f"/api/orders/{order['id']}/edit", edit)
    paid = sum(Decimal(payment["captured"]["amount"]) for payment in changed["payments"])
    assert len(changed["payments"]) == 2 and paid == Decimal(changed["total"]["amount"])
    rig.settle()
    documents = rig.read(order)["erp"]["sales_orders"]
    assert {entry["reference"] for entry in documents} == {order["number"], f"{order['number']}-E1"}


def test_cash_rounding_is_a_line_of_its_own(rig: Rig) -> None:
    """With Swiss cash rounding the total is a multiple of 0.05 and the difference is shown."""
    rig.settings(cash_rounding={"CHF": "0.05"})
    orders = [rig.order("CHF", lines=((sku, 1),)) for sku in ("0017", "F-603", "G-704")]
    assert all(Decimal(order["total"]["amount"]) % Decimal("0.05") == 0 for order in orders)
    assert any(Decimal(order["rounding"]["amount"]) != 0 for order in orders)


def test_card_testing_is_slowed_down(rig: Rig) -> None:
    """After eight declined cards within a minute a customer has to wait."""
    bad = {"kind": "card", "payment_method": "pm_card_chargeDeclined"}
    statuses = [rig.checkout(rig.cart(email="tester@example.com"), bad)[0] for _ in range(10)]
    assert statuses == [402] * 8 + [429] * 2
    rig.advance(minutes=2)
    assert rig.checkout(rig.cart(email="tester@example.com"))[0] == 201
