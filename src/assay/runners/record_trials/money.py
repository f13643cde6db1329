"""Classes of money defects: what was charged, what was shown, how prices were converted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from assay.exponents import charge_step, gateway_exponent
from assay.money import Money, exponent
from assay.oracles import Judging
from assay.records import Dossier, MinorAmount, Order
from assay.runners.record_trials.following import repriced, rounded
from assay.runners.record_trials.shape import (
    Lacking,
    order_of,
    other_currency,
    payment_of,
    record_class,
    with_line,
    with_order,
    with_payment,
)


def _charged(dossier: Dossier, minor: int) -> Dossier:
    """Return the dossier with another amount taken, as the gateway counts; the authorisation is as wrong."""
    payment = payment_of(dossier)
    if minor == payment.captured.minor:
        raise Lacking("this mistake leaves the charge as it is")
    return with_payment(dossier, payment, amount=minor, captured=minor)


@record_class("charge times 100", defects="MON-01 MON-09", oracles="O-M1")
def times_100(dossier: Dossier, judging: Judging) -> Dossier:
    """The gateway is asked for a hundred times the total: the exponent is taken for 2 more than it is."""
    return _charged(dossier, payment_of(dossier).captured.minor * 100)


@record_class("charge by 100", defects="MON-07 MON-08", oracles="O-M1 O-M9")
def by_100(dossier: Dossier, judging: Judging) -> Dossier:
    """The gateway is asked for a hundredth of the total: it counts more decimals than the shop believes."""
    return _charged(dossier, payment_of(dossier).captured.minor // 100)


@record_class("charge by 10", defects="MON-02", oracles="O-M1")
def by_10(dossier: Dossier, judging: Judging) -> Dossier:
    """A currency of three decimals is sent with two."""
    payment = payment_of(dossier)
    if gateway_exponent(payment.system, payment.captured.currency) != 3:
        raise Lacking("no order is in a currency that its gateway counts with three decimals")
    return _charged(dossier, payment.captured.minor // 10)


@record_class("charge without decimals", defects="MON-11", oracles="O-M1")
def whole_units(dossier: Dossier, judging: Judging) -> Dossier:
    """Everything after the decimal point is cut off before the amount is sent."""
    payment = payment_of(dossier)
    scale: int = 10 ** gateway_exponent(payment.system, payment.captured.currency)
    return _charged(dossier, payment.captured.minor // scale * scale)


@record_class("charge one unit short", defects="MON-04 MON-10", oracles="O-M1")
def one_short(dossier: Dossier, judging: Judging) -> Dossier:
    """A binary fraction times 100 is cut off: one minor unit is missing."""
    return _charged(dossier, payment_of(dossier).captured.minor - 1)


@record_class("charge of one cent", defects="PAY-11", oracles="O-P4 O-M1")
def one_cent(dossier: Dossier, judging: Judging) -> Dossier:
    """A payment of next to nothing makes the order a paid one: nobody compares the amount."""
    return _charged(dossier, 1)


@record_class("charge in another currency", defects="MON-13 MON-14", oracles="O-M2")
def other_code(dossier: Dossier, judging: Judging) -> Dossier:
    """The number of the order is charged under the code of another currency."""
    payment = payment_of(dossier)
    currency = other_currency(payment.captured.currency)
    return with_payment(
        dossier,
        payment,
        amount=MinorAmount(payment.amount.minor, currency),
        captured=MinorAmount(payment.captured.minor, currency),
    )


@record_class("charge not converted", defects="MON-13", oracles="O-M1 O-M4")
def base_charged(dossier: Dossier, judging: Judging) -> Dossier:
    """The base amount is charged under the code of the customer's currency."""
    return _charged(dossier, int(payment_of(dossier).captured.minor / _rate(order_of(dossier))))


@record_class("charge after the total was computed again", defects="ORD-28", oracles="O-O11 O-M1")
def recomputed(dossier: Dossier, judging: Judging) -> Dossier:
    """A promotion changes the order's total after the payment was begun: the customer has paid too much."""
    order = order_of(dossier)
    prices = [
        rounded(line.unit_price.amount * Decimal("0.9"), line.unit_price.currency)
        for line in order.lines
        if line.unit_price
    ]
    changed = repriced(dossier, judging, prices=prices)
    return with_order(replace(changed, payments=dossier.payments, shown=dossier.shown), tenders=order.tenders)


@record_class("shown times 100", defects="MON-03 MON-06", oracles="O-M3")
def shown_times_100(dossier: Dossier, judging: Judging) -> Dossier:
    """The page shows a hundred times what is charged: its formatter believes in other decimals."""
    shown = _totals_shown(dossier)
    return replace(dossier, shown=tuple((place, Money(amount.minor * 100, amount.currency)) for place, amount in shown))


@record_class("shown in another currency", defects="MON-15 MON-31", oracles="O-M3")
def shown_elsewhere(dossier: Dossier, judging: Judging) -> Dossier:
    """The page shows another currency than is charged: a cached page, or one remembered from an earlier visit."""
    shown = _totals_shown(dossier)
    currency = other_currency(order_of(dossier).total.currency)
    return replace(dossier, shown=tuple((place, rounded(amount.amount, currency)) for place, amount in shown))


