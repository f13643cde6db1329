"""Money oracles. O-M1 what was charged, O-M3 what was shown."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from assay.events import Finding
from assay.exponents import gateway_exponent, misfit
from assay.money import Money
from assay.oracles import charge
from assay.oracles.cause import UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Order, Payment

_POWERS = (-3, -2, -1, 1, 2, 3)
_AFTER_PAY = ("confirmation", "message", "mail", "e-mail", "order", "account", "invoice")
_NO_TOTAL = ("product", "estimate")
_PAY_PAGE = "payment"
_WALLET = "wallet"


@oracle("O-M1", needs=("payments",), formula="captured_minor(P,c) == total(o) * 10^exp(P,c)")
def charged_minor_units(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold every successful charge against the order's total in the gateway's own minor units."""
    charged = charge.captured(dossier)
    if not charged:
        return unjudged("nothing is captured yet")
    gateways = sorted({payment.system for payment in charged})
    currency = order.total.currency
    if any(payment.captured.currency != currency for payment in charged):
        return unjudged("captured in another currency than the order's: O-M2 judges that")
    if len(gateways) > 1:
        return unjudged("captured by several gateways: O-O3 sums over tenders")
    gateway = gateways[0]
    if charge.is_exception(dossier, order):
        return unjudged("the shop holds the order and does not call it paid: O-P4 judges that")
    due = charge.due_at_gateways(dossier, order)
    expected = charge.gateway_units(due, gateway)
    seen = charge.total_captured(charged)
    if charge.is_due(seen, expected, order, gateway) or all(payment.captured.minor == expected for payment in charged):
        why = misfit(due, gateway)
        return passed() if why is None else _not_chargeable(due, gateway, seen, why)
    scale = Decimal(1).scaleb(-gateway_exponent(gateway, currency))
    cause = _charge_cause(seen, expected, order, gateway)
    return failed(
        "shop",
        gateway,
        expected=f"{expected:f} minor units for {due}",
        seen=f"{seen} minor units",
        cause=charge.NOT_COMPARED
        if cause.startswith(UNKNOWN) and charge.taken_in_part(charged, expected, order)
        else cause,
        at_risk=charge.difference(seen * scale, due.amount, currency),
    )


def _not_chargeable(due: Money, gateway: str, seen: int, why: str) -> Finding:
    return failed(
        "shop",
        gateway,
        expected="an amount the gateway can charge",
        seen=f"{due}, charged as {seen} minor units",
        cause=f"the total was not rounded to what can be charged: {why}",
    )


def _charge_cause(seen: int, expected: Decimal, order: Order, gateway: str) -> str:
    currency, digits = order.total.currency, gateway_exponent(gateway, order.total.currency)
    for power in _POWERS:
        if expected and seen == expected * Decimal(10) ** power:
            return f"exponent: {currency} was sent with {digits + power} decimals, {gateway} counts {digits}"
    scale = Decimal(1).scaleb(-digits)
    return money_cause(
        seen * scale,
        expected * scale,
        step=scale,
        rate=order.rate.value if order.rate else None,
        tax_rates=charge.tax_rates(order),
    )


