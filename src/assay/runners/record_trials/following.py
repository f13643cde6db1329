"""Wrong prices that everything else follows: what the shop charges, shows and books is consistent with the mistake.

A defect of conversion is hard to see because nothing contradicts it: the total is the sum of its parts, the charge is
the total. So these changes compose the total anew and carry it on to gateway, pages and ERP; only an oracle that knows
what the amount should have been can find them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from assay.errors import UsageError
from assay.exponents import charge_step
from assay.money import Money, exponent, sum_of
from assay.oracles import Judging
from assay.oracles.charge import gateway_units
from assay.records import Condition, Document, Dossier, Line, MinorAmount, Order
from assay.rounding import Item, Rounding, compose
from assay.runners.record_trials.shape import Lacking, order_of, payment_of, sales_order_of, with_document, with_payment


def rounded(amount: Decimal, currency: str) -> Money:
    """Return an amount as money, half up to the currency's step."""
    return Money.of(amount.quantize(Decimal(1).scaleb(-exponent(currency)), ROUND_HALF_UP), currency)


def repriced(
    dossier: Dossier, judging: Judging, *, prices: Sequence[Money] = (), shipping: Money | None = None
) -> Dossier:
    """Return the dossier with other unit prices, or another shipping price, and everything that follows from them.

    prices: one a line. Raises `Lacking` where the order is not simple enough to be composed again.
    """
    order = order_of(dossier)
    _require_simple(order)
    policy = _policy(dossier, order, judging)
    own = [line.unit_price for line in order.lines if line.unit_price is not None]
    try:
        same = _composed(order, policy, own, order.shipping)
        changed = _composed(order, policy, prices or own, shipping or order.shipping)
    except UsageError as error:
        raise Lacking(f"the order's total cannot be composed again: {error.message}") from None
    if same != order:
        raise Lacking("the order's total cannot be composed again from its lines")
    return _followed(dossier, order, changed)


def _require_simple(order: Order) -> None:
    if order.shipping is None or any(line.unit_price is None or line.tax_rate is None for line in order.lines):
        raise Lacking("the shop shows no unit prices, tax rates or shipping")
    if (
        (order.discount and order.discount.minor)
        or order.edits
        or len(order.tenders) > 1
        or any(line.cancelled for line in order.lines)
    ):
        raise Lacking("the order has a discount, an edit, several tenders or cancelled units")


def _policy(dossier: Dossier, order: Order, judging: Judging) -> Rounding:
    included = order.tax_included is not False
    policy = judging.rounding or Rounding(tax_included=included, level="line", mode="half_up")
    currency = order.total.currency
    step = max(charge_step(payment_of(dossier).system, currency), Decimal(1).scaleb(-exponent(currency)))
    return policy.with_cash({currency: str(step)})


def _composed(order: Order, policy: Rounding, prices: Sequence[Money | None], shipping: Money | None) -> Order:
    """Return the order as its shop would make it of these prices."""
    currency = order.total.currency
    items = [
        Item(price.amount, line.quantity, line.tax_rate or Decimal(0))
        for line, price in zip(order.lines, prices, strict=True)
        if price is not None
    ]
    shipped = Item(shipping.amount, Decimal(1), order.shipping_tax_rate or Decimal(0)) if shipping else None
    whole = compose(items, shipped, Decimal(0), policy, currency)
    lines = []
    for line, price, parts in zip(order.lines, prices, whole.lines, strict=True):
        total = Money.of(parts.gross if policy.tax_included else parts.net, currency)
        # A field the shop does not show is not made up.
        part = Money.of(parts.tax, currency) if line.tax is not None else None
        lines.append(replace(line, unit_price=price, total=total if line.total is not None else None, tax=part))
    tax = Money.of(whole.tax, currency) if order.tax is not None else None
    shipping_tax = Money.of(whole.shipping.tax, currency) if whole.shipping and order.shipping_tax is not None else None
    goods = sum_of([line.total for line in lines if line.total], currency) if order.goods is not None else None
    return replace(
        order,
        lines=tuple(lines),
        total=whole.total,
        tax=tax,
        goods=goods,
        shipping=shipping,
        shipping_tax=shipping_tax if shipped else order.shipping_tax,
        rounding=Money.of(whole.cash_rounding, currency) if order.rounding is not None else None,
    )


def _followed(dossier: Dossier, old: Order, new: Order) -> Dossier:
    """Return the dossier with the new order, and with gateway, pages, tender and sales order following it."""
    payment = payment_of(dossier)
    if payment.captured.currency != old.total.currency:
        raise Lacking("the payment is in another currency than the order")
    more = int(gateway_units(new.total, payment.system) - gateway_units(old.total, payment.system))
    rest = new.total - old.total
    tenders = tuple(
        replace(tender, amount=tender.amount + rest, captured=tender.captured + rest) for tender in old.tenders
    )
    prices = {f"product {line.sku}": line.unit_price for line in new.lines}
    shown = tuple(
        (place, prices.get(place) or (new.total if amount == old.total else amount)) for place, amount in dossier.shown
    )
    dossier = with_payment(
        replace(dossier, shown=shown),
        payment,
        amount=MinorAmount(payment.amount.minor + more, payment.amount.currency),
        captured=MinorAmount(payment.captured.minor + more, payment.captured.currency),
    )
    document = sales_order_of(dossier)
    if document.currency != old.total.currency:
        raise Lacking("the ERP books in another currency than the order")
    dossier = with_document(dossier, document, **_document_fields(document, old, new))
    return replace(dossier, order=replace(new, tenders=tenders))


def _document_fields(document: Document, old: Order, new: Order) -> dict[str, object]:
    """Return what of a sales order differs when its order does: items, charges of the header, total."""
    items = list(document.lines)
    net = Decimal(0)
    for before, after in zip(old.lines, new.lines, strict=True):
        tax = _difference(before.tax, after.tax)
        value = _difference(before.total, after.total) - (tax if new.tax_included is not False else 0)
        net += value
        place = next((at for at, item in enumerate(items) if item.ref == before.ref and item.ref is not None), None)
        if place is not None:
            items[place] = _item(items[place], value, tax)
    freight_tax = _difference(old.shipping_tax, new.shipping_tax)
    freight = _difference(old.shipping, new.shipping) - (freight_tax if new.tax_included is not False else 0)
    moved = (("shipping", freight), ("tax", freight_tax), ("rounding", _difference(old.rounding, new.rounding)))
    conditions = document.conditions
    for component, amount in moved:
        conditions = _added(conditions, component, amount)
    total = None if document.total is None else document.total + net + freight
    return {"lines": tuple(items), "conditions": conditions, "total": total}


def _item(item: Line, value: Decimal, tax: Decimal) -> Line:
    conditions = _added(_added(item.conditions, "goods", value), "tax", tax)
    return replace(item, net=None if item.net is None else item.net + value, conditions=conditions)


def _added(conditions: tuple[Condition, ...], component: str, amount: Decimal) -> tuple[Condition, ...]:
    """Return the conditions with an amount added to the first of a component; as they are where there is none."""
    place = next((at for at, each in enumerate(conditions) if each.component == component), None)
    if place is None or not amount:
        return conditions
    changed = replace(conditions[place], amount=conditions[place].amount + amount)
    return (*conditions[:place], changed, *conditions[place + 1 :])


def _difference(old: Money | None, new: Money | None) -> Decimal:
    return new.amount - old.amount if old is not None and new is not None else Decimal(0)
