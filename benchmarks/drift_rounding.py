"""Two sides that round differently on purpose: how quiet their bound is, how narrow, and which policies are proposed.

Orders in EUR, JPY, KWD and USD, their prices finer than the currency; the shop holds gross prices rounded per unit,
the books net prices rounded on the total. Printed by currency: how many orders differ, how many are found with both
policies declared, the widest that honest rounding comes to against what is allowed, and which part of planted errors of
so many minor units is found in orders of one, five and twenty units. Then the proposal, from prices and from amounts.
Limits: nothing found, and the right two policies proposed.

    python benchmarks/drift_rounding.py [--orders 10000]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from assay.drift.pairs.bounds import bound_of, largest
from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Amounts, Field, Kind, Pair, Side
from assay.drift.pairs.policies import Order, propose
from assay.drift.pairs.rows import table_of
from assay.money import exponent
from assay.rounding import Item, Rounding, compose

CURRENCIES = ("EUR", "JPY", "KWD", "USD")
GROSS_UNIT = Rounding(tax_included=True, level="unit", mode="half_up")
NET_TOTAL = Rounding(tax_included=False, level="total", mode="half_up")
ERRORS, SIZES = (1, 2, 5, 20), (1, 5, 20)
AT = datetime(2026, 11, 23, tzinfo=UTC)


def field(left: Rounding | None, right: Rounding | None) -> Field:
    """Return the total as both sides hold it."""
    return Field(
        name="total",
        kind=Kind.MONEY,
        left="total",
        right="total",
        quantity="units",
        lines="lines",
        extras=(),
        left_amounts=Amounts(currency_column="currency", rounding=left),
        right_amounts=Amounts(currency_column="currency", rounding=right),
    )


def drawn(count: int, seed: int) -> list[Order]:
    """Draw orders of one to nine units a line, one to five lines, at two tax rates."""
    draw, made = random.Random(seed), []
    for number in range(count):
        currency = CURRENCIES[number % len(CURRENCIES)]
        fine = Decimal((0, (1,), -exponent(currency) - 2))
        items = tuple(
            Item(draw.randint(100, 900_000) * fine, Decimal(draw.randint(1, 9)), draw.choice((Decimal(7), Decimal(20))))
            for _ in range(draw.choice((1, 1, 2, 3, 5)))
        )
        gross = [item._replace(unit_price=item.unit_price * (100 + item.tax_rate) / 100) for item in items]
        left, right = (
            compose(priced, None, Decimal(0), policy, currency).total.minor
            for priced, policy in ((gross, GROSS_UNIT), (items, NET_TOTAL))
        )
        made.append(Order(currency, left, right, int(sum(item.quantity for item in items)), len(items), items))
    return made


def found(orders: Sequence[Order], declared: Field) -> int:
    """Compare both sides as a command does, and return how many orders differ."""
    left = [
        {"id": n, "currency": each.currency, "total": each.left, "units": each.units, "lines": each.lines}
        for n, each in enumerate(orders)
    ]
    right = [{"id": n, "currency": each.currency, "total": each.right} for n, each in enumerate(orders)]
    sides = (Side(system=name, source={}, key=("id",)) for name in ("shop", "books"))
    pair = Pair(name="orders", about="", left=next(sides), right=next(sides), fields=(declared,))
    return compare(pair, table_of(left), table_of(right), at=AT, limit=0).found


def power(orders: Sequence[Order], declared: Field, units: int, error: int) -> str:
    """Return which part of the orders of about so many units is found where the right is off by so much."""
    near = [each for each in orders if units * 0.75 <= each.units <= units * 1.25]
    wrong = [replace(each, right=each.right + error) for each in near]
    caught = sum(
        abs(each.left - each.right) > largest(bound_of(declared, each.currency), each.units, each.lines)
        for each in wrong
    )
    return f"{caught / len(near):>5.0%}" if near else "    -"


def main() -> int:
    """Print the figures; 1 where a limit is missed."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--orders", type=int, default=10_000)
    orders = drawn(asked.parse_args().orders, seed=7)
    exact, declared = field(None, None), field(GROSS_UNIT, NET_TOTAL)
    noise = 0
    print(f"{'currency':<9}{'orders':>7}{'differ':>8}{'found':>7}  widest, allowed")
    for currency in CURRENCIES:
        own = [each for each in orders if each.currency == currency]
        found_here = found(own, declared)
        noise += found_here
        widest = max(own, key=lambda each: abs(each.left - each.right))
        allowed = largest(bound_of(declared, currency), widest.units, widest.lines)
        print(
            f"{currency:<9}{len(own):>7,}{found(own, exact):>8,}{found_here:>7}  {abs(widest.left - widest.right):>6}, "
            f"{allowed:>2} ({widest.units} units)"
        )
    for units in SIZES:
        shares = "  ".join(f"{error}: {power(orders, declared, units, error)}" for error in ERRORS)
        print(f"  found of errors in orders of about {units:>2} units, by minor units:  {shares}")
    right = True
    for name, known, hold_tax in (("prices", orders, False), ("amounts", [replace(o, items=()) for o in orders], None)):
        began = time.process_time()
        proposal = propose(exact, known, prices_hold_tax=hold_tax)
        assert proposal is not None  # there are enough orders
        print(f"by {name}, {time.process_time() - began:.2f} s of CPU: {proposal.sentence()}")
        if name == "prices":
            right = (proposal.left.rounding, proposal.right.rounding) == (GROSS_UNIT, NET_TOTAL)
    print("ok" if not noise and right else "OVER")
    return int(bool(noise) or not right)


if __name__ == "__main__":
    sys.exit(main())
