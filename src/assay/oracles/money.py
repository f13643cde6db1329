"""Money oracles. O-M1 charge, O-M2 currency, O-M3 what was shown, O-M5 how the total is composed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from assay.errors import UsageError
from assay.events import Finding
from assay.exponents import charge_step, gateway_exponent, misfit
from assay.money import Money, exponent, sum_of
from assay.oracles import charge
from assay.oracles.cause import UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Document, Dossier, Line, Order, Payment
from assay.rounding import Composition, Item, Rounding, compose

_POWERS = (-3, -2, -1, 1, 2, 3)
_AFTER_PAY = ("confirmation", "message", "mail", "e-mail", "order", "account")


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
    due = charge.due_at_gateways(dossier, order)
    expected = charge.gateway_units(due, gateway)
    seen = charge.total_captured(charged)
    if _is_due(seen, expected, order, gateway) or all(payment.captured.minor == expected for payment in charged):
        why = misfit(due, gateway)
        return passed() if why is None else _not_chargeable(due, gateway, seen, why)
    scale = Decimal(1).scaleb(-gateway_exponent(gateway, currency))
    return failed(
        "shop",
        gateway,
        expected=f"{expected:f} minor units for {due}",
        seen=f"{seen} minor units",
        cause=_charge_cause(seen, expected, order, gateway),
        at_risk=charge.difference(seen * scale, due.amount, currency),
    )


def _is_due(seen: int, expected: Decimal, order: Order, gateway: str) -> bool:
    """Say whether the charge is the total, or the total without what was cancelled before it was captured."""
    if seen == expected:
        return True
    cancelled = charge.cancelled_lines(order)
    if not cancelled:
        return False
    without = charge.cancelled_value(order)
    slack = charge.gateway_units(Money(len(cancelled), without.currency), gateway)
    return abs(seen - (expected - charge.gateway_units(without, gateway))) <= slack


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
        tax_rates=_tax_rates(order),
    )


@oracle("O-M2", needs=("payments", "erp"), formula="currency(order) == currency(payment) == currency(ERP document)")
def one_currency(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold every system's currency against the order's, or against the one it is declared to book in."""
    held = list(_currencies(dossier, order, judging))
    if not held:
        return unjudged("no other system holds an amount of this order yet")
    for system, what, expected, seen in held:
        if seen != expected:
            return failed(
                "shop",
                system,
                expected=f"{expected} in {what}",
                seen=str(seen),
                cause=f"the currency of the order ({order.total.currency}) was not handed over with the amount",
                at_risk=order.total,
            )
    for document in dossier.documents:
        booked = judging.booked_currency.get(document.system)
        if document.kind != "sales_order" or booked is None or booked == order.total.currency:
            continue
        if (finding := _tied_by_rate(document, order, booked)) is not None:
            return finding
    return passed()


def _currencies(dossier: Dossier, order: Order, judging: Judging) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield (system, what, expected, seen) of every amount somebody holds."""
    currency = order.total.currency
    for payment in dossier.payments:
        yield payment.system, f"payment {payment.ref}", currency, payment.amount.currency
        if payment.captured.minor:
            yield payment.system, f"what was captured of {payment.ref}", currency, payment.captured.currency
    for document in dossier.documents:
        if document.kind == "sales_order" and document.total is not None:
            booked = judging.booked_currency.get(document.system, currency)
            yield document.system, f"{document.kind} {document.ref}", booked, document.currency
    for line in order.lines:
        if line.unit_price is not None and line.unit_price.currency != currency:
            yield order.system, f"line {line.sku}", currency, line.unit_price.currency


def _tied_by_rate(document: Document, order: Order, booked: str) -> Finding | None:
    """Hold a document in another currency against the order by the order's own rate; None where it is tied."""
    rate = order.rate
    if document.total is None:
        return None
    if rate is None or rate.value is None or rate.base != booked:
        return unjudged(f"{document.system} books in {booked}, and the order discloses no rate to it")
    net = order.total.amount - (order.tax.amount if order.tax else 0)
    expected = net / rate.value
    slack = _step(booked) * (len(order.lines) + 1)
    if min(abs(document.total - expected), abs(document.total - order.total.amount / rate.value)) <= slack:
        return None
    return failed(
        "shop",
        document.system,
        expected=f"{expected:.2f} {booked} net for {order.total} at {rate.value}",
        seen=f"{document.total:f} {document.currency} in {document.ref}",
        cause=money_cause(document.total, expected, step=_step(booked), rate=rate.value),
    )