@oracle("O-M3", needs=("payments",), formula="charged == last amount shown before pay == every amount shown after it")
def displayed_equals_charged(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the charge against what the customer saw, and each article's page against its line."""
    if not dossier.shown:
        return unjudged("nothing is recorded of what the customer saw: the flow must call run.saw(place, amount)")
    for place, amount in dossier.shown:
        if place.startswith("product") and (finding := _page_price(place, amount, order)) is not None:
            return finding
    totals = [pair for pair in dossier.shown if not pair[0].startswith(_NO_TOTAL)]
    if (finding := _other_number(totals, order)) is not None:
        return finding
    charged = [each for each in dossier.payments if charge.is_charged(each)]
    asked = [each for each in charged if not each.purpose]
    if not asked or not totals:
        return unjudged("no charge, or no total the customer saw: nothing to compare")
    before = [pair for pair in totals if not pair[0].startswith(_AFTER_PAY)]
    after = [pair for pair in totals if pair[0].startswith(_AFTER_PAY)]
    elsewhere = order.total - charge.due_at_gateways(dossier, order)
    for place, amount in (*before[-1:], *after):
        # What is shown after an agent's edit holds its extra charge, too.
        extended = charged if order.edits and (place, amount) in after else asked
        if not (_is_asked(amount, elsewhere, asked) or _is_asked(amount, elsewhere, extended)):
            units = ", ".join(f"{each.amount.minor} minor units {each.amount.currency}" for each in asked)
            return failed(
                "shop",
                asked[0].system,
                expected=f"the {amount} shown on '{place}'",
                seen=units,
                cause=_shown_cause(amount, asked, order),
            )
    return passed()


def _other_number(totals: Sequence[tuple[str, Money]], order: Order) -> Finding | None:
    """Hold what a wallet's sheet or a pay page asks for against the totals shown beside it."""
    for at, (place, amount) in enumerate(totals):
        if place.startswith(_WALLET):
            beside = [*totals[:at][-1:], *totals[at + 1 :][:1]]
            if beside and all(amount != other for _, other in beside):
                return _unlike(place, amount, beside[0], order)
        elif place.startswith(_PAY_PAGE) and at and amount.currency != order.total.currency:
            before = totals[at - 1]
            if before[1].currency == order.total.currency and before[1].amount == amount.amount:
                return _unlike(place, amount, before, order)
    return None


def _unlike(place: str, amount: Money, beside: tuple[str, Money], order: Order) -> Finding:
    where, shown = beside
    if amount.currency == shown.currency:
        step, rate = charge.step_of(shown.currency), order.rate.value if order.rate else None
        cause = money_cause(amount.amount, shown.amount, step=step, rate=rate)
    elif amount.amount == shown.amount:
        cause = "not converted (none): the code was switched and the number kept"
    else:
        cause = f"'{place}' is in another currency than the rest of the purchase"
    return failed(
        "shop", expected=f"the {shown} shown on '{where}'", seen=f"{amount} on '{place}'", cause=cause, at_risk=shown
    )


def _page_price(place: str, amount: Money, order: Order) -> Finding | None:
    sku = place.removeprefix("product").strip(" :")
    prices = [line.unit_price for line in order.lines if line.unit_price is not None and sku in ("", line.sku)]
    if not prices or amount in prices:
        return None
    price = prices[0]
    if price.currency != amount.currency:
        cause = "the page was shown in another currency than the order's"
    else:
        cause = money_cause(price.amount, amount.amount, step=charge.step_of(price.currency), units=1)
        if cause.startswith(UNKNOWN) and _is_rounded_up(price, amount):
            cause = "a rounding rule was applied to the price once more after it was shown"
    return failed("shop", expected=f"the {amount} shown on '{place}'", seen=f"{price} in the order", cause=cause)


def _is_rounded_up(price: Money, shown: Money) -> bool:
    """Say whether a price is a round one, as 5.00 or 9.50, that lies less than that above what was shown."""
    return any(
        price.minor % fives == 0 and shown.minor % fives and 0 < price.minor - shown.minor < fives
        for fives in (500, 50, 5)
    )


def _is_asked(shown: Money, elsewhere: Money, asked: Sequence[Payment]) -> bool:
    """Say whether these payments took what was shown, less what was paid from elsewhere."""
    if shown.currency != elsewhere.currency or any(each.amount.currency != shown.currency for each in asked):
        return False
    due = shown - elsewhere
    if all(each.amount.minor == charge.gateway_units(due, each.system) for each in asked):
        return True
    taken = [Decimal(each.amount.minor).scaleb(-gateway_exponent(each.system, shown.currency)) for each in asked]
    return sum(taken) == due.amount


def _shown_cause(shown: Money, asked: list[Payment], order: Order) -> str:
    currencies = {each.amount.currency for each in asked}
    if currencies != {shown.currency}:
        return f"charged in {', '.join(sorted(currencies))}, shown in {shown.currency}"
    digits = gateway_exponent(asked[0].system, shown.currency)
    seen = Decimal(sum(each.amount.minor for each in asked)).scaleb(-digits)
    rate = order.rate.value if order.rate else None
    return money_cause(
        seen, shown.amount, step=charge.step_of(shown.currency), rate=rate, units=sum(1 for _ in order.lines)
    )