@record_class("product page shows another price", defects="MON-39", oracles="O-M3")
def page_price(dossier: Dossier, judging: Judging) -> Dossier:
    """A price on its page is not the one in the cart: a rounding rule was applied twice, or on another base."""
    pages = [pair for pair in dossier.shown if pair[0].startswith("product")]
    if not pages:
        raise Lacking("no page of an article was seen: the flow must call run.saw('product SKU', price)")
    place, price = pages[0]
    more = Money(price.minor + max(1, price.minor // 40), price.currency)
    return replace(dossier, shown=tuple((at, more if at == place else amount) for at, amount in dossier.shown))


@record_class("prices not converted", defects="MON-13 MON-28", oracles="O-M4")
def not_converted(dossier: Dossier, judging: Judging) -> Dossier:
    """Prices of the base currency are sold under the code of another; everything else follows them."""
    return _by_factor(dossier, judging, 1 / _rate(order_of(dossier)))


@record_class("prices converted twice", defects="MON-12", oracles="O-M4")
def converted_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """Prices that are already converted are converted once more; everything else follows them."""
    return _by_factor(dossier, judging, _rate(order_of(dossier)))


@record_class("prices divided by the rate", defects="MON-27", oracles="O-M4")
def inverted(dossier: Dossier, judging: Judging) -> Dossier:
    """Prices are divided by the rate instead of multiplied; everything else follows them."""
    rate = _rate(order_of(dossier))
    return _by_factor(dossier, judging, 1 / (rate * rate))


@record_class("prices at a rate nobody published", defects="MON-24 MON-25 MON-26", oracles="O-M4 O-M7")
def stale_prices(dossier: Dossier, judging: Judging) -> Dossier:
    """Prices are made with a rate that was frozen long ago, three per cent off; everything else follows them."""
    return _by_factor(dossier, judging, Decimal("1.03"))


@record_class("shipping converted twice", defects="MON-12", oracles="O-M4")
def shipping_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """The carrier's price came converted and is converted again; the total follows it."""
    order = order_of(dossier)
    if order.shipping is None or not order.shipping.minor:
        raise Lacking("no order pays for shipping")
    if order.shipping_service not in judging.shipping_services:
        raise Lacking("no foreign order is sent at a price of the shop's own table (policies.shipping.services)")
    return repriced(dossier, judging, shipping=rounded(order.shipping.amount * _rate(order), order.total.currency))


@record_class("disclosed rate of 1", defects="MON-28", oracles="O-M4 O-M7")
def rate_of_one(dossier: Dossier, judging: Judging) -> Dossier:
    """The order carries a placeholder instead of a rate."""
    return _with_rate(dossier, Decimal(1))


@record_class("disclosed rate inverted", defects="MON-27", oracles="O-M4 O-M7")
def rate_inverted(dossier: Dossier, judging: Judging) -> Dossier:
    """The order carries the rate of the other direction."""
    return _with_rate(dossier, (1 / _rate(order_of(dossier))).quantize(Decimal("0.000001")))


@record_class("disclosed rate rounded", defects="MON-29", oracles="O-M4 O-M7")
def rate_rounded(dossier: Dossier, judging: Judging) -> Dossier:
    """The rate lost its last digits before it was used."""
    return _with_rate(dossier, _rate(order_of(dossier)).quantize(Decimal("0.1")))


@record_class("total one step off", defects="MON-19 MON-20 MON-21 MON-23 ERP-16", oracles="O-M5")
def one_step_off(dossier: Dossier, judging: Judging) -> Dossier:
    """The total is rounded on another level or in another mode, and charged and shown so."""
    order, payment = order_of(dossier), payment_of(dossier)
    step = Money(1, order.total.currency)
    units = int(step.amount.scaleb(gateway_exponent(payment.system, order.total.currency)))
    if charge_step(payment.system, order.total.currency) > step.amount:
        raise Lacking("the gateway cannot take one minor unit more")
    total = order.total + step
    changed = with_payment(
        dossier, payment, amount=payment.amount.minor + units, captured=payment.captured.minor + units
    )
    shown = tuple((place, total if amount == order.total else amount) for place, amount in dossier.shown)
    tenders = tuple(
        replace(each, amount=each.amount + step, captured=each.captured + step) for each in order.tenders[:1]
    )
    return with_order(replace(changed, shown=shown), total=total, tenders=(*tenders, *order.tenders[1:]))


@record_class("one line in another currency", defects="MON-40", oracles="O-M2")
def line_currency(dossier: Dossier, judging: Judging) -> Dossier:
    """A line carries the store's currency, the order the customer's."""
    order = order_of(dossier)
    price = order.lines[0].unit_price if order.lines else None
    if price is None:
        raise Lacking("the shop shows no unit prices")
    return with_line(dossier, 0, unit_price=rounded(price.amount, other_currency(price.currency)))


def _rate(order: Order) -> Decimal:
    """Return the rate an order was made with, far enough from 1 to tell one direction from the other."""
    value = order.rate.value if order.rate else None
    if value is None or value <= 0 or value == 1:
        raise Lacking("no order is in another currency than prices are kept in")
    return value


def _with_rate(dossier: Dossier, value: Decimal) -> Dossier:
    order = order_of(dossier)
    if order.rate is None or _rate(order) == value:
        raise Lacking("this mistake leaves the rate as it is")
    return with_order(dossier, rate=replace(order.rate, value=value))


def _by_factor(dossier: Dossier, judging: Judging, factor: Decimal) -> Dossier:
    order = order_of(dossier)
    _rate(order)
    currency = order.total.currency
    prices = [rounded(line.unit_price.amount * factor, currency) for line in order.lines if line.unit_price is not None]
    if len(prices) != len(order.lines):
        raise Lacking("the shop shows no unit prices")
    if any(price.amount >= 10 ** (12 - exponent(currency)) for price in prices):
        raise Lacking("the amount would be larger than any gateway takes")
    return repriced(dossier, judging, prices=prices)


def _totals_shown(dossier: Dossier) -> tuple[tuple[str, Money], ...]:
    found = tuple(pair for pair in dossier.shown if not pair[0].startswith(("product", "estimate")))
    if not found:
        raise Lacking("nothing is recorded of what the customer saw: the flow must call run.saw(place, amount)")
    return found
