"""O-M11: what a shop gives away is worth the same in every currency, and store credit pays in its own currency alone.

What coupons and free shipping are worth is declared in `policies.promotions`; nothing that is not declared is judged.
A promotion without a value in a currency is not offered there, which is no fault.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from assay.events import Finding
from assay.money import Money, exponent, sum_of
from assay.oracles import charge
from assay.oracles.cause import UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, population_oracle, unjudged
from assay.oracles.judging import Coupon, Judging
from assay.records import Dossier, Order, Population, Tender

STORE_CREDIT = ("store_credit", "credit")
_HUNDRED = Decimal(100)


@oracle(
    "O-M11",
    needs=("shop",),
    formula="benefit(order in c) == convert(benefit in base) or the value of c; credit of c pays c alone",
)
def same_benefit(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold coupon, free shipping and store credit of an order against what is declared, in the order's currency."""
    verdicts = [each for each in (_coupon(order, judging), _shipping(order, judging), _credit(dossier, order)) if each]
    for finding in verdicts:
        if finding.cause:
            return finding
    unknown = next((finding for finding in verdicts if finding.reason), None)
    if unknown is not None or verdicts:
        return unknown or passed()
    if not judging.coupons and judging.free_shipping_from is None and not judging.free_shipping:
        return unjudged("no promotion is declared: policies.promotions in the profile")
    return unjudged("the order has no coupon, is not sent at the shop's own prices, and is not paid by store credit")


def _rate(order: Order, judging: Judging) -> Decimal | None:
    """Return what one unit of the base currency is in the order's, by the order itself; None where nobody says."""
    if order.total.currency == judging.base_currency:
        return Decimal(1)
    return order.rate.value if order.rate is not None and order.rate.base == judging.base_currency else None


def _worth(order: Order) -> Decimal | None:
    """Return what the goods cost before any discount."""
    if order.goods is not None:
        return order.goods.amount
    if any(line.unit_price is None for line in order.lines):
        return None
    return sum((line.unit_price.amount * line.quantity for line in order.lines if line.unit_price), Decimal(0))


def _converted(amount: Decimal, own: Decimal | None, order: Order, judging: Judging) -> tuple[Decimal, ...]:
    """Return what an amount of the base currency may be in the order's: without the markup on prices, or with it."""
    if own is not None:
        return (own,)
    rate = _rate(order, judging)
    if rate is None:
        return ()
    return (amount * rate, amount * rate * (1 + judging.markup_of(order.store)))


def _coupon(order: Order, judging: Judging) -> Finding | None:
    """Hold the discount against the coupon; None where there is none, or an agent changed the order."""
    if order.coupon is None or order.edits:
        return None
    coupon = judging.coupons.get(order.coupon)
    if coupon is None:
        return unjudged(
            f"coupon {order.coupon} is not declared: policies.promotions.coupons.{order.coupon} in the profile"
        )
    goods, currency = _worth(order), order.total.currency
    if goods is None or order.discount is None:
        return unjudged("the shop does not show what the goods cost, or what was taken off")
    seen, step = order.discount.amount, charge.step_of(currency)
    least = () if coupon.goods_from is None else _least(coupon, order, judging)
    below = [goods < each - step / 2 for each in least]
    if coupon.goods_from is not None and not least:
        return passed() if not seen else _unconvertible(order, seen)
    if any(below) and not seen:
        return passed()
    wanted = (goods * coupon.value / _HUNDRED,) if coupon.kind == "percent" else _fixed(coupon, goods, order, judging)
    if not wanted:
        return passed() if not seen else _unconvertible(order, seen)
    slack = step / 2 * (max(1, len(order.lines)) if coupon.kind == "percent" else 1)
    if judging.cuts_off:
        slack *= 2
    if all(below) and below and seen:
        return _wrong_discount(order, Decimal(0), seen, _granted_below(goods, coupon.goods_from))
    if any(abs(seen - each) <= slack for each in wanted):
        return passed()
    expected = wanted[0]
    if not seen:
        return _wrong_discount(order, expected, seen, "the promotion was not applied")
    rate = _rate(order, judging)
    return _wrong_discount(order, expected, seen, money_cause(seen, expected, step=step, rate=rate, units=1))


def _least(coupon: Coupon, order: Order, judging: Judging) -> tuple[Decimal, ...]:
    assert coupon.goods_from is not None
    own = coupon.goods_from_by_currency.get(order.total.currency)
    return _converted(coupon.goods_from, own, order, judging)


def _fixed(coupon: Coupon, goods: Decimal, order: Order, judging: Judging) -> tuple[Decimal, ...]:
    own = coupon.values.get(order.total.currency)
    return tuple(min(goods, each) for each in _converted(coupon.value, own, order, judging))


def _unconvertible(order: Order, seen: Decimal) -> Finding:
    cause = f"the promotion has no value in {order.total.currency} and no rate to convert it: it is not offered there"
    return _wrong_discount(order, Decimal(0), seen, cause)


def _granted_below(worth: Decimal, base: Decimal | None) -> str:
    if base is not None and worth >= base:
        return "not converted (none): the threshold's number was taken for one of the order's currency"
    return "granted below the threshold"


