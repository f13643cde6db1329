"""The reference merchant as its customers walk through it: what each answer to the button that buys means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.connectors.merchant import Merchant
from assay.errors import InfrastructureError
from assay.money import Money
from assay.roles import Http, Purchase, ShopRefused, Storefront

BUY = "/api/carts/c-1/checkout"
ORDER = {"id": "ord_1", "number": "A100001", "total": {"amount": "80", "currency": "JPY"}}
WAITING = {"checkout": "chk_1", "order": {"id": "ord_1", "number": "A100001", "access_key": "k"}}
NO = {"error": {"code": "x", "message": "The card was declined."}}


@pytest.fixture
def shop(http: Http) -> Merchant:
    """The connector under test."""
    return Merchant(http, {"operator_token": "operator-canary"})


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (201, ORDER, "ordered"),
        (200, ORDER, "ordered"),
        (202, {"status": "processing", **WAITING}, "processing"),
        (202, {"status": "requires_action", "redirect_url": "https://bank.example/1", **WAITING}, "requires_action"),
        (402, NO, "declined"),
        (409, NO, "refused"),
        (422, NO, "refused"),
        (429, NO, "refused"),
        (503, NO, "refused"),
    ],
)
def test_every_answer_to_a_checkout_has_a_meaning(
    vendor: Any, shop: Merchant, status: int, body: Any, told: str
) -> None:
    """Whatever the shop's document lets it answer, a customer makes something of it; nothing is raised."""
    vendor.on("POST", BUY, body, status=status)
    answer = shop.submit("c-1", "pm_1", key="k-1")
    assert answer.status == told
    assert answer.order_ref == (None if status >= 400 else "ord_1")
    assert answer.text == ("The card was declined." if status >= 400 else "")
    assert answer.total == (Money.of("80", "JPY") if told == "ordered" else None)
    assert answer.redirect_url == ("https://bank.example/1" if told == "requires_action" else None)
    assert vendor.asked[0].headers["idempotency-key"] == "k-1"
    assert json.loads(vendor.asked[0].body) == {"payment": {"kind": "card", "payment_method": "pm_1"}}
    assert isinstance(shop, Storefront)


def test_an_answer_that_is_not_the_shops_is_shown_as_it_came(vendor: Any, shop: Merchant) -> None:
    """A gateway before the shop answers in its own way; the customer sees that."""
    vendor.on("POST", BUY, b"<h1>Bad gateway</h1>", status=502)
    assert "Bad gateway" in shop.submit("c-1", "pm_1").text


def test_coming_back_goes_to_the_shop_itself(vendor: Any, shop: Merchant) -> None:
    """The bank's link names the way through the edge; the customer's data of it reach the shop at its own address."""
    vendor.on("GET", "/checkout/return", ORDER)
    answer = shop.come_back("http://127.0.0.1:1/platform/checkout/return?checkout=chk_1&payment_intent=pi_1")
    assert answer.order_number == "A100001"
    assert vendor.asked[0].query == {"checkout": "chk_1", "payment_intent": "pi_1"}


def test_no_is_the_customers_and_trouble_is_ours(vendor: Any, shop: Merchant) -> None:
    """What the shop refuses is told apart from what is broken, and from what it does not know."""
    vendor.on("POST", "/api/carts/c-1/lines", NO, status=409)
    with pytest.raises(ShopRefused, match="declined"):
        shop.put_in("c-1", "0017", 1)
    vendor.on("POST", "/api/carts/c-1/lines", NO, status=500)
    with pytest.raises(InfrastructureError, match="refused POST"):
        shop.put_in("c-1", "0017", 1)
    vendor.on("POST", "/api/carts/c-1/lines", NO, status=404)
    with pytest.raises(LookupError, match="does not know"):
        shop.put_in("c-1", "0017", 1)


def test_the_catalogue_is_read_to_its_end(vendor: Any, shop: Merchant) -> None:
    """Every page of the catalogue is read, also when the last one is full; an article may have no price."""
    price = {"amount": "1.50", "currency": "EUR"}
    page = {"name": "x", "weight_g": 1, "backorder": False, "bundle": [], "price": price}
    pages = {
        "1": [{**page, "sku": f"{number:04}"} for number in range(100)],
        "2": [{**page, "sku": "0100", "price": None}],
    }
    vendor.on("GET", "/api/products", lambda asked: (200, {"products": pages[asked.query["page"]]}))
    found = shop.articles("EUR")
    assert [article.sku for article in found] == [f"{number:04}" for number in range(101)]
    assert found[0].price == Money.of("1.50", "EUR")
    assert found[100].price is None
    assert all(asked.query["currency"] == "EUR" for asked in vendor.asked)


def test_buying_at_once_fails_where_the_order_is_not_there(vendor: Any, shop: Merchant) -> None:
    """`place` is for a purchase that goes straight through; anything else is told in the shop's words."""
    cart = {
        "id": "c-1", "lines": [], "goods": ORDER["total"], "discount": ORDER["total"], "total": ORDER["total"],
        "shipping": {"total": ORDER["total"]},
    }  # fmt: skip
    vendor.on("POST", "/api/carts", cart)
    vendor.on("PUT", "/api/carts/c-1/customer", cart)
    vendor.on("POST", BUY, NO, status=402)
    with pytest.raises(ShopRefused, match="declined: The card was declined"):
        shop.place(Purchase(currency="JPY", lines=(), email="a@example.com"))
