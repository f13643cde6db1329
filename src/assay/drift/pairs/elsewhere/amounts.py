"""When two amounts are alike, as a condition that an engine elsewhere reckons in whole numbers and without dividing.

The bounds are those of `bounds`, and never wider than `allowed` makes them: at the very edge of a bound a row comes
back rather than being passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from assay.drift.pairs.bounds import bound_of, converted_bounds
from assay.drift.pairs.canonical import SUBUNITS
from assay.drift.pairs.elsewhere.dialects import Dialect
from assay.drift.pairs.elsewhere.values import Stages, Value, amount, rate, step, subunits, thousandths, written
from assay.drift.pairs.model import Amounts, Bound, Field
from assay.money import EXPONENTS

_THOUSANDTHS = 1000
_RATE_SCALE = 10**10
_MOST_CONVERTED = 10**15
"""Subunits of an amount that is converted: its products stay within 38 digits."""
_WIDE = "DECIMAL(38, 0)"


@dataclass(frozen=True, slots=True)
class Money:
    """Both sides' amounts of a field and what their distance depends on. codes: the SQL of their currencies."""

    field: Field
    left: Value
    right: Value
    codes: tuple[str | None, str | None]
    quantity: str
    lines: str
    rate: str | None


def money_of(field: Field, left: Stages, right: Stages, what: str) -> Money:
    """Return a money field's values, in subunits."""
    mine, theirs = field.left_amounts or Amounts(), field.right_amounts or Amounts()
    codes = (_code(mine, left, what), _code(theirs, right, what))
    values = [
        amount(stages, column, subunits(stages.dialect, said.unit, code), what)
        for stages, column, said, code in ((left, field.left, mine, codes[0]), (right, field.right, theirs, codes[1]))
    ]
    return Money(
        field,
        values[0],
        values[1],
        codes,
        thousandths(left, field.quantity, what),
        thousandths(left, field.lines, what),
        None if field.rate is None else rate(left, field.rate, what),
    )


def _code(said: Amounts, stages: Stages, what: str) -> str | None:
    if said.currency_column is not None:
        return written(stages, said.currency_column, stages.columns[said.currency_column], what).sql
    return None if said.currency is None else stages.dialect.quoted(said.currency)


Export = Callable[[str], str]
"""Makes a side's value part of the join, and says what it is called there."""


def alike(money: Money, dialect: Dialect, left: Export, right: Export) -> list[str]:
    """Return the conditions under which two amounts that are sure are alike."""
    mine, theirs = left(money.left.sql), right(money.right.sql)
    one, two = money.codes
    grown = left(money.quantity), left(money.lines)
    apart = f"ABS({mine} - {theirs})"
    same = _within_same(money, dialect, apart, (grown[0], grown[1]), left(one) if one else None, two and right(two))
    nothing = f"({mine} IS NULL AND {theirs} IS NULL)"
    if one is None or two is None:
        return [f"({nothing} OR {same})"]
    own, other = left(one), right(two)
    if money.rate is None:
        return [f"{own} = {other}", f"({nothing} OR {same})"]
    tied = _within_tied(money, dialect, (mine, theirs), (own, other), (grown[0], grown[1]), left(money.rate))
    near = f"CASE WHEN {own} = {other} THEN {same} ELSE {tied} END"
    return [f"(({nothing} AND {own} IS NOT NULL AND {other} IS NOT NULL) OR {near})"]


def _within_same(
    money: Money, dialect: Dialect, apart: str, grown: tuple[str, str], mine: str | None, theirs: str | None
) -> str:
    """Return whether two amounts of one currency lie within the bound: whole minor units of it."""
    currency = mine or theirs
    if currency is None:
        return f"{apart} = 0"
    groups: dict[Bound, list[str]] = {}
    for code in EXPONENTS:
        groups.setdefault(bound_of(money.field, code), []).append(code)
    terms = {bound: _slack(bound, dialect, grown) for bound in groups}
    if set(terms.values()) == {"0"}:
        return f"{apart} = 0"
    cases = "".join(
        f" WHEN {currency} IN ({', '.join(map(dialect.quoted, codes))}) THEN {terms[bound]}"
        for bound, codes in groups.items()
    )
    return f"{apart} <= CASE{cases} ELSE 0 END"


