"""O-M2: one currency. Whoever holds an amount of an order holds it in the order's currency, or in a declared one.

A system that books in the company's currency must be tied to the order by the order's own rate: a code alone proves
nothing, since the commonest mistake keeps the number and changes the code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from assay.events import Finding
from assay.money import Money, exponent, sum_of
from assay.oracles import charge
from assay.oracles.cause import NOT_CONVERTED, UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import AnalyticsEvent, Document, Dossier, Order

ANALYTICS = "analytics"
"""What the profile calls the receiver of events: policies.books.currency."""
_BOUGHT = ("purchase", "order", "transaction", "sale", "revenue")
_ASKED_IN = ("wallet", "payment")

_Held = tuple[str, str, str, str | None]  # system, what, expected, seen


@oracle(
    "O-M2",
    needs=("payments", "erp"),
    formula="currency(order) == currency(payment, ERP document, return, refund, wallet, analytics event), or tied by r",
)
def one_currency(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold every system's currency against the order's, or against the one it is declared to book in."""
    held = list(_currencies(dossier, order, judging))
    if not held:
        return unjudged("no other system holds an amount of this order yet")
    for system, what, expected, seen in held:
        if seen != expected:
            return failed(
                "shop",
                system,
                expected=f"{expected} in {what}",
                seen=str(seen),
                cause=f"the currency of the order ({order.total.currency}) was not handed over with the amount",
                at_risk=order.total,
            )
    for document in dossier.documents:
        booked = judging.booked_currency.get(document.system)
        if document.kind != "sales_order" or booked is None or booked == order.total.currency:
            continue
        if (finding := _tied_by_rate(document, order, booked)) is not None:
            return finding
    for event in dossier.events:
        if (finding := _event_value(event, order)) is not None:
            return finding
    return passed()


def _currencies(dossier: Dossier, order: Order, judging: Judging) -> Iterator[_Held]:
    """Yield (system, what, expected, seen) of every amount somebody holds."""
    currency = order.total.currency
    for payment in dossier.payments:
        yield payment.system, f"payment {payment.ref}", currency, payment.amount.currency
        if payment.captured.minor:
            yield payment.system, f"what was captured of {payment.ref}", currency, payment.captured.currency
    for document in dossier.documents:
        if document.kind == "sales_order" and document.total is not None:
            booked = judging.booked_currency.get(document.system, currency)
            yield document.system, f"{document.kind} {document.ref}", booked, document.currency
    yield from _in_the_shop(order)
    told = judging.booked_currency.get(ANALYTICS, currency)
    for event in dossier.events:
        yield ANALYTICS, f"event '{event.name}'", told, event.value.currency
    for place, amount in dossier.shown:
        if place.startswith(_ASKED_IN):
            yield order.system, f"what '{place}' asks for", currency, amount.currency


def _in_the_shop(order: Order) -> Iterator[_Held]:
    """Yield what the shop itself holds beside the total: lines, refunds, returns."""
    currency = order.total.currency
    for line in order.lines:
        if line.unit_price is not None and line.unit_price.currency != currency:
            yield order.system, f"line {line.sku}", currency, line.unit_price.currency
    for refund in order.refunds:
        if refund.amount.currency != currency:
            yield order.system, f"refund {refund.ref or refund.gateway_ref}", currency, refund.amount.currency
    for back in order.returns:
        if back.credited is not None:
            yield order.system, f"return {back.ref}", currency, back.credited.currency


def _tied_by_rate(document: Document, order: Order, booked: str) -> Finding | None:
    """Hold a document in another currency against the order by the order's own rate; None where it is tied."""
    rate = order.rate
    if document.total is None:
        return None
    if rate is None or rate.value is None or rate.base != booked:
        return unjudged(f"{document.system} books in {booked}, and the order discloses no rate to it")
    net = order.total.amount - (order.tax.amount if order.tax else 0)
    expected, step = net / rate.value, charge.step_of(booked)
    slack = step * (len(order.lines) + 1)
    if min(abs(document.total - expected), abs(document.total - order.total.amount / rate.value)) <= slack:
        return None
    return failed(
        "shop",
        document.system,
        expected=f"{expected:.2f} {booked} net for {order.total} at {rate.value}",
        seen=f"{document.total:f} {document.currency} in {document.ref}",
        cause=money_cause(document.total, expected, step=step, rate=rate.value),
    )


