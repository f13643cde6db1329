"""What an amount consists of, as a gateway that checks the sum is told: items without tax, tax, shipping, discount.

Every part is a multiple of the gateway's step, and the parts always add up: what rounding, a gift card or a step leaves
over is told as handling or as a discount of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.gateway import Breakdown, Item
from mocks.merchant.policy.composition import payable, tax_of
from mocks.merchant.policy.rounding import round_amount
from mocks.merchant.seams import seam


@seam("payments")
def item_tax(line: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Decimal:
    """Return the tax a gateway is told for a line: the line's own."""
    return Decimal(line["tax"])


@seam("payments")
def tax_told(lines: Sequence[Mapping[str, Any]], taxes: Sequence[Decimal]) -> Decimal:
    """Return the tax total a gateway is told: the sum of its items' taxes."""
    return sum(taxes, Decimal(0))


@seam("payments")
def pieces_told(net: Decimal, tax: Decimal, quantity: int, step: Decimal) -> tuple[int, Decimal, Decimal]:
    """Return as how many pieces of which price and tax a line is told: pieces where they add up, else all as one."""
    if net % (quantity * step) == 0 and tax % (quantity * step) == 0:
        return quantity, net / quantity, tax / quantity
    return 1, net, tax


@seam("payments")
def left_over(amount: Decimal, items: Decimal, tax: Decimal, shipping: Decimal, discount: Decimal) -> Decimal:
    """Return what is missing between the parts and the amount: positive is handling, negative a further discount."""
    return amount - (items + tax + shipping - discount)


def breakdown_of(quote: Mapping[str, Any], amount: Decimal, step: Decimal) -> Breakdown:
    """Return the parts of what a quote's customer pays in a step the gateway can write."""
    lines, included = quote["lines"], quote["tax_included"]
    items: list[Item] = []
    taxes: list[Decimal] = []
    nets: list[Decimal] = []
    discount = Decimal(0)
    for line in lines:
        off = Decimal(line["discount"])
        if included:
            off -= tax_of(off, Decimal(line["tax_rate"]), True, quote["currency"], "half_up")
        off = _whole(off, step)
        tax = _whole(item_tax(line, lines), step)
        net = _whole(payable(line, included), step) - tax + off
        quantity, price, each = pieces_told(net, tax, line["quantity"], step)
        name = line["name"] if quantity == line["quantity"] else f"{line['quantity']} × {line['name']}"
        items.append(Item(name, line["sku"], quantity, price, each))
        taxes.append(tax)
        nets.append(net)
        discount += off
    goods, tax = sum(nets, Decimal(0)), tax_told(lines, taxes)
    shipping = _whole(payable(quote["shipping"], included), step)
    rest = left_over(amount, goods, tax, shipping, discount)
    return Breakdown(tuple(items), goods, tax, shipping, max(rest, Decimal(0)), discount + max(-rest, Decimal(0)))


def _whole(amount: Decimal, step: Decimal) -> Decimal:
    return round_amount(amount, step, "half_up")
