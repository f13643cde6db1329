"""Adyen's settlement details report: a file a batch, as movements and the payout that closes it.

Follows https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal

from mocks.merchant.clients.settled import Movement, PaidOut

_VENDOR = "adyen"
_KINDS = {
    "settled": "charge",
    "settledreversed": "charge reversed",
    "refunded": "refund",
    "refundedreversed": "refund reversed",
    "chargeback": "chargeback",
    "chargebackreversed": "chargeback",
    "fee": "fee",
    "merchantpayout": "payout",
}
_COSTS = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")


def movements(report: str) -> tuple[list[Movement], list[PaidOut]]:
    """Return the movements and payouts of a batch."""
    moved: list[Movement] = []
    paid: list[PaidOut] = []
    for place, row in enumerate(csv.DictReader(io.StringIO(report)), 1):
        kind = _KINDS.get(row["Type"].lower(), "other")
        net, currency = _signed(row, "Net", "NC"), row["Net Currency"]
        fee = sum((_number(row, column) for column in _COSTS), Decimal(0))
        own = row["Modification Reference"] or row["Psp Reference"]
        batch = row["Batch Number"]
        if kind == "payout":
            paid.append(PaidOut(_VENDOR, row["Psp Reference"] or own, -net, currency))
        of_order = kind.split()[0] in ("charge", "refund")
        foreign = of_order and row["Gross Currency"] not in ("", currency)
        moved.append(
            Movement(
                gateway=_VENDOR,
                reference=own if of_order else f"{batch}-{place}",
                kind=kind,
                gross=net + fee,
                fee=fee,
                currency=currency,
                presented=_signed(row, "Gross", "GC") if foreign else net + fee,
                ordered=row["Gross Currency"] if foreign else currency,
                payment=row["Psp Reference"] or None,
                refund=own if kind.startswith("refund") else None,
                number=row["Merchant Reference"] or None,
                text=own or f"batch {batch} line {place + 1}",
            )
        )
    return moved, paid


def _signed(row: Mapping[str, str], side: str, unit: str) -> Decimal:
    return _number(row, f"{side} Credit ({unit})") - _number(row, f"{side} Debit ({unit})")


def _number(row: Mapping[str, str], column: str) -> Decimal:
    text = (row.get(column) or "").strip()
    return Decimal(text) if text else Decimal(0)
