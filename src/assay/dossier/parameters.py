"""What oracles judge with, out of the profile's ``[policies]``."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from assay.oracles.judging import Judging


def judging_of(policies: Any) -> Judging:
    """Return what oracles judge with, from the profile's ``[policies]``; a line that is absent declares nothing."""
    freshness, rates = policies.freshness, getattr(policies, "rates", None)
    shipping, books = getattr(policies, "shipping", None), getattr(policies, "books", None)
    stock = getattr(policies, "stock", None)
    days = getattr(rates, "max_age_days", None)
    ttl = getattr(stock, "reservation_ttl_s", None)
    return Judging(
        rounding=policies.rounding.policy() if policies.rounding else None,
        base_currency=policies.base_currency,
        rate_max_age=timedelta(days=days) if days is not None else None,
        markup=Decimal(getattr(rates, "markup", 0)),
        price_lists=frozenset(getattr(rates, "price_lists", ())),
        shipping_services=frozenset(getattr(shipping, "services", ())),
        shipping_prices=tuple(Decimal(each) for each in getattr(shipping, "prices", ())),
        packaging_g=getattr(shipping, "packaging_g", None),
        booked_currency=dict(getattr(books, "currency", {})),
        accounting_zone=getattr(books, "zone", None),
        freshness={name: timedelta(seconds=value) for name, value in freshness if isinstance(value, int | float)},
        reservation_ttl=timedelta(seconds=ttl) if ttl is not None else None,
        state_ttl={name: timedelta(seconds=value) for name, value in getattr(policies, "state_ttl_s", {}).items()},
        confirms_unpaid=bool(getattr(policies, "confirms_unpaid", False)),
    )