def _wrong_discount(order: Order, expected: Decimal, seen: Decimal, cause: str) -> Finding:
    currency = order.total.currency
    return failed(
        "shop",
        expected=f"{expected:.{exponent(currency)}f} {currency} off by coupon {order.coupon}",
        seen=f"{seen:f} {currency}",
        cause=cause,
        at_risk=charge.difference(seen, expected, currency),
    )


def _shipping(order: Order, judging: Judging) -> Finding | None:
    """Hold whether the order ships free against the declared threshold; None where it is not one of the shop's own."""
    base, currency = judging.free_shipping_from, order.total.currency
    own = judging.free_shipping.get(currency)
    if (base is None and own is None) or order.shipping is None or order.edits:
        return None
    if order.shipping_service not in judging.shipping_services or 0 in judging.shipping_prices:
        return None
    goods = _worth(order)
    least = _converted(base or Decimal(0), own, order, judging)
    if goods is None or not least:
        return None
    worth = goods - (order.discount.amount if order.discount else Decimal(0))
    half = charge.step_of(currency) / 2
    if not order.shipping.minor and worth < min(least) - half:
        return _wrong_shipping(order, f"shipping to be paid below {min(least):f}", _granted_below(worth, base))
    if order.shipping.minor and worth > max(least) + half:
        cause = "free shipping was not granted"
        rate = _rate(order, judging)
        if rate is not None and rate > 1 and worth < max(least) * rate:
            cause = "double: the threshold was converted one time too many"
        return _wrong_shipping(order, f"free shipping from {max(least):f}", cause)
    return passed()


def _wrong_shipping(order: Order, expected: str, cause: str) -> Finding:
    assert order.shipping is not None
    goods = f"{order.goods or order.total} of goods"
    return failed(
        "shop",
        expected=f"{expected} {order.total.currency}",
        seen=f"{order.shipping} for {goods}",
        cause=cause,
        at_risk=order.shipping if order.shipping.minor else None,
    )


def _credit(dossier: Dossier, order: Order) -> Finding | None:
    """Hold the store credit that moved against the tender it paid; None where none is in play."""
    tenders = [each for each in order.tenders if each.gateway in STORE_CREDIT or each.kind in STORE_CREDIT]
    if not tenders and not dossier.credit:
        return None
    currency = order.total.currency
    foreign = next((each for each in dossier.credit if each.amount.currency != currency), None)
    if foreign is not None:
        return failed(
            "shop",
            expected=f"store credit in {currency} alone",
            seen=f"{foreign.amount} moved for an order in {currency}",
            cause="wallets of several currencies were taken together, number for number",
            at_risk=Money(abs(foreign.amount.minor), foreign.amount.currency),
        )
    if not dossier.credit and (why := dossier.missing("credit")) is not None:
        return unjudged(why)
    if any(each.amount.currency != currency for each in tenders):
        return unjudged("a tender is in another currency than the order: O-M2 judges that")
    taken = [-each.amount.minor for each in dossier.credit if each.amount.minor < 0]
    back = [each.amount.minor for each in dossier.credit if each.amount.minor > 0]
    for what, moved, held in (
        ("taken from store credit", sum(taken), sum_of([_kept(each) for each in tenders], currency)),
        ("given back to store credit", sum(back), sum_of([each.refunded for each in tenders], currency)),
    ):
        if moved != held.minor:
            seen = Money(moved, currency)
            cause = money_cause(seen.amount, held.amount, step=charge.step_of(currency))
            if cause.startswith(UNKNOWN):
                cause = "what moved on the customer's credit is not what the order holds"
            difference = charge.difference(seen.amount, held.amount, currency)
            return failed("shop", expected=f"{held} {what}", seen=str(seen), cause=cause, at_risk=difference)
    return passed()


def _kept(tender: Tender) -> Money:
    return tender.captured if tender.captured.minor else tender.amount


@population_oracle("O-M11", needs=("shop",), formula="count(orders with coupon k) <= limit(k)")
def used_within_limit(population: Population, judging: Judging) -> Finding:
    """Count the orders of each coupon that may be used so many times and no more, cancelled ones left out."""
    limited = {code: coupon.limit for code, coupon in judging.coupons.items() if coupon.limit is not None}
    if not limited:
        return unjudged("no coupon with a limit is declared: policies.promotions.coupons.CODE.limit in the profile")
    known = {order.ref: order for order in population.orders}
    known |= {each.order.ref: each.order for each in population.dossiers if each.order is not None}
    orders = [order for order in known.values() if order.status != "cancelled" and order.coupon in limited]
    used = Counter(order.coupon for order in orders)
    if not used:
        return unjudged("no order has a coupon with a limit")
    for code, count in sorted(used.items(), key=str):
        limit = limited[str(code)]
        if limit is not None and count > limit:
            numbers = ", ".join(sorted(order.number for order in orders if order.coupon == code)[:5])
            return failed(
                "shop",
                expected=f"coupon {code} in at most {limit} orders",
                seen=f"{count}: {numbers}",
                cause="the limit was looked at before it was counted: parallel orders used it together",
            )
    return passed()
