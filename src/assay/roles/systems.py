"""ERP, warehouse, carrier and publisher of rates: what each holds of an order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol, runtime_checkable

from assay.records import Call, Document, JournalLine, LabelRequest, Material, Rate, Shipment, StockLevel


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
class ForgetsParcels(Protocol):
    """A carrier that knows a parcel no more some time after its label was made.

    parcels_kept: for how long it answers; a number it does not know of an older order says nothing.
    """

    parcels_kept: timedelta


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


@runtime_checkable
class KeepsBooks(Protocol):
    """An ERP whose journal can be read."""

    def journal_lines(self, since: datetime, until: datetime) -> Sequence[JournalLine]:
        """Return every line of the journal entries created in [since, until), every page of them."""


@runtime_checkable
class KeepsMaterials(Protocol):
    """An ERP whose master data of articles can be read."""

    def materials(self) -> Sequence[Material]:
        """Return every article, those marked for deletion among them, every page of them."""
