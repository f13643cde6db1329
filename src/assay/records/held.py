"""What gateways, ERPs, carriers and publishers hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from assay.records.order import Address, Condition, Line


@dataclass(frozen=True, slots=True)
class MinorAmount:
    """An amount as a gateway counts it: whole units of the gateway's own exponent, which may differ from ISO's."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRefund:
    """A refund as the gateway holds it; `status` is the gateway's word, `settled` whether it is done for good."""

    ref: str
    status: str
    amount: MinorAmount
    created_at: datetime
    settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as the gateway holds it.

    `phase` is the gateway's status in our words: open (the customer has to act), pending (the bank has), authorised,
    captured, voided. `capturable` is what may still be taken of an authorisation. `declined`: the last try was refused.
    `checkout_ref` and `purpose` are what the shop wrote on it: whose checkout, and for what beside the order itself;
    `customer` is the e-mail address it wrote on it.
    """

    system: str
    ref: str
    order_ref: str | None
    status: str
    amount: MinorAmount
    captured: MinorAmount
    refunded: MinorAmount
    created_at: datetime
    phase: str = ""
    capturable: MinorAmount | None = None
    declined: bool = False
    checkout_ref: str | None = None
    purpose: str = ""
    customer: str | None = None
    refunds: tuple[GatewayRefund, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A business document of an ERP or WMS: ``sales_order``, ``delivery``, ``invoice`` …, with its own status word.

    `reference` is what the shop wrote on it; of an order in several parts a reference of the part's own, while
    `order_ref` names the whole; `whole_ref` is the shop's number of the whole, where the document itself names it.
    `rejected`: nothing of it will be delivered. `posted`: the goods have left. `changed_at`: when it last changed.
    """

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
    reference: str | None = None
    conditions: tuple[Condition, ...] = ()
    texts: tuple[str, ...] = ()
    partners: tuple[Address, ...] = ()
    rejected: bool = False
    posted: bool = False
    whole_ref: str | None = None
    changed_at: datetime | None = None


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
    """One scan of a parcel; `status` is how far it made the parcel, in the words of `Shipment`, where that is known."""

    code: str
    text: str
    at: datetime
    status: str | None = None


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
