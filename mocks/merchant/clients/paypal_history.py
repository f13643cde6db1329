"""What PayPal moved: transactions of Transaction Search, as movements and payouts.

Follows https://developer.paypal.com/docs/api/transaction-search/v1/ and, for the codes,
https://developer.paypal.com/docs/transaction-search/transaction-event-codes/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.settled import Movement, PaidOut

_VENDOR = "paypal"
# Groups of event codes; what is told apart no further goes by "other".
_KINDS = {"T00": "charge", "T01": "fee", "T02": "conversion", "T04": "payout", "T11": "refund", "T12": "chargeback"}
_NO_REFUNDS = ("T1101", "T1104", "T1105", "T1108", "T1109", "T1110", "T1111")
_MOVED = ("S", "V")


def movements(details: Iterable[Mapping[str, Any]]) -> tuple[list[Movement], list[PaidOut]]:
    """Return the movements and payouts of a history; what is pending or was denied is neither."""
    moved: list[Movement] = []
    paid: list[PaidOut] = []
    for each in details:
        info = each["transaction_info"]
        if info.get("transaction_status", "S") not in _MOVED:
            continue
        amount = info["transaction_amount"]
        gross, currency = Decimal(amount["value"]), str(amount["currency_code"])
        kind = _kind(str(info.get("transaction_event_code") or ""))
        reference = str(info["transaction_id"])
        if kind == "payout":
            paid.append(PaidOut(_VENDOR, reference, -gross, currency))
        of_order = info.get("paypal_reference_id_type") == "ODR"
        moved.append(
            Movement(
                gateway=_VENDOR,
                reference=reference,
                kind=kind,
                gross=gross,
                fee=-Decimal((info.get("fee_amount") or {}).get("value") or 0),
                currency=currency,
                presented=gross,
                ordered=currency,
                payment=str(info.get("paypal_reference_id")) if of_order else None,
                refund=reference if kind == "refund" else None,
                number=str(info.get("invoice_id") or "") or None,
            )
        )
    return moved, paid


def _kind(code: str) -> str:
    return "other" if code in _NO_REFUNDS else _KINDS.get(code[:3], "other")
