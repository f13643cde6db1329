"""O-M5 on what a gateway was told: the lines, taxes and discounts sent with an amount must make up that amount.

A gateway that checks the sum refuses what does not add up, and then there is no order to judge: so the same check is a
judge of purchases that came to nothing, and a part of O-M5 where there is an order.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from assay.events import Finding
from assay.exponents import charge_step
from assay.money import EXPONENTS
from assay.oracles import charge
from assay.oracles.judge import attempt_oracle, failed, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Attempt, Creation, Order

_ADDED, _TAKEN = ("goods", "tax", "shipping", "handling", "insurance"), ("discount", "shipping_discount")


@attempt_oracle(
    "O-M5", needs=("journal",), formula="amount asked == goods + tax + shipping - discounts; parts == lines"
)
def asked_parts(attempt: Attempt, judging: Judging) -> Finding:
    """Add up what gateways were told the amount consists of, and hold it against the amount."""
    told = [each for each in attempt.creations if each.parts or each.items]
    if not told:
        return unjudged("no call told a gateway what the amount consists of")
    return wrong_sum(told) or passed()


def wrong_sum(creations: Iterable[Creation], order: Order | None = None) -> Finding | None:
    """Return the first amount whose parts do not make it up; with an order, whose lines bear another tax than its."""
    for each in creations:
        currency = each.currency.upper()
        if each.kind == "payment" and (each.parts or each.items) and currency in EXPONENTS:
            found = _wrong_parts(each, currency) or (_wrong_taxes(each, order) if order is not None else None)
            if found is not None:
                return found
    return None


def _wrong_parts(asked: Creation, currency: str) -> Finding | None:
    parts = {name: number for name, text in asked.parts if (number := _number(text)) is not None}
    amount, step = _number(asked.amount), charge.step_of(currency)
    pieces = [(_number(item.quantity), _number(item.price), _number(item.tax)) for item in asked.items]
    prices = [quantity * price for quantity, price, _ in pieces if quantity is not None and price is not None]
    taxes = [quantity * tax for quantity, _, tax in pieces if quantity is not None and tax is not None]
    goods, tax = sum(prices, Decimal(0)), sum(taxes, Decimal(0))
    if prices and "goods" in parts and goods != parts["goods"]:
        cause = "level: lines were rounded per unit, and their sum was not"
        return _unequal(asked, currency, "goods", parts["goods"], goods, cause)
    if taxes and "tax" in parts and tax != parts["tax"]:
        cause = "level: tax was rounded per line, and its sum per rate or in all"
        return _unequal(asked, currency, "tax", parts["tax"], tax, cause)
    if amount is None or "goods" not in parts:
        return None
    made = sum((parts.get(name, Decimal(0)) for name in _ADDED), Decimal(0))
    made -= sum((parts.get(name, Decimal(0)) for name in _TAKEN), Decimal(0))
    if made == amount:
        return None
    off, discount = abs(made - amount), parts.get("discount", Decimal(0))
    if off in (discount, 2 * discount) and discount:
        cause = "the discount was left out of the parts"
    elif off <= step * (len(asked.items) + 2):
        left = ", where there is a discount" if discount else ""
        cause = f"level or mode: what rounding leaves over was not evened out{left}"
    else:
        cause = "a part was left out, or counted twice"
    return _unequal(asked, currency, "the amount", amount, made, cause)


def _wrong_taxes(asked: Creation, order: Order) -> Finding | None:
    """Hold the tax told for each article against the tax of the order's own lines."""
    told: dict[str, Decimal] = {}
    for item in asked.items:
        quantity, tax = _number(item.quantity), _number(item.tax)
        if item.sku and quantity is not None and tax is not None:
            told[item.sku] = told.get(item.sku, Decimal(0)) + quantity * tax
    currency = order.total.currency
    own: dict[str, list[Decimal]] = {}
    for line in order.lines:
        if line.tax is not None:
            own.setdefault(line.sku, []).append(line.tax.amount)
    # A gateway that takes fewer decimals is told every line's tax in its own step.
    step = max(charge.step_of(currency), charge_step(asked.system, currency))
    for sku in told.keys() & own.keys():
        if abs(told[sku] - sum(own[sku], Decimal(0))) > step * len(own[sku]):
            cause = "tax: an average of all rates was applied to every line"
            if len(charge.tax_rates(order)) < 2:
                cause = "tax: another tax was told than the line bears"
            return _unequal(asked, currency, f"tax of {sku}", sum(own[sku], Decimal(0)), told[sku], cause)
    return None


def _unequal(asked: Creation, currency: str, what: str, expected: Decimal, seen: Decimal, cause: str) -> Finding:
    return failed(
        "shop",
        asked.system,
        expected=f"{what} {expected:f} {currency} in what {asked.system} is told",
        seen=f"{seen:f} of its parts, answered {asked.status}",
        cause=cause,
        at_risk=charge.difference(seen, expected, currency),
    )


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
