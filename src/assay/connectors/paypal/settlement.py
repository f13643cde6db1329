"""What PayPal moves between its accounts and banks: transactions of Transaction Search as movements and payouts.

The words follow https://developer.paypal.com/docs/transaction-search/transaction-event-codes/, the signs
transaction_amount and fee_amount of the API: what this account gets is above nothing, a fee below.
"""

from __future__ import annotations

from assay.connectors.paypal.decoding import instant, minor_units
from assay.http import Answer
from assay.records import BalanceEntry, MinorAmount, Payout

# Groups of event codes in our words; what is not here is `other`.
_KINDS = {
    "T00": "charge",
    "T01": "fee",
    "T02": "conversion",
    "T04": "payout",
    "T11": "refund",
    "T12": "chargeback",
    "T15": "reserve",
    "T19": "adjustment",
    "T21": "reserve",
}
# Of the reversals: fees, holds and deposits, which are no refund of a payment.
_OTHERWISE = {"T1101": "other", "T1104": "other", "T1105": "reserve", "T1108": "fee", "T1109": "fee"}
_HOLDS = {"T1110": "reserve", "T1111": "reserve"}
# https://developer.paypal.com/docs/api/transaction-search/v1/: S succeeded, V succeeded and was reversed later.
_MOVED = ("S", "V")
_STATUS = {"S": "paid", "P": "pending", "D": "failed", "V": "cancelled"}


def has_moved(info: Answer) -> bool:
    """Say whether a transaction moved a balance: not while it is pending, nor when it was denied."""
    return info.text_or("transaction_status", "S") in _MOVED


def captured_in(info: Answer) -> str:
    """Return the capture a transaction is, or gives back; nothing where it belongs to none."""
    kind = _kind(info)
    if kind == "charge":
        return info.text("transaction_id")
    if kind in ("refund", "chargeback") and info.text_or("paypal_reference_id_type", "TXN") == "TXN":
        return info.text_or("paypal_reference_id", "")
    return ""


def decode_entry(info: Answer, payment_ref: str | None) -> BalanceEntry:
    """Turn a transaction into our record; payment_ref: the order (Orders v2) it belongs to."""
    kind = _kind(info)
    gross = _amount(info, "transaction_amount")
    fee = -_amount(info, "fee_amount").minor if info.has("fee_amount.value") else 0
    ref = info.text("transaction_id")
    custom = info.text_or("custom_field", "").partition("/")[0]
    return BalanceEntry(
        system="paypal",
        ref=ref,
        kind=kind,
        gross=gross,
        fee=MinorAmount(fee, gross.currency),
        net=MinorAmount(gross.minor - fee, gross.currency),
        created_at=instant(info, "transaction_initiation_date"),
        payment_ref=payment_ref,
        refund_ref=ref if kind == "refund" else None,
        order_ref=info.text_or("invoice_id", "") or custom or None,
        payout_ref=ref if kind == "payout" else None,
    )


def decode_payout(info: Answer) -> Payout | None:
    """Turn a withdrawal into a payout; None for every other transaction."""
    if _kind(info) != "payout":
        return None
    amount = _amount(info, "transaction_amount")
    return Payout(
        system="paypal",
        ref=info.text("transaction_id"),
        amount=MinorAmount(-amount.minor, amount.currency),
        status=_STATUS.get(info.text_or("transaction_status", "S"), "pending"),
        created_at=instant(info, "transaction_initiation_date"),
    )


def _kind(info: Answer) -> str:
    code = info.text_or("transaction_event_code", "")
    return {**_OTHERWISE, **_HOLDS}.get(code) or _KINDS.get(code[:3], "other")


def _amount(info: Answer, path: str) -> MinorAmount:
    currency = info.text(f"{path}.currency_code")
    return MinorAmount(minor_units(info, path, currency), currency)
