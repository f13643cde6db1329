"""Classes of order and payment defects: lost, doubled, late, moved back, paid twice, told wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from assay.money import Money
from assay.oracles import Judging
from assay.records import (
    Creation,
    CustomerMessage,
    Dossier,
    GatewayRefund,
    MinorAmount,
    Order,
    OrderRefund,
    Payment,
    StateChange,
)
from assay.runners.record_trials.shape import (
    Lacking,
    order_of,
    parcel_of,
    payment_of,
    record_class,
    sales_order_of,
    with_order,
    with_payment,
)

_LATER = timedelta(minutes=1)


@record_class("order missing in the ERP", defects="ORD-29 CUS-02 CUS-07 ERP-06 ERP-14", oracles="O-O1 O-O2")
def document_missing(dossier: Dossier, judging: Judging) -> Dossier:
    """A paid order never reaches the ERP: it was refused, dropped or skipped on the way."""
    sales_order_of(dossier)
    return replace(dossier, documents=())


@record_class("order late in the ERP", defects="ORD-21", oracles="O-O1 O-O2 O-O8")
def document_late(dossier: Dossier, judging: Judging) -> Dossier:
    """The ERP holds nothing yet at the very end of the time it may take."""
    order = order_of(dossier)
    sales_order_of(dossier)
    at = order.placed_at + judging.slack("erp") + timedelta(seconds=1)
    early = tuple(change for change in order.history if change.at <= at)
    fields = {change.field: change.value for change in early}
    held = with_order(
        dossier,
        history=early,
        status=fields.get("status", order.status),
        payment_status=fields.get("payment_status", order.payment_status),
        parcels=(),
        tracking_numbers=(),
        postings=(),
    )
    messages = tuple(each for each in dossier.messages if each.at <= at)
    return replace(held, documents=(), shipments=(), labels=(), stock=(), messages=messages, read_at=at)


@record_class("order twice in the ERP", defects="ORD-30", oracles="O-O1")
def document_doubled(dossier: Dossier, judging: Judging) -> Dossier:
    """The order is posted again while the first document is not finished."""
    document = sales_order_of(dossier)
    return replace(dossier, documents=(*dossier.documents, replace(document, ref=f"{document.ref}9")))


@record_class("two orders for one purchase", defects="ORD-01 ORD-03", oracles="O-O1")
def order_doubled(dossier: Dossier, judging: Judging) -> Dossier:
    """A repeated or parallel submit makes a second order."""
    return replace(dossier, siblings=(*dossier.siblings, f"{order_of(dossier).ref}-2"))


@record_class("payment the shop does not know", defects="ORD-04 ORD-05 PRF-04", oracles="O-O2")
def payment_unknown(dossier: Dossier, judging: Judging) -> Dossier:
    """The money was taken, and what was written of it in the shop was rolled back."""
    payment = payment_of(dossier)
    order = order_of(dossier)
    refs = tuple(ref for ref in order.payment_refs if ref != payment.ref)
    return with_order(dossier, payment_refs=refs, tenders=())


@record_class("order never completed", defects="ORD-06 ORD-09 PAY-10", oracles="O-O4 O-O2 O-P3")
def never_completed(dossier: Dossier, judging: Judging) -> Dossier:
    """A paid order stays pending: only the customer's return, or an event that was dropped, would complete it."""
    payment_of(dossier)
    early = _cut(dossier, status="pending", payment_status="pending")
    early = with_order(early, parcels=(), tracking_numbers=(), postings=())
    return replace(early, documents=(), shipments=(), labels=(), stock=(), messages=())


@record_class("paid order unpaid", defects="MON-38 PAY-07", oracles="O-O4 O-P2")
def stays_unpaid(dossier: Dossier, judging: Judging) -> Dossier:
    """The gateway holds the money and the shop's order stays unpaid."""
    payment_of(dossier)
    return _cut(dossier, payment_status="pending")


@record_class("payment state moved back", defects="ORD-08", oracles="O-O4")
def moved_back(dossier: Dossier, judging: Judging) -> Dossier:
    """Late news set a paid order back to pending."""
    order = _with_history(dossier)
    return _then(dossier, order, "payment_status", "pending", payment_status="pending")


