"""Accounting oracles. O-E2 document totals, O-E3 dates, O-E4 text and identifiers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from assay.events import Finding
from assay.money import exponent
from assay.oracles import charge
from assay.oracles.cause import UNKNOWN, money_cause
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
        if first == _GOODS and UNKNOWN in cause:
            cause = _part_with_tax(documents, order, held[first] - wanted[first]) or cause
    return failed(
        "shop",
        documents[0].system,
        expected=", ".join(f"{name} {wanted[name]:f}" for name in wrong) + f", total {order.total}",
        seen=", ".join(f"{name} {held[name]:f}" for name in wrong) + f", total {seen:f} {documents[0].currency}",
        cause=cause,
        at_risk=charge.difference(seen, order.total.amount, currency) if seen != order.total.amount else None,
    )


def _part_with_tax(documents: Sequence[Document], order: Order, off: Decimal) -> str | None:
    """Say whether goods or discount alone, apart in the ERP, are off by their tax."""
    slack = _step(order.total.currency) * (len(order.lines) + 1)
    for part in ("discount", "goods"):
        amounts = [each.amount for document in documents for each in _conditions(document) if each.component == part]
        whole = sum(amounts, Decimal(0))
        for rate in sorted({line.tax_rate for line in order.lines if line.tax_rate}):
            if whole and abs(off - (whole - whole / (1 + rate / 100))) <= slack:
                return f"{part}: tax included and excluded were mixed up"
    return None


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


@oracle("O-E3", needs=("erp",), formula="document date == order instant in the accounting zone; same posting period")
def document_dates(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold each sales order's date against the day of the order where the books are kept."""
    if judging.accounting_zone is None:
        return unjudged("no accounting zone is declared: policies.books.zone in the profile")
    try:
        zone = ZoneInfo(judging.accounting_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return unjudged(f"the accounting zone '{judging.accounting_zone}' is no IANA zone")
    dated = [each for each in booked(dossier) if each.document_date is not None]
    if not dated:
        return unjudged("the ERP holds no sales order with a date")
    edits = {edit.at.astimezone(zone).date() for edit in order.edits if edit.at is not None}
    day = order.placed_at.astimezone(zone).date()
    for document in dated:
        seen = document.document_date
        assert seen is not None
        # What an agent added later is of the order's day or of its own.
        if seen != day and seen not in edits:
            return failed(
                "shop",
                document.system,
                expected=f"{day}, {order.placed_at:%Y-%m-%dT%H:%M:%SZ} in {judging.accounting_zone}",
                seen=f"{seen} in {document.ref}" + ("" if _period(seen) == _period(day) else ", another period"),
                cause=_date_cause(seen, order, dossier),
                at_risk=None if _period(seen) == _period(day) else order.total,
            )
    return passed()


def _period(day: date) -> tuple[int, int]:
    return day.year, day.month


def _date_cause(seen: date, order: Order, dossier: Dossier) -> str:
    if seen == order.placed_at.date():
        return "the day was taken in UTC"
    confirmed = [each.at.date() for each in order.history if each.value in ("confirmed", "processing")]
    if seen > order.placed_at.date() and (not confirmed or seen >= min(confirmed)):
        return "the day of the transfer was booked instead of the order's"
    return "the day was taken in another zone"


@oracle(
    "O-E4",
    needs=("erp",),
    formula="NFC(text(k)) == NFC(text(shop)) for names, addresses, identifiers; no number made of them",
)
def same_text(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Look for every text of the order in the ERP's documents, and hold identifiers byte for byte."""
    documents = booked(dossier)
    if not documents:
        return unjudged("the ERP holds no sales order: O-O1 and O-O2 judge that")
    first = documents[0]
    held = _normal("\n".join(_texts(documents)))
    wanted = list(_wanted_texts(order))
    if not held.strip() or not wanted:
        return unjudged("the ERP's documents hold no text of the order")
    for name, text in wanted:
        if not _holds(held, _normal(text)):
            return failed(
                "shop",
                first.system,
                expected=f"{name} {text!r}",
                seen=_nearest(held, _normal(text)),
                cause=_text_cause(held, text),
            )
    return passed()


def _texts(documents: Sequence[Document]) -> Iterator[str]:
    for document in documents:
        yield from document.texts
        for partner in document.partners:
            yield from (partner.name, *partner.lines, f"{partner.postcode} {partner.city}", partner.region or "")


def _wanted_texts(order: Order) -> Iterator[tuple[str, str]]:
    address = order.address
    if order.customer_name:
        yield "customer", order.customer_name
    if address is not None:
        yield "name", address.name
        yield from (("address line", line) for line in address.lines)
        yield "city", address.city
        yield "postcode", address.postcode


def _holds(held: str, text: str) -> bool:
    """Say whether the text stands there as a whole: no letter or digit before or after it."""
    return not text or re.search(rf"(?<!\w){re.escape(text)}(?!\w)", held) is not None


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _nearest(held: str, text: str) -> str:
    """Return the line of the ERP's text that is most like what was looked for."""
    lines = [line for line in held.splitlines() if line.strip()]
    return repr(max(lines, key=lambda line: len({*line} & {*text}) - abs(len(line) - len(text)))[:80])


def _text_cause(held: str, text: str) -> str:
    if text.startswith("0") and _holds(held, text.lstrip("0")):
        return "leading zeros were lost: the text was taken for a number"
    if not text.isascii():
        return "letters were lost in another encoding"
    return "the text was cut or changed on the way"
