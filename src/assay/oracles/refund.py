"""O-M6: what was given back. Never more than was taken, in its currency, at the order's own rate, once.

A refund may be pending for days: what failed does not count, what waits counts as given. Money given out of goodwill,
or kept for shipping or restocking, is what the reason in `policies.refunds.reasons` says it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from assay.events import Finding
from assay.exponents import charge_step, granularity, misfit
from assay.money import Money, exponent, sum_of
from assay.oracles import charge
from assay.oracles.cause import money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, GatewayRefund, Line, Order, OrderRefund, Payment

_FAILED = ("failed", "canceled", "cancelled", "refused", "rejected", "denied", "voided", "error")
_DONE = ("succeeded", "success", "done", "completed", "refunded", "settled", "paid")
_GIVEN_BACK = ("refunded", "partially_refunded")
_SOON = timedelta(seconds=60)

_AtGateway = tuple[Payment, GatewayRefund]


@oracle(
    "O-M6",
    needs=("payments",),
    formula="sum(refunds) <= captured; refund(L) == paid share of L; one gateway refund for each shop refund, at r(o)",
)
def given_back(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the shop's refunds and returns against the gateway's, the lines they are of, and the order's rate."""
    shop = [each for each in order.refunds if not (_is(each.status, _FAILED) or _is_release(each, dossier.payments))]
    gateway = [
        (payment, refund)
        for payment in dossier.payments
        for refund in payment.refunds
        if not _is(refund.status, _FAILED)
    ]
    credited = [each for each in order.returns if each.credited is not None]
    if not (shop or gateway or credited or any(payment.refunded.minor for payment in dossier.payments)):
        return unjudged("nothing of this order was given back")
    return (
        _beyond_capture(dossier, order, shop, gateway)
        or _unmatched(dossier, order, shop, gateway, judging)
        or _other_amount(order, shop, gateway)
        or _twice(order, shop)
        or _other_share(dossier, order, shop, judging)
        or _other_base(dossier, order, shop, judging)
        or _other_credit(dossier, order)
        or passed()
    )


def _beyond_capture(
    dossier: Dossier, order: Order, shop: Sequence[OrderRefund], gateway: Sequence[_AtGateway]
) -> Finding | None:
    """Hold the sum of what was given back against what was taken, payment by payment and in the shop."""
    for payment, refund in gateway:
        if refund.amount.currency != payment.captured.currency:
            return failed(
                "shop",
                payment.system,
                expected=f"a refund in {payment.captured.currency}, the currency of the capture",
                seen=f"{refund.amount.minor} minor units {refund.amount.currency} ({refund.ref})",
                cause="the refund was made in another currency than the payment",
                at_risk=order.total,
            )
    for payment in dossier.payments:
        listed = sum(refund.amount.minor for own, refund in gateway if own is payment)
        back = max(payment.refunded.minor, listed)
        if back > payment.captured.minor:
            return failed(
                "shop",
                payment.system,
                expected=f"at most {payment.captured.minor} minor units {payment.captured.currency} given back",
                seen=f"{back} of {payment.ref}",
                cause="more was given back than was taken",
                at_risk=charge.money_at(payment.system, back - payment.captured.minor, payment.captured.currency),
            )
    for tender in order.tenders:
        if tender.refunded.currency == tender.captured.currency and tender.refunded.minor > tender.captured.minor:
            return _more_than_taken(order, tender.refunded, tender.captured, tender.gateway)
    captured = [each.captured for each in order.tenders if each.captured.currency == order.total.currency]
    amounts = [each.amount for each in shop if each.amount.currency == order.total.currency]
    taken, given = sum_of(captured, order.total.currency), sum_of(amounts, order.total.currency)
    if taken.minor and given.minor > taken.minor:
        return _more_than_taken(order, given, taken, "shop")
    return None


def _more_than_taken(order: Order, given: Money, taken: Money, holder: str) -> Finding:
    return failed(
        "shop",
        holder,
        expected=f"at most {taken} given back",
        seen=f"{given} by the shop's own account",
        cause="more was given back than was taken",
        at_risk=given - taken,
    )


