"""What lets the reference merchant perform legal variations: offers that hold, gift cards, tax per rate."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.mocks.lossy_proxy import LossyProxy
from tests.mocks.merchant_rig import VENDORS, Rig, serving


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant with all vendors for this file's tests."""
    with serving(tmp_path_factory.mktemp("variations")) as running:
        yield running


def _offered(rig: Rig, cart: str) -> list[str]:
    return [rate["id"] for rate in rig.ok("GET", f"/api/carts/{cart}/shipping-rates")["rates"]]


def test_an_offer_holds_until_the_cart_changes(rig: Rig) -> None:
    """What was offered may be chosen although the carrier answers otherwise by now; a changed cart is rated anew."""
    carrier = LossyProxy(rig.vendor["ups"])
    vendors = {name: {"base_url": carrier.url if name == "ups" else rig.vendor[name]} for name in VENDORS}
    rig.kill_merchant()
    rig.start_merchant(vendors=vendors)
    try:
        cart = rig.cart()
        carrier.is_down = True
        assert _offered(rig, cart) == ["table"]
        carrier.is_down = False
        assert rig.call("PUT", f"/api/carts/{cart}/shipping", {"rate": "table"})[0] == 200
        rig.ok("POST", f"/api/carts/{cart}/lines", {"sku": "A-100", "quantity": 1})
        status, refused = rig.call("PUT", f"/api/carts/{cart}/shipping", {"rate": "table"})
        assert (status, refused["error"]["code"]) == (422, "not_offered")
        assert "ups_11" in _offered(rig, cart)
    finally:
        carrier.close()
        rig.kill_merchant()
        rig.start_merchant()
        rig.settle()


def test_a_gift_card_is_issued_and_pays_first(rig: Rig) -> None:
    """The operator's gift card pays what it holds, the gateway the rest; nobody else issues one, nor one of nothing."""
    value = {"amount": "7.50", "currency": "EUR"}
    assert rig.call("POST", "/api/operator/gift-cards", {"value": value})[0] == 401
    card = rig.ok("POST", "/api/operator/gift-cards", {"value": value})
    assert card["balance"] == value
    order = rig.order(payment={"kind": "card", "payment_method": "pm_card_visa", "gift_card": card["code"]})
    paid = {each["gateway"]: Decimal(each["captured"]["amount"]) for each in order["payments"]}
    assert paid == {"gift_card": Decimal("7.50"), "stripe": Decimal(order["total"]["amount"]) - Decimal("7.50")}


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"amount": "-1", "currency": "EUR"},
        {"amount": "x", "currency": "EUR"},
        {"amount": "1"},
        {"amount": "1.005", "currency": "EUR"},
        {"amount": "1", "currency": "XXX"},
    ],
)
def test_a_gift_card_of_no_value_is_refused(rig: Rig, value: object) -> None:
    """A value that is none gets 422 and the field's name."""
    token = {"authorization": "Bearer operator-demo"}
    status, answer = rig.call("POST", "/api/operator/gift-cards", {"value": value}, **token)
    assert (status, answer["error"]["field"]) == (422, "value")


@pytest.mark.parametrize(("per", "tax", "rounding"), [("line", "16.14", "0.00"), ("rate", "16.13", "0.01")])
def test_the_erp_may_round_tax_per_rate(rig: Rig, per: str, tax: str, rounding: str) -> None:
    """Rounded once a rate, the ERP's tax of the goods differs from the shop's by what its rounding line says."""
    rig.settings(erp_tax_per=per)
    order = rig.order(lines=(("A-102", 2), ("I-903", 1)))
    rig.advance(seconds=10)  # before the setting goes back: the document is written by a job of its own
    rig.settings(erp_tax_per="line")
    wanted = f"$filter=PurchaseOrderByCustomer eq '{order['number']}'"
    [document] = rig.sap(
        f"API_SALES_ORDER_SRV/A_SalesOrder?{wanted}&$expand=to_PricingElement,to_Item/to_PricingElement"
    )
    items = [each for item in document["to_Item"]["results"] for each in item["to_PricingElement"]["results"]]
    taxes = sum(Decimal(each["ConditionAmount"]) for each in items if each["ConditionType"] == "MWST")
    header = document["to_PricingElement"]["results"]
    lines = sum((Decimal(each["ConditionAmount"]) for each in header if each["ConditionType"] == "DIFF"), Decimal(0))
    assert (taxes, lines) == (Decimal(tax), Decimal(rounding))


def test_an_order_shows_how_it_is_paid_and_what_was_cancelled(rig: Rig) -> None:
    """An invoice nobody paid yet is told as such, and units no longer wanted stand beside the line they are of."""
    cart = rig.cart(lines=(("0017", 2), ("A-100", 1)), company="Quincaillerie Martin SARL")
    status, order = rig.checkout(cart, {"kind": "invoice"})
    assert status == 201 and order["paid_by"] == "invoice" and order["cancelled_lines"] == {}
    line = order["lines"][0]["id"]
    rig.ok("POST", f"/api/orders/{order['id']}/cancel", {"lines": [{"line": line, "quantity": 1}], "reason": "enough"})
    assert rig.read(order)["cancelled_lines"] == {line: 1}
