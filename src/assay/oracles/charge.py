"""What a customer was charged: how payments at gateways, other tenders and cancelled lines make up a total."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from decimal import Decimal

from assay.errors import UsageError
from assay.exponents import from_gateway_units, gateway_exponent
from assay.money import Money, exponent, sum_of
from assay.records import Dossier, Line, Order, Payment

CHARGED = ("captured", "authorised", "pending")
"""Phases in which money was taken, or will be without anybody doing more."""
NOT_COMPARED = "amount and currency of the notification were not compared with the order's"
"""Why an order is called paid though something else was taken than its total."""
UNPAID = ("pending", "failed", "authorised")
"""What the shop calls an order's payment while nothing of it is taken."""


def captured(dossier: Dossier) -> list[Payment]:
    """Return the payments of which something was captured."""
    return [payment for payment in dossier.payments if payment.captured.minor]


def is_charged(payment: Payment) -> bool:
    """Say whether money of a payment was taken, or will be without anybody doing more."""
    return bool(payment.captured.minor) or payment.phase in CHARGED


def due_at_gateways(dossier: Dossier, order: Order) -> Money:
    """Return what of the total gateways are to take: all but what is paid from elsewhere, a gift card or a bank."""
    gateways = {payment.system for payment in dossier.payments}
    elsewhere = [tender.amount for tender in order.tenders if tender.gateway not in gateways]
    if any(amount.currency != order.total.currency for amount in elsewhere):
        return order.total
    return order.total - sum_of(elsewhere, order.total.currency)


def cancelled_lines(order: Order) -> list[Line]:
    """Return the lines of which units are no longer wanted."""
    return [line for line in order.lines if line.cancelled]


def cancelled_value(order: Order) -> Money:
    """Return what cancelled units cost, each line's share rounded half up; it may differ by one unit a line."""
    shares = []
    for line in cancelled_lines(order):
        if line.total is not None:
            exact = line.total.minor * line.cancelled / line.quantity
            shares.append(Money(int(exact + Decimal("0.5")), line.total.currency))
    return sum_of(shares, order.total.currency)


def is_due(seen: int, expected: Decimal, order: Order, gateway: str) -> bool:
    """Say whether a charge is the total, or the total without what was cancelled before it was captured."""
    if seen == expected:
        return True
    cancelled = cancelled_lines(order)
    if not cancelled:
        return False
    without = cancelled_value(order)
    slack = gateway_units(Money(len(cancelled), without.currency), gateway)
    return abs(seen - (expected - gateway_units(without, gateway))) <= slack


def is_exception(dossier: Dossier, order: Order) -> bool:
    """Say whether the shop holds an order whose charge is not its total, and does not call it paid: O-P4 judges it."""
    if order.payment_status not in UNPAID or (order.hold is None and order.status != "held"):
        return False
    charged = captured(dossier)
    due = due_at_gateways(dossier, order)
    return any(each.captured.currency != due.currency for each in charged) or worth_of(charged) != due.amount


def was_called_paid(order: Order) -> bool:
    """Say whether the shop took the order for paid, now or before it was refunded."""
    if order.payment_status in ("paid", "partially_refunded", "refunded"):
        return True
    return any(each.field == "payment_status" and each.value == "paid" for each in order.history)


def taken_in_part(payments: Iterable[Payment], expected: Decimal, order: Order) -> bool:
    """Say whether the right amount was asked for, and only a part of it taken: not what was asked is wrong."""
    return not cancelled_lines(order) and all(
        0 < each.captured.minor < each.amount.minor == expected for each in payments
    )


def worth_of(payments: Iterable[Payment]) -> Decimal:
    """Return what was captured in major units, each payment counted as its gateway counts."""
    total = Decimal(0)
    for each in payments:
        total += Decimal(each.captured.minor).scaleb(-gateway_exponent(each.system, each.captured.currency))
    return total


def gateway_units(amount: Money, gateway: str) -> Decimal:
    """Return an amount in the gateway's minor units, exactly, whole or not."""
    return amount.amount.scaleb(gateway_exponent(gateway, amount.currency))


def money_at(gateway: str, units: int, currency: str) -> Money | None:
    """Return what gateway units are worth; None where ISO 4217 has no such amount or no such currency."""
    try:
        return from_gateway_units(units, gateway, currency)
    except UsageError:
        return None


def difference(seen: Decimal, expected: Decimal, currency: str) -> Money | None:
    """Return how far two amounts in major units are apart, rounded up to a whole minor unit, for what is at risk."""
    minor = abs(seen - expected).scaleb(exponent(currency))
    return Money(int(minor) + (minor != int(minor)), currency)


def total_captured(payments: Iterable[Payment]) -> int:
    """Return the sum of what was captured, in minor units."""
    return sum(payment.captured.minor for payment in payments)


def tax_rates(order: Order) -> list[Decimal]:
    """Return the tax rates of an order's lines, in per cent, each once, without 0."""
    return sorted({line.tax_rate for line in order.lines if line.tax_rate})


@functools.cache
def step_of(currency: str) -> Decimal:
    """Return the smallest step of a currency by ISO 4217, in major units: 0.01 for EUR."""
    return Decimal(1).scaleb(-exponent(currency))
