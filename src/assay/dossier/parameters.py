"""What oracles judge with, out of the profile's ``[policies]``."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from assay.oracles.judging import Coupon, Judging


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
        rate_source=getattr(rates, "source", None),
        rate_sources=dict(getattr(rates, "stores", {})),
        markups=dict(getattr(rates, "markups", {})),
        margin_floor=getattr(rates, "margin_floor", None),
        costs=dict(getattr(rates, "costs", {})),
        rate_spread=Decimal(getattr(rates, "spread", 0)),
        both_directions=bool(getattr(rates, "both_directions", False)),
        pegged=frozenset(getattr(rates, "pegged", ())),
        refund_reasons=tuple(getattr(getattr(policies, "refunds", None), "reasons", ())),
        **_promotions(getattr(policies, "promotions", None)),
        **_ledger(getattr(policies, "ledger", None)),
    )


def _promotions(promotions: Any) -> dict[str, Any]:
    """Return what is declared of coupons and free shipping."""
    if promotions is None:
        return {}
    return {
        "coupons": {code: Coupon(**dict(coupon)) for code, coupon in promotions.coupons.items()},
        "free_shipping_from": promotions.free_shipping_from,
        "free_shipping": dict(promotions.free_shipping_by_currency),
    }


def _ledger(ledger: Any) -> dict[str, Any]:
    """Return what the books are held against."""
    if ledger is None:
        return {}
    return {
        "ledger_limit": None if ledger.limit_days is None else timedelta(days=ledger.limit_days),
        "ledger_classes": None if ledger.classes is None else frozenset(ledger.classes),
    }