@record_class("state overwritten by a stale save", defects="ORD-07", oracles="O-O4")
def stale_save(dossier: Dossier, judging: Judging) -> Dossier:
    """The state falls back without a trace in the order's history."""
    order = _with_history(dossier)
    if order.payment_status == "pending":
        raise Lacking("no order was paid")
    return with_order(dossier, payment_status="pending")


@record_class("shipped order cancelled", defects="PAY-06", oracles="O-O4")
def cancelled_late(dossier: Dossier, judging: Judging) -> Dossier:
    """A return to the shop without data cancels an order that was paid and shipped."""
    order = _with_history(dossier)
    if order.status not in ("shipped", "delivered"):
        raise Lacking("no order was shipped")
    return _then(dossier, order, "status", "cancelled", status="cancelled")


@record_class("cancelled, and the money kept", defects="MON-18", oracles="O-M6 O-O2")
def refund_missing(dossier: Dossier, judging: Judging) -> Dossier:
    """The shop cancelled the order and calls it refunded; at the gateway there is no refund."""
    payment, order = payment_of(dossier), order_of(dossier)
    early = tuple(
        each for each in order.history if each.field != "status" or each.value in ("pending", "held", "confirmed")
    )
    over = (*early, _change(order, "status", "cancelled"), _change(order, "payment_status", "refunded"))
    changed = with_order(
        dossier,
        status="cancelled",
        payment_status="refunded",
        history=over,
        parcels=(),
        tracking_numbers=(),
        refunds=(_refund(order, payment, order.total),),
    )
    documents = tuple(replace(each, rejected=True) for each in dossier.documents if each.kind == "sales_order")
    return replace(changed, documents=documents, shipments=(), labels=(), stock=())


@record_class("refund unknown to the shop", defects="ORD-15", oracles="O-O4 O-M6")
def refund_unseen(dossier: Dossier, judging: Judging) -> Dossier:
    """The gateway gave the money back, and the order stays paid."""
    return _given_back(dossier)


@record_class("refund in processing for ever", defects="ORD-16", oracles="O-O4")
def refund_stuck(dossier: Dossier, judging: Judging) -> Dossier:
    """The gateway's last word on a refund is not in the shop's map of states."""
    payment, order = payment_of(dossier), _with_history(dossier)
    refund = replace(_refund(order, payment, order.total), status="processing")
    given = with_order(_given_back(dossier), refunds=(refund,))
    return _then(given, order_of(given), "payment_status", "refunded", payment_status="refunded")


@record_class("refunded twice", defects="ORD-17", oracles="O-M6")
def refunded_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """One refund of the shop is two at the gateway."""
    return _partly_refunded(dossier, at_gateway=2)


