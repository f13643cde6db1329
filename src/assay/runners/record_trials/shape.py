"""The shape of a record trial: one class of defects as a pure change to what the systems said of a healthy order.

A class is made from records a run really read, so nothing of the platform is switched. Where a dossier lacks the
record that would be wrong, the change raises `Lacking`: the class is then not made from that order, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from assay.errors import UsageError, did_you_mean
from assay.oracles import Judging
from assay.oracles.charge import captured
from assay.records import Document, Dossier, MinorAmount, Order, Parcel, Payment, Population, Shipment, StockCount

T = TypeVar("T")
Change = Callable[[Dossier, Judging], Dossier]
PopulationChange = Callable[[Population, Judging], Population]


class Lacking(Exception):
    """The records hold nothing this class could make wrong; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class RecordClass:
    """One class of defects as a change to records.

    id: what it does, in few words. meaning: what a shop with such a defect does wrong. defects: ids of the catalogue
    it stands for. oracles: those the specification names for them. Exactly one of `change` (one order's records) and
    `together` (the records of all orders of a run) is there.
    """

    id: str
    meaning: str
    defects: tuple[str, ...]
    oracles: tuple[str, ...]
    change: Change | None = None
    together: PopulationChange | None = None


CLASSES: dict[str, RecordClass] = {}
"""Every class by its id, in the order of their families."""


def record_class(id: str, *, defects: str, oracles: str) -> Callable[[Change], Change]:
    """Register a change to one order's records; its docstring's first line is its meaning. Lists are given by words."""

    def register(change: Change) -> Change:
        CLASSES[id] = RecordClass(id, _meaning(change), *_listed(defects, oracles), change=change)
        return change

    return register


def run_class(id: str, *, defects: str, oracles: str) -> Callable[[PopulationChange], PopulationChange]:
    """Register a change to the records of all orders of a run; see `record_class`."""

    def register(change: PopulationChange) -> PopulationChange:
        CLASSES[id] = RecordClass(id, _meaning(change), *_listed(defects, oracles), together=change)
        return change

    return register


def chosen_classes(*, families: Sequence[str] = (), only: Sequence[str] = ()) -> list[RecordClass]:
    """Return the classes that stand for a defect of these families (``MON``), or are named by id or by a defect's.

    All of them where nothing is chosen; `UsageError` with a suggestion for a name nobody knows.
    """
    defects = {defect for each in CLASSES.values() for defect in each.defects}
    known = {defect.partition("-")[0] for defect in defects}
    for name in families:
        if name not in known:
            raise UsageError(f"no class of records stands for a defect of '{name}'", hint=did_you_mean(name, known))
    for name in only:
        if name not in CLASSES and name not in defects:
            hint = did_you_mean(name, {*CLASSES, *defects})
            raise UsageError(f"no class of records is, or stands for, '{name}'", hint=hint)
    if not families and not only:
        return list(CLASSES.values())
    return [
        each
        for each in CLASSES.values()
        if each.id in only or any(name in only or name.partition("-")[0] in families for name in each.defects)
    ]


def _meaning(change: Callable[..., Any]) -> str:
    return (change.__doc__ or "").strip().splitlines()[0].rstrip(".")


def _listed(defects: str, oracles: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(defects.split()), tuple(oracles.split())


def order_of(dossier: Dossier) -> Order:
    """Return the shop's record of the order."""
    if dossier.order is None:
        raise Lacking("the shop showed no order")
    return dossier.order


def payment_of(dossier: Dossier) -> Payment:
    """Return the one payment of which something was captured."""
    taken = captured(dossier)
    if not taken:
        raise Lacking("no payment was captured")
    if len(taken) > 1:
        raise Lacking("several payments were captured")
    return taken[0]


def sales_order_of(dossier: Dossier) -> Document:
    """Return the first sales order that stands."""
    for document in dossier.documents:
        if document.kind == "sales_order" and not document.rejected:
            return document
    raise Lacking("the ERP showed no sales order")


def parcel_of(dossier: Dossier) -> Parcel:
    """Return the first labelled parcel the shop shows."""
    for parcel in order_of(dossier).parcels:
        if parcel.state == "labelled" and not parcel.untracked and parcel.tracking_number:
            return parcel
    raise Lacking("the shop showed no labelled parcel")


def shipment_of(dossier: Dossier) -> Shipment:
    """Return the carrier's record of that parcel."""
    number = parcel_of(dossier).tracking_number
    for shipment in dossier.shipments:
        if shipment.tracking_number == number:
            return shipment
    raise Lacking("the carrier showed no parcel")


def counts_of(dossier: Dossier) -> tuple[StockCount, StockCount]:
    """Return an article's count before and after this order, where it was counted twice and bought by nobody else."""
    by_sku: dict[str, list[StockCount]] = {}
    for count in sorted(dossier.stock, key=lambda each: each.at):
        by_sku.setdefault(count.sku, []).append(count)
    for listed in by_sku.values():
        if len(listed) > 1:
            return listed[0], listed[-1]
    raise Lacking("no article was counted before and after the order")


def swap(listed: Sequence[T], old: T, *new: T) -> tuple[T, ...]:
    """Return the sequence with one element, found by identity, replaced by these."""
    return tuple(each for one in listed for each in (new if one is old else (one,)))


def with_order(dossier: Dossier, **more: Any) -> Dossier:
    """Return the dossier with fields of its order changed."""
    return replace(dossier, order=replace(order_of(dossier), **more))


def with_payment(dossier: Dossier, payment: Payment, **more: Any) -> Dossier:
    """Return the dossier with one payment changed; whole numbers become amounts in the payment's currency."""
    amounts = {name: MinorAmount(value, payment.amount.currency) for name, value in more.items() if type(value) is int}
    changed = replace(payment, **{**more, **amounts})
    return replace(dossier, payments=swap(dossier.payments, payment, changed))


def with_document(dossier: Dossier, document: Document, **more: Any) -> Dossier:
    """Return the dossier with one document changed."""
    return replace(dossier, documents=swap(dossier.documents, document, replace(document, **more)))


def with_item(dossier: Dossier, document: Document, place: int, **more: Any) -> Dossier:
    """Return the dossier with one item of a document changed."""
    lines = list(document.lines)
    lines[place] = replace(lines[place], **more)
    return with_document(dossier, document, lines=tuple(lines))


def with_line(dossier: Dossier, place: int, **more: Any) -> Dossier:
    """Return the dossier with one line of the shop's order changed."""
    lines = list(order_of(dossier).lines)
    lines[place] = replace(lines[place], **more)
    return with_order(dossier, lines=tuple(lines))


def with_parcel(dossier: Dossier, parcel: Parcel, **more: Any) -> Dossier:
    """Return the dossier with one of the shop's parcels changed."""
    return with_order(dossier, parcels=swap(order_of(dossier).parcels, parcel, replace(parcel, **more)))


def with_shipment(dossier: Dossier, shipment: Shipment, **more: Any) -> Dossier:
    """Return the dossier with one of the carrier's parcels changed."""
    return replace(dossier, shipments=swap(dossier.shipments, shipment, replace(shipment, **more)))


def with_count(dossier: Dossier, count: StockCount, **more: Any) -> Dossier:
    """Return the dossier with one count changed."""
    return replace(dossier, stock=swap(dossier.stock, count, replace(count, **more)))


def other_currency(currency: str) -> str:
    """Return a currency that is not this one."""
    return "USD" if currency == "EUR" else "EUR"
