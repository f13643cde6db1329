"""What the engine asks of others: one small Protocol a role, every further ability a second Protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

from assay.money import Money
from assay.records import (
    Article,
    Call,
    CreationRule,
    CustomerMessage,
    Document,
    LabelRequest,
    Line,
    Order,
    Payment,
    Rate,
    ReferenceRule,
    Shipment,
    StockCount,
    StockLevel,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Parse the body as JSON (decimals as `decimal.Decimal`, never float); `ValueError` when it is none."""
        return json.loads(self.body, parse_float=Decimal)


class Http(Protocol):
    """A client bound to one system's base URL. It raises `InfrastructureError` when nothing came back."""

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send one request and return the reply, whatever its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorHead:
    """What the engine must know of a connector before it builds one; ``HEAD`` in every connector module.

    credentials: the names a profile maps to environment variables, in the order of the vendor's document; those that
    only some verbs need are optional.
    references: how calls of this vendor are attributed to orders. creations: which calls create what must not be
    created twice. documents: addresses of what was followed.
    """

    vendor: str
    role: str
    live: str
    sandbox: str | None = None
    hosts: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    optional_credentials: tuple[str, ...] = ()
    references: tuple[ReferenceRule, ...] = ()
    creations: tuple[CreationRule, ...] = ()
    documents: tuple[str, ...] = ()


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
    """A cart as the customer sees it at this moment."""

    ref: str
    lines: tuple[Line, ...]
    goods: Money
    discount: Money
    shipping: Money
    total: Money


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


PaymentKind = Literal["card", "sepa", "gift_card", "invoice"]


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


@runtime_checkable
class Payments(Protocol):
    """A payment gateway."""

    def payment(self, ref: str) -> Payment:
        """Return one payment; `LookupError` when unknown."""

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Return all payments created in [since, until), every page of them."""


@runtime_checkable
class HearsPayments(Protocol):
    """A gateway that cannot be asked at once, and whose own signed words are in the journal."""

    def payments_told(self, calls: Sequence[Call]) -> Sequence[Payment]:
        """Return the payments that signed notifications among these calls tell of, oldest first."""


@runtime_checkable
class Refunds(Protocol):
    """A gateway that gives money back."""

    def refund(self, payment_ref: str, key: str) -> None:
        """Give back all that is still held of a payment, or void what was never captured.

        The same key again does nothing more, nor does a payment of which nothing is held. Raises `LookupError` for an
        unknown payment, `UndoRefused` when the gateway will not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a customer types in to pay: numbers of the gateway's published test range, and marks unique to the run.

    The marks (holder, CVC) are what a search for leaked card data looks for.
    """

    number: str
    holder: str
    cvc: str = "314"
    expires: tuple[int, int] = (12, 2034)


@runtime_checkable
class Tokeniser(Protocol):
    """A gateway whose own form turns card data into a token, so that the shop never sees them."""

    def tokenise(self, card: Card, *, postcode: str | None = None, country: str | None = None) -> str:
        """Hand card data to the gateway; return the payment method's token; `UsageError` without a publishable key."""


@runtime_checkable
class Debits(Protocol):
    """A gateway whose own form takes a bank account for direct debit."""

    def tokenise_debit(self, iban: str, *, holder: str, email: str) -> str:
        """Hand a bank account to the gateway with the publishable key; return the payment method's token.

        `UsageError` where no publishable key is given.
        """


@runtime_checkable
class Cardholder(Protocol):
    """A gateway's bank page, where a stand-in for the cardholder can press a button (simulators alone)."""

    def authenticate(self, redirect_url: str, *, passes: bool) -> str:
        """Pass or fail the authentication; return the link by which the browser goes back to the shop."""


@runtime_checkable
class Erp(Protocol):
    """An ERP, or whatever books orders."""

    def documents_of(self, order_ref: str) -> Sequence[Document]:
        """Return every document that carries the shop's order number, follow-on documents included."""

    def documents(self, since: datetime, until: datetime) -> Sequence[Document]:
        """Return all sales orders created in [since, until), every page of them."""


@runtime_checkable
class StockKeeper(Protocol):
    """A system that counts articles."""

    def stock(self, sku: str) -> Sequence[StockLevel]:
        """Return the stock of one article by location."""


@runtime_checkable
class Carrier(Protocol):
    """A carrier."""

    def track(self, tracking_number: str) -> Shipment:
        """Return what the carrier says of a parcel; `LookupError` when unknown."""


@runtime_checkable
class FindsParcels(Protocol):
    """A carrier that finds parcels by the shipper's reference."""

    def parcels_of(self, reference: str) -> Sequence[Shipment]:
        """Return every parcel shipped under a reference, voided ones as far as the carrier still shows them."""


@runtime_checkable
class ReadsLabels(Protocol):
    """A carrier's connector that can read what the platform sent to it."""

    def label_requests(self, call: Call) -> Sequence[LabelRequest]:
        """Return the labels a call of the journal asked for; none where it is no such call or its body was not kept."""


@runtime_checkable
class Rates(Protocol):
    """A publisher of exchange rates."""

    def latest(self) -> Sequence[Rate]:
        """Return the rates of the last publication."""

    def history(self, since: date) -> Sequence[Rate]:
        """Return every published rate since that date, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call a simulated system got, at an instant of the landscape's clock."""

    at: datetime
    method: str
    path: str
    status: int


@runtime_checkable
class Operator(Protocol):
    """What a runner lends a flow where it may: the landscape's clock and the faults of its edge."""

    def pass_time(self, span: timedelta) -> None:
        """Let that much of the landscape's time pass, everything due on the way included."""

    def put_fault(self, kind: str, system: str, **figures: Any) -> str:
        """Put a fault in the way of the platform's calls to a system and return its name.

        kind and figures: as `assay faults add` takes them (``status`` with ``code=503``, ``delay`` with
        ``delay_ms=…``, ``path``, ``method``); ``platform`` as system is the way of webhooks into the shop.
        """

    def take_fault(self, name: str) -> None:
        """Take that fault away; others stay."""

    def configure(self, system: str, settings: Mapping[str, Any]) -> int:
        """Change settings of a simulated system, or of the shop; return what `restore` takes.

        `UsageError` for a system that is not simulated here, or for a setting the shop has not.
        """

    def restore(self, change: int) -> None:
        """Take a change of settings back; what another change still asks for stays in force."""

    def calls(self, system: str) -> Sequence[Call]:
        """Return the platform's calls to a system since this session began, oldest first.

        ``platform`` as system: the webhooks into the shop. None where the edge keeps no journal.
        """

    def asked(self, system: str) -> Sequence[Asked]:
        """Return the last calls a simulated system got, whoever made them, oldest first."""


class Intent(Protocol):
    """One thing that is about to be created in a real system."""

    def done(self, ref: str) -> None:
        """Note the reference under which the system keeps it; on disk when this returns."""


class Undo(Protocol):
    """Remembers what a flow creates, so that it can be taken back whatever happens to the flow."""

    def create(
        self, system: str, kind: str, marker: str, undo: tuple[str, Mapping[str, Any]]
    ) -> AbstractContextManager[Intent]:
        """Note the intent before the call inside the block is made; on disk when the block begins.

        system: a system's id or a role. marker: what the system can be asked for when the answer never came (an
        idempotency key, the customer's e-mail address). undo: a verb of the connector, called with the reference
        first, and its further arguments by name.
        """


ROLES: Mapping[str, type] = {
    "shop": Shop,
    "payments": Payments,
    "erp": Erp,
    "carrier": Carrier,
    "rates": Rates,
}