def _event_value(event: AnalyticsEvent, order: Order) -> Finding | None:
    """Hold an event's number against what the order is worth in the event's currency; None where it is that.

    With or without tax, shipping and discount: what a tool calls the value is its own business. A number that is the
    base amount under the order's code is nobody's.
    """
    code = event.value.currency
    worth = [*_worth(_as_it_was(order, event.at)), *_worth(order)]
    if code != order.total.currency:
        rate = order.rate
        if rate is None or rate.value is None or rate.base != code:
            return unjudged(f"events are told in {code}, and the order discloses no rate to it")
        expected = [each / rate.value for each in worth]
        slack = charge.step_of(code)
        if any(abs(event.value.amount - each) <= slack for each in expected):
            return None
        return _wrong_event(event, expected, 1 / rate.value) if _is_purchase(event) else None
    if event.value.amount in worth:
        return None
    rate_value = order.rate.value if order.rate else None
    if rate_value is not None and rate_value != 1:
        # An event of part of an order (a refund, an article) may hold any number but one of these.
        step = charge.step_of(code)
        for each in worth:
            cause = money_cause(event.value.amount, each, step=step, rate=rate_value)
            if each and cause.startswith((NOT_CONVERTED, "double", "inverse")):
                return _wrong_event(event, [each], rate_value)
    return _wrong_event(event, worth, rate_value) if _is_purchase(event) else None


def _as_it_was(order: Order, at: datetime) -> Order:
    """Return the order without what agents added to it after an instant: an event told of a purchase cannot know."""
    later = [edit for edit in order.edits if edit.extra is not None and edit.at is not None and edit.at > at]
    added = [line for line in order.lines if any(line.ref in edit.line_refs for edit in later)]
    code = order.total.currency
    extra = sum_of((edit.extra for edit in later if edit.extra is not None), code)
    tax = sum_of((line.tax for line in added if line.tax is not None), code)
    return replace(
        order,
        total=order.total - extra,
        tax=order.tax - tax if order.tax else None,
        goods=order.goods - extra if order.goods else None,
    )


def _worth(order: Order) -> Iterator[Decimal]:
    """Yield what an order is worth: its total, its goods, each with and without tax, before and after the discount."""
    yield order.total.amount
    tax = order.tax.amount if order.tax else Decimal(0)
    shipping, discount = (each.amount if each else Decimal(0) for each in (order.shipping, order.discount))
    shipping_tax = order.shipping_tax.amount if order.shipping_tax else Decimal(0)
    yield order.total.amount - tax
    yield order.total.amount - shipping
    yield order.total.amount - tax - shipping + shipping_tax
    yield order.total.amount - tax - shipping
    if order.goods is not None:
        yield order.goods.amount
        yield order.goods.amount - discount
        yield order.goods.amount - discount - (tax - shipping_tax)


def _is_purchase(event: AnalyticsEvent) -> bool:
    name = event.name.casefold()
    return any(word in name for word in _BOUGHT) and not any(word in name for word in ("refund", "cancel", "return"))


def _wrong_event(event: AnalyticsEvent, worth: Sequence[Decimal], rate: Decimal | None) -> Finding:
    code, seen = event.value.currency, event.value.amount
    step = charge.step_of(code)
    causes = [money_cause(seen, each, step=step, rate=rate) for each in worth if each]
    named = next((cause for cause in causes if not cause.startswith(UNKNOWN)), causes[0] if causes else UNKNOWN)
    expected = worth[causes.index(named)] if named in causes else worth[0]
    return failed(
        "shop",
        ANALYTICS,
        expected=f"{expected:.{exponent(code)}f} {code} in event '{event.name}'",
        seen=str(event.value),
        cause=named,
        at_risk=Money(0, code) if expected == seen else charge.difference(seen, expected, code),
    )
