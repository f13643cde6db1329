"""Listings of goods: what a shop counts of its stock, what it says was sent, and what a carrier says of that.

Each row tells what comparing needs and no record holds: units that are on their way out, units that movements make,
and how a parcel stands once its order was cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from assay.drift.extracting.listings import FLAG, INSTANT, LISTINGS, TEXT, WHOLE, Column, Listing, changed_at
from assay.records import Order, Parcel, Shipment, StockCount, StockLevel

_OPENING = "opening"
_LAPSED = timedelta(minutes=5)
"""A hold whose time is over for longer should have been given back."""
_READS = 3
_LABELLED = ("labelled", "voiding", "voided")
_VOIDED = "voided"


# ── stock ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def moved(count: StockCount) -> int | None:
    """Return what an article's movements sum up to; None where they do not begin with its opening stock."""
    if not count.movements or count.movements[0].kind != _OPENING:
        return None
    return sum(each.quantity for each in count.movements)


def held(count: StockCount) -> int:
    """Return the units that are held, less those whose hold is over: what it should be, not what the shop takes off."""
    if count.reservations is None:
        return count.reserved
    live = (each for each in count.reservations if each.state != "open" or not _is_over(each.expires_at, count.at))
    return sum(each.quantity for each in live)


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    """Say whether a hold without an order has had its time; one that never ends has none."""
    return expires_at is None or now - expires_at > _LAPSED


def in_flight(count: StockCount) -> int | None:
    """Return the units of orders that the ERP may have issued unseen; None where the shop does not say."""
    if count.reservations is None:
        return None
    return sum(each.quantity for each in count.reservations if each.state == "committed")


def free(count: StockCount) -> int:
    """Return what may be sold, as movements and holds make it."""
    by_movements = moved(count)
    return (count.on_hand if by_movements is None else by_movements) - held(count) - count.safety


def _last(count: StockCount) -> datetime | None:
    instants = [each.at for each in count.movements or ()] + [each.at for each in count.reservations or ()]
    return max(instants, default=None)


def _counted(read: Callable[..., Any], sku: str, now: datetime) -> Iterable[StockCount]:
    """Count an article; again where it does not add up, for count and movements may come by two answers."""
    count: StockCount = read(sku, now)
    for _ in range(1, _READS):
        off = _off(count)
        if off == (0, 0):
            break
        again: StockCount = read(sku, now)
        count, before = again, off
        if _off(again) == before:
            break
    return [count]


def _off(count: StockCount) -> tuple[int, int]:
    by_movements = moved(count)
    return 0 if by_movements is None else count.on_hand - by_movements, count.sellable - free(count)


def _is(name: str, kind: Any) -> Column:
    return Column(name, kind, lambda record: getattr(record, name))


_COUNTS = (
    _is("sku", TEXT),
    *(_is(name, WHOLE) for name in ("on_hand", "reserved", "sellable", "safety")),
    Column("moved", WHOLE, moved),
    Column("held", WHOLE, held),
    Column("free", WHOLE, free),
    Column("in_flight", WHOLE, in_flight),
    _is("backorder", FLAG),
    Column("changed_at", INSTANT, _last),
)


@dataclass(frozen=True, slots=True)
class _Total:
    """What an ERP holds of an article, all places together."""

    sku: str
    on_hand: Decimal
    places: int


def _totalled(read: Callable[..., Any], sku: str, now: datetime) -> Iterable[_Total]:
    levels: Sequence[StockLevel] = read(sku)
    return [_Total(sku, sum((each.on_hand for each in levels), Decimal(0)), len(levels))]


_TOTALS = (
    _is("sku", TEXT),
    Column("on_hand", TEXT, lambda total: f"{total.on_hand:f}"),
    _is("places", WHOLE),
)


# ── parcels ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sent:
    """One parcel of an order; of a shop that shows no parcels, one tracking number of it."""

    order: Order
    ref: str
    tracking_number: str | None
    parcel: Parcel | None = None

    @property
    def followed(self) -> bool:
        """Whether it has, or had, a label by which a carrier can be asked: no letter, and none that was not bought."""
        return self.parcel is None or (self.parcel.state in _LABELLED and not self.parcel.untracked)

    @property
    def standing(self) -> str | None:
        """How far it is, as the shop must take it: what is voided, or was cancelled, goes nowhere."""
        if self.order.status == "cancelled" or (self.parcel is not None and self.parcel.state in ("voiding", _VOIDED)):
            return _VOIDED
        return None if self.parcel is None else self.parcel.status


def sent(order: Order) -> list[Sent]:
    """Return the parcels of an order."""
    if order.parcels:
        return [Sent(order, each.ref, each.tracking_number, each) for each in order.parcels]
    return [Sent(order, number, number) for number in order.tracking_numbers]


def _of_parcel(name: str, kind: Any) -> Column:
    return Column(name, kind, lambda each: None if each.parcel is None else getattr(each.parcel, name))


_PARCELS = (
    _is("tracking_number", TEXT),
    Column("order_ref", TEXT, lambda each: each.order.ref),
    Column("number", TEXT, lambda each: each.order.number),
    _is("ref", TEXT),
    *(_of_parcel(name, TEXT) for name in ("carrier", "state", "status")),
    _is("standing", TEXT),
    _is("followed", FLAG),
    Column("placed_at", INSTANT, lambda each: each.order.placed_at),
    Column("changed_at", INSTANT, lambda each: changed_at(each.order)),
    Column("order_status", TEXT, lambda each: each.order.status),
    Column("store", TEXT, lambda each: each.order.store),
    _of_parcel("delivery_ref", TEXT),
    _of_parcel("weight_g", WHOLE),
)


def _since(shipment: Shipment) -> datetime | None:
    """Return since when a parcel has been as far as it is; when it was last scanned, of scans that do not say how far.

    Who hears of it late has that long to hear of it: further scans on the way are no news.
    """
    since = None
    for event in reversed(shipment.events):
        if since is not None and event.status != shipment.status:
            break
        since = event.at
    return since


_SHIPMENTS = (
    *(_is(name, TEXT) for name in ("tracking_number", "order_ref", "status", "status_code")),
    _is("weight_g", WHOLE),
    Column("changed_at", INSTANT, _since),
    Column("scanned_at", INSTANT, lambda shipment: max((each.at for each in shipment.events), default=None)),
    _is("delivered_at", INSTANT),
)


def _tracked(read: Callable[..., Any], number: str, now: datetime) -> Iterable[Shipment]:
    return [read(number)]


_GOODS = (
    Listing(
        name="counts", verb="stock_count", role="shop", columns=_COUNTS, key=("sku",), by_article=True, ask=_counted
    ),
    Listing(
        name="stock_total", verb="stock", role="erp", columns=_TOTALS, key=("sku",), by_article=True, ask=_totalled
    ),
    Listing(
        name="parcels", verb="orders", role="shop", columns=_PARCELS, key=("order_ref", "ref"), placed="placed_at",
        changed="changed_at", walked=LISTINGS["orders"], parts=sent,
    ),
    Listing(
        name="shipments", verb="track", role="carrier", columns=_SHIPMENTS, key=("tracking_number",), by_article=True,
        ask=_tracked, kept="parcels_kept",
    ),
    Listing(
        name="labels", verb="parcels_of", role="carrier", columns=_SHIPMENTS, key=("tracking_number",), by_article=True,
        kept="parcels_kept",
    ),
)  # fmt: skip

ALL_LISTINGS: Mapping[str, Listing] = {**LISTINGS, **{each.name: each for each in _GOODS}}
"""Every listing that can be a side of a pair, by the name its source gives."""
