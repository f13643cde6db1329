"""What the shop says of an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from assay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `region` is a state or province where the country has one."""

    name: str
    lines: tuple[str, ...]
    city: str
    postcode: str
    country: str
    region: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One price condition of a document: its type and, where that is a standard one, what it stands for.

    `component`: goods, discount, shipping, tax, rounding, or other. `amount` is signed, a discount negative.
    """

    kind: str
    component: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an order or document. `quantity` may be fractional in an ERP.

    `tax_rate` is in per cent. `ref` is the shop's own id of the line, as either system holds it. `cancelled` are units
    no longer wanted. `net`, `net_tax` and `conditions` are an ERP's: the value without tax, the tax on it and what it
    is made of. `rejected` lines deliver nothing.
    """

    sku: str
    quantity: Decimal
    name: str | None = None
    unit_price: Money | None = None
    total: Money | None = None
    tax_rate: Decimal | None = None
    ref: str | None = None
    tax: Money | None = None
    discount: Money | None = None
    cancelled: Decimal = Decimal(0)
    net: Decimal | None = None
    net_tax: Decimal | None = None
    conditions: tuple[Condition, ...] = ()
    rejected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One entry of an order's history: a field (``status``, ``payment_status`` …) took a value."""

    field: str
    value: str
    at: datetime
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRate:
    """The exchange rate an order was made with, as the shop discloses it; no `value` where prices are a manual list.

    `label` is the text the customer reads (``1 EUR = 165.2 JPY``).
    """

    base: str
    quote: str
    value: Decimal | None
    as_of: date
    source: str
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """One way an order is paid, as the shop holds it; `gateway` says who holds the money (a gift card: the shop)."""

    gateway: str
    kind: str
    ref: str | None
    status: str
    amount: Money
    captured: Money
    refunded: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefund:
    """Money the shop says it gave or gives back. `tender_ref` is the shop's own id of the tender.

    `lines` are the units given back, by the shop's id of the line; `shipping`: delivery was given back, too. `base` is
    the amount the shop books in its base currency. `gateway_ref` is the gateway's own id of it.
    """

    ref: str | None
    tender_ref: str | None
    status: str
    amount: Money
    reason: str
    at: datetime
    lines: tuple[tuple[str, int], ...] = ()
    shipping: bool = False
    base: Money | None = None
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReturn:
    """Goods that come back, as the shop holds it: `credited` is what it says the customer gets for them."""

    ref: str
    status: str
    at: datetime
    credited: Money | None = None
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change to a placed order by an agent: why, what it costs more, and how that was paid."""

    reason: str
    at: datetime | None = None
    extra: Money | None = None
    payment_ref: str | None = None
    line_refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One document the shop means to have in the ERP: the reference it gave, and the number it knows, if any."""

    reference: str
    number: str | None = None
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel as the shop holds it.

    `state` is how far its label is (queued, buying, labelled, voiding, voided, failed), `status` how far the parcel is;
    `untracked` says that nobody follows it (a letter). `contents` are (SKU, units).
    """

    ref: str
    carrier: str
    state: str
    status: str
    tracking_number: str | None = None
    delivery_ref: str | None = None
    weight_g: int | None = None
    untracked: bool = False
    error: str | None = None
    contents: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMessage:
    """What was written to the customer."""

    kind: str
    recipient: str
    text: str
    at: datetime
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the shop holds it.

    `status`: pending, held, confirmed, processing, partially_shipped, shipped, delivered, cancelled or returned; a
    connector turns its shop's own words into these. `payment_status`: pending, failed, authorised, paid,
    partially_refunded, refunded or voided. Tax rates are in per cent: ``Decimal(19)``, and ``0.19`` is a fifth of one.
    `hold` names why it is parked (approval, review). `rounding` is what was added to the sum to reach the total.
    `tax_treatment`: domestic, eu_consumer, reverse_charge, export. `store`: which of several stores.
    """

    system: str
    ref: str
    number: str
    status: str
    total: Money
    placed_at: datetime
    lines: tuple[Line, ...] = ()
    payment_status: str | None = None
    shipping: Money | None = None
    discount: Money | None = None
    tax: Money | None = None
    email: str | None = None
    address: Address | None = None
    payment_refs: tuple[str, ...] = ()
    document_refs: tuple[str, ...] = ()
    tracking_numbers: tuple[str, ...] = ()
    history: tuple[StateChange, ...] = ()
    rate: UsedRate | None = None
    goods: Money | None = None
    rounding: Money | None = None
    shipping_tax: Money | None = None
    shipping_tax_rate: Decimal | None = None
    shipping_service: str | None = None
    tax_included: bool | None = None
    tax_treatment: str | None = None
    coupon: str | None = None
    hold: str | None = None
    customer_name: str | None = None
    edits: tuple[Edit, ...] = ()
    tenders: tuple[Tender, ...] = ()
    refunds: tuple[OrderRefund, ...] = ()
    returns: tuple[OrderReturn, ...] = ()
    store: str | None = None
    postings: tuple[Posting, ...] = ()
    parcels: tuple[Parcel, ...] = ()
