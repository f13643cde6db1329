"""What a shop may do about money beyond selling: currencies, stores, text, credit, refunds, returns, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from assay.money import Money
from assay.records import AnalyticsEvent, CreditMovement, Figure, PaymentOption, Rate, StatementLine
from assay.roles.shop import Basket, Submission

StatementForm = Literal["camt.053", "mt940"]
"""How a bank writes its statements: ISO 20022 XML, or SWIFT's older text with comma decimals."""


@runtime_checkable
class OffersPayment(Protocol):
    """A shop that says how a cart may be paid."""

    def payment_options(self, cart: str) -> Sequence[PaymentOption]:
        """Return the ways offered for this cart: its currency, its amount, its country."""


@runtime_checkable
class SwitchesCurrency(Protocol):
    """A shop whose visitors change the currency of their cart."""

    def switch_currency(self, cart: str, currency: str) -> Basket:
        """Show the cart in another currency; `ShopRefused` where it is being paid or was ordered."""


@runtime_checkable
class HasStores(Protocol):
    """A platform with several stores, each with rates of its own; every shop has at least the one it opens carts in."""

    def stores(self) -> Sequence[str]:
        """Return the names of all stores, the default one first."""

    def store_rates(self, store: str) -> Sequence[Rate]:
        """Return the rates a store prices with now, markup left out."""

    def open_cart_in(self, store: str, currency: str) -> str:
        """Open a guest's cart in a store and return its reference."""


@runtime_checkable
class ShowsText(Protocol):
    """A shop that writes amounts for people, and reads what they write."""

    def price_text(self, sku: str, currency: str, language: str) -> str:
        """Return the price on an article's page as it is written there, sign or code included."""

    def total_text(self, cart: str, language: str) -> str:
        """Return the total of a cart as it is written in that language."""

    def read_amount(self, text: str, currency: str, language: str) -> Money:
        """Return what the shop makes of an amount typed in; `ShopRefused` for what is none to it."""


@runtime_checkable
class WalletSheet(Protocol):
    """A shop that hands a phone's wallet what to ask its owner for."""

    def wallet_total(self, cart: str) -> Money:
        """Return the amount the wallet's sheet would show for a cart."""


@runtime_checkable
class PaysLater(Protocol):
    """A shop with a page on which an order placed unpaid can be paid."""

    def pay_page(self, order_ref: str, *, currency: str | None = None) -> Money:
        """Return the amount the page asks for; with a currency, after the visitor switched to it there."""

    def pay_order(self, order_ref: str, payment_method: str, *, currency: str | None = None) -> Submission:
        """Pay an unpaid order by card on that page, in the currency it shows."""


@runtime_checkable
class GivesCredit(Protocol):
    """A shop whose customers hold store credit, by currency."""

    def give_credit(self, customer: str, worth: Money, reason: str) -> None:
        """Credit a customer, known by e-mail address."""

    def credit(self, customer: str) -> Sequence[Money]:
        """Return what a customer holds, one amount a currency."""

    def use_credit(self, cart: str, customer: str) -> Basket:
        """Have a cart paid with the customer's credit as far as it goes; `customer` is the token of `register`."""

    def credit_movements(self, order_ref: str) -> Sequence[CreditMovement]:
        """Return the credit an order took and got back."""


@runtime_checkable
class RefundsOrders(Protocol):
    """A shop whose people give money back."""

    def refund_order(
        self,
        ref: str,
        *,
        amount: Money | None = None,
        lines: Mapping[str, int] | None = None,
        shipping: bool = False,
        reason: str = "a test refund of Assay",
        key: str | None = None,
    ) -> Sequence[str]:
        """Give back an amount, or units by the shop's id of the line, and shipping; everything where nothing is named.

        Return the shop's references of the refunds made. The same key again makes none. May raise `ShopRefused`.
        """


@runtime_checkable
class TakesReturns(Protocol):
    """A shop that takes goods back."""

    def request_return(self, ref: str, lines: Mapping[str, int], reason: str) -> str:
        """Announce a return of units by the shop's id of the line; return its reference."""

    def receive_return(self, return_ref: str) -> None:
        """Take the goods in, which gives the money back."""


@runtime_checkable
class TellsAnalytics(Protocol):
    """A platform whose events for analytics and marketing tools can be read."""

    def analytics_events(self, order_ref: str) -> Sequence[AnalyticsEvent]:
        """Return what was told of an order, oldest first."""


@runtime_checkable
class Reports(Protocol):
    """A platform that tells others its revenue."""

    def figures(self, since: datetime, until: datetime) -> Sequence[Figure]:
        """Return every figure it tells of orders placed in [since, until)."""


@runtime_checkable
class ReadsStatements(Protocol):
    """A platform that reads its bank's statements."""

    def import_statement(self, content: bytes, form: StatementForm) -> int:
        """Hand it a statement; return how many lines it made of it. The same statement again adds none."""

    def statement_lines(self, since: datetime, until: datetime) -> Sequence[StatementLine]:
        """Return the lines booked in [since, until) as the platform read them."""
