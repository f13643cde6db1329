"""Somebody who buys at the shop over HTTP, for its own tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.apps.other_shop.fake_vendor import FakeVendors

PATIENCE_S = 60
CUSTOMER = {
    "email": "zoe@example.org",
    "name": "Zoë Müller-Łukasz",
    "street": "Straße der Deutsch-Französischen Freundschaft 112 b, Hinterhaus links",
    "zip": "01067",
    "city": "Dresden",
    "country": "DE",
    "phone": "+493511234567",
}
ORDER = """{ number state currency total tax sapDocument trackingNumber sapRejectedAt labelVoidedAt problem cancelReason
  createdAt changedAt paidAt bookedAt shippedAt cancelledAt customer { name zip street }
  lines { sku quantity unitPrice unitTax taxPercent total tax }
  payments { stripeId status amountMinor currency clientSecret } refunds { stripeId status amountMinor currency } }"""


class Clock:
    """The time of day, and a hand to move it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the moment it is for the shop."""
        return datetime.now(UTC) + self.ahead


class Customer:
    """Somebody with a browser, or with the shop's key in hand."""

    def __init__(self, url: str, vendors: FakeVendors, clock: Clock) -> None:
        self.url, self.vendors, self.clock = url, vendors, clock
        self.session = requests.Session()

    def ask(self, query: str, *, key: str = "own key", **variables: Any) -> Any:
        """Return the whole answer to a GraphQL request."""
        headers = {"X-Shop-Key": key} if key else {}
        asked: Any = {"query": query, "variables": variables}
        return self.session.post(f"{self.url}/graphql", json=asked, headers=headers, timeout=60).json()

    def data(self, query: str, **variables: Any) -> Any:
        """Return the one field asked for; errors fail the test."""
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    def cart(self, currency: str = "EUR", **lines: int) -> str:
        """Return a cart; articles are named by sku with an `s` before it."""
        cart: str = self.data("mutation ($c: Currency!) { createCart(currency: $c) { id } }", c=currency)["id"]
        for sku, quantity in (lines or {"s004711": 2, "s020300": 1}).items():
            put = "mutation ($c: ID!, $s: String!, $q: Int!) { putIntoCart(cart: $c, sku: $s, quantity: $q) { id } }"
            self.data(put, c=cart, s=sku.removeprefix("s"), q=quantity)
        return cart

    def checkout(self, cart: str, method: str = "pm_card_visa", **changes: str) -> Any:
        """Return the whole answer to a checkout."""
        query = f"""mutation ($c: ID!, $m: String!, $u: Customer!) {{
            order: checkout(cart: $c, customer: $u, paymentMethod: $m) {ORDER} }}"""
        return self.ask(query, key="", c=cart, m=method, u={**CUSTOMER, **changes})

    def buy(self, currency: str = "EUR", method: str = "pm_card_visa", **lines: int) -> Any:
        """Return an order as checkout answered it."""
        answer = self.checkout(self.cart(currency, **lines), method)
        assert "errors" not in answer, answer
        return answer["data"]["order"]

    def order(self, number: str) -> Any:
        """Return an order as it is now."""
        return self.data(f"query ($n: String!) {{ order(number: $n) {ORDER} }}", n=number)

    def wait(self, number: str, done: Callable[[Any], bool] = lambda order: bool(order["shippedAt"])) -> Any:
        """Return the order once it is done."""
        end = time.monotonic() + PATIENCE_S
        while not done(order := self.order(number)):
            assert time.monotonic() < end, order
            time.sleep(0.01)
        return order

    def cancel(self, number: str) -> Any:
        """Cancel an order with the key."""
        query = f'mutation ($n: String!) {{ cancelOrder(number: $n, reason: "Reue") {ORDER} }}'
        return self.data(query, n=number)

    def stock(self, sku: str) -> tuple[int, int]:
        """Return the pieces on the shelf and promised."""
        levels = self.data("{ stock { sku onHand reserved } }")
        return next((each["onHand"], each["reserved"]) for each in levels if each["sku"] == sku)

    def settle(self) -> None:
        """Wait until the shop has nothing left to do."""
        end = time.monotonic() + PATIENCE_S
        while jobs := self.data("{ jobs { kind state lastError } }"):
            assert time.monotonic() < end, jobs
            time.sleep(0.01)
