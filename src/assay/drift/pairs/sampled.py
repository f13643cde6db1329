"""A few orders that both sides hold, read for the proposal of rounding policies: amounts, units, and what was priced.

Apart from `policies`, which only reckons: here two sources are asked. What cannot be read as an amount is left out, and
so are orders whose two sides name different currencies: rounding is not what parts those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from assay.drift.pairs.engine import both_rows
from assay.drift.pairs.model import Amounts, Field, Pair, Prices
from assay.drift.pairs.policies import Order
from assay.drift.pairs.rows import Rows
from assay.errors import UsageError, did_you_mean
from assay.money import Money
from assay.rounding import Item

ORDERS = 2_000


def orders_of(pair: Pair, field: Field, left: Rows, right: Rows, *, most: int = ORDERS) -> list[Order]:
    """Return up to so many orders of both sides, drawn by their key, so that the same ones come every time."""
    rows = both_rows(pair, left, right, limit=most)
    if rows and pair.prices is not None and pair.prices.lines not in (rows[0][1] or {}):
        raise UsageError(
            f"the rows of {pair.left.system} have no column '{pair.prices.lines}'",
            where=f"{pair.declared_in}: pairs.{pair.name}.prices.lines",
            hint=did_you_mean(pair.prices.lines, rows[0][1] or {}),
        )
    orders = (_order(mine, other, field, pair.prices) for _, mine, other in rows if mine and other)
    return [each for each in orders if each is not None]


def _order(mine: Mapping[str, Any], other: Mapping[str, Any], field: Field, prices: Prices | None) -> Order | None:
    left = _money(mine, field.left, field.left_amounts)
    right = _money(other, field.right, field.right_amounts)
    if left is None or right is None or left.currency != right.currency:
        return None
    priced = _items(mine.get(prices.lines), prices) if prices else ()
    units = _decimal(mine.get(field.quantity or ""))
    return Order(
        currency=left.currency,
        left=left.minor,
        right=right.minor,
        units=int(units if units is not None else sum((each.quantity for each in priced), Decimal(0))),
        lines=int(_decimal(mine.get(field.lines or "")) or len(priced)),
        items=priced,
    )


def _money(row: Mapping[str, Any], column: str, amounts: Amounts | None) -> Money | None:
    """Return an amount as a side writes it, or None for what is none."""
    said = amounts or Amounts()
    code, number = said.currency or row.get(said.currency_column or ""), _decimal(row.get(column))
    if not isinstance(code, str) or number is None:
        return None
    try:
        if said.unit == "major":
            return Money.of(number, code)
        return Money(int(number), code) if number == int(number) else None
    except UsageError:
        return None


def _items(value: Any, prices: Prices) -> tuple[Item, ...]:
    """Return the priced lines of an order; none where one of them cannot be read, for the others prove nothing."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except ValueError:
            return ()
    found = []
    for line in value if isinstance(value, list) else ():
        said = [_decimal(line.get(name)) if isinstance(line, dict) else None for name in _members(prices)]
        price, quantity, rate = said
        if price is None or quantity is None or rate is None or quantity < 0 or rate < 0:
            return ()
        found.append(Item(price, quantity, rate))
    return tuple(found)


def _members(prices: Prices) -> tuple[str, str, str]:
    return prices.unit_price, prices.quantity, prices.tax_rate


def _decimal(value: Any) -> Decimal | None:
    """Return a finite number of a sane length, or None; a float is taken as it is written."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= 30 else None
