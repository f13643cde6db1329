"""The platform under test, as customers and its own people see it: one Protocol for each ability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from assay.money import Money
from assay.records import Article, CustomerMessage, Line, Order, StockCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a customer buys and how: one set of inputs of a flow, as data."""

    currency: str
    lines: tuple[tuple[str, int], ...]
    email: str
    name: str = "Zoë Müller"
    address_lines: tuple[str, ...] = ("Rue de la Paix 12",)
    city: str = "Paris"
    postcode: str = "75002"
    country: str = "FR"
    region: str | None = None
    phone: str | None = "+33123456789"
    payment_method: str = "pm_card_visa"
    coupon: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Shop(Protocol):
    """The platform under test, seen as a customer and an operator see it."""

    def place(self, purchase: Purchase) -> str:
        """Buy, and return the shop's reference of the order."""

    def order(self, ref: str) -> Order:
        """Return the order; raises `LookupError` when the shop does not know it."""

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return all orders placed in [since, until)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """A cart as the customer sees it at this moment.

    `tax` is the whole tax of it, shipping's included, and `shipping_tax_rate` in per cent, where the shop shows them
    before it is paid.
    """

    ref: str
    lines: tuple[Line, ...]
    goods: Money
    discount: Money
    shipping: Money
    total: Money
    tax: Money | None = None
    shipping_tax_rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingOffer:
    """One way to have a cart sent, and what it costs."""

    ref: str
    name: str
    price: Money


Submitted = Literal["ordered", "requires_action", "processing", "declined", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a customer is told after pressing the button that buys.

    status: ``ordered``; ``requires_action`` (go to the bank at `redirect_url`), ``processing`` (the outcome is not
    known yet), ``declined`` (by the gateway), ``refused`` (by the shop: in progress, cart changed, sold out).
    order_ref is set as soon as the shop has a reference, text is what the customer reads where it did not work.
    """

    status: Submitted
    order_ref: str | None = None
    order_number: str | None = None
    total: Money | None = None
    redirect_url: str | None = None
    text: str = ""


class ShopRefused(Exception):
    """The shop said no to what a customer wanted, and this is what it said: a cart that is being paid, sold out."""


@runtime_checkable
class Storefront(Shop, Protocol):
    """A shop one can walk through as a customer does, page by page. Each verb may raise `ShopRefused`."""

    def articles(self, currency: str) -> Sequence[Article]:
        """Return the whole catalogue with its prices in a currency, every page of it."""

    def article(self, sku: str, currency: str) -> Article:
        """Return what the product page shows; `LookupError` for an unknown SKU."""

    def register(self, email: str, name: str) -> str:
        """Register a customer with a password of their own; return the token under which their carts are opened."""

    def open_cart(self, currency: str, *, customer: str | None = None) -> str:
        """Open a cart and return its reference; `customer` is the token of a registered one."""

    def put_in(self, cart: str, sku: str, quantity: int) -> Basket:
        """Add a quantity of a SKU to a cart; whoever has its reference can, in another tab too."""

    def use_coupon(self, cart: str, code: str) -> Basket:
        """Attach a coupon."""

    def deliver_to(self, cart: str, purchase: Purchase) -> Basket:
        """Say who buys and where it goes."""

    def shipping_offers(self, cart: str) -> Sequence[ShippingOffer]:
        """Return the ways to have it sent."""

    def choose_shipping(self, cart: str, offer: str) -> Basket:
        """Choose one of them."""

    def basket(self, cart: str) -> Basket:
        """Return the cart as it stands now."""

    def submit(self, cart: str, payment_method: str, *, key: str | None = None) -> Submission:
        """Press the button that buys; `key` stands for one press and is sent again when the page is reloaded."""

    def come_back(self, url: str) -> Submission:
        """Follow the link by which the bank sends the browser back to the shop."""


PaymentKind = Literal["card", "sepa", "paypal", "gift_card", "invoice"]


@runtime_checkable
class TakesOtherMoney(Protocol):
    """A shop that is paid otherwise than by card alone: by direct debit, gift card, or on a company's invoice."""

    def submit_as(
        self,
        cart: str,
        kind: PaymentKind,
        *,
        payment_method: str | None = None,
        gift_card: str | None = None,
        key: str | None = None,
    ) -> Submission:
        """Press the button; a gift card pays what it can, and only a company (``extra["company"]``) is invoiced."""


@runtime_checkable
class BackOffice(Protocol):
    """What a shop's own people do with orders. Each verb may raise `ShopRefused`."""

    def release(self, ref: str) -> None:
        """End what an order is held for: it was approved, or its review found nothing."""

    def add_lines(self, ref: str, lines: Sequence[tuple[str, int]], *, reason: str, payment_method: str) -> None:
        """Add (SKU, quantity) to an order before it ships, charged on top with another payment."""

    def cancel_units(self, ref: str, units: Mapping[str, int], reason: str) -> None:
        """Cancel some units of an order before it ships: units by the shop's id of the line."""

    def confirm_transfer(self, ref: str) -> None:
        """Note that an order on invoice was paid in full by bank transfer."""

    def buy_labels_again(self, ref: str) -> int:
        """Void the labels of parcels that have not moved and buy new ones; return how many."""

    def issue_gift_card(self, value: Money) -> str:
        """Make a gift card worth that much and return its code."""


class UndoRefused(Exception):
    """A system will not take back what was created, and says why: an order that has shipped, a payment disputed."""


@runtime_checkable
class Cancels(Protocol):
    """A shop that takes an order back."""

    def cancel_order(self, ref: str, reason: str) -> None:
        """Cancel the whole order; nothing happens to one already cancelled.

        Raises `LookupError` when the shop does not know it, `UndoRefused` when it is too late.
        """

    def find_by_marker(self, marker: str, since: datetime) -> Sequence[str]:
        """Return the references of all orders placed since then under that customer's e-mail address, oldest first."""


@runtime_checkable
class Writes(Protocol):
    """A shop whose messages to the customer can be read."""

    def messages(self, ref: str) -> Sequence[CustomerMessage]:
        """Return what was written to the customer of an order, oldest first."""


@runtime_checkable
class Offers(Protocol):
    """A shop whose articles can be read."""

    def article(self, sku: str, currency: str) -> Article:
        """Return an article with its price in a currency; `LookupError` when the shop does not know the SKU."""


@runtime_checkable
class CountsStock(Protocol):
    """A shop that shows its stock with movements and reservations."""

    def stock_count(self, sku: str, at: datetime) -> StockCount:
        """Return what is counted of an article now; `at` is the landscape's instant, noted in the count."""


@runtime_checkable
class ShowsAnswers(Protocol):
    """A shop whose own words about an order can be searched for what must not be in them."""

    def order_text(self, ref: str) -> str:
        """Return the order's answer as it came."""