@oracle("O-M3", needs=("payments",), formula="charged == last amount shown before pay == every amount shown after it")
def displayed_equals_charged(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the charge against what the customer saw, and each article's page against its line."""
    if not dossier.shown:
        return unjudged("nothing is recorded of what the customer saw: the flow must call run.saw(place, amount)")
    for place, amount in dossier.shown:
        if place.startswith("product") and (finding := _page_price(place, amount, order)) is not None:
            return finding
    totals = [pair for pair in dossier.shown if not pair[0].startswith(("product", "estimate"))]
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


def _page_price(place: str, amount: Money, order: Order) -> Finding | None:
    sku = place.removeprefix("product").strip(" :")
    prices = [line.unit_price for line in order.lines if line.unit_price is not None and sku in ("", line.sku)]
    if not prices or amount in prices:
        return None
    price = prices[0]
    if price.currency != amount.currency:
        cause = "the page was shown in another currency than the order's"
    else:
        cause = money_cause(price.amount, amount.amount, step=_step(price.currency), units=1)
        if cause.startswith(UNKNOWN) and _is_rounded_up(price, amount):
            cause = "a rounding rule was applied to the price once more after it was shown"
    return failed("shop", expected=f"the {amount} shown on '{place}'", seen=f"{price} in the order", cause=cause)


def _is_rounded_up(price: Money, shown: Money) -> bool:
    """Say whether a price is a round one, as 5.00 or 9.50, that lies less than that above what was shown."""
    return any(
        price.minor % fives == 0 and shown.minor % fives and 0 < price.minor - shown.minor < fives
        for fives in (500, 50, 5)
    )


def _is_asked(shown: Money, elsewhere: Money, asked: list[Payment]) -> bool:
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
    return money_cause(seen, shown.amount, step=_step(shown.currency), rate=rate, units=sum(1 for _ in order.lines))


@oracle("O-M5", needs=("shop",), formula="total == sum(lines) + shipping + tax - discounts under the declared rounding")
def composed_total(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Compose the total again from unit prices, quantities and tax rates under the declared policy."""
    policy = judging.rounding
    if policy is None:
        return unjudged("no rounding is declared: policies.rounding in the profile")
    if order.shipping is None or any(line.unit_price is None or line.tax_rate is None for line in order.lines):
        return unjudged("the shop does not show prices and tax rates of every line and of shipping")
    if order.edits:
        return _edited_total(order, policy)
    gateways = {payment.system for payment in dossier.payments}
    currency = order.total.currency
    cash = {currency: str(max([charge_step(each, currency) for each in gateways] + [_step(currency)]))}
    try:
        whole = compose(
            [_item(line) for line in order.lines],
            _shipping_item(order),
            order.discount.amount if order.discount else Decimal(0),
            policy.with_cash(cash),
            currency,
        )
    except UsageError as error:
        return failed("shop", expected="lines that make a basket", seen=error.message, cause="the order is no basket")
    for what, expected, seen in _compared(order, whole, policy):
        if expected != seen:
            return _wrong_part(order, what, expected, seen)
    return passed()


def _item(line: Line) -> Item:
    assert line.unit_price is not None
    assert line.tax_rate is not None
    return Item(line.unit_price.amount, line.quantity, line.tax_rate)


def _shipping_item(order: Order) -> Item | None:
    if order.shipping is None:
        return None
    rate = order.shipping_tax_rate
    return Item(order.shipping.amount, Decimal(1), Decimal(0) if rate is None else rate)


def _compared(order: Order, whole: Composition, policy: Rounding) -> Iterator[tuple[str, Decimal, Decimal]]:
    yield "total", whole.total.amount, order.total.amount
    if order.tax is not None and (order.shipping_tax_rate is not None or not order.shipping):
        yield "tax", whole.tax, order.tax.amount
    if policy.level in ("unit", "line") and not (order.discount and order.discount.minor):
        for line, parts in zip(order.lines, whole.lines, strict=True):
            if line.total is not None:
                yield f"line {line.sku}", parts.gross if policy.tax_included else parts.net, line.total.amount
            if line.tax is not None:
                yield f"tax of line {line.sku}", parts.tax, line.tax.amount


def _edited_total(order: Order, policy: Rounding) -> Finding:
    """Hold the total of an order changed by an agent against its own lines: each part was rounded for itself."""
    currency = order.total.currency
    totals = [line.total for line in order.lines if line.total is not None]
    parts = sum_of(totals, currency) + (order.shipping or Money.zero(currency))
    if not policy.tax_included and order.tax is not None:
        parts += order.tax
    residual = (order.total - parts).amount
    step = max(policy.cash_step(currency) or Decimal(0), _step(currency))
    shown = order.rounding.amount if order.rounding else Decimal(0)
    if len(totals) == len(order.lines) and abs(residual - shown) <= step * len(order.edits):
        return passed()
    return _wrong_part(order, "total", parts.amount, order.total.amount)


def _wrong_part(order: Order, what: str, expected: Decimal, seen: Decimal) -> Finding:
    currency = order.total.currency
    roundings = int(sum(line.quantity for line in order.lines)) + len(order.lines) + 1
    return failed(
        "shop",
        expected=f"{what} {expected:f} {currency} under the declared rounding",
        seen=f"{seen:f} {currency}",
        cause=money_cause(seen, expected, step=_step(currency), tax_rates=_tax_rates(order), units=roundings),
        at_risk=charge.difference(seen, expected, currency),
    )


def _tax_rates(order: Order) -> list[Decimal]:
    return sorted({line.tax_rate for line in order.lines if line.tax_rate})


def _step(currency: str) -> Decimal:
    return Decimal(1).scaleb(-exponent(currency))
