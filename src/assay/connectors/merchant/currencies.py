"""What a shop does because it sells in many currencies: stores, switching, texts, wallets, ways to pay."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from assay.connectors.merchant.calling import Caller, submission
from assay.connectors.merchant.decoding import decode_basket, decode_option, decode_rate
from assay.connectors.merchant.reading import read_money
from assay.money import Money
from assay.records import PaymentOption, Rate
from assay.roles import Basket, Submission


class Currencies(Caller):
    """The shop as somebody sees it who comes from another country."""

    def payment_options(self, cart: str) -> Sequence[PaymentOption]:
        """Return the ways offered for this cart: its currency, its amount, its country."""
        return [
            decode_option(each) for each in self._call("GET", f"/api/carts/{cart}/payment-methods").items("methods")
        ]

    def switch_currency(self, cart: str, currency: str) -> Basket:
        """Show the cart in another currency; `ShopRefused` where it is being paid or was ordered."""
        return decode_basket(self._call("PUT", f"/api/carts/{cart}/currency", {"currency": currency}))

    def stores(self) -> Sequence[str]:
        """Return the names of all stores, the default one first."""
        return [each.text("id") for each in self._call("GET", "/api/stores").items("stores")]

    def store_rates(self, store: str) -> Sequence[Rate]:
        """Return the rates a store prices with now, markup left out, in both directions where it holds both."""
        answer = self._call("GET", "/api/rates", params=[("store", store)])
        return [decode_rate(each) for each in answer.items("rates")]

    def open_cart_in(self, store: str, currency: str) -> str:
        """Open a guest's cart in a store and return its reference."""
        return self._call("POST", "/api/carts", {"currency": currency, "store": store}).text("id")

    def price_text(self, sku: str, currency: str, language: str) -> str:
        """Return the price on an article's page as it is written there; empty where it is not sold in the currency."""
        params = [("currency", currency), ("language", language)]
        return self._call("GET", f"/api/products/{quote(sku, safe='')}", params=params).text_or("price_text", "")

    def total_text(self, cart: str, language: str) -> str:
        """Return the total of a cart as it is written in that language."""
        return self._call("GET", f"/api/carts/{cart}", params=[("language", language)]).text("total_text")

    def read_amount(self, text: str, currency: str, language: str) -> Money:
        """Return what the shop makes of an amount typed in; `ShopRefused` for what is none to it."""
        content = {"text": text, "currency": currency, "language": language}
        return read_money(self._operate("/api/operator/amounts", content), "amount")

    def wallet_total(self, cart: str) -> Money:
        """Return the amount the wallet's sheet would show for a cart."""
        sheet = self._call("GET", f"/api/carts/{cart}/wallet")
        return Money.of(sheet.decimal("total.amount"), sheet.text("currencyCode"))

    def pay_page(self, order_ref: str, *, currency: str | None = None) -> Money:
        """Return the amount the page asks for; with a currency, after the visitor switched to it there."""
        params = [("currency", currency)] if currency else []
        path = f"/api/orders/{order_ref}/pay-page"
        return read_money(self._call("GET", path, params=params, headers=self._operator), "amount")

    def pay_order(self, order_ref: str, payment_method: str, *, currency: str | None = None) -> Submission:
        """Pay an unpaid order by card on that page, in the currency it shows."""
        content = {"payment_method": payment_method, **({"currency": currency} if currency else {})}
        path = f"/api/orders/{order_ref}/pay"
        return submission(self._http.request("POST", path, json=content, headers=self._operator), "POST", path)
