"""The settlement details report: a file a batch with everything settled and paid out, in major units and local time.

Follows https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report. A batch
is closed with the payout (``MerchantPayout``) of what it nets to, so that a line's payout is that of its batch.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from assay.connectors.adyen.report import booked_at, minor_units, rows_of, unreadable
from assay.records import BalanceEntry, MinorAmount, Payout

_KINDS = {
    **dict.fromkeys(("settled", "settledbulk", "settledreversed"), "charge"),
    **dict.fromkeys(("refunded", "refundedbulk", "refundedreversed"), "refund"),
    **dict.fromkeys(("chargeback", "secondchargeback", "chargebackreversed"), "chargeback"),
    **dict.fromkeys(("fee", "misccosts", "paymentcost", "invoicededuction"), "fee"),
    **dict.fromkeys(("merchantpayout", "internalcompanypayout"), "payout"),
    **dict.fromkeys(("reserveadjustment", "depositcorrection"), "reserve"),
    # A debt that one batch leaves to the next is an adjustment of both.
    **dict.fromkeys(("balancetransfer", "manualcorrected", "matchedstatement"), "adjustment"),
}
_COSTS = ("commission (nc)", "markup (nc)", "scheme fees (nc)", "interchange (nc)")
_COLUMNS = (
    "merchant account", "psp reference", "merchant reference", "creation date", "timezone", "type",
    "modification reference", "gross currency", "gross debit (gc)", "gross credit (gc)", "exchange rate",
    "net currency", "net debit (nc)", "net credit (nc)", "batch number",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """What one report tells: every movement of the batch, its payouts among them, and those by themselves."""

    entries: tuple[BalanceEntry, ...]
    payouts: tuple[Payout, ...]


def decode_batch(content: bytes, *, account: str, zone: ZoneInfo, name: str) -> Batch:
    """Turn a settlement details report (CSV) into movements and payouts; `InfrastructureError` says line and column."""
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")), restval="")
    reader.fieldnames = [each.strip().lower() for each in reader.fieldnames or ()]
    missing = [column for column in _COLUMNS if column not in reader.fieldnames]
    if missing:
        unreadable(name, 1, expected=f"a column '{missing[0]}'", seen=", ".join(reader.fieldnames)[:120] or "nothing")
    lines = list(_lines(reader, account, zone, name))
    paid_out = {entry.net.currency: entry.ref for entry in lines if entry.kind == "payout"}
    entries = tuple(replace(entry, payout_ref=paid_out.get(entry.net.currency)) for entry in lines)
    return Batch(entries, tuple(_payout(entry) for entry in entries if entry.kind == "payout"))


def _lines(reader: csv.DictReader[str], account: str, zone: ZoneInfo, name: str) -> Iterator[BalanceEntry]:
    for row in rows_of(reader, name):
        if row["merchant account"] == account:
            yield _entry(row, booked_at(row, "creation date", zone, name, reader.line_num), name, reader.line_num)


def _entry(row: Mapping[str, str], at: datetime, name: str, line: int) -> BalanceEntry:
    kind = _KINDS.get(row["type"].lower(), "other")
    net_currency, gross_currency = row["net currency"], row["gross currency"]
    net = _signed(row, "net", "(nc)", net_currency, name, line)
    fee = sum(_units(row, column, net_currency, name, line) for column in _COSTS)
    foreign = kind in ("charge", "refund", "chargeback") and gross_currency not in ("", net_currency)
    presented = _signed(row, "gross", "(gc)", gross_currency, name, line) if foreign else 0
    payment, modification = row["psp reference"] or None, row["modification reference"] or None
    # A line of a payout or of a cost has no payment; without a reference of its own its place in the batch names it.
    own = (payment, modification) if kind == "payout" else (modification, payment)
    ref = next((each for each in own if each), f"batch {row['batch number']} line {line}")
    ordered = kind in ("charge", "refund", "chargeback")
    return BalanceEntry(
        system="adyen",
        ref=ref,
        kind=kind,
        gross=MinorAmount(net + fee, net_currency),
        fee=MinorAmount(fee, net_currency),
        net=MinorAmount(net, net_currency),
        created_at=at,
        payment_ref=payment if ordered else None,
        refund_ref=modification if kind == "refund" else None,
        order_ref=(row["merchant reference"] or None) if ordered else None,
        presented=MinorAmount(presented, gross_currency) if foreign else None,
        rate=_rate(row, name, line) if foreign else None,
    )


def _payout(entry: BalanceEntry) -> Payout:
    return Payout(
        system="adyen",
        ref=entry.ref,
        amount=MinorAmount(-entry.net.minor, entry.net.currency),
        status="in_transit",  # the report is written when Adyen sends the money; when it arrives it never says
        created_at=entry.created_at,
    )


def _signed(row: Mapping[str, str], side: str, unit: str, currency: str, name: str, line: int) -> int:
    """Return credit less debit."""
    debit, credit = (_units(row, f"{side} {word} {unit}", currency, name, line) for word in ("debit", "credit"))
    return credit - debit


def _units(row: Mapping[str, str], column: str, currency: str, name: str, line: int) -> int:
    text = row.get(column, "")
    return minor_units(text, currency, column, name, line) if text.strip() else 0


def _rate(row: Mapping[str, str], name: str, line: int) -> Decimal | None:
    text = row["exchange rate"].strip()
    if not text:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or rate <= 0:
        unreadable(name, line, expected="a rate above 0 in 'exchange rate'", seen=repr(text))
    return rate
