"""Orders and calls as columns: what an order says at once, when it has been shipped, and when it may have come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np

from assay.drift.distribution.history import Ints, Memory
from assay.drift.distribution.sums import Calls, Orders, coded, sum_calls, sum_orders
from assay.drift.distribution.window import Window
from assay.records import Call, Order

_FIELDS: dict[str, Callable[[Order], object]] = {
    "e-mail address": lambda order: order.email,
    "address": lambda order: order.address,
    "postcode": lambda order: order.address is None or order.address.postcode,
    "name": lambda order: order.customer_name or order.address,
    "tax": lambda order: order.tax,
    "lines": lambda order: order.lines,
    "payment": lambda order: order.payment_refs or order.tenders or not order.total.minor,
}
_MARKETS, _CARRIERS = 40, 20
"""So many are told apart: a field that anybody may fill in must not become a thousand streams."""
_EVERYWHERE = "every market"


def placed(orders: Sequence[Order]) -> Orders:
    """Return what orders say as soon as they are placed: value before discounts, currency, market, tax, what lacks."""
    amounts = [order.total.amount + abs(order.discount.amount if order.discount else Decimal(0)) for order in orders]
    return Orders(
        at_us=_instants(order.placed_at for order in orders),
        amount=np.array([float(each) for each in amounts], dtype=np.float64),
        currency=coded([order.total.currency for order in orders]),
        market=coded([market_of(order) for order in orders], most=_MARKETS),
        tax=np.array([_tax_share(order) for order in orders], dtype=np.float64),
        absent={name: _flags(not there(order) for order in orders) for name, there in _FIELDS.items()},
    )


def shipped(orders: Sequence[Order]) -> Orders:
    """Return what orders say when they have been shipped: by whom."""
    carriers = [next((parcel.carrier for parcel in order.parcels if parcel.carrier), None) for order in orders]
    return Orders(
        at_us=_instants(order.placed_at for order in orders),
        carrier=coded(
            [carrier or order.shipping_service for carrier, order in zip(carriers, orders, strict=True)], most=_CARRIERS
        ),
    )


def returned(orders: Sequence[Order], within: timedelta) -> Orders:
    """Return which orders were given money back for, so long after they were placed."""
    back = (any(each.at <= order.placed_at + within for each in order.refunds) for order in orders)
    return Orders(
        at_us=_instants(order.placed_at for order in orders),
        market=coded([market_of(order) for order in orders], most=_MARKETS),
        refunded=_flags(back),
    )


def sums_of_orders(orders: Orders, window: Window) -> Memory:
    """Return what is kept of one window of orders."""
    return sum_orders(orders, (window,)).memories()[0]


def sums_of_calls(lots: Iterable[Sequence[Call]], window: Window) -> Memory:
    """Return what is kept of one window of calls, which come in lots; webhooks into the platform are left out."""
    at, system, seconds, error = [], [], [], []
    for lot in lots:
        for call in lot:
            if call.way == "reverse" or call.refused:
                continue
            at.append(call.at)
            system.append(call.system)
            seconds.append(call.duration_ms / 1000)
            error.append(str(call.status) if call.status >= 400 or not call.status else None)
    calls = Calls(
        at_us=_instants(at),
        system=coded(system),
        seconds=np.array(seconds, dtype=np.float64),
        error=coded(error),
    )
    return sum_calls(calls, (window,)).memories()[0]


def market_of(order: Order) -> str:
    """Return where an order was placed: its store, else the country it goes to."""
    return order.store or (order.address.country if order.address else "") or _EVERYWHERE


def sums_by_source(
    orders: Sequence[Order], window: Window, sources: Iterable[str], within: timedelta
) -> Mapping[str, Memory]:
    """Return what is kept of one window for each age it is read at."""
    columns: dict[str, Callable[[Sequence[Order]], Orders]] = {
        "placed": placed,
        "shipped": shipped,
        "returned": partial(returned, within=within),
    }
    return {source: sums_of_orders(columns[source](orders), window) for source in sources}


def _tax_share(order: Order) -> float:
    if order.tax is None or order.total.minor <= 0 or order.tax.currency != order.total.currency:
        return float("nan")
    share = Fraction(order.tax.minor, order.total.minor)
    return float(share) if 0 <= share <= 1 else float("nan")


def _instants(instants: Iterable[datetime]) -> Ints:
    return np.array([round(each.timestamp() * 1e6) for each in instants], dtype=np.int64)


def _flags(values: Iterable[object]) -> Ints:
    return np.array([bool(each) for each in values], dtype=np.int64)
