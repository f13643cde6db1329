"""O-M4: every amount that came from the base currency was converted once, at a rate published for its day.

Apart from the other money oracles because it alone asks the publisher of rates and the shop's own base prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from assay.events import Finding
from assay.money import Money, exponent
from assay.oracles import charge
from assay.oracles.cause import DIGITS, OTHER_DAY, UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Order, Rate

_MOST_PLACES = 6


@dataclass(frozen=True, slots=True)
class _Component:
    """One amount of an order that was converted: what it is, what it may be in the base currency, what it became.

    `priced` says that it is an article's price, which bears the markup; shipping and promotions may.
    """

    name: str
    bases: tuple[Decimal, ...]
    seen: Money
    units: int = 1
    priced: bool = False


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
    known = [rate for rate in dossier.rates if (rate.base, rate.quote) == (judging.base_currency, currency)]
    history = of_source(known, order, judging)
    if known and not history:
        return unjudged(f"no rates of '{source_of(order, judging)}' were read: policies.rates.source in the profile")
    day = order.placed_at.date()
    published = [rate for rate in history if day - judging.rate_max_age <= rate.as_of <= day]
    if not published:
        return unjudged(f"nobody published a rate for {currency} in the {judging.rate_max_age.days} days before")
    rates = [rate.value for rate in sorted(published, key=lambda rate: rate.as_of, reverse=True)]
    if order.rate is not None and order.rate.value in rates:
        # The order's own first: what was published later on its day is allowed, and explains nothing.
        rates = list(dict.fromkeys((order.rate.value, *rates)))
    others = {rate.value: rate.as_of for rate in history if rate.value not in rates}
    systems = ("shop", published[0].system)
    if (finding := _disclosed(order, rates, others, day - judging.rate_max_age, systems)) is not None:
        return finding
    components = list(_components(dossier, order, judging))
    if not components:
        return unjudged("no component of this order has a known amount in the base currency")
    markup = judging.markup_of(order.store)
    for component in components:
        if not any(_is_converted(component, rate, markup, judging.cuts_off) for rate in rates):
            return _misconverted(component, rates, list(others), markup, systems)
    return _below_margin(order, rates, judging) or passed()


def source_of(order: Order, judging: Judging) -> str | None:
    """Return the system whose rates price an order by declaration, or None where none is declared."""
    return judging.rate_sources.get(order.store or "", judging.rate_source)


def of_source(rates: Sequence[Rate], order: Order, judging: Judging) -> list[Rate]:
    """Return the rates of the source that is declared, else of the one the order names, else all."""
    declared = source_of(order, judging)
    if declared is not None:
        return [rate for rate in rates if rate.system == declared]
    named = order.rate.source.casefold() if order.rate else ""
    return [rate for rate in rates if rate.system.casefold() in named] or list(rates)


def _components(dossier: Dossier, order: Order, judging: Judging) -> Iterator[_Component]:
    prices = {article.sku: article.price for article in dossier.base_articles if article.price is not None}
    for line in order.lines:
        price = prices.get(line.sku)
        if line.unit_price is not None and f"{line.sku}/{line.unit_price.currency}" in judging.price_lists:
            continue
        if price is not None and line.unit_price is not None and price.currency == judging.base_currency:
            yield _Component(f"price of {line.sku}", (price.amount,), line.unit_price, int(line.quantity), priced=True)
    if order.shipping and order.shipping.minor and order.shipping_service in judging.shipping_services:
        yield _Component("shipping", judging.shipping_prices, order.shipping)
    coupon = judging.coupons.get(order.coupon or "")
    if coupon is None or coupon.kind != "fixed" or order.discount is None or order.total.currency in coupon.values:
        return
    # A coupon never takes off more than the goods cost: then it says nothing of its own value.
    if order.discount.minor and (order.goods is None or order.discount.minor < order.goods.minor):
        yield _Component(f"discount of coupon {order.coupon}", (coupon.value,), order.discount)


def _below_margin(order: Order, rates: Sequence[Decimal], judging: Judging) -> Finding | None:
    """Hold each price against what the article costs the shop and the margin it must leave, in any currency."""
    if judging.margin_floor is None:
        return None
    for line in order.lines:
        cost = judging.costs.get(line.sku)
        if cost is None or line.unit_price is None:
            continue
        least = min(cost * (1 + judging.margin_floor) * rate for rate in rates)
        if line.unit_price.amount < least - _step(line.unit_price) / (1 if judging.cuts_off else 2):
            return failed(
                "shop",
                expected=f"at least {least:.{exponent(line.unit_price.currency)}f} {line.unit_price.currency} for "
                f"{line.sku}, which costs {cost:f}",
                seen=str(line.unit_price),
                cause="the margin was not guarded when the price was converted",
                at_risk=charge.difference(
                    line.unit_price.amount * int(line.quantity), least * int(line.quantity), line.unit_price.currency
                ),
            )
    return None


def _is_converted(component: _Component, rate: Decimal, markup: Decimal, cut: bool) -> bool:
    markups = (markup,) if component.priced else (markup, Decimal(0))
    return any(is_converted(base, component.seen, rate, each, cut=cut) for base in component.bases for each in markups)


def is_converted(base: Decimal, seen: Money, rate: Decimal, markup: Decimal, *, cut: bool = False) -> bool:
    """Say whether an amount is a base amount converted once at a rate, to half its currency's smallest step.

    cut: the shop cuts off instead of rounding, so that up to a whole step may be missing.
    """
    missing = base * rate * (1 + markup) - seen.amount
    return abs(missing) <= _step(seen) / 2 or (cut and 0 <= missing < _step(seen))


def _disclosed(
    order: Order, rates: Sequence[Decimal], others: Mapping[Decimal, date], oldest: date, systems: tuple[str, ...]
) -> Finding | None:
    """Hold the rate the shop discloses against those published; None where it is one of them or none is disclosed."""
    if order.rate is None or order.rate.value in rates:
        return None
    seen, expected = order.rate.value, rates[0]
    assert seen is not None
    if seen == 1:
        cause = "not converted (none): a fallback rate of 1 was used"
    elif seen in others:
        cause = f"stale: a rate of {others[seen]}, published too long ago"
    elif order.rate.as_of < oldest:
        cause = f"stale: the shop's rates are of {order.rate.as_of}, they are not fetched any more"
    elif abs(seen * expected - 1) < Decimal("0.05"):
        cause = "inverse: the rate of the other direction was used"
    elif abs(seen / expected - 1) < Decimal("0.01"):
        cause = DIGITS
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
    if cause.startswith((UNKNOWN, OTHER_DAY)) and _fits_rounded_rate(seen, nearest * (1 + markup), rate, step):
        cause = DIGITS
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
