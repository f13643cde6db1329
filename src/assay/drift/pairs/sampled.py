"""A few orders that both sides hold, read for the proposal of rounding policies: amounts, units, and what was priced.

Apart from `policies`, which only reckons: here two sources are asked. What cannot be read as an amount is left out, and
so are orders whose two sides name different currencies: rounding is not what parts those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb

from assay.drift.pairs.model import Amounts, Field, Pair, Prices, Side
from assay.drift.pairs.policies import Order
from assay.drift.pairs.rows import Rows, named
from assay.errors import UsageError, did_you_mean
from assay.money import Money
from assay.rounding import Item

ORDERS = 2_000
_MEMORY_MB = 300


def orders_of(pair: Pair, field: Field, left: Rows, right: Rows, *, most: int = ORDERS) -> list[Order]:
    """Return up to about so many orders of both sides, drawn by their key, so that the same ones come every time."""
    config: dict[str, Any] = {"memory_limit": f"{_MEMORY_MB}MB", "autoinstall_known_extensions": "false", "threads": 2}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relations = left.attach(connection, "sampled_left"), right.attach(connection, "sampled_right")
        _refuse_prices(connection, pair, relations[0])
        held = connection.execute(f"SELECT count(*) FROM {relations[0]}").fetchone()  # noqa: S608 (names are quoted)
        every = max(1, (held[0] if held else 0) // most)
        query = _query(pair, field, relations, every)
        rows = connection.execute(query).fetchmany(2 * most)
    orders = (_order(row, field, pair.prices) for row in rows)
    return [each for each in orders if each is not None]


def _refuse_prices(connection: duckdb.DuckDBPyConnection, pair: Pair, relation: str) -> None:
    if pair.prices is None:
        return
    columns = [str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]  # noqa: S608
    if pair.prices.lines not in columns:
        raise UsageError(
            f"the rows of {pair.left.system} have no column '{pair.prices.lines}'",
            where=f"{pair.declared_in}: pairs.{pair.name}.prices.lines",
            hint=did_you_mean(pair.prices.lines, columns),
        )


def _query(pair: Pair, field: Field, relations: tuple[str, str], every: int) -> str:
    """Return the SQL of both sides' orders, one in `every`; a key that a side holds twice is left out."""
    assert field.left_amounts is not None and field.right_amounts is not None  # of every field of money
    mine = {
        "amount": field.left,
        "currency": field.left_amounts.currency_column,
        "units": field.quantity,
        "lines": field.lines,
        "items": pair.prices.lines if pair.prices else None,
    }
    theirs = {"amount": field.right, "currency": field.right_amounts.currency_column}
    # Grouped, and not by a window: DuckDB 2.0 joins two windows over the join's key to nothing.
    sides = [
        f"SELECT {_key(side)} AS assay_key, {_selected(columns)} FROM {relation} "  # noqa: S608
        f"WHERE hash({_key(side)}) % {every} = 0 GROUP BY assay_key HAVING count(*) = 1"
        for side, columns, relation in ((pair.left, mine, relations[0]), (pair.right, theirs, relations[1]))
    ]
    chosen = ", ".join(["l.amount", "l.currency", "l.units", "l.lines", "l.items", "r.amount", "r.currency"])
    return f"SELECT {chosen} FROM ({sides[0]}) l JOIN ({sides[1]}) r USING (assay_key) ORDER BY assay_key"  # noqa: S608


def _key(side: Side) -> str:
    return "concat_ws(chr(31), " + ", ".join(f"CAST({named(each)} AS VARCHAR)" for each in side.key) + ")"


def _selected(columns: Mapping[str, str | None]) -> str:
    return ", ".join(
        f"{'NULL' if column is None else f'any_value({named(column)})'} AS {name}" for name, column in columns.items()
    )


def _order(row: tuple[Any, ...], field: Field, prices: Prices | None) -> Order | None:
    amount, currency, units, lines, items, other, other_currency = row
    left = _money(amount, currency, field.left_amounts)
    right = _money(other, other_currency, field.right_amounts)
    if left is None or right is None or left.currency != right.currency:
        return None
    priced = _items(items, prices)
    quantity = _decimal(units)
    return Order(
        currency=left.currency,
        left=left.minor,
        right=right.minor,
        units=int(quantity if quantity is not None else sum((each.quantity for each in priced), Decimal(0))),
        lines=int(_decimal(lines) or len(priced)),
        items=priced,
    )


def _money(value: Any, currency: Any, amounts: Amounts | None) -> Money | None:
    """Return an amount as a side writes it, or None for what is none."""
    said = amounts or Amounts()
    code, number = said.currency or currency, _decimal(value)
    if not isinstance(code, str) or number is None:
        return None
    try:
        if said.unit == "major":
            return Money.of(number, code)
        return Money(int(number), code) if number == int(number) else None
    except UsageError:
        return None


def _items(value: Any, prices: Prices | None) -> tuple[Item, ...]:
    """Return the priced lines of an order; none where one of them cannot be read, for the others prove nothing."""
    if prices is None or value is None:
        return ()
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
