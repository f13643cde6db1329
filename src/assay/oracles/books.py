"""Accounting oracles. O-E2 document totals, O-E3 dates, O-E4 text and identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from assay.events import Finding
from assay.money import exponent
from assay.oracles import charge
from assay.oracles.cause import money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.oracles.orders import booked
from assay.records import Condition, Document, Dossier, Order

_GOODS = "goods less discount"
_NET = ("goods", "discount", "shipping", "other")


@oracle("O-E2", needs=("erp",), formula="total(ERP documents) == total(o), part by part; header == sum of lines")
def document_totals(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the sales orders of the ERP against the shop's order: currency, total, components, header and lines."""
    documents = booked(dossier)
    if not documents:
        return unjudged("the ERP holds no sales order: O-O1 and O-O2 judge that")
    for document in documents:
        if document.total is None:
            return unjudged(f"{document.system} {document.ref} shows no total")
        if document.currency != order.total.currency:
            if judging.booked_currency.get(document.system) == document.currency:
                return unjudged(f"{document.system} books in {document.currency}: O-M2 judges the rate")
            return failed(
                "shop",
                document.system,
                expected=order.total.currency,
                seen=str(document.currency),
                cause="the currency was not transferred",
                at_risk=order.total,
            )
        if (finding := _header(document)) is not None:
            return finding
    if len({(each.reference, each.parent_ref) for each in documents}) < len(documents):
        # Booked twice: O-O1 finds that. Each copy must still be right by itself.
        documents = documents[:1]
    if any(line.cancelled for line in order.lines):
        return unjudged("units were cancelled after the order was booked: O-O6 judges what is left")
    if any(_conditions(each) for each in documents):
        return _by_component(documents, order)
    return _by_total(documents, order)


def _header(document: Document) -> Finding | None:
    """Hold a document's total against its own lines and the charges of its header, all without tax."""
    if any(line.net is None for line in document.lines) or not document.lines:
        return None
    own = sum((each.amount for each in document.conditions if each.component in _NET), Decimal(0))
    expected = own + sum((line.net or Decimal(0) for line in document.lines if not line.rejected), Decimal(0))
    if document.total == expected:
        return None
    return failed(
        document.system,
        expected=f"{expected:f} {document.currency}, the sum of lines and charges",
        seen=f"{document.total:f} {document.currency} in the header of {document.ref}",
        cause="header and lines come from different sources",
    )


def _by_total(documents: Sequence[Document], order: Order) -> Finding:
    """Hold totals alone: an ERP's sales order shows its net value, the total less tax, or all of it."""
    seen = sum((each.total or Decimal(0) for each in documents), Decimal(0))
    gross = order.total.amount
    net = gross - order.tax.amount if order.tax is not None else gross
    if seen in (net, gross):
        return passed()
    return failed(
        "shop",
        documents[0].system,
        expected=f"{net:f} net or {gross:f} gross {order.total.currency}",
        seen=f"{seen:f} {documents[0].currency} in {', '.join(each.ref for each in documents)}",
        cause="a component (goods, shipping, discount, tax) differs between the two",
        at_risk=charge.difference(seen, net, order.total.currency),
    )


def _by_component(documents: Sequence[Document], order: Order) -> Finding:
    """Hold each component against the shop's; parts may differ by roundings only where a rounding line evens them."""
    held = _held(documents)
    wanted = _wanted(order)
    wrong = [name for name in wanted if held[name] != wanted[name]]
    seen = sum(held.values(), Decimal(0))
    if not wrong:
        return passed()
    if seen == order.total.amount and held["rounding"] != wanted["rounding"] and not held["other"]:
        slack = _step(order.total.currency) * (sum(len(document.lines) for document in documents) + 1)
        if all(abs(held[name] - wanted[name]) <= slack for name in wrong):
            return passed()
    return _wrong_component(documents, order, held, wanted, wrong)


def _wrong_component(
    documents: Sequence[Document],
    order: Order,
    held: Mapping[str, Decimal],
    wanted: Mapping[str, Decimal],
    wrong: Sequence[str],
) -> Finding:
    currency, seen = order.total.currency, sum(held.values(), Decimal(0))
    first = max(wrong, key=lambda name: abs(held[name] - wanted[name]))
    if not held[first]:
        cause = f"{first} was not handed over"
    else:
        cause = f"{first}: " + money_cause(
            held[first],
            wanted[first],
            step=_step(currency),
            rate=order.rate.value if order.rate else None,
            tax_rates=sorted({line.tax_rate for line in order.lines if line.tax_rate}),
            units=len(order.lines),
        )
    return failed(
        "shop",
        documents[0].system,
        expected=", ".join(f"{name} {wanted[name]:f}" for name in wrong) + f", total {order.total}",
        seen=", ".join(f"{name} {held[name]:f}" for name in wrong) + f", total {seen:f} {documents[0].currency}",
        cause=cause,
        at_risk=charge.difference(seen, order.total.amount, currency) if seen != order.total.amount else None,
    )


def _held(documents: Sequence[Document]) -> dict[str, Decimal]:
    """Return what each component comes to in the ERP; a discount is taken off the goods, as the shop's prices show."""
    held = dict.fromkeys((_GOODS, "shipping", "tax", "rounding", "other"), Decimal(0))
    for document in documents:
        for condition in _conditions(document):
            name = _GOODS if condition.component in ("goods", "discount") else condition.component
            held[name] += condition.amount
    return held


def _wanted(order: Order) -> dict[str, Decimal]:
    """Return what each component is in the shop, without tax, which comes by itself."""
    tax = order.tax.amount if order.tax else Decimal(0)
    shipping = order.shipping.amount if order.shipping else Decimal(0)
    if order.tax_included is not False and order.shipping_tax is not None:
        shipping -= order.shipping_tax.amount
    rounding = order.rounding.amount if order.rounding else Decimal(0)
    goods = order.total.amount - shipping - tax - rounding
    return {_GOODS: goods, "shipping": shipping, "tax": tax, "rounding": rounding, "other": Decimal(0)}


def _conditions(document: Document) -> list[Condition]:
    lines = [line for line in document.lines if not line.rejected]
    return [*document.conditions, *(each for line in lines for each in line.conditions)]


def _step(currency: str) -> Decimal:
    return Decimal(1).scaleb(-exponent(currency))
