"""Content oracles. O-O6 field fidelity, O-O11 paid content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from assay.events import Finding
from assay.money import exponent
from assay.oracles import charge
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.oracles.orders import booked
from assay.records import Article, Document, Dossier, Line, Order

_POWERS = tuple(Decimal(10) ** power for power in (-3, -2, -1, 1, 2, 3))


@oracle(
    "O-O6", needs=("erp",), formula="lines(shop) == lines(k) as multisets of (sku, qty, value, tax), bundles exploded"
)
def same_lines(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the ERP's items against the shop's lines: articles and units, then value and tax line by line."""
    documents = _each_once(booked(dossier))
    if not documents:
        return unjudged("the ERP holds no sales order: O-O1 and O-O2 judge that")
    held = [line for document in documents for line in document.lines if not line.rejected]
    wanted = [line for line in order.lines if line.quantity > line.cancelled]
    parts = parts_of(dossier.base_articles)
    expected = exploded(((line.sku, line.quantity - line.cancelled) for line in wanted), parts)
    seen = exploded(((line.sku, line.quantity) for line in held), {})
    bundles = {line.sku for line in wanted if parts.get(line.sku)}
    if not parts and seen != expected:
        why = dossier.missing("catalogue") or "the shop shows no articles"
        if {line.sku for line in held} != {line.sku for line in wanted}:
            return unjudged(f"articles differ, and which of them are bundles is not known: {why}")
    if seen != expected:
        return _other_units(documents[0], expected, seen, bundles)
    if any(line.cancelled for line in order.lines):
        return passed()
    return _other_values(documents, order, held) or passed()


def exploded(
    lines: Iterable[tuple[str, Decimal]], parts: Mapping[str, Sequence[tuple[str, int]]]
) -> dict[str, Decimal]:
    """Return units by article, every bundle replaced by what is in it."""
    found: dict[str, Decimal] = {}
    for sku, quantity in lines:
        inside = parts.get(sku, ())
        contents = exploded(((part, quantity * each) for part, each in inside), parts) if inside else {sku: quantity}
        for part, units in contents.items():
            found[part] = found.get(part, Decimal(0)) + units
    return found


def parts_of(articles: Iterable[Article]) -> dict[str, Sequence[tuple[str, int]]]:
    """Return what is in each bundle."""
    return {article.sku: article.components for article in articles}


def _each_once(documents: Sequence[Document]) -> list[Document]:
    """Leave out second postings of the same reference: O-O1 finds those."""
    return list({document.reference or document.ref: document for document in reversed(documents)}.values())[::-1]


def _other_units(
    document: Document, expected: Mapping[str, Decimal], seen: Mapping[str, Decimal], bundles: set[str]
) -> Finding:
    wrong = sorted(sku for sku in {*expected, *seen} if expected.get(sku, 0) != seen.get(sku, 0))
    missing, more = [sku for sku in wrong if sku not in seen], [sku for sku in wrong if sku not in expected]
    if missing and {sku.lstrip("0") for sku in missing} == {sku.lstrip("0") for sku in more}:
        cause = "leading zeros of an identifier were lost: it was taken for a number"
    elif bundles & set(more):
        cause = "a bundle was handed over without being taken apart"
    else:
        cause = "lines or quantities were lost or doubled on the way"
    return failed(
        "shop",
        document.system,
        expected=", ".join(f"{sku} × {expected.get(sku, Decimal(0)):f}" for sku in wrong),
        seen=", ".join(f"{sku} × {seen.get(sku, Decimal(0)):f}" for sku in wrong),
        cause=cause,
    )


