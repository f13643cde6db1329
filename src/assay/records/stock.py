"""What the shop sells, counts and reserves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from assay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What the shop sells under a SKU: its price in one currency, its weight, and its components if it is a bundle.

    gtin: its trade item number as the shop writes it; gtin_14: the number the shop itself states in 14 digits.
    """

    system: str
    sku: str
    price: Money | None = None
    weight_g: int | None = None
    name: str | None = None
    backorder: bool = False
    components: tuple[tuple[str, int], ...] = ()
    gtin: str | None = None
    gtin_14: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """An article in the master data of an ERP. deleted: it is marked for deletion, and must be sold no more.

    weight_g is the gross weight of one unit; None where it has none, or one in a unit that is no weight.
    """

    system: str
    sku: str
    name: str | None = None
    gtin: str | None = None
    weight_g: Decimal | None = None
    deleted: bool = False
    created_on: date | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Stock that came or went: signed units, why (opening, receipt, restock, shipped, adjustment), by what paper."""

    sku: str
    kind: str
    quantity: int
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Units held for somebody; `state` is open (until `expires_at`) or committed (an order exists)."""

    sku: str
    quantity: int
    holder: str
    state: str
    at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCount:
    """One article at one instant as the shop counts it, with every movement up to then and what is reserved.

    Movements or reservations of None are not kept by the shop, and what needs them is *not evaluated*; an empty tuple
    says that nothing moved, or that nothing is held.
    """

    system: str
    sku: str
    at: datetime
    on_hand: int
    reserved: int
    sellable: int
    safety: int = 0
    backorder: bool = False
    movements: tuple[Movement, ...] | None = None
    reservations: tuple[Reservation, ...] | None = None