def _unmatched(
    dossier: Dossier, order: Order, shop: Sequence[OrderRefund], gateway: Sequence[_AtGateway], judging: Judging
) -> Finding | None:
    """Look for a refund that only one side knows."""
    known = {name for each in shop for name in _names(each)}
    listed = not any(payment.refunded.minor and not payment.refunds for payment in dossier.payments)
    if not listed or (shop and not known):
        return _other_sums(dossier, order, shop)
    limit = judging.slack("payments")
    waiting = [each.amount for each in shop if not _names(each) and not _is(each.status, _DONE)]
    for payment, refund in gateway:
        if refund.ref in known or (dossier.read_at is not None and dossier.read_at - refund.created_at < limit):
            continue
        worth = charge.money_at(payment.system, refund.amount.minor, refund.amount.currency)
        if worth in waiting:
            waiting.remove(worth)  # the shop asked for it and has not noted the answer yet
        elif shop or order.payment_status not in _GIVEN_BACK:
            return _unknown_to_shop(order, shop, payment, refund)
    return _unknown_to_gateway(dossier, order, shop, gateway, limit)


def _unknown_to_gateway(
    dossier: Dossier, order: Order, shop: Sequence[OrderRefund], gateway: Sequence[_AtGateway], limit: timedelta
) -> Finding | None:
    """Look for a refund the shop calls done that no gateway holds, and nothing else paid back."""
    held = {refund.ref for _, refund in gateway}
    systems = {payment.system for payment in dossier.payments}
    elsewhere = [each.refunded for each in order.tenders if each.gateway not in systems]
    room = sum(each.minor for each in elsewhere if each.currency == order.total.currency)
    for each in shop if systems else ():
        if not _is(each.status, _DONE) or held.intersection(_names(each)):
            continue
        if dossier.read_at is not None and dossier.read_at - each.at < limit:
            continue
        if each.amount.minor <= room:
            room -= each.amount.minor
            continue
        return failed(
            "shop",
            dossier.payments[0].system,
            expected=f"a refund of {each.amount} at the gateway",
            seen=f"none for {each.ref or each.gateway_ref or 'it'}, which the shop calls {each.status}",
            cause="the shop says that it gave the money back, and the gateway holds no such refund",
            at_risk=each.amount,
        )
    return None


def _unknown_to_shop(order: Order, shop: Sequence[OrderRefund], payment: Payment, refund: GatewayRefund) -> Finding:
    worth = charge.money_at(payment.system, refund.amount.minor, refund.amount.currency)
    twin = any(each.amount == worth for each in shop)
    return failed(
        "shop",
        payment.system,
        expected="a refund in the shop for each at the gateway",
        seen=f"{worth or refund.amount.minor} given back as {refund.ref}, {len(shop)} refunds in the shop",
        cause="refunded twice: the gateway gave back once more what the shop holds once"
        if twin
        else "a refund made at the gateway never reached the shop",
        at_risk=worth or order.total,
    )


def _other_sums(dossier: Dossier, order: Order, shop: Sequence[OrderRefund]) -> Finding | None:
    """Compare sums where gateway or shop tells what was given back in all, and not which refund is which."""
    if not shop and order.payment_status in _GIVEN_BACK:
        return None
    worth = [
        charge.money_at(payment.system, payment.refunded.minor, payment.refunded.currency)
        for payment in dossier.payments
    ]
    if any(each is None or each.currency != order.total.currency for each in worth):
        return None
    given = sum_of([each for each in worth if each is not None], order.total.currency)
    systems = {payment.system for payment in dossier.payments}
    given += sum_of([each.refunded for each in order.tenders if each.gateway not in systems], order.total.currency)
    done = sum_of([each.amount for each in shop if _is(each.status, _DONE)], order.total.currency)
    all_of_it = sum_of([each.amount for each in shop], order.total.currency)
    if done.minor <= given.minor <= all_of_it.minor:
        return None
    return failed(
        "shop",
        dossier.payments[0].system,
        expected=f"{all_of_it} given back, as the shop says",
        seen=f"{given}",
        cause="what the gateway gave back is not what the shop asked for",
        at_risk=given - done if given.minor > done.minor else done - given,
    )


def _other_amount(order: Order, shop: Sequence[OrderRefund], gateway: Sequence[_AtGateway]) -> Finding | None:
    """Hold each refund at the gateway against the shop's own, in the gateway's minor units."""
    by_name = {name: each for each in shop for name in _names(each)}
    for payment, refund in gateway:
        own = by_name.get(refund.ref)
        if own is None or own.amount.currency != refund.amount.currency:
            continue
        units = charge.gateway_units(own.amount, payment.system)
        # What the gateway cannot give back exactly is given back to the step below or above.
        slack = granularity(payment.system, own.amount.currency) if misfit(own.amount, payment.system) else 0
        off = abs(refund.amount.minor - units)
        if off and off >= slack:
            return _wrong_amount(order, payment, refund, own, units)
    return None


