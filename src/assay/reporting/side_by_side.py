"""One order as each system tells it, side by side: facts in rows, records in columns, what differs marked.

A cell differs when it can be compared word for word (number, currency, lines, tracking) and disagrees with the shop, or
when an oracle failed on that fact in that system. Amounts are never compared here: how a gateway counts and what an ERP
calls its total is the oracles' knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from assay.events import Finding
from assay.records import Document, Dossier, Line, MinorAmount, Order, Payment, Shipment
from assay.reporting.text import clip, instant, plural

MOST_COLUMNS = 10
_LONGEST = 120
_MOST_LINES = 12
_NONE = "none held"
_ROWS = (
    "Reference", "Order number", "Status", "Currency", "Total", "Tax", "Shipping", "Discount", "Captured", "Refunded",
    "Lines", "Tracking", "Weight", "Placed or created", "Document date", "Last scan", "Delivered",
)  # fmt: skip
_COMPARED = frozenset({"Order number", "Currency", "Lines", "Tracking"})
# The fact each oracle speaks of, where it speaks of one.
_SUBJECT = {
    "O-M1": "Captured", "O-M2": "Currency", "O-M3": "Total", "O-M5": "Total", "O-M6": "Refunded", "O-O1": "Reference",
    "O-O2": "Reference", "O-O3": "Captured", "O-O4": "Status", "O-O6": "Lines", "O-O11": "Total", "O-K1": "Weight",
    "O-K4": "Tracking", "O-K5": "Status", "O-E2": "Total", "O-E3": "Document date", "O-P1": "Captured",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One record: whose it is, what kind, and which failed oracles name its system."""

    system: str
    kind: str
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One cell; `mark` is fail (an oracle failed on it), differs, or empty, and `why` says it in words."""

    text: str
    mark: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The table of one order. `unread` are witnesses that could not be read, `left_out` counts records not shown."""

    order_ref: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Fact, ...]], ...]
    unread: tuple[tuple[str, str], ...] = ()
    left_out: int = 0


def side_by_side(dossier: Dossier, violated: Sequence[Finding]) -> SideBySide:
    """Lay the records of one order side by side; `violated` are the findings that failed on it."""
    records: list[tuple[str, str, str, dict[str, str]]] = []
    if dossier.order:
        records.append(("shop", dossier.order.system, "order", _of_order(dossier.order)))
    records += [("payments", each.system, "payment", _of_payment(each)) for each in dossier.payments]
    records += [("erp", each.system, each.kind.replace("_", " "), _of_document(each)) for each in dossier.documents]
    records += [("carrier", each.system, "parcel", _of_shipment(each)) for each in dossier.shipments]
    shown = records[:MOST_COLUMNS]
    failed = [_failed_in(violated, role, system) for role, system, _, _ in shown]
    columns = tuple(
        Column(clip(system, _LONGEST), clip(kind, _LONGEST), tuple(sorted({each.oracle for each in found})))
        for (_, system, kind, _), found in zip(shown, failed, strict=True)
    )
    truth = _truth(dossier.order)
    rows = []
    for name in _ROWS:
        if any(facts.get(name) for _, _, _, facts in shown):
            cells = tuple(
                _fact(name, facts, truth, found) for (_, _, _, facts), found in zip(shown, failed, strict=True)
            )
            rows.append((name, cells))
    unread = tuple((role, clip(why, 300)) for role, why in dossier.unread)
    number = clip(dossier.order.number, _LONGEST) if dossier.order else "unknown to the shop"
    return SideBySide(number, columns, tuple(rows), unread, len(records) - len(shown))


def _truth(order: Order | None) -> dict[str, set[str]]:
    """Return what the compared facts may say; a system may hold the shop's number of an order or its reference."""
    if order is None:
        return {}
    facts = _of_order(order)
    return {name: {facts[name], facts["Reference"]} if name == "Order number" else {facts[name]} for name in _COMPARED}


