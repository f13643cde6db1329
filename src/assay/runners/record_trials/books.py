"""Classes of accounting and content defects: what the ERP was handed over, item by item, word by word."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from assay.money import exponent
from assay.oracles import Judging
from assay.oracles.charge import gateway_units
from assay.records import Address, Condition, Document, Dossier, Line
from assay.runners.record_trials.shape import (
    Lacking,
    order_of,
    other_currency,
    payment_of,
    record_class,
    sales_order_of,
    with_document,
    with_item,
    with_order,
    with_payment,
)


@record_class("ERP books another currency", defects="ERP-02", oracles="O-M2 O-E2")
def other_code(dossier: Dossier, judging: Judging) -> Dossier:
    """The number of the order is booked under the company's currency."""
    document = sales_order_of(dossier)
    return with_document(dossier, document, currency=other_currency(document.currency or ""))


@record_class("tax added to prices with tax", defects="ERP-03", oracles="O-E2 O-O6")
def tax_added(dossier: Dossier, judging: Judging) -> Dossier:
    """Prices that hold the tax are booked as net prices, and the tax comes on top."""
    document = sales_order_of(dossier)
    items = tuple(_moved(item, "goods", _tax_of(item)) for item in document.lines)
    more = sum((_tax_of(item) for item in document.lines), Decimal(0))
    if not more:
        raise Lacking("no order with tax shows its tax in the ERP, item by item")
    return with_document(dossier, document, lines=items, total=_plus(document.total, more))


