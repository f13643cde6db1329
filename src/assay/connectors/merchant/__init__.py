"""The reference merchant's storefront as a customer and an operator see it: buy, read an order, list orders.

Follows the merchant's own OpenAPI document (``GET /api/openapi.json``); orders are read with the operator's token.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

from assay.connectors.merchant.calling import accepted, seen_in, submission, written
from assay.connectors.merchant.currencies import Currencies
from assay.connectors.merchant.decoding import (
    decode_article,
    decode_basket,
    decode_message,
    decode_order,
    decode_stock_count,
)
from assay.connectors.merchant.giving_back import GivingBack
from assay.connectors.merchant.reading import read_money
from assay.connectors.merchant.telling import Telling
from assay.money import Money
from assay.records import Article, CustomerMessage, Order, StockCount
from assay.roles import (
    Basket,
    ConnectorHead,
    PaymentKind,
    Purchase,
    ShippingOffer,
    ShopRefused,
    Submission,
    UndoRefused,
)

HEAD = ConnectorHead(
    vendor="merchant",
    role="shop",
    live="http://127.0.0.1",
    credentials=("operator_token",),
    documents=("mocks/merchant/openapi.yaml",),
)
_PAGE_SIZE = 100


class Merchant(Currencies, GivingBack, Telling):
    """The shop of the reference merchant."""

    def place(self, purchase: Purchase) -> str:
        """Buy as a guest: cart, lines, coupon, address, checkout; return the order's id."""
        cart = self.open_cart(purchase.currency)
        for sku, quantity in purchase.lines:
            self.put_in(cart, sku, quantity)
        if purchase.coupon:
            self.use_coupon(cart, purchase.coupon)
        self.deliver_to(cart, purchase)
        answer = self.submit(cart, purchase.payment_method)
        if answer.status != "ordered" or answer.order_ref is None:
            raise ShopRefused(f"{answer.status}: {answer.text or 'the order is not there at once'}")
        return answer.order_ref

    def articles(self, currency: str) -> Sequence[Article]:
        """Return the whole catalogue with its prices in a currency, page after page."""
        found: list[Article] = []
        for page in itertools.count(1):
            params = [("currency", currency), ("page", str(page)), ("page_size", str(_PAGE_SIZE))]
            rows = self._call("GET", "/api/products", params=params).items("products")
            found += [decode_article(each) for each in rows]
            if len(rows) < _PAGE_SIZE:
                break
        return found

    def article(self, sku: str, currency: str) -> Article:
        """Return what the product page shows; `LookupError` for an unknown SKU."""
        return decode_article(
            self._call("GET", f"/api/products/{quote(sku, safe='')}", params=[("currency", currency)])
        )

    def register(self, email: str, name: str) -> str:
        """Register a customer with a password nobody keeps; return the token under which their carts are opened."""
        body = {"email": email, "name": name, "password": secrets.token_urlsafe(16)}
        return self._call("POST", "/api/customers", body).text("token")

    def open_cart(self, currency: str, *, customer: str | None = None) -> str:
        """Open a cart and return its id; with a token it is that customer's."""
        headers = {"Authorization": f"Bearer {customer}"} if customer else None
        return self._call("POST", "/api/carts", {"currency": currency}, headers=headers).text("id")

    def put_in(self, cart: str, sku: str, quantity: int) -> Basket:
        """Add a quantity of a SKU; the same SKU again makes its line longer."""
        return decode_basket(self._call("POST", f"/api/carts/{cart}/lines", {"sku": sku, "quantity": quantity}))

    def use_coupon(self, cart: str, code: str) -> Basket:
        """Attach a coupon."""
        return decode_basket(self._call("POST", f"/api/carts/{cart}/coupon", {"code": code}))

    def deliver_to(self, cart: str, purchase: Purchase) -> Basket:
        """Say who buys and where it goes."""
        lines = (*purchase.address_lines, None)
        address = {
            "name": purchase.name,
            "line1": lines[0],
            "line2": lines[1],
            "city": purchase.city,
            "region": purchase.region,
            "postcode": purchase.postcode,
            "country": purchase.country,
            "phone": purchase.phone,
        }
        customer = {"email": purchase.email, "name": purchase.name, "address": address}
        customer |= {name: purchase.extra[name] for name in ("company", "vat_id") if name in purchase.extra}
        return decode_basket(self._call("PUT", f"/api/carts/{cart}/customer", customer))

    def shipping_offers(self, cart: str) -> Sequence[ShippingOffer]:
        """Return the services the cart may be sent with."""
        rates = self._call("GET", f"/api/carts/{cart}/shipping-rates").items("rates")
        return [
            ShippingOffer(ref=each.text("id"), name=each.text("name"), price=read_money(each, "amount"))
            for each in rates
        ]

    def choose_shipping(self, cart: str, offer: str) -> Basket:
        """Choose one of the services."""
        return decode_basket(self._call("PUT", f"/api/carts/{cart}/shipping", {"rate": offer}))

    def basket(self, cart: str) -> Basket:
        """Return the cart as it stands now."""
        return decode_basket(self._call("GET", f"/api/carts/{cart}"))

    def submit(self, cart: str, payment_method: str, *, key: str | None = None) -> Submission:
        """Press the button that buys; the key goes as Idempotency-Key."""
        return self.submit_as(cart, "card", payment_method=payment_method, key=key)

    def submit_as(
        self,
        cart: str,
        kind: PaymentKind,
        *,
        payment_method: str | None = None,
        gift_card: str | None = None,
        key: str | None = None,
    ) -> Submission:
        """Press the button that buys, paying in one of the shop's ways; a gift card pays first, the method the rest."""
        given = {"kind": kind, "payment_method": payment_method, "gift_card": gift_card}
        payment = {name: value for name, value in given.items() if value is not None}
        headers = {"Idempotency-Key": key} if key else None
        path = f"/api/carts/{cart}/checkout"
        return submission(self._http.request("POST", path, json={"payment": payment}, headers=headers), "POST", path)

    def come_back(self, url: str) -> Submission:
        """Follow the bank's link to the shop, at the shop's own address."""
        parts = urlsplit(url)
        # The link names the edge's way into the shop, and what a witness reads never passes the edge.
        path = "/checkout/return" + (f"?{parts.query}" if parts.query else "")
        return submission(self._http.request("GET", path), "GET", "/checkout/return")

    def order(self, ref: str) -> Order:
        """Return the order; `LookupError` when the shop does not know it."""
        return decode_order(self._call("GET", f"/api/orders/{ref}", headers=self._operator))

    def order_text(self, ref: str) -> str:
        """Return the shop's own answer about an order, as it came."""
        path = f"/api/orders/{ref}"
        reply = self._http.request("GET", path, headers=self._operator)
        accepted(reply, "GET", path)
        return reply.text

    def messages(self, ref: str) -> Sequence[CustomerMessage]:
        """Return what was written to the customer of an order, oldest first."""
        answer = self._call("GET", f"/api/orders/{ref}/messages", headers=self._operator)
        return [decode_message(each) for each in answer.items("messages")]

    def stock_count(self, sku: str, at: datetime) -> StockCount:
        """Return what is counted of an article that is no bundle, with its movements and live reservations."""
        name = quote(sku, safe="")
        count = self._call("GET", f"/api/stock/{name}")
        booked = self._call("GET", f"/api/operator/stock/{name}/movements", headers=self._operator)
        return decode_stock_count(count, booked, at)

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return all orders placed in [since, until), page after page."""
        return [
            decode_order(each)
            for each in self._listed(
                "/api/orders", "orders", ("since", since.isoformat()), ("until", until.isoformat())
            )
        ]

    def cancel_order(self, ref: str, reason: str) -> None:
        """Cancel the whole order; the shop stops it everywhere and gives the money back.

        Nothing happens to one already cancelled. Raises `LookupError` when the shop does not know it, `UndoRefused`
        when a parcel has left.
        """
        path = f"/api/orders/{ref}/cancel"
        reply = self._http.request("POST", path, json={"reason": reason}, headers=self._operator)
        if reply.status == 409:
            raise UndoRefused(seen_in(reply))
        accepted(reply, "POST", path)

    def cancel_units(self, ref: str, units: Mapping[str, int], reason: str) -> None:
        """Cancel some units of an order before it ships: units by the shop's id of the line."""
        lines = [{"line": line, "quantity": quantity} for line, quantity in units.items()]
        self._operate(f"/api/orders/{ref}/cancel", {"lines": lines, "reason": reason})

    def add_lines(self, ref: str, lines: Sequence[tuple[str, int]], *, reason: str, payment_method: str) -> None:
        """Add lines to an order as an agent does, charged on top with another payment."""
        added = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        content = {"add": added, "reason": reason, "payment_method": payment_method}
        self._operate(f"/api/orders/{ref}/edit", content)

    def release(self, ref: str) -> None:
        """End what an order is held for: it was approved, or its review found nothing."""
        self._operate(f"/api/operator/orders/{ref}/release", {})

    def confirm_transfer(self, ref: str) -> None:
        """Note that an order on invoice was paid in full by bank transfer."""
        self._operate(f"/api/operator/orders/{ref}/paid", {})

    def buy_labels_again(self, ref: str) -> int:
        """Void the labels of parcels that have not moved and buy new ones; return how many."""
        return self._operate(f"/api/operator/orders/{ref}/labels", {}).integer("voided")

    def issue_gift_card(self, value: Money) -> str:
        """Make a gift card worth that much and return its code."""
        return self._operate("/api/operator/gift-cards", {"value": written(value)}).text("code")

    def find_by_marker(self, marker: str, since: datetime) -> Sequence[str]:
        """Return the references of all orders placed since then under that e-mail address, oldest first."""
        wanted = marker.casefold()
        listed = self._listed("/api/orders", "orders", ("since", since.isoformat()))
        return [each.text("id") for each in listed if each.text_or("customer.email", "").casefold() == wanted]