def _wrong_amount(order: Order, payment: Payment, refund: GatewayRefund, own: OrderRefund, units: Decimal) -> Finding:
    others = sum(each.amount.minor for each in payment.refunds if each is not refund and not _is(each.status, _FAILED))
    per_unit = own.amount.amount / units if units else Decimal(0)
    if refund.amount.minor == payment.captured.minor - others and refund.amount.minor > units:
        cause = "everything that was left of the payment was given back instead of the part"
    else:
        cause = money_cause(
            refund.amount.minor * per_unit,
            own.amount.amount,
            step=charge.step_of(own.amount.currency),
            rate=order.rate.value if order.rate else None,
            tax_rates=charge.tax_rates(order),
        )
    return failed(
        "shop",
        payment.system,
        expected=f"{units:f} minor units for the {own.amount} the shop gives back",
        seen=f"{refund.amount.minor} minor units {refund.amount.currency} ({refund.ref})",
        cause=cause,
        at_risk=charge.difference(refund.amount.minor * per_unit, own.amount.amount, own.amount.currency),
    )


def _twice(order: Order, shop: Sequence[OrderRefund]) -> Finding | None:
    """Look for the same refund made twice by one click: same content, tender and reason within a minute."""
    for place, first in enumerate(shop):
        for second in shop[place + 1 :]:
            same = (first.lines, first.shipping, first.amount, first.tender_ref, first.reason) == (
                second.lines, second.shipping, second.amount, second.tender_ref, second.reason,
            )  # fmt: skip
            if same and abs(second.at - first.at) <= _SOON:
                return failed(
                    "shop",
                    expected=f"one refund of {first.amount} for '{first.reason}'",
                    seen=f"two, {abs(second.at - first.at).total_seconds():.0f} s apart",
                    cause="refunded twice: a repeated request made another refund",
                    at_risk=second.amount,
                )
    return None


def _other_share(dossier: Dossier, order: Order, shop: Sequence[OrderRefund], judging: Judging) -> Finding | None:
    """Hold what was given back for lines against their paid share, and the units against those bought."""
    units: dict[str, int] = {}
    for each in shop:
        for ref, count in each.lines:
            units[ref] = units.get(ref, 0) + count
    lines = {line.ref: line for line in order.lines if line.ref}
    for ref, count in units.items():
        if ref in lines and count > lines[ref].quantity:
            return failed(
                "shop",
                expected=f"at most {lines[ref].quantity:f} of line {ref} given back",
                seen=str(count),
                cause="more units were given back than were bought",
                at_risk=lines[ref].unit_price,
            )
    for group in _requests(shop):
        if _is_declared(group[0].reason, judging):
            continue
        wanted = [(ref, count) for each in group for ref, count in each.lines]
        shipping = any(each.shipping for each in group)
        given = sum_of([each.amount for each in group], group[0].amount.currency)
        if (finding := _share(dossier, order, wanted, given, shipping, f"refund '{group[0].reason}'")) is not None:
            return finding
    return None


def _requests(shop: Sequence[OrderRefund]) -> Iterator[list[OrderRefund]]:
    """Give the refunds of one request together: it is spread over several tenders, and the first holds the lines."""
    groups: dict[tuple[object, str], list[OrderRefund]] = {}
    for each in shop:
        groups.setdefault((each.at, each.reason), []).append(each)
    for group in groups.values():
        if any(each.lines or each.shipping for each in group):
            yield group


def _share(
    dossier: Dossier, order: Order, wanted: Sequence[tuple[str, int]], given: Money, shipping: bool, what: str
) -> Finding | None:
    """Hold an amount against the paid share of lines; None where it fits, or where that share is not known."""
    lines = {line.ref: line for line in order.lines if line.ref}
    currency = order.total.currency
    if given.currency != currency or any(ref not in lines or lines[ref].total is None for ref, _ in wanted):
        return None
    expected = sum((_paid(lines[ref], order) * count / lines[ref].quantity for ref, count in wanted), Decimal(0))
    if shipping and order.shipping is not None:
        expected += order.shipping.amount
        if order.tax_included is False and order.shipping_tax is not None:
            expected += order.shipping_tax.amount
    slack = charge.step_of(currency) * max(1, len(wanted)) + _rounded_off(dossier, order)
    if abs(given.amount - expected) <= slack:
        return None
    return failed(
        "shop",
        expected=f"{expected:.{exponent(currency)}f} {currency}, the share paid, in {what}",
        seen=str(given),
        cause=_share_cause(order, lines, wanted, given, expected),
        at_risk=charge.difference(given.amount, expected, currency),
    )


