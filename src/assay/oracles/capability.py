"""O-M9: what a shop offers is what its gateways take, and what was offered and chosen was accepted.

Three answers: a gateway takes a currency, it does not, or nobody can say; what nobody can say is never a finding.
Lists of gateways change: a sentence names the day of the list it is from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from assay.events import Finding
from assay.exponents import gateway_exponent, is_decimal, method_takes, minimum, misfit, takes, terms
from assay.money import EXPONENTS, Money, exponent
from assay.oracles import charge
from assay.oracles.judge import attempt_oracle, failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Attempt, Call, Creation, Dossier, Order, PaymentOption

_REFUSED = (400, 422)
_ABOUT_MONEY = re.compile(r"amount|currency|decimal", re.IGNORECASE)
_UNEQUAL = re.compile(r"mismatch", re.IGNORECASE)


@oracle("O-M9", needs=("shop",), formula="offered(currency, amount) subset of supports(P); a method offered accepts")
def offered_is_taken(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold every way to pay that was offered against what its gateway takes, and each refusal against its terms."""
    refused = [each for each in dossier.creations if each.kind == "payment" and each.status in _REFUSED]
    due = charge.due_at_gateways(dossier, order)
    for each in refused:
        if (why := _why_refused(each, due)) is not None:
            return _not_accepted(each, due, why)
    if not dossier.options:
        return unjudged("nothing is recorded of the ways to pay offered: the flow must call run.offered(options)")
    answers = [_answer(option, due, judging) for option in dossier.options]
    for option, answer in zip(dossier.options, answers, strict=True):
        if isinstance(answer, str):
            return failed(
                "shop",
                option.gateway or "shop",
                expected=f"only ways to pay that take {due}",
                seen=f"{option.kind}{f' by {option.gateway}' if option.gateway else ''} was offered",
                cause=answer,
                at_risk=due,
            )
    if not any(answers):
        return unjudged(f"nobody can say whether the ways offered take {due.currency}: their gateways publish no list")
    return passed()


@attempt_oracle("O-M9", needs=("journal",), formula="a method offered for (currency, amount) accepts it")
def offered_accepts(attempt: Attempt, judging: Judging) -> Finding:
    """Look for a gateway that refused the amount or the currency of a way to pay the customer had chosen."""
    refused = [each for each in attempt.creations if each.kind == "payment" and each.status in _REFUSED]
    if not refused:
        return unjudged("no gateway refused what it was asked for")
    totals = [amount for place, amount in attempt.shown if not place.startswith(("product", "estimate"))]
    shown = totals[-1] if totals else None
    for each in refused:
        why = _why_refused(each, shown) or next(_said(each, attempt.calls), None)
        if why is not None:
            return _not_accepted(each, shown, why)
    return unjudged("what the gateway refused it for is neither amount nor currency")


def _answer(option: PaymentOption, due: Money, judging: Judging) -> bool | str:
    """Return True where the way takes the amount, False where nobody can say, or why it does not."""
    if method_takes(option.kind, due.currency) is False:
        return f"{option.kind} takes no {due.currency}, whoever is asked"
    if option.gateway is None:
        return False
    taken = takes(option.gateway, due.currency)
    if taken is False:
        return (
            f"{option.gateway} does not take {due.currency} (its list of {terms(option.gateway, due.currency).listed})"
        )
    if (why := misfit(due, option.gateway)) is not None:
        return f"the total was not rounded to what can be charged: {why}"
    least = minimum(option.gateway, due.currency)
    units = charge.gateway_units(due, option.gateway)
    # The least charge binds where the account settles in that currency, which is known of the base currency alone.
    if least is not None and due.currency == judging.base_currency and 0 < units < least:
        return f"{option.gateway} charges no less than {least} minor units {due.currency}"
    return bool(taken)


def _why_refused(asked: Creation, shown: Money | None) -> str | None:
    """Say by the gateway's own terms why it refused; None where they do not tell."""
    gateway, currency = asked.system, asked.currency.upper()
    if currency not in EXPONENTS:
        return None
    if takes(gateway, currency) is False:
        return f"{gateway} does not take {currency} (its list of {terms(gateway, currency).listed})"
    try:
        number = Decimal(asked.amount)
    except InvalidOperation:
        return None
    digits = gateway_exponent(gateway, currency)
    written = -int(number.as_tuple().exponent)
    if is_decimal(gateway):
        if written > digits:
            return f"exponent: {currency} was written with {written} decimals, {gateway} takes {digits}"
        units = number.scaleb(digits)
    else:
        units = number
    least = minimum(gateway, currency)
    if least is not None and units < least:
        return f"{gateway} charges no less than {least} minor units {currency}"
    if shown is not None and shown.currency == currency and (why := misfit(shown, gateway)) is not None:
        return f"the total was not rounded to what can be charged: {why}"
    return None


def _said(asked: Creation, calls: Iterable[Call]) -> Iterator[str]:
    """Yield that the gateway's own answer speaks of amount or currency; sums that do not add up are O-M5's."""
    for call in calls:
        if (call.system, call.at, call.status) != (asked.system, asked.at, asked.status):
            continue
        if _ABOUT_MONEY.search(call.response_body) and not _UNEQUAL.search(call.response_body):
            currency = asked.currency.upper()
            known = exponent(currency) if currency in EXPONENTS else None
            own = gateway_exponent(asked.system, currency) if known is not None else None
            if own != known:
                yield f"exponent: {asked.system} counts {currency} with {own} decimals and not with {known}"
            yield "the gateway refused the amount or the currency it was offered for"


def _not_accepted(asked: Creation, shown: Money | None, why: str) -> Finding:
    return failed(
        "shop",
        asked.system,
        expected=f"a way to pay that was offered accepts {shown or asked.currency.upper()}",
        seen=f"amount={asked.amount} {asked.currency.upper()} refused with {asked.status}",
        cause=why,
        at_risk=shown,
    )
