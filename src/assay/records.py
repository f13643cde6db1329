"""What one system says of one thing: frozen, in our words, whatever the vendor calls it.

Instants are aware and in UTC. `system` is the vendor's id, `ref` the system's own id of the thing, `order_ref` the
shop's order number as that system holds it (None where it holds none).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from assay.money import Money


@dataclass(frozen=True, slots=True)
class MinorAmount:
    """An amount as a gateway counts it: whole units of the gateway's own exponent, which may differ from ISO's."""

    minor: int
    currency: str


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
class Line:
    """One line of an order or document. `quantity` may be fractional in an ERP."""

    sku: str
    quantity: Decimal
    name: str | None = None
    unit_price: Money | None = None
    total: Money | None = None
    tax_rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the shop holds it."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as the gateway holds it."""

    system: str
    ref: str
    order_ref: str | None
    status: str
    amount: MinorAmount
    captured: MinorAmount
    refunded: MinorAmount
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A business document of an ERP or WMS: ``sales_order``, ``delivery``, ``invoice`` …, with its own status word."""

    system: str
    ref: str
    kind: str
    order_ref: str | None
    status: str
    lines: tuple[Line, ...] = ()
    total: Decimal | None = None
    currency: str | None = None
    document_date: date | None = None
    created_at: datetime | None = None
    parent_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A parcel as the carrier holds it; `status`: created, in_transit, delivered, exception, voided or unknown."""

    system: str
    ref: str
    order_ref: str | None
    tracking_number: str
    status: str
    status_code: str | None = None
    weight_g: int | None = None
    events: tuple[ShipmentEvent, ...] = ()
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentEvent:
    """One scan of a parcel."""

    code: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    """How many units of one article a system holds at one place."""

    system: str
    sku: str
    on_hand: Decimal
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One published exchange rate: one unit of `base` is `value` units of `quote`."""

    system: str
    base: str
    quote: str
    value: Decimal
    as_of: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRule:
    """Where one operation of a vendor carries references by which a call can be attributed to an order.

    `method` and `path` (a regular expression on the path) say which calls; `strong` names fields whose value stands
    for one order or one of its documents, in the request or the answer: dotted paths into JSON or form fields (``*``
    for every element), ``path:GROUP`` for a named group of the path, ``query:NAME`` for a parameter, ``form:NAME`` for
    a form field; ``query:NAME~REGEX`` takes what the expression's one group finds in the value.
    """

    method: str
    path: str
    strong: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that crossed the edge: masked, long bodies as hash and length, real time in UTC.

    `way` is proxy or base (the platform called out) or reverse (a webhook came in); `fault` names the fault in its way.
    """

    id: str
    at: datetime
    system: str
    way: str
    method: str
    host: str
    path: str
    query: str
    status: int
    duration_ms: int
    refused: bool
    fault: str | None = None
    request_headers: dict[str, str]
    request_body: str
    response_headers: dict[str, str]
    response_body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything known about one order: what each witness says, and which could not be read and why.

    `shown` are the amounts the customer saw on the way: (place, amount), in that order.
    """

    order: Order | None
    payments: tuple[Payment, ...] = ()
    documents: tuple[Document, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    calls: tuple[Call, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    shown: tuple[tuple[str, Money], ...] = ()

    def missing(self, *roles: str) -> str | None:
        """Return why one of these witnesses could not be read, or None."""
        return next((f"{role}: {why}" for role, why in self.unread if role in roles), None)
