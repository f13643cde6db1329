"""What one system says of one thing: frozen, in our words, whatever the vendor calls it.

Instants are aware and in UTC. `system` is the vendor's id, `ref` the system's own id of the thing, `order_ref` the
shop's order number as that system holds it (None where it holds none).
"""

from __future__ import annotations

from assay.records.dossier import Attempt, CardTrace, Dossier, Population, Purchases, Scan
from assay.records.held import Document, GatewayRefund, MinorAmount, Payment, Rate, Shipment, ShipmentEvent, StockLevel
from assay.records.journal import AskedItem, Call, Creation, CreationRule, LabelRequest, ReferenceRule
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
from assay.records.order import (
    Address,
    Condition,
    CustomerMessage,
    Edit,
    Line,
    Order,
    OrderRefund,
    OrderReturn,
    Parcel,
    Posting,
    StateChange,
    Tender,
    UsedRate,
)
from assay.records.stock import Article, Material, Movement, Reservation, StockCount

__all__ = [
    "Address",
    "AnalyticsEvent",
    "Article",
    "AskedItem",
    "Attempt",
    "BalanceEntry",
    "Call",
    "CardTrace",
    "Condition",
    "Creation",
    "CreationRule",
    "CreditMovement",
    "CustomerMessage",
    "Displayed",
    "Document",
    "Dossier",
    "Edit",
    "Figure",
    "GatewayRefund",
    "JournalLine",
    "LabelRequest",
    "Line",
    "Material",
    "MinorAmount",
    "Movement",
    "Order",
    "OrderRefund",
    "OrderReturn",
    "Parcel",
    "Payment",
    "PaymentOption",
    "Payout",
    "Population",
    "Posting",
    "Purchases",
    "Rate",
    "ReferenceRule",
    "Reservation",
    "Scan",
    "Shipment",
    "ShipmentEvent",
    "StateChange",
    "StatementLine",
    "StockCount",
    "StockLevel",
    "Tender",
    "UsedRate",
]
