"""An order of PayPal's as a payment of ours: what is authorised, captured and refunded, in PayPal's own decimals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from assay.http import Answer
from assay.money import EXPONENTS
from assay.records import GatewayRefund, MinorAmount, Payment

# https://developer.paypal.com/docs/api/reference/currency-codes/: these have no decimals here, whatever ISO 4217 says.
_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_LONGEST_VALUE = 32
_VALUE = re.compile(r"-?(?:[0-9]+|[0-9]*\.[0-9]+)")
_TAKEN = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
HELD = ("COMPLETED", "PARTIALLY_REFUNDED", "PENDING")
"""Something of a capture in such a state can be given back, or will be."""
_LIVE = ("CREATED", "PENDING", "PARTIALLY_CAPTURED")  # an authorisation of which something is still open
_GIVEN_BACK = ("COMPLETED", "PENDING")


def decode_payment(order: Answer) -> Payment:
    """Turn an order into our record; what is authorised, captured and refunded is summed over its purchase units."""
    units = purchase_units(order)
    currency = units[0].text("amount.currency_code")
    captures = [each for unit in units for each in made(unit, "captures")]
    refunds = [_refund(each, currency) for unit in units for each in made(unit, "refunds")]
    taken = sum(minor_units(each, "amount", currency) for each in captures if each.text("status") in _TAKEN)
    custom = next((unit.text("custom_id") for unit in units if unit.has("custom_id")), "")
    invoice = next((unit.text("invoice_id") for unit in units if unit.has("invoice_id")), "")
    checkout, _, purpose = custom.partition("/")
    return Payment(
        system="paypal",
        ref=order.text("id"),
        order_ref=invoice or checkout or None,
        status=order.text("status"),
        amount=MinorAmount(sum(minor_units(unit, "amount", currency) for unit in units), currency),
        captured=MinorAmount(taken, currency),
        refunded=MinorAmount(_refunded(order, captures, refunds, currency), currency),
        created_at=instant(order, "create_time"),
        phase=_phase(order, units, captures),
        capturable=MinorAmount(sum(_open(unit, currency) for unit in units), currency),
        declined=_is_declined(units, captures),
        checkout_ref=checkout or None,
        purpose=purpose,
        customer=order.text_or("payer.email_address", "")
        or order.text_or("payment_source.paypal.email_address", "")
        or None,
        refunds=tuple(refunds),
    )


def _phase(order: Answer, units: Sequence[Answer], captures: Sequence[Answer]) -> str:
    """Return the state of an order in our words: of COMPLETED alone, only its payments tell what was completed."""
    states = {each.text("status") for each in captures}
    authorised = {each.text("status") for unit in units for each in made(unit, "authorizations")}
    if states & set(_TAKEN):
        return "captured"
    if "PENDING" in states:
        return "pending"
    if authorised & {"CREATED", "PARTIALLY_CAPTURED"}:
        return "authorised"
    if "PENDING" in authorised:
        return "pending"
    if order.text("status") == "VOIDED" or "VOIDED" in authorised:
        return "voided"
    return "open"


def _is_declined(units: Sequence[Answer], captures: Sequence[Answer]) -> bool:
    """Say whether the last thing tried on the order was refused."""
    authorisations = [each for unit in units for each in made(unit, "authorizations")]
    tried = list(captures) or authorisations
    return bool(tried) and tried[-1].text("status") in ("DECLINED", "FAILED", "DENIED")


def _refunded(order: Answer, captures: Sequence[Answer], refunds: Sequence[GatewayRefund], currency: str) -> int:
    """Sum what was given back; a capture that was reversed whole may have no refund of its own."""
    if not refunds and any(each.text("status") == "PARTIALLY_REFUNDED" for each in captures):
        order.refuse("purchase_units", "the refunds of a capture that is PARTIALLY_REFUNDED")
    told = sum(each.amount.minor for each in refunds if each.status in _GIVEN_BACK)
    whole = sum(minor_units(each, "amount", currency) for each in captures if each.text("status") == "REFUNDED")
    return max(told, whole)


def purchase_units(order: Answer) -> list[Answer]:
    """Return the purchase units of an order, which has one at least."""
    units = order.items("purchase_units")
    if not units:
        order.refuse("purchase_units", "at least one purchase unit")
    return units


def made(unit: Answer, kind: str) -> list[Answer]:
    """Return a purchase unit's authorizations, captures or refunds in the order of their making."""
    found = unit.items(f"payments.{kind}") if unit.has(f"payments.{kind}") else []
    return sorted(found, key=lambda each: each.text_or("create_time", ""))


def live(unit: Answer) -> list[Answer]:
    """Return the authorisations of a purchase unit of which something is still open."""
    return [each for each in made(unit, "authorizations") if each.text("status") in _LIVE]


def _open(unit: Answer, currency: str) -> int:
    """Return what may still be captured: of the last authorisation, because a renewed one stands for those before."""
    still = [each for each in live(unit) if each.text("status") != "PENDING"]
    if not still:
        return 0
    taken = [each for each in made(unit, "captures") if each.text("status") in (*_TAKEN, "PENDING")]
    held = minor_units(still[-1], "amount", currency)
    return max(held - sum(minor_units(each, "amount", currency) for each in taken), 0)


def _refund(answer: Answer, currency: str) -> GatewayRefund:
    status = answer.text("status")
    return GatewayRefund(
        ref=answer.text("id"),
        status=status,
        amount=MinorAmount(minor_units(answer, "amount", currency), currency),
        created_at=instant(answer, "create_time"),
        settled=status != "PENDING",
    )


def minor_units(answer: Answer, path: str, currency: str) -> int:
    """Return an amount in whole units of PayPal's own decimals; one that does not fit is refused, never rounded."""
    if answer.text(f"{path}.currency_code") != currency:
        answer.refuse(f"{path}.currency_code", f"{currency}, as of the order's first purchase unit")
    if currency not in EXPONENTS:
        answer.refuse(f"{path}.currency_code", "an ISO 4217 currency in circulation")
    text = answer.text(f"{path}.value")
    digits = decimals(currency)
    if len(text) > _LONGEST_VALUE or not _VALUE.fullmatch(text):
        answer.refuse(f"{path}.value", "a decimal text such as 19.90")
    units = Fraction(Decimal(text)) * int(10**digits)
    if units.denominator != 1:
        answer.refuse(f"{path}.value", f"at most {digits} decimals, as PayPal counts {currency}")
    return units.numerator


def decimals(currency: str) -> int:
    """Return with how many decimals PayPal takes a currency of ISO 4217."""
    return 0 if currency in _WHOLE else EXPONENTS[currency]


def written(amount: MinorAmount) -> dict[str, str]:
    """Write an amount as PayPal takes it: a decimal text with its currency."""
    value = Decimal(amount.minor).scaleb(-decimals(amount.currency))
    return {"currency_code": amount.currency, "value": f"{value:f}"}


def instant(answer: Answer, path: str) -> datetime:
    """Read an instant with its offset, as UTC."""
    try:
        at = datetime.fromisoformat(answer.text(path).upper())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        answer.refuse(path, "an instant such as 2026-03-01T00:00:00Z")
    return at.astimezone(UTC)