@record_class("tax left out", defects="ERP-08", oracles="O-E2 O-E1")
def tax_dropped(dossier: Dossier, judging: Judging) -> Dossier:
    """The document reaches the ERP without its tax."""
    document = sales_order_of(dossier)
    conditions = [*document.conditions, *(each for item in document.lines for each in item.conditions)]
    if not any(each.component == "tax" and each.amount for each in conditions):
        raise Lacking("no order with tax shows its tax in the ERP")

    def without(listed: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return tuple(each for each in listed if each.component != "tax")

    items = tuple(replace(item, conditions=without(item.conditions)) for item in document.lines)
    return with_document(dossier, document, lines=items, conditions=without(document.conditions))


@record_class("shipping left out", defects="ERP-04", oracles="O-E2")
def shipping_dropped(dossier: Dossier, judging: Judging) -> Dossier:
    """The charge for shipping is not handed over."""
    document = sales_order_of(dossier)
    freight = [each for each in document.conditions if each.component == "shipping" and each.amount]
    if not freight:
        raise Lacking("no order with shipping shows it in the ERP")
    rest = tuple(each for each in document.conditions if each not in freight)
    less = -sum((each.amount for each in freight), Decimal(0))
    return with_document(dossier, document, conditions=rest, total=_plus(document.total, less))


@record_class("discount taken off the gross", defects="ERP-01", oracles="O-E2")
def discount_on_gross(dossier: Dossier, judging: Judging) -> Dossier:
    """The discount is larger in the ERP than in the shop: it was taken off the price with tax."""
    document, order = sales_order_of(dossier), order_of(dossier)
    rate = max((line.tax_rate or Decimal(0) for line in order.lines), default=Decimal(0))
    for place, item in enumerate(document.lines):
        for each in item.conditions:
            if each.component == "discount" and each.amount and rate:
                step = Decimal(1).scaleb(-exponent(each.currency))
                more = (each.amount * rate / 100).quantize(step) or -step
                changed = _moved(item, "discount", more)
                return _with_total(with_item(dossier, document, place, **_fields(changed)), document, more)
    raise Lacking("no order with a discount and a tax shows its discount in the ERP")


@record_class("ERP rounds the tax otherwise", defects="ERP-05", oracles="O-E2 O-O6")
def rounded_otherwise(dossier: Dossier, judging: Judging) -> Dossier:
    """The document's tax is two of the currency's smallest units off, because it was computed again."""
    document = sales_order_of(dossier)
    for place, item in enumerate(document.lines):
        if any(each.component == "tax" and each.amount for each in item.conditions):
            more = Decimal(2).scaleb(-exponent(document.currency or "EUR"))
            return with_item(dossier, document, place, **_fields(_moved(item, "tax", more, net=False)))
    raise Lacking("no order with tax shows its tax in the ERP, item by item")


@record_class("header from another source", defects="ERP-17", oracles="O-E2")
def other_header(dossier: Dossier, judging: Judging) -> Dossier:
    """The document's header does not add up from its items."""
    document = sales_order_of(dossier)
    if document.total is None:
        raise Lacking("the ERP shows no total")
    return with_document(dossier, document, total=document.total * 2)


@record_class("document dated a day early", defects="ERP-10 TIM-03", oracles="O-E3")
def dated_early(dossier: Dossier, judging: Judging) -> Dossier:
    """The day is taken in another zone than the books are kept in."""
    return _dated(dossier, -1)


@record_class("document dated a day late", defects="ERP-09", oracles="O-E3")
def dated_late(dossier: Dossier, judging: Judging) -> Dossier:
    """The day of the transfer is booked instead of the order's."""
    return _dated(dossier, 1)


@record_class("accents mangled", defects="ERP-12", oracles="O-E4")
def mangled(dossier: Dossier, judging: Judging) -> Dossier:
    """Letters beyond ASCII become question marks on their way to the ERP."""
    return _rewritten(dossier, lambda text: text.encode("ascii", "replace").decode(), "no order holds such letters")


@record_class("address cut", defects="CAR-08", oracles="O-E4 O-K2")
def address_cut(dossier: Dossier, judging: Judging) -> Dossier:
    """The end of the street is cut off on its way to the ERP."""
    lines = _address(dossier).lines
    street = max(lines, key=len, default="")
    if len(street) < 4:
        raise Lacking("no address is long enough to be cut")
    return _rewritten(dossier, lambda text: text.replace(street, street[: len(street) // 2].rstrip()), "no text")


@record_class("postcode without its zero", defects="ERP-13", oracles="O-E4")
def zip_number(dossier: Dossier, judging: Judging) -> Dossier:
    """A postcode is taken for a number, and its leading zeros are lost."""
    postcode = _address(dossier).postcode
    if not postcode.startswith("0"):
        raise Lacking("no address has a postcode that begins with 0")
    return _rewritten(dossier, lambda text: text.replace(postcode, postcode.lstrip("0")), "no text")


@record_class("customer swapped", defects="CUS-09", oracles="O-E4 O-O6")
def other_customer(dossier: Dossier, judging: Judging) -> Dossier:
    """The document names another customer, or an old address of this one."""
    address, order = _address(dossier), order_of(dossier)
    names = {address.name, order.customer_name or address.name}

    def swapped(text: str) -> str:
        for name in names:
            text = text.replace(name, "Jane Q. Sample")
        return text

    return _rewritten(dossier, swapped, "the name is no text of the document")


@record_class("SKU without its zeros", defects="CAT-04", oracles="O-O6 O-C2")
def sku_number(dossier: Dossier, judging: Judging) -> Dossier:
    """An article's number is taken for a number, and its leading zeros are lost."""
    document = sales_order_of(dossier)
    if not any(item.sku.startswith("0") for item in document.lines):
        raise Lacking("no article's number begins with 0")
    items = tuple(replace(item, sku=item.sku.lstrip("0")) for item in document.lines)
    return with_document(dossier, document, lines=items)


@record_class("quantity wrong in the ERP", defects="MKT-01", oracles="O-O6")
def quantity_wrong(dossier: Dossier, judging: Judging) -> Dossier:
    """One unit more is booked than was sold."""
    document = sales_order_of(dossier)
    if not document.lines:
        raise Lacking("the ERP shows no items")
    return with_item(dossier, document, 0, quantity=document.lines[0].quantity + 1)


@record_class("line missing in the ERP", defects="MKT-01", oracles="O-O6 O-E2")
def line_missing(dossier: Dossier, judging: Judging) -> Dossier:
    """One line of the order is left out, and the total with it."""
    document = sales_order_of(dossier)
    if not document.lines:
        raise Lacking("the ERP shows no items")
    gone = document.lines[-1]
    less = -(gone.net or Decimal(0))
    return with_document(dossier, document, lines=document.lines[:-1], total=_plus(document.total, less))


@record_class("tax and value averaged over lines", defects="MON-22", oracles="O-O6")
def averaged(dossier: Dossier, judging: Judging) -> Dossier:
    """One line's value is booked on another: the sum is right and each line is wrong."""
    document = sales_order_of(dossier)
    priced = [item for item in document.lines if item.net is not None and item.ref is not None]
    if len(priced) < 2 or priced[0].ref == priced[1].ref:
        raise Lacking("no order has two lines with values in the ERP")
    step = Decimal(5).scaleb(-exponent(document.currency or "EUR"))
    first, second = (document.lines.index(each) for each in priced[:2])
    lines = list(document.lines)
    lines[first], lines[second] = _moved(lines[first], "goods", step), _moved(lines[second], "goods", -step)
    return with_document(dossier, document, lines=tuple(lines))


@record_class("order holds more than was paid", defects="ORD-27", oracles="O-O11")
def added_in_second_tab(dossier: Dossier, judging: Judging) -> Dossier:
    """A unit put into the cart during the payment is in the order."""
    order, payment = order_of(dossier), payment_of(dossier)
    price = order.lines[0].unit_price if order.lines else None
    if price is None or price.currency != payment.captured.currency:
        raise Lacking("the shop shows no unit prices in the currency of the payment")
    less = int(gateway_units(price, payment.system))
    if payment.captured.minor <= less or order.total.minor <= price.minor:
        raise Lacking("no order costs more than one of its units")
    before = order.total - price
    shown = tuple((place, before if amount == order.total else amount) for place, amount in dossier.shown)
    bought = tuple((sku, units - (sku == order.lines[0].sku)) for sku, units in dossier.bought)
    paid = with_payment(dossier, payment, amount=payment.amount.minor - less, captured=payment.captured.minor - less)
    return replace(paid, shown=shown, bought=tuple(pair for pair in bought if pair[1]))


@record_class("cancelled order still in the ERP", defects="ORD-22 ORD-23", oracles="O-O7")
def still_booked(dossier: Dossier, judging: Judging) -> Dossier:
    """The shop stopped the order and gave the money back; the ERP's document stands and will be delivered."""
    order = order_of(dossier)
    sales_order_of(dossier)
    if not order.history:
        raise Lacking("the shop shows no history of an order's states")
    early = tuple(
        each for each in order.history if each.field != "status" or each.value in ("pending", "held", "confirmed")
    )
    at = max((each.at for each in early), default=order.placed_at) + timedelta(seconds=30)
    over = [("status", "cancelled"), ("payment_status", "voided")]
    history = (*early, *(replace(order.history[0], field=field, value=value, at=at) for field, value in over))
    changed = with_order(
        dossier, status="cancelled", payment_status="voided", history=history, parcels=(), tracking_numbers=()
    )
    payments = tuple(
        replace(each, phase="voided", captured=replace(each.captured, minor=0)) for each in dossier.payments
    )
    documents = tuple(each for each in dossier.documents if each.kind == "sales_order")
    return replace(changed, payments=payments, documents=documents, shipments=(), labels=(), stock=())


def _address(dossier: Dossier) -> Address:
    address = order_of(dossier).address
    if address is None:
        raise Lacking("the shop shows no address")
    return address


def _dated(dossier: Dossier, days: int) -> Dossier:
    document = sales_order_of(dossier)
    if document.document_date is None:
        raise Lacking("the ERP shows no document date")
    return with_document(dossier, document, document_date=document.document_date + timedelta(days=days))


def _rewritten(dossier: Dossier, rewrite: Callable[[str], str], lacking: str) -> Dossier:
    """Return the dossier with every text of its sales order rewritten."""
    document = sales_order_of(dossier)

    def written(text: str) -> str:
        return rewrite(unicodedata.normalize("NFC", text))

    texts = tuple(written(text) for text in document.texts)
    partners = tuple(
        replace(each, name=written(each.name), lines=tuple(map(written, each.lines)), city=written(each.city),
                postcode=written(each.postcode))
        for each in document.partners
    )  # fmt: skip
    if (texts, partners) == (document.texts, document.partners):
        raise Lacking(lacking if document.texts or document.partners else "the ERP shows no text of the order")
    return with_document(dossier, document, texts=texts, partners=partners)


def _tax_of(item: Line) -> Decimal:
    return sum((each.amount for each in item.conditions if each.component == "tax"), Decimal(0))


def _moved(item: Line, component: str, amount: Decimal, *, net: bool = True) -> Line:
    """Return an item with an amount added to its first condition of a component, and to its value."""
    place = next((at for at, each in enumerate(item.conditions) if each.component == component), None)
    conditions = item.conditions
    if place is not None:
        changed = replace(conditions[place], amount=conditions[place].amount + amount)
        conditions = (*conditions[:place], changed, *conditions[place + 1 :])
    value = item.net + amount if net and item.net is not None else item.net
    return replace(item, conditions=conditions, net=value)


def _fields(item: Line) -> dict[str, Any]:
    return {"conditions": item.conditions, "net": item.net}


def _plus(total: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if total is None else total + amount


def _with_total(dossier: Dossier, before: Document, amount: Decimal) -> Dossier:
    document = next(each for each in dossier.documents if each.ref == before.ref)
    return with_document(dossier, document, total=_plus(document.total, amount))