def _share_cause(
    order: Order, lines: Mapping[str, Line], wanted: Sequence[tuple[str, int]], given: Money, expected: Decimal
) -> str:
    full = [line.unit_price.amount * count for ref, count in wanted if (line := lines[ref]).unit_price is not None]
    if order.discount and order.discount.minor and given.amount == sum(full, Decimal(0)):
        return "the discount was not taken off what is given back"
    if order.shipping is not None and order.shipping.minor and given.amount == expected + order.shipping.amount:
        return "shipping was given back, too, without being asked for"
    step, rate = charge.step_of(given.currency), order.rate.value if order.rate else None
    return money_cause(given.amount, expected, step=step, rate=rate, tax_rates=charge.tax_rates(order))


def _paid(line: Line, order: Order) -> Decimal:
    """Return what a line cost the customer, discount taken off and tax included."""
    assert line.total is not None
    tax = line.tax.amount if order.tax_included is False and line.tax is not None else Decimal(0)
    return line.total.amount + tax


def _rounded_off(dossier: Dossier, order: Order) -> Decimal:
    """Return what cash rounding and a gateway's step may add to a refund."""
    currency = order.total.currency
    steps = [charge_step(payment.system, currency) for payment in dossier.payments]
    shown = abs(order.rounding.amount) if order.rounding else Decimal(0)
    return shown + max([step - charge.step_of(currency) for step in steps] + [Decimal(0)])


def _other_base(dossier: Dossier, order: Order, shop: Sequence[OrderRefund], judging: Judging) -> Finding | None:
    """Hold what the shop books in its base currency against the rate frozen in the order."""
    for each in shop:
        if each.base is None:
            continue
        if each.base.currency == each.amount.currency:
            rate = Decimal(1)
        elif order.rate is None or not order.rate.value or order.rate.base != each.base.currency:
            continue
        else:
            rate = order.rate.value
        expected, step = each.amount.amount / rate, charge.step_of(each.base.currency)
        marked_up = expected / (1 + judging.markup)
        if min(abs(each.base.amount - expected), abs(each.base.amount - marked_up)) < step:
            continue
        others = [1 / known.value for known in dossier.rates if known.value and known.quote == each.amount.currency]
        cause = money_cause(each.base.amount, expected, step=step, rate=1 / rate, other_rates=others)
        if each.base.amount == each.amount.amount:
            cause = "not converted (none): the foreign number was copied into the base currency"
        return failed(
            "shop",
            expected=f"{expected:.{exponent(each.base.currency)}f} {each.base.currency} booked for {each.amount} "
            f"at the order's own rate {rate:f}",
            seen=str(each.base),
            cause=cause,
            at_risk=charge.difference(each.base.amount, expected, each.base.currency),
        )
    return None


def _other_credit(dossier: Dossier, order: Order) -> Finding | None:
    """Hold what returns credit against the share paid of their lines."""
    for back in order.returns:
        if back.credited is not None and back.lines:
            finding = _share(dossier, order, back.lines, back.credited, False, f"return {back.ref}")
            if finding is not None:
                return finding
    return None


def _names(refund: OrderRefund) -> set[str]:
    return {name for name in (refund.gateway_ref, refund.ref) if name}


def _is_release(refund: OrderRefund, payments: Sequence[Payment]) -> bool:
    """Say whether nothing was given back: an authorisation was released, which no gateway holds as a refund."""
    if any(each.ref in _names(refund) for payment in payments for each in payment.refunds):
        return False
    return any(
        payment.amount.currency == refund.amount.currency
        and payment.amount.minor == charge.gateway_units(refund.amount, payment.system)
        for payment in payments
        if payment.phase == "voided" and not payment.captured.minor
    )


def _is_declared(reason: str, judging: Judging) -> bool:
    return any(word.casefold() in reason.casefold() for word in judging.refund_reasons)


def _is(status: str, words: Sequence[str]) -> bool:
    return status.casefold() in words
