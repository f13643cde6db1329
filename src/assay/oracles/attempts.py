"""Judges of purchases that came to no order. O-M1 what was asked of the gateway, O-O1 no order, O-O2 money kept.

A step of the flow that waits for the order fails then, and says nothing of why; gateway and journal do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from assay.events import Finding
from assay.exponents import gateway_exponent, is_decimal, misfit
from assay.money import EXPONENTS, Money, sum_of
from assay.oracles import charge
from assay.oracles.judge import attempt_oracle, failed, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Attempt, Call, Creation, Payment

_POWERS = (-3, -2, -1, 1, 2, 3)
_MOST_DECIMALS = 4
"""No currency and no shop's display has more: what has is a binary fraction."""
_NOT_ASKED = ("product", "estimate")


@attempt_oracle(
    "O-M1", needs=("journal",), formula="amount asked of P == last total shown * 10^exp(P,c), a whole number of units"
)
def asked_minor_units(attempt: Attempt, judging: Judging) -> Finding:
    """Hold every amount a gateway was asked for in this customer's name against the last total they were shown."""
    asked = [each for each in attempt.creations if each.kind == "payment" and each.amount]
    if not asked:
        return unjudged("the journal holds no call that asked a gateway for this customer's money")
    shown = _last_total(attempt)
    units = []
    for each in asked:
        found = _units(each, shown)
        if isinstance(found, Finding):
            return found
        units.append(found)
    if shown is None:
        return unjudged("nothing is recorded of what the customer saw: the flow must call run.saw(place, amount)")
    for each, seen in zip(asked, units, strict=True):
        if (finding := _wrong_scale(each, seen, shown)) is not None:
            return finding
    return passed()


def _units(asked: Creation, shown: Money | None) -> int | Finding:
    """Return what was asked for in the gateway's minor units, or the finding that it is no amount there.

    Some gateways are sent whole minor units, others a decimal text with exactly their decimals; where nobody holds a
    gateway's table, a text that has a decimal point, or that is the number that was shown, is taken for a decimal one.
    """
    currency = asked.currency.upper()
    if currency not in EXPONENTS:
        currency = shown.currency if shown else ""
    decimal = is_decimal(asked.system)
    if not re.fullmatch(r"\d+(\.\d+)?" if decimal is not False else r"\d+", asked.amount) or not currency:
        return int(asked.amount) if asked.amount.isdecimal() else _no_whole_number(asked, shown)
    number = Decimal(asked.amount)
    if decimal is None:
        decimal = "." in asked.amount or (shown is not None and number == shown.amount)
    if not decimal:
        return int(number)
    digits, written = gateway_exponent(asked.system, currency), -int(number.as_tuple().exponent)
    if written > digits or (written < digits and asked.status >= 400 and is_decimal(asked.system)):
        return _written_otherwise(asked, shown, currency, digits, written)
    return int(number.scaleb(digits))


def _last_total(attempt: Attempt) -> Money | None:
    totals = [amount for place, amount in attempt.shown if not place.startswith(_NOT_ASKED)]
    return totals[-1] if totals else None


def _no_whole_number(asked: Creation, shown: Money | None) -> Finding:
    return failed(
        "shop",
        asked.system,
        expected=f"a whole number of minor units{f' for {shown}' if shown else ''}",
        seen=f"amount={asked.amount} asked of {asked.system}, answered {asked.status}",
        cause="the amount was multiplied as a binary fraction (float) and never made a whole number",
        at_risk=shown,
    )


def _written_otherwise(asked: Creation, shown: Money | None, currency: str, digits: int, written: int) -> Finding:
    """Return that a decimal text has other decimals than the gateway takes."""
    float_like = written > _MOST_DECIMALS
    return failed(
        "shop",
        asked.system,
        expected=f"an amount in {currency} with {digits} decimals{f' for {shown}' if shown else ''}",
        seen=f"amount={asked.amount} asked of {asked.system}, answered {asked.status}",
        cause="the amount was multiplied as a binary fraction (float) and never rounded"
        if float_like
        else f"exponent: {currency} was written with {written} decimals, {asked.system} takes {digits}",
        at_risk=shown,
    )