def _fact(name: str, facts: Mapping[str, str], truth: Mapping[str, set[str]], violated: Sequence[Finding]) -> Fact:
    text = facts.get(name, "")
    oracles = sorted({finding.oracle for finding in violated if _SUBJECT.get(finding.oracle) == name})
    if text and oracles:
        return Fact(text, "fail", ", ".join(oracles))
    expected = truth.get(name, set()) - {""}
    if text and text != _NONE and expected and text not in expected:
        return Fact(text, "differs", "differs from the shop")
    return Fact(text)


def _failed_in(violated: Sequence[Finding], role: str, system: str) -> list[Finding]:
    # The shop is every oracle's measure and named in most findings: what is wrong stands in the other system.
    return [
        finding
        for finding in violated
        if not {system, role}.isdisjoint(finding.systems) and (role != "shop" or len(finding.systems) == 1)
    ]


def _of_order(order: Order) -> dict[str, str]:
    facts = {
        "Reference": order.ref,
        "Order number": order.number,
        "Status": f"{order.status}, payment {order.payment_status}" if order.payment_status else order.status,
        "Currency": order.total.currency,
        "Total": str(order.total),
        "Tax": str(order.tax or ""),
        "Shipping": str(order.shipping or ""),
        "Discount": str(order.discount or ""),
        "Lines": _lines(order.lines),
        "Tracking": ", ".join(order.tracking_numbers),
        "Placed or created": instant(order.placed_at),
    }
    return _clipped(facts)


def _of_payment(payment: Payment) -> dict[str, str]:
    facts = {
        "Reference": payment.ref,
        "Order number": payment.order_ref or _NONE,
        "Status": payment.status,
        "Currency": payment.amount.currency.upper(),
        "Total": _counted(payment.amount),
        "Captured": _counted(payment.captured),
        "Refunded": _counted(payment.refunded) if payment.refunded.minor else "",
        "Placed or created": instant(payment.created_at),
    }
    return _clipped(facts)


def _of_document(document: Document) -> dict[str, str]:
    total = f"{document.total:f} {document.currency or ''}".strip() if document.total is not None else ""
    facts = {
        "Reference": f"{document.ref} (of {document.parent_ref})" if document.parent_ref else document.ref,
        "Order number": document.order_ref or _NONE,
        "Status": document.status,
        "Currency": document.currency or "",
        "Total": total,
        "Lines": _lines(document.lines),
        "Placed or created": instant(document.created_at),
        "Document date": document.document_date.isoformat() if document.document_date else "",
    }
    return _clipped(facts)


def _of_shipment(shipment: Shipment) -> dict[str, str]:
    last = max(shipment.events, key=lambda event: event.at, default=None)
    facts = {
        "Reference": shipment.ref,
        "Order number": shipment.order_ref or _NONE,
        "Status": f"{shipment.status} ({shipment.status_code})" if shipment.status_code else shipment.status,
        "Tracking": shipment.tracking_number,
        "Weight": f"{shipment.weight_g:,} g" if shipment.weight_g is not None else "",
        "Last scan": f"{last.text} ({instant(last.at)})" if last else "",
        "Delivered": instant(shipment.delivered_at),
    }
    return _clipped(facts)


def _lines(lines: Sequence[Line]) -> str:
    """Return SKU times quantity as one sorted text, so that two systems' lines compare as multisets."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.sku] = sums.get(line.sku, Decimal(0)) + line.quantity
    told = [f"{sku} × {quantity.normalize():f}" for sku, quantity in sorted(sums.items())]
    more = [f"and {plural(len(told) - _MOST_LINES, 'more article')}"] if len(told) > _MOST_LINES else []
    return ", ".join(told[:_MOST_LINES] + more)


def _counted(amount: MinorAmount) -> str:
    return f"{amount.minor:,} minor units {amount.currency.upper()}"


def _clipped(facts: Mapping[str, str]) -> dict[str, str]:
    # Lines are compared as a whole and shown at length; everything else is one fact.
    return {name: clip(text, 4 * _LONGEST if name == "Lines" else _LONGEST) for name, text in facts.items()}
