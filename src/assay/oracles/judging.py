"""What 'correct' means for one shop: the parameters oracles judge with, as one frozen value.

Nothing here has a vendor's or a shop's default where the difference matters: a parameter nobody declared is None or
empty, and the oracle that needs it says *not evaluated* and names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from assay.rounding import Rounding

# Carriers publish how long an address line may be: UPS Shipping API, ShipTo/Address/AddressLine.
_LINE_LIMITS = {"ups": 35}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """What a coupon takes off: a fixed amount of the base currency (or by currency) or per cent, from goods on."""

    kind: str
    value: Decimal
    values: Mapping[str, Decimal] = field(default_factory=dict)
    goods_from: Decimal | None = None
    goods_from_by_currency: Mapping[str, Decimal] = field(default_factory=dict)
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """The parameters of one environment.

    rounding: how totals are composed. base_currency, rate_max_age, markup: how prices are converted; price_lists are
    currencies, or SKU/currency, priced by hand; shipping_services are the services priced from the shop's own table,
    shipping_prices that table in the base currency. booked_currency: what an ERP books in, by system, where that is
    not the order's currency. freshness: how long a kind of system may take.
    accounting_zone: the IANA zone of document dates. packaging_g: what a parcel weighs empty. reservation_ttl: how
    long units are held without an order. state_ttl: how long an order may stay in a state that is not its last.
    confirms_unpaid: whether a confirmation may be written before the money is authorised.
    rate_source and rate_sources: whose rates price anything, and those of single stores, which may have markups of
    their own. margin_floor and costs: below what no price falls. rate_spread: between buying and selling;
    both_directions: whether every rate has one of the way back; pegged: currencies worth one of the base currency.
    coupons by code; free_shipping_from in the base currency, free_shipping in others. refund_reasons: words by which a
    refund may differ from its lines. ledger_limit and ledger_classes: what books are held against, None undeclared.
    """

    rounding: Rounding | None = None
    base_currency: str | None = None
    rate_max_age: timedelta | None = None
    markup: Decimal = Decimal(0)
    price_lists: frozenset[str] = frozenset()
    shipping_services: frozenset[str] = frozenset()
    shipping_prices: tuple[Decimal, ...] = ()
    booked_currency: Mapping[str, str] = field(default_factory=dict)
    freshness: Mapping[str, timedelta] = field(default_factory=dict)
    accounting_zone: str | None = None
    packaging_g: int | None = None
    weight_tolerance: Decimal = Decimal("0.05")
    weight_step_g: int = 100
    line_limits: Mapping[str, int] = field(default_factory=lambda: dict(_LINE_LIMITS))
    reservation_ttl: timedelta | None = None
    state_ttl: Mapping[str, timedelta] = field(default_factory=dict)
    confirms_unpaid: bool = False
    rate_source: str | None = None
    rate_sources: Mapping[str, str] = field(default_factory=dict)
    markups: Mapping[str, Decimal] = field(default_factory=dict)
    margin_floor: Decimal | None = None
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    rate_spread: Decimal = Decimal(0)
    both_directions: bool = False
    pegged: frozenset[str] = frozenset()
    coupons: Mapping[str, Coupon] = field(default_factory=dict)
    free_shipping_from: Decimal | None = None
    free_shipping: Mapping[str, Decimal] = field(default_factory=dict)
    refund_reasons: tuple[str, ...] = ()
    ledger_limit: timedelta | None = None
    ledger_classes: frozenset[str] | None = None

    def markup_of(self, store: str | None) -> Decimal:
        """Return the markup on converted prices in a store."""
        return self.markups.get(store or "", self.markup)

    @property
    def cuts_off(self) -> bool:
        """Whether the shop is declared to cut amounts off instead of rounding them."""
        return self.rounding is not None and self.rounding.mode == "down"

    def slack(self, role: str) -> timedelta:
        """Return how long systems of a role may take; nothing where nobody declared it."""
        return self.freshness.get(role, timedelta())


UNDECLARED = Judging()
"""No parameter at all: what needs one is not evaluated."""
