"""Gathers the dossier of one order: what every witness of the landscape holds of it, read in parallel.

A witness that cannot be read is named with the reason and makes its oracles *not evaluated*; it never fails the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

from assay.errors import AssayError
from assay.landscape import Landscape
from assay.records import Document, Dossier, Order, Payment, Shipment

T = TypeVar("T")
# A gateway may have seen the payment a little before the shop wrote the order, or be retried long after.
_BEFORE, _AFTER = timedelta(minutes=10), timedelta(days=2)


def gather(landscape: Landscape, order_ref: str) -> Dossier:
    """Read one order from the shop, then everybody else at once."""
    unread: list[tuple[str, str]] = []
    order = _ask(unread, "shop", lambda: landscape.by_role("shop").order(order_ref))
    if order is None:
        return Dossier(order=None, unread=tuple(unread))
    with ThreadPoolExecutor(3) as readers:
        payments = readers.submit(_ask, unread, "payments", lambda: _payments(landscape, order))
        documents = readers.submit(_ask, unread, "erp", lambda: _documents(landscape, order))
        shipments = readers.submit(_ask, unread, "carrier", lambda: _shipments(landscape, order))
    return Dossier(
        order=order,
        payments=tuple(payments.result() or ()),
        documents=tuple(documents.result() or ()),
        shipments=tuple(shipments.result() or ()),
        unread=tuple(sorted(unread)),
    )


def _payments(landscape: Landscape, order: Order) -> Sequence[Payment]:
    found: list[Payment] = []
    for system in landscape.environment.with_role("payments"):
        gateway: Any = landscape.connectors[system]
        listed = gateway.payments(order.placed_at - _BEFORE, order.placed_at + _AFTER)
        known = {payment.ref: payment for payment in listed if payment.order_ref in (order.ref, order.number)}
        # The shop's own reference is followed too: a payment that lost its order reference is still found.
        for ref in order.payment_refs:
            if ref not in known:
                known[ref] = gateway.payment(ref)
        found += known.values()
    return found


def _documents(landscape: Landscape, order: Order) -> Sequence[Document]:
    erps = [landscape.connectors[system] for system in landscape.environment.with_role("erp")]
    return [document for erp in erps for document in erp.documents_of(order.number)]


def _shipments(landscape: Landscape, order: Order) -> Sequence[Shipment]:
    carriers = [landscape.connectors[system] for system in landscape.environment.with_role("carrier")]
    return [carrier.track(number) for number in order.tracking_numbers for carrier in carriers]


def _ask(unread: list[tuple[str, str]], role: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (AssayError, LookupError) as error:
        unread.append((role, str(error).splitlines()[0]))
        return None