def _wrong_scale(asked: Creation, seen: int, shown: Money) -> Finding | None:
    """Return that more was asked than shown, or another power of ten; less may be paid from elsewhere."""
    currency = shown.currency
    if asked.currency.upper() != currency:
        return None
    expected = charge.gateway_units(shown, asked.system)
    if seen == expected:
        why = misfit(shown, asked.system)
        cause = f"the total was not rounded to what can be charged: {why}" if why and asked.status >= 400 else ""
    else:
        digits = gateway_exponent(asked.system, currency)
        power = next((each for each in _POWERS if abs(seen - expected * Decimal(10) ** each) < 1), None)
        if power is not None:
            cause = f"exponent: {currency} was sent with {digits + power} decimals, {asked.system} counts {digits}"
        else:
            cause = "more was asked for than the customer was shown" if seen > expected else ""
    if not cause:
        return None
    scale = Decimal(1).scaleb(-gateway_exponent(asked.system, currency))
    wrong = charge.difference(seen * scale, shown.amount, currency)
    return failed(
        "shop",
        asked.system,
        expected=f"{expected:f} minor units for the {shown} shown before paying",
        seen=f"{seen} asked of {asked.system}, answered {asked.status}",
        cause=cause,
        at_risk=wrong if wrong and wrong.minor else shown,
    )


@attempt_oracle("O-O2", needs=("payments",), formula="every capture has an order in the shop, or was given back")
def no_money_kept(attempt: Attempt, judging: Judging) -> Finding:
    """Look for money that was taken of this customer and for which the shop made no order."""
    known = {ref for order in attempt.orders for ref in order.payment_refs}
    kept = [each for each in attempt.payments if each.captured.minor > each.refunded.minor and each.ref not in known]
    if not kept:
        return unjudged("no gateway keeps money of this customer without an order")
    limit = judging.slack("payments")
    if attempt.read_at is not None and all(attempt.read_at - each.created_at < limit for each in kept):
        return unjudged(f"the payment is younger than {limit}")
    taken = _worth(kept)
    return failed(
        kept[0].system,
        "shop",
        expected=f"an order in the shop for the {taken or 'money'} taken",
        seen=f"no order, {', '.join(each.ref for each in kept)} captured",
        cause=_why_lost(attempt, kept),
        at_risk=taken,
    )


def _worth(payments: Sequence[Payment]) -> Money | None:
    amounts = [charge.money_at(each.system, each.captured.minor, each.captured.currency) for each in payments]
    known = [each for each in amounts if each is not None]
    if len(known) < len(payments) or len({each.currency for each in known}) > 1:
        return None
    return sum_of(known, known[0].currency)


def _why_lost(attempt: Attempt, kept: Sequence[Payment]) -> str:
    """Say what became of the order, by what the customer and the gateway were answered."""
    if attempt.broken:
        return f"the shop failed after the card was charged ({attempt.broken[0]}), and its order was rolled back"
    events = [each for each in attempt.calls if each.way == "reverse" and _names(each, kept)]
    taken = [each for each in events if each.status < 300]
    if taken:
        return (
            f"the shop took {len(taken)} events about the payment (answered {taken[-1].status}) and made no order of "
            "it: a paid checkout is completed only when the customer comes back"
        )
    if events:
        return f"the shop refused the gateway's events about the payment (answered {events[-1].status})"
    if attempt.missing("journal") is not None:
        return "the order was never made, or rolled back after the card was charged"
    return "the order was never made, and no event about the payment reached the shop"


def _names(call: Call, payments: Sequence[Payment]) -> bool:
    return any(each.ref in call.request_body for each in payments)


@attempt_oracle("O-O1", needs=("shop",), formula="an order in the shop for every purchase the customer was told of")
def told_and_there(attempt: Attempt, judging: Judging) -> Finding:
    """Look for the orders a customer was told they had placed."""
    told = min(attempt.told.count("ordered"), attempt.intended)
    if told <= len(attempt.orders):
        return unjudged("the customer was not told of an order")
    return failed(
        "shop",
        expected=f"{told} orders, as the customer was told",
        seen=str(len(attempt.orders)),
        cause="the order was lost after it was confirmed to the customer",
        at_risk=_last_total(attempt),
    )
