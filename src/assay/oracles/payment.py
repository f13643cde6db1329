"""Payment oracles. O-P1: an authorisation's account closes. O-P2: a failed payment completes no order. O-P4: amount."""

from __future__ import annotations

from decimal import Decimal

from assay.events import Finding
from assay.money import Money
from assay.oracles import charge
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Order, Payment

_POWERS = (-3, -2, -1, 1, 2, 3)
_DONE = ("delivered", "cancelled", "returned")


@oracle("O-P1", needs=("payments",), formula="authorised - captured - voided == open; open == 0 at order end")
def closed_authorisation(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold what each payment still has open against what was authorised and captured, and against the order's end."""
    known = [each for each in dossier.payments if each.phase in ("authorised", "captured", "voided")]
    if not known:
        return unjudged("no payment of this order was ever authorised")
    for payment in known:
        if payment.captured.minor > payment.amount.minor:
            return _wrong(order, payment, "at most what was authorised", f"captured {payment.captured.minor}")
        left = payment.amount.minor - payment.captured.minor
        still = payment.capturable.minor if payment.capturable is not None else 0
        if still > left:
            return _wrong(order, payment, f"at most {left} open", f"{still} open after {payment.captured.minor}")
    ended = order.status in _DONE and not _is_just_over(dossier, order, judging)
    still_open = [each for each in known if each.phase == "authorised"]
    if ended and still_open:
        payment = still_open[0]
        cause = (
            "the rest was never released" if charge.captured(dossier) else "nothing was captured: the money may lapse"
        )
        return _wrong(order, payment, "nothing open at the end of the order", f"{payment.phase}, {order.status}", cause)
    if order.status == "delivered" and all(each.phase == "voided" for each in known) and not order.edits:
        return _wrong(order, known[0], "a captured payment for delivered goods", "voided, delivered", "it lapsed")
    return passed()


@oracle(
    "O-P2",
    needs=("payments",),
    formula="no success at the gateway => the order is not paid, confirmed or sent; (payment, order, message) agree",
)
def completed_by_payment(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold a completed order against payments of which not one succeeded: authentication failed, or was abandoned."""
    own = [each for each in dossier.payments if each.ref in order.payment_refs or not order.payment_refs]
    if not own:
        return unjudged("no gateway holds a payment of this order")
    if any(charge.is_charged(each) or each.phase == "voided" for each in own):
        return passed()
    if charge.due_at_gateways(dossier, order).minor <= 0:
        return unjudged("nothing of this order is paid at a gateway")
    completed = order.payment_status in ("paid", "authorised")
    if not completed and order.status in ("pending", "held", "cancelled"):
        return passed()
    payment = own[-1]
    written = " and the confirmation written" if any(m.kind == "order_confirmed" for m in dossier.messages) else ""
    return failed(
        "shop",
        payment.system,
        expected="an order that waits for its payment, or is cancelled",
        seen=f"{order.status}, {order.payment_status}{written}; {payment.ref} is {payment.status}, nothing captured",
        cause="the result of the customer's authentication at the bank was not read: a failed one completed the order"
        if payment.declined
        else "the order was completed before anybody paid",
        at_risk=order.total,
    )


@oracle(
    "O-P4",
    needs=("payments",),
    formula="paid only if amount and currency of the payments equal the order's; less or more is an exception",
)
def paid_by_amount(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold an order the shop calls paid against the sum of what gateways took for it; partial tenders are summed."""
    charged = charge.captured(dossier)
    if not charged:
        return unjudged("nothing is captured yet")
    if not charge.was_called_paid(order):
        return passed()
    due = charge.due_at_gateways(dossier, order)
    foreign = next((each for each in charged if each.captured.currency != due.currency), None)
    if foreign is not None:
        return _not_compared(order, foreign, due, f"{foreign.captured.minor} minor units {foreign.captured.currency}")
    seen = charge.worth_of(charged)
    if seen == due.amount or all(_is_whole(each, due, order) for each in charged):
        return passed()
    if order.edits:
        return unjudged("the order was changed after it was paid: O-O11 judges that")
    if seen in [due.amount * Decimal(10) ** power for power in _POWERS]:
        return unjudged("the decimal point moved: O-M1 judges that")
    without = due.amount - charge.cancelled_value(order).amount
    slack = charge.step_of(due.currency) * len(charge.cancelled_lines(order))
    if slack and abs(seen - without) <= slack:
        return passed()
    return _not_compared(order, charged[0], due, f"{seen:f} {due.currency}")


def _is_whole(payment: Payment, due: Money, order: Order) -> bool:
    """Say whether one payment alone is all that is due: several of these were charged twice, which O-O3 judges."""
    return charge.is_due(payment.captured.minor, charge.gateway_units(due, payment.system), order, payment.system)


def _not_compared(order: Order, payment: Payment, due: Money, seen: str) -> Finding:
    return failed(
        payment.system,
        "shop",
        expected=f"an order paid by {due}, or one that is an exception until somebody has looked",
        seen=f"{seen} taken, and the order is {order.payment_status}",
        cause=charge.NOT_COMPARED,
        at_risk=due,
    )


def _is_just_over(dossier: Dossier, order: Order, judging: Judging) -> bool:
    changes = [each.at for each in order.history if each.field == "status"]
    return bool(changes) and dossier.read_at is not None and dossier.read_at - changes[-1] < judging.slack("payments")


def _wrong(
    order: Order, payment: Payment, expected: str, seen: str, cause: str = "the account of the authorisation is wrong"
) -> Finding:
    return failed(
        "shop",
        payment.system,
        expected=f"{expected} of {payment.amount.minor} minor units {payment.amount.currency}",
        seen=f"{seen} ({payment.ref})",
        cause=cause,
        at_risk=order.total,
    )
