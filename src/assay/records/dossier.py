"""What judges are given: everything known of one order, or of a set of orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from assay.money import Money
from assay.records.held import Document, Payment, Rate, Shipment
from assay.records.journal import Call, Creation, LabelRequest
from assay.records.ledger import (
    AnalyticsEvent,
    BalanceEntry,
    CreditMovement,
    Displayed,
    Figure,
    JournalLine,
    PaymentOption,
    Payout,
    StatementLine,
)
from assay.records.order import CustomerMessage, Order
from assay.records.stock import Article, StockCount


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTrace:
    """Card data found where none may be: its kind (card number, check value, track data, canary) and it, masked."""

    kind: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One text that was searched for card data, and what was found; the text itself is not kept."""

    place: str
    characters: int
    traces: tuple[CardTrace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything known about one order: what each witness says, and which could not be read and why.

    `shown` are the amounts the customer saw on the way: (place, amount), in that order; an article's own page is
    ``product SKU``. `bought` are the (SKU, units) the customer paid for. `calls` are the calls in the journal that are
    this order's; `unread` names the journal where there is none or it has a gap. `base_articles` hold prices in
    the base currency. `unknown_parcels` are tracking numbers the shop shows and no carrier knows. `stock` are
    counts before and after, of articles nobody else buys meanwhile. `before_replay` is this dossier as it was before
    the same events were delivered again. `siblings` are the numbers of further orders that came of a purchase that
    meant one. `told` is what the shop said to the customer at each answer (ordered, declined, processing …), oldest
    first; empty where nobody noted it. `cancel_asked` says whether anybody asked for the order to be cancelled, None
    where that is not known. `displayed` are amounts as text, as the customer read them. `events` are what analytics was
    told of the order, `credit` the store credit it took or gave. `options` are the ways to pay the shop offered for
    its cart. `read_at` is the landscape's instant of reading.
    """

    order: Order | None
    payments: tuple[Payment, ...] = ()
    documents: tuple[Document, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    calls: tuple[Call, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    shown: tuple[tuple[str, Money], ...] = ()
    bought: tuple[tuple[str, int], ...] = ()
    messages: tuple[CustomerMessage, ...] = ()
    rates: tuple[Rate, ...] = ()
    base_articles: tuple[Article, ...] = ()
    labels: tuple[LabelRequest, ...] = ()
    creations: tuple[Creation, ...] = ()
    unknown_parcels: tuple[str, ...] = ()
    stock: tuple[StockCount, ...] = ()
    scans: tuple[Scan, ...] = ()
    before_replay: Dossier | None = None
    siblings: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    cancel_asked: bool | None = None
    displayed: tuple[Displayed, ...] = ()
    events: tuple[AnalyticsEvent, ...] = ()
    credit: tuple[CreditMovement, ...] = ()
    options: tuple[PaymentOption, ...] = ()
    read_at: datetime | None = None

    def missing(self, *roles: str) -> str | None:
        """Return why one of these witnesses could not be read, or None."""
        return next((f"{role}: {why}" for role, why in self.unread if role in roles), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A purchase that came to fewer orders than its customer, known to nobody else, meant to place.

    `case` and `customer` (an e-mail address) name it. `orders` are those the shop holds in that name, `payments` what
    gateways hold of it, `creations` what the platform asked of them, `calls` the calls and events that name one of
    these. `shown` are the amounts the customer saw on the way, as in `Dossier`; `told` what the shop said to them.
    `broken` are the shop's answers to the customer that were errors of the shop itself: status, method and path.
    """

    case: str
    customer: str
    intended: int = 1
    orders: tuple[Order, ...] = ()
    payments: tuple[Payment, ...] = ()
    creations: tuple[Creation, ...] = ()
    calls: tuple[Call, ...] = ()
    shown: tuple[tuple[str, Money], ...] = ()
    told: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    read_at: datetime | None = None

    def missing(self, *roles: str) -> str | None:
        """Return why one of these witnesses could not be read, or None."""
        return next((f"{role}: {why}" for role, why in self.unread if role in roles), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """What one customer, known to nobody else, meant to buy: how many orders, and which the shop shows."""

    email: str
    intended: int
    order_refs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """A set of orders and one closed window: every dossier, and what each system lists of [since, until).

    `orders` may reach back further than the window: what was placed before it may be paid and booked within. `scans`
    are texts that belong to no single order, as the platform's logs. `entries`, `payouts`, `journal_lines`,
    `statement_lines` and `figures` are what gateways settle, the ERP books, the bank states and the platform reports.
    `store_rates` are (store, the rates it prices with), `published` what publishers of rates published.
    """

    since: datetime
    until: datetime
    dossiers: tuple[Dossier, ...] = ()
    orders: tuple[Order, ...] = ()
    payments: tuple[Payment, ...] = ()
    documents: tuple[Document, ...] = ()
    stock: tuple[StockCount, ...] = ()
    purchases: tuple[Purchases, ...] = ()
    scans: tuple[Scan, ...] = ()
    entries: tuple[BalanceEntry, ...] = ()
    payouts: tuple[Payout, ...] = ()
    journal_lines: tuple[JournalLine, ...] = ()
    statement_lines: tuple[StatementLine, ...] = ()
    figures: tuple[Figure, ...] = ()
    store_rates: tuple[tuple[str, tuple[Rate, ...]], ...] = ()
    published: tuple[Rate, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    read_at: datetime | None = None

    def missing(self, *roles: str) -> str | None:
        """Return why one of these witnesses could not be read, or None."""
        return next((f"{role}: {why}" for role, why in self.unread if role in roles), None)