def _other_values(documents: Sequence[Document], order: Order, held: Sequence[Line]) -> Finding | None:
    """Hold net value and tax of each line against the items that carry its id; None where they agree or have none."""
    if any(document.currency != order.total.currency for document in documents):
        return None
    evened = any(condition.component == "rounding" for document in documents for condition in document.conditions)
    for line in order.lines:
        items = [item for item in held if item.ref == line.ref]
        if line.ref is None or line.total is None or line.tax is None or not items:
            continue
        tax_held = [each.amount for item in items for each in item.conditions if each.component == "tax"]
        net = line.total.amount - line.tax.amount if order.tax_included is not False else line.total.amount
        slack = Decimal(1).scaleb(-exponent(order.total.currency)) * len(items) if evened else Decimal(0)
        pairs = [("tax", line.tax.amount, sum(tax_held, Decimal(0)))] if tax_held else []
        if all(item.net is not None for item in items):
            pairs.append(("net value", net, sum((item.net or Decimal(0) for item in items), Decimal(0))))
        for what, expected, seen in pairs:
            if abs(expected - seen) > slack:
                return failed(
                    "shop",
                    documents[0].system,
                    expected=f"{what} {expected:f} {order.total.currency} of line {line.sku}",
                    seen=f"{seen:f} in {', '.join(document.ref for document in documents)}",
                    cause=f"the {what} was not taken from the line itself",
                    at_risk=charge.difference(seen, expected, order.total.currency),
                )
    return None


@oracle("O-O11", needs=("payments",), formula="lines and total of the order == what the payment was made for")
def paid_content(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the order's lines against what the customer paid for, and its total against what was captured."""
    if dossier.bought:
        added = {ref for edit in order.edits for ref in edit.line_refs}
        wanted, seen = Counter[str](), Counter[str]()
        for sku, units in dossier.bought:
            wanted[sku] += units
        for line in order.lines:
            if line.ref is None or line.ref not in added:
                seen[line.sku] += int(line.quantity)
        if wanted != seen:
            return _other_content(order, wanted, seen)
    paid = [each for each in charge.captured(dossier) if each.captured.currency == order.total.currency]
    if not paid:
        return passed() if dossier.bought else unjudged("nothing is captured, and what was bought is not recorded")
    if charge.is_exception(dossier, order):
        return unjudged("the shop holds the order and does not call it paid: O-P4 judges that")
    return _other_total(dossier, order)


def _other_content(order: Order, wanted: Counter[str], seen: Counter[str]) -> Finding:
    wrong = sorted(sku for sku in {*wanted, *seen} if wanted[sku] != seen[sku])
    return failed(
        "shop",
        expected=", ".join(f"{sku} × {wanted[sku]}" for sku in wrong),
        seen=", ".join(f"{sku} × {seen[sku]}" for sku in wrong),
        cause="the order was made from the cart as it stood after the payment",
        at_risk=order.total,
    )


def _other_total(dossier: Dossier, order: Order) -> Finding:
    """Hold the total against a single purchase's captures; exponents are O-M1's, doubles O-O3's to judge."""
    paid = charge.captured(dossier)
    due = charge.due_at_gateways(dossier, order)
    gateway = paid[0].system
    expected, seen = charge.gateway_units(due, gateway), charge.total_captured(paid)
    refs = [(each.system, each.purpose) for each in paid]
    if len(set(refs)) < len(refs) or len({each.system for each in paid}) > 1:
        return unjudged("several payments for one purpose: O-O3 judges that")
    if expected and seen / expected in _POWERS:
        return unjudged("the exponent is wrong: O-M1 judges that")
    cancelled = len(charge.cancelled_lines(order))
    left = expected - charge.gateway_units(charge.cancelled_value(order), gateway)
    if seen == expected or (cancelled and abs(seen - left) <= cancelled):
        return passed()
    if charge.was_called_paid(order) and charge.taken_in_part(paid, expected, order):
        return unjudged("the right amount was asked for, and a part of it taken: O-P4 judges that")
    money = charge.money_at(gateway, seen, order.total.currency)
    return failed(
        "shop",
        gateway,
        expected=f"{due} captured",
        seen=str(money or f"{seen} minor units"),
        cause="the total was computed again after the payment was begun",
        at_risk=charge.difference(Decimal(seen), expected, order.total.currency) if money is None else abs(money - due),
    )