@record_class("refund of the wrong amount", defects="MON-16 MON-17 PAY-03", oracles="O-M6 O-O4")
def refunded_wrongly(dossier: Dossier, judging: Judging) -> Dossier:
    """A part is to be given back, and the gateway gives back everything."""
    payment, order = payment_of(dossier), order_of(dossier)
    part = Money(max(1, order.total.minor // 3), order.total.currency)
    changed = _part_returned(dossier, _refund(order, payment, part))
    refund = _gateway_refund(order, payment, 1, payment.captured.minor)
    return with_payment(changed, payment, refunded=payment.captured.minor, refunds=(refund,))


@record_class("charged twice", defects="ORD-10 ORD-12 PAY-18 PRF-05", oracles="O-O3")
def charged_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """A second payment of the same purchase is captured as well."""
    payment = payment_of(dossier)
    return replace(dossier, payments=(*dossier.payments, replace(payment, ref=f"{payment.ref}_2")))


@record_class("second payment left open", defects="ORD-31", oracles="O-O3")
def second_open(dossier: Dossier, judging: Judging) -> Dossier:
    """Another payment of a paid checkout can still be taken."""
    payment = payment_of(dossier)
    nothing = MinorAmount(0, payment.amount.currency)
    second = replace(payment, ref=f"{payment.ref}_2", phase="open", captured=nothing, declined=False)
    return replace(dossier, payments=(*dossier.payments, second))


@record_class("new key on a retry", defects="ORD-13", oracles="O-O3")
def new_key(dossier: Dossier, judging: Judging) -> Dossier:
    """A repeated call to the gateway carries a new idempotency key."""
    made = _payment_calls(dossier)
    return replace(dossier, creations=(*dossier.creations, replace(made[-1], key=f"{made[-1].key}-2")))


@record_class("authorisation lapsed", defects="PAY-01", oracles="O-P1")
def lapsed(dossier: Dossier, judging: Judging) -> Dossier:
    """The goods left and the money was only ever authorised."""
    payment = payment_of(dossier)
    if order_of(dossier).status != "delivered":
        raise Lacking("no order was delivered")
    return with_payment(dossier, payment, phase="authorised", captured=0, capturable=payment.amount.minor)


@record_class("rest of the authorisation kept", defects="PAY-02", oracles="O-P1")
def rest_open(dossier: Dossier, judging: Judging) -> Dossier:
    """More was authorised than captured, and the rest is never released."""
    payment = payment_of(dossier)
    if order_of(dossier).status != "delivered":
        raise Lacking("no order was delivered")
    rest = max(1, payment.captured.minor // 5)
    return with_payment(dossier, payment, phase="authorised", amount=payment.captured.minor + rest, capturable=rest)


@record_class("captured more than authorised", defects="PAY-16", oracles="O-P1")
def over_captured(dossier: Dossier, judging: Judging) -> Dossier:
    """The capture is larger than what the customer's bank agreed to."""
    payment = payment_of(dossier)
    return with_payment(dossier, payment, amount=payment.captured.minor - 1)


@record_class("completed without money", defects="PAY-04 PAY-08 PAY-09", oracles="O-P2 O-P3 O-O4")
def unpaid_completed(dossier: Dossier, judging: Judging) -> Dossier:
    """The shop calls the order paid; at the gateway the payment failed and nothing was captured."""
    payment = payment_of(dossier)
    return with_payment(dossier, payment, phase="open", status="requires_payment_method", captured=0, declined=True)


@record_class("webhook applied twice", defects="ORD-02 ORD-11 PRF-06", oracles="O-O5")
def applied_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """An event delivered twice is handled twice: a state is taken again."""
    events = [each for each in dossier.calls if each.way == "reverse" and each.request_body and each.status < 300]
    if not events:
        raise Lacking("no webhook about an order crossed the edge")
    order = _with_history(dossier)
    paid = [each for each in order.history if each.field == "payment_status" and each.value != "pending"]
    if not paid:
        raise Lacking("no order was paid")
    again = replace(events[0], id=f"{events[0].id}-2", at=events[0].at + timedelta(seconds=1))
    history = tuple(each for one in order.history for each in ((one, one) if one is paid[-1] else (one,)))
    return with_order(replace(dossier, calls=(*dossier.calls, again)), history=history)


@record_class("confirmation written twice", defects="ORD-14 ORD-11", oracles="O-O12")
def confirmed_twice(dossier: Dossier, judging: Judging) -> Dossier:
    """Checkout and webhook both write the confirmation."""
    message = _message(dossier, "order_confirmed")
    return replace(dossier, messages=(*dossier.messages, replace(message, at=message.at + _LATER)))


@record_class("failure told for money that was taken", defects="ORD-10", oracles="O-O12")
def failure_told(dossier: Dossier, judging: Judging) -> Dossier:
    """The customer is told that the payment failed, and it was captured."""
    payment_of(dossier)
    message = _messages(dossier)[0]
    failed = replace(message, kind="payment_failed", subject="Your payment", text="Your payment failed.")
    return replace(dossier, messages=(*dossier.messages, failed))


@record_class("confirmation missing", defects="ORD-21", oracles="O-O12 O-O8")
def unconfirmed(dossier: Dossier, judging: Judging) -> Dossier:
    """The confirmation is never written."""
    message = _message(dossier, "order_confirmed")
    return replace(dossier, messages=tuple(each for each in dossier.messages if each is not message))


@record_class("confirmed before authorised", defects="PAY-05", oracles="O-O12 O-P2")
def confirmed_early(dossier: Dossier, judging: Judging) -> Dossier:
    """The confirmation is written when the order is placed, before the bank has agreed."""
    message, order = _message(dossier, "order_confirmed"), _with_history(dossier)
    late = tuple(
        replace(each, at=message.at + _LATER)
        if each.field == "payment_status" and each.value in ("authorised", "paid")
        else each
        for each in order.history
    )
    if late == order.history:
        raise Lacking("no order was paid")
    return with_order(dossier, history=late)


@record_class("message names another parcel", defects="CAR-12", oracles="O-K4")
def other_number_told(dossier: Dossier, judging: Judging) -> Dossier:
    """The customer is told a tracking number that is not the parcel's."""
    number = parcel_of(dossier).tracking_number or ""
    message = _message(dossier, "shipped")
    told = replace(message, text=message.text.replace(number, number[:-1] + ("0" if number[-1] != "0" else "1")))
    return replace(dossier, messages=tuple(told if each is message else each for each in dossier.messages))


def _with_history(dossier: Dossier) -> Order:
    order = order_of(dossier)
    if not order.history:
        raise Lacking("the shop shows no history of an order's states")
    return order


def _change(order: Order, field: str, value: str) -> StateChange:
    at = max((each.at for each in order.history), default=order.placed_at)
    return StateChange(field=field, value=value, at=at + _LATER, cause="a late event")


def _then(dossier: Dossier, order: Order, field: str, value: str, **more: Any) -> Dossier:
    return with_order(dossier, history=(*order.history, _change(order, field, value)), **more)


def _cut(dossier: Dossier, **states: str) -> Dossier:
    """Return the dossier whose order stopped in these states."""
    order = _with_history(dossier)
    kept = []
    for change in order.history:
        if change.field in states and change.value != states[change.field]:
            continue
        kept.append(change)
    if not kept:
        kept = [StateChange(field=field, value=value, at=order.placed_at) for field, value in states.items()]
    return with_order(dossier, history=tuple(kept), **states)


def _refund(order: Order, payment: Payment, amount: Money) -> OrderRefund:
    at = max((each.at for each in order.history), default=order.placed_at)
    return OrderRefund(
        ref=f"{payment.ref}_r1", tender_ref=payment.ref, status="succeeded", amount=amount, reason="withdrawn", at=at
    )


def _gateway_refund(order: Order, payment: Payment, number: int, minor: int) -> GatewayRefund:
    at = max((each.at for each in order.history), default=order.placed_at)
    amount = MinorAmount(minor, payment.captured.currency)
    return GatewayRefund(ref=f"{payment.ref}_r{number}", status="succeeded", amount=amount, created_at=at)


def _given_back(dossier: Dossier) -> Dossier:
    payment, order = payment_of(dossier), order_of(dossier)
    if payment.refunded.minor:
        raise Lacking("the payment was refunded already")
    whole = payment.captured.minor
    return with_payment(dossier, payment, refunded=whole, refunds=(_gateway_refund(order, payment, 1, whole),))


def _partly_refunded(dossier: Dossier, *, at_gateway: int) -> Dossier:
    payment, order = payment_of(dossier), order_of(dossier)
    part, minor = Money(max(1, order.total.minor // 3), order.total.currency), max(1, payment.captured.minor // 3)
    changed = _part_returned(dossier, _refund(order, payment, part))
    given = tuple(_gateway_refund(order, payment, number + 1, minor) for number in range(at_gateway))
    return with_payment(changed, payment, refunded=minor * at_gateway, refunds=given)


def _part_returned(dossier: Dossier, refund: OrderRefund) -> Dossier:
    changed = with_order(dossier, refunds=(refund,))
    return _then(
        changed, order_of(changed), "payment_status", "partially_refunded", payment_status="partially_refunded"
    )


def _payment_calls(dossier: Dossier) -> list[Creation]:
    made = [each for each in dossier.creations if each.kind == "payment"]
    if not made:
        raise Lacking("no call that created a payment crossed the edge")
    return made


def _messages(dossier: Dossier) -> Sequence[CustomerMessage]:
    if not dossier.messages:
        raise Lacking("the shop shows no messages to customers (verb 'messages')")
    return dossier.messages


def _message(dossier: Dossier, kind: str) -> CustomerMessage:
    for message in _messages(dossier):
        if message.kind == kind:
            return message
    raise Lacking(f"no message '{kind}' was written")
