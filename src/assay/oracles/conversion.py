"""O-M4: every amount that came from the base currency was converted once, at a rate published for its day.

Apart from the other money oracles because it alone asks the publisher of rates and the shop's own base prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from assay.events import Finding
from assay.money import Money, exponent
from assay.oracles import charge
from assay.oracles.cause import UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Order

_OTHER_DAY = "converted at another day's rate"
_MOST_PLACES = 6


@dataclass(frozen=True, slots=True)
class _Component:
    """One amount of an order that was converted: what it is, what it may be in the base currency, what it became."""

    name: str
    bases: tuple[Decimal, ...]
    seen: Money
    units: int = 1


@oracle("O-M4", needs=("rates", "catalogue"), formula="abs(foreign_k - round(base_k * r * (1+markup), step)) <= step/2")
def converted_once(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold each converted amount against its base amount at a rate published before the order, and not too long."""
    currency = order.total.currency
    if judging.base_currency is None:
        return unjudged("no base currency is declared: policies.base_currency in the profile")
    if currency == judging.base_currency:
        return unjudged(f"the order is in the base currency {currency}: nothing was converted")
    if currency in judging.price_lists or (order.rate is not None and order.rate.value is None):
        return unjudged(f"prices in {currency} are from a manual list: nothing was converted")
    if judging.rate_max_age is None:
        return unjudged("no age of rates is declared: policies.rates.max_age_days in the profile")
    day = order.placed_at.date()
    history = [rate for rate in dossier.rates if (rate.base, rate.quote) == (judging.base_currency, currency)]
    published = [rate for rate in history if day - judging.rate_max_age <= rate.as_of <= day]
    if not published:
        return unjudged(f"nobody published a rate for {currency} in the {judging.rate_max_age.days} days before")
    rates = [rate.value for rate in sorted(published, key=lambda rate: rate.as_of, reverse=True)]
    if order.rate is not None and order.rate.value in rates:
        # The order's own first: what was published later on its day is allowed, and explains nothing.
        rates = list(dict.fromkeys((order.rate.value, *rates)))
    others = [rate.value for rate in history if rate.value not in rates]
    systems = ("shop", published[0].system)
    if (finding := _disclosed(order, rates, others, day - judging.rate_max_age, systems)) is not None:
        return finding
    components = list(_components(dossier, order, judging))
    if not components:
        return unjudged("no component of this order has a known amount in the base currency")
    for component in components:
        if not any(_is_converted(component, rate, judging.markup) for rate in rates):
            return _misconverted(component, rates, others, judging.markup, systems)
    return passed()


def _components(dossier: Dossier, order: Order, judging: Judging) -> Iterator[_Component]:
    prices = {article.sku: article.price for article in dossier.base_articles if article.price is not None}
    for line in order.lines:
        price = prices.get(line.sku)
        if line.unit_price is not None and f"{line.sku}/{line.unit_price.currency}" in judging.price_lists:
            continue
        if price is not None and line.unit_price is not None and price.currency == judging.base_currency:
            yield _Component(f"price of {line.sku}", (price.amount,), line.unit_price, int(line.quantity))
    if order.shipping and order.shipping.minor and order.shipping_service in judging.shipping_services:
        yield _Component("shipping", judging.shipping_prices, order.shipping)


def _is_converted(component: _Component, rate: Decimal, markup: Decimal) -> bool:
    return any(is_converted(base, component.seen, rate, markup) for base in component.bases)


def is_converted(base: Decimal, seen: Money, rate: Decimal, markup: Decimal) -> bool:
    """Say whether an amount is a base amount converted once at a rate, to half its currency's smallest step."""
    return abs(seen.amount - base * rate * (1 + markup)) <= _step(seen) / 2


def _disclosed(
    order: Order, rates: Sequence[Decimal], others: Sequence[Decimal], oldest: date, systems: tuple[str, ...]
) -> Finding | None:
    """Hold the rate the shop discloses against those published; None where it is one of them or none is disclosed."""
    if order.rate is None or order.rate.value in rates:
        return None
    seen, expected = order.rate.value, rates[0]
    assert seen is not None
    if seen == 1:
        cause = "a fallback rate of 1 was used"
    elif seen in others:
        cause = "a stale rate: published, but too long ago"
    elif order.rate.as_of < oldest:
        cause = f"the shop's rates are of {order.rate.as_of}: they are not fetched any more"
    elif abs(seen * expected - 1) < Decimal("0.05"):
        cause = "the inverse rate was used"
    elif abs(seen / expected - 1) < Decimal("0.01"):
        cause = "the rate was rounded before it was used"
    else:
        cause = "nobody published this rate"
    return failed(
        *systems,
        expected=f"a published rate, {expected:f} {order.rate.base}/{order.rate.quote} the latest",
        seen=f"{seen:f} of {order.rate.as_of}, source {order.rate.source}",
        cause=cause,
    )


def _misconverted(
    component: _Component,
    rates: Sequence[Decimal],
    others: Sequence[Decimal],
    markup: Decimal,
    systems: tuple[str, ...],
) -> Finding:
    seen, step, rate = component.seen.amount, _step(component.seen), rates[0]
    by_distance = sorted(component.bases, key=lambda base: abs(seen - base * rate * (1 + markup)))
    causes = {
        base: money_cause(
            seen, base * rate * (1 + markup), step=step, rate=rate, other_rates=(*rates, *others), units=1
        )
        for base in by_distance
    }
    nearest = next((base for base in by_distance if not causes[base].startswith(UNKNOWN)), by_distance[0])
    cause, expected = causes[nearest], nearest * rate * (1 + markup)
    if cause.startswith((UNKNOWN, _OTHER_DAY)) and _fits_rounded_rate(seen, nearest * (1 + markup), rate, step):
        cause = "the rate was rounded before it was used"
    return failed(
        *systems,
        expected=f"{component.name} {expected:.{exponent(component.seen.currency)}f} {component.seen.currency} "
        f"for {nearest:f} at {rate:f}",
        seen=str(component.seen),
        cause=cause,
        at_risk=charge.difference(seen * component.units, expected * component.units, component.seen.currency),
    )


def _fits_rounded_rate(seen: Decimal, base: Decimal, rate: Decimal, step: Decimal) -> bool:
    """Say whether the amount comes of the rate, or of its inverse, with fewer digits."""
    for places in range(_MOST_PLACES):
        inverse = round(1 / rate, places)
        for used in (round(rate, places), 1 / inverse if inverse else rate):
            if used != rate and abs(seen - base * used) <= step / 2:
                return True
    return False


def _step(amount: Money) -> Decimal:
    return Decimal(1).scaleb(-exponent(amount.currency))
