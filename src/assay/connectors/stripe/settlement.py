"""What Stripe settles: balance transactions and payouts, in our words and in Stripe's smallest units.

Follows https://docs.stripe.com/api/balance_transactions, …/payouts and, for the words,
https://docs.stripe.com/reports/reporting-categories.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from assay.http import Answer
from assay.money import exponent
from assay.records import BalanceEntry, MinorAmount, Payout

# `type` of a balance transaction in our words; what is not here is `other`.
_KINDS = {
    **dict.fromkeys(("charge", "payment"), "charge"),
    **dict.fromkeys(("refund", "payment_refund", "refund_failure", "payment_failure_refund"), "refund"),
    **dict.fromkeys(("payment_reversal",), "chargeback"),
    **dict.fromkeys(("stripe_fee", "stripe_fx_fee", "tax_fee", "application_fee", "application_fee_refund"), "fee"),
    **dict.fromkeys(("payout", "payout_cancel", "payout_failure"), "payout"),
    **dict.fromkeys(("reserve_transaction", "reserved_funds"), "reserve"),
    "adjustment": "adjustment",
}
_DISPUTES = ("dispute", "dispute_reversal")
# https://docs.stripe.com/currencies: what Stripe counts otherwise than ISO 4217, once more: a witness borrows nothing.
_DECIMALS = {"ISK": 2, "MGA": 0, "UGX": 2}
_STATUS = {"canceled": "cancelled"}


def decode_entry(entry: Answer, payout_ref: str | None = None) -> BalanceEntry:
    """Turn a balance transaction with its source expanded into our record; payout_ref: in which it was paid out."""
    currency = entry.text("currency").upper()
    gross = MinorAmount(entry.integer("amount"), currency)
    source = entry.at("source") if isinstance(entry.raw.get("source"), dict) else None
    kind = _KINDS.get(entry.text("type"), "other")
    if entry.text_or("reporting_category", "") in _DISPUTES:
        kind = "chargeback"
    presented = _presented(source, gross) if source is not None and kind in ("charge", "refund", "chargeback") else None
    rate = entry.decimal("exchange_rate") if entry.has("exchange_rate") else None
    converted = presented is not None and presented.currency != currency
    return BalanceEntry(
        system="stripe",
        ref=entry.text("id"),
        kind=kind,
        gross=gross,
        fee=MinorAmount(entry.integer("fee"), currency),
        net=MinorAmount(entry.integer("net"), currency),
        created_at=_instant(entry, "created"),
        payment_ref=_named(source, "payment_intent"),
        refund_ref=_named(source, "id") if source is not None and source.raw.get("object") == "refund" else None,
        order_ref=_named(source, "metadata.order_id"),
        presented=presented if converted else None,
        rate=_major(rate, presented, gross) if rate is not None and converted else None,
        payout_ref=payout_ref or (_named(source, "id") or _plain(entry, "source") if kind == "payout" else None),
        available_at=_instant(entry, "available_on") if entry.has("available_on") else None,
    )


def decode_payout(answer: Answer) -> Payout:
    """Turn a payout into our record."""
    status = answer.text("status")
    return Payout(
        system="stripe",
        ref=answer.text("id"),
        amount=MinorAmount(answer.integer("amount"), answer.text("currency").upper()),
        status=_STATUS.get(status, status),
        created_at=_instant(answer, "created"),
        arrives_on=_day(answer, "arrival_date") if answer.has("arrival_date") else None,
    )


def _presented(source: Answer, gross: MinorAmount) -> MinorAmount | None:
    """Return what the customer paid or got back, with the sign of the booking."""
    if not source.has("amount") or not source.has("currency"):
        return None
    amount = abs(source.integer("amount"))
    return MinorAmount(amount if gross.minor >= 0 else -amount, source.text("currency").upper())


def _major(rate: Decimal, presented: MinorAmount | None, gross: MinorAmount) -> Decimal | None:
    """Return the rate between whole units of both currencies.

    Stripe says amount times rate is amount, and amounts count smallest units; whether the rate does where the two have
    other decimals it does not say. The reading that leads nearer to the settled amount is taken.
    """
    if presented is None:
        return None
    shift = _decimals(presented.currency) - _decimals(gross.currency)
    readings = (rate.scaleb(shift), rate)
    return min(readings, key=lambda each: abs(presented.minor * each.scaleb(-shift) - gross.minor))


def _decimals(currency: str) -> int:
    return _DECIMALS.get(currency, exponent(currency))


def _named(source: Answer | None, path: str) -> str | None:
    """Return a reference out of the source, whether Stripe shows the object itself or its id."""
    if source is None:
        return None
    found = source.at(path).text("id") if isinstance(_value(source, path), dict) else source.text_or(path, "")
    return found or None


def _value(source: Answer, path: str) -> object:
    value = source.raw
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _plain(entry: Answer, path: str) -> str | None:
    value = entry.raw.get(path)
    return value if isinstance(value, str) else None


def _instant(answer: Answer, path: str) -> datetime:
    return datetime.fromtimestamp(answer.integer(path), UTC)


def _day(answer: Answer, path: str) -> date:
    return _instant(answer, path).date()