def _slack(bound: Bound, dialect: Dialect, grown: tuple[str, str]) -> str:
    fixed, per_unit, per_line, below = _whole_parts(bound)
    if not per_unit and not per_line:
        return str(fixed // below * SUBUNITS)
    total = _sum((fixed, per_unit, per_line), grown)
    return f"{dialect.quotient(total, str(below * _THOUSANDTHS))} * {SUBUNITS}"


def _within_tied(
    money: Money,
    dialect: Dialect,
    amounts: tuple[str, str],
    codes: tuple[str, str],
    grown: tuple[str, str],
    by: str,
) -> str:
    """Return whether the right's amount is the left's times the order's rate, within both sides' bounds.

    left x rate x step of the right against right x 10^10 x step of the left, both sides being times what they are.
    """
    mine, theirs = amounts
    own, other = (f"CAST({step(dialect, code)} AS {dialect.whole})" for code in codes)
    wide = _wide(dialect)
    times = f"({wide(by)} * {other})"
    scale = f"({wide(str(_RATE_SCALE))} * {own})"
    apart = f"ABS({wide(mine)} * {times} - {wide(theirs)} * {scale})"
    fits = f"ABS({mine}) < {_MOST_CONVERTED} AND ABS({theirs}) < {_MOST_CONVERTED}"
    left, right = _shares(money.field)
    bounds = " + ".join((f"({_fine(right, dialect, grown)}) * {scale}", f"({_fine(left, dialect, grown)}) * {times}"))
    # Not by AND, of which an engine may try the other half first, and fail.
    return f"COALESCE(CASE WHEN {fits} THEN {apart} <= {bounds} END, FALSE)"


def _wide(dialect: Dialect) -> Callable[[str], str]:
    kind = "BIGNUMERIC" if dialect.name == "bigquery" else _WIDE if dialect.name != "duckdb" else "HUGEINT"
    # Of a declared DECIMAL(38, 0) an engine would cut the product's digits: what is multiplied is declared as it is.
    narrow = {"duckdb": kind, "bigquery": kind}.get(dialect.name, "DECIMAL(17, 0)")
    return lambda sql: f"CAST({sql} AS {narrow})"


def _shares(field: Field) -> tuple[Bound, Bound]:
    """Return the narrowest shares of all pairs of currencies: what is between them comes back."""
    lefts, rights = [], []
    for one, two in (("EUR", "USD"), ("EUR", "JPY"), ("JPY", "EUR"), ("KWD", "EUR"), ("EUR", "KWD")):
        mine, theirs = converted_bounds(field, one, two)
        lefts.append(mine)
        rights.append(theirs)
    return _least(lefts), _least(rights)


def _least(bounds: list[Bound]) -> Bound:
    return Bound(
        fixed=min(each.fixed for each in bounds),
        per_unit=min(each.per_unit for each in bounds),
        per_line=min(each.per_line for each in bounds),
    )


def _fine(bound: Bound, dialect: Dialect, grown: tuple[str, str]) -> str:
    """Return a bound in subunits."""
    fixed, per_unit, per_line, below = _whole_parts(bound)
    if not per_unit and not per_line:
        return str(math.floor(Fraction(fixed, below) * SUBUNITS))
    total = _sum((fixed, per_unit, per_line), grown)
    return dialect.quotient(f"({total}) * {SUBUNITS // _THOUSANDTHS}", str(below))


def _whole_parts(bound: Bound) -> tuple[int, int, int, int]:
    parts = (bound.fixed, bound.per_unit, bound.per_line)
    below = math.lcm(*(each.denominator for each in parts))
    fixed, per_unit, per_line = (int(each * below) for each in parts)
    return fixed, per_unit, per_line, below


def _sum(parts: tuple[int, int, int], grown: tuple[str, str]) -> str:
    fixed, per_unit, per_line = parts
    return f"({fixed * _THOUSANDTHS} + {per_unit} * {grown[0]} + {per_line} * {grown[1]})"
