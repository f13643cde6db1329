"""How far two amounts may lie apart, as SQL: the bound of both sides' rounding, and the rate between two currencies.

Everything is in subunits (ten-thousandths of a minor unit, see `canonical`), in whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from assay.drift.pairs.bounds import bounds_of, converted_bounds
from assay.drift.pairs.canonical import MOST, SUBUNITS, Column, by_currency, decimal, in_steps, minor_units
from assay.drift.pairs.model import Bound, Field
from assay.drift.pairs.rows import quoted
from assay.money import EXPONENTS

RATE_SCALE = 10**10
"""Rates are read to ten decimals, exactly or not at all."""
_HIGHEST_RATE = 10**15
"""Of rate x 10^10: an amount of 19 digits times it, times a thousand, still is a 128-bit number."""
_THOUSANDTHS = 1000


@dataclass(frozen=True, slots=True)
class Measures:
    """What a bound grows with, as SQL: units and lines in thousandths, the order's rate in units of 10^-10."""

    quantity: str = "0"
    lines: str = "0"
    rate: str = "NULL"


def measures_of(field: Field, columns: Mapping[str, Column]) -> Measures:
    """Return the left's columns that a bound of this field grows with."""
    return Measures(
        quantity=_thousandths(columns, field.quantity),
        lines=_thousandths(columns, field.lines),
        rate="NULL" if field.rate is None else _rate(columns[field.rate]),
    )


def same_currency(field: Field, currency: str | None, fixed: str | None, measures: Measures) -> int | str:
    """Return the bound of two amounts of one currency; a number where it is the same for all orders.

    currency: its SQL, None where nobody says it; fixed: its code, where all orders have the same.
    """
    if currency is None:
        return 0
    codes = [fixed] if fixed is not None else EXPONENTS
    terms: dict[str, int | str] = {}
    for bound, alike in bounds_of(field, (code for code in codes if code in EXPONENTS)):
        terms |= dict.fromkeys(alike, _term(bound, measures))
    different = set(terms.values())
    if len(different) <= 1:
        return different.pop() if different else 0
    return f"coalesce({by_currency(currency, terms)}, 0)"


def other_currency(field: Field, pairs: Iterable[tuple[str, str]], key: str, measures: Measures) -> str:
    """Return the bound where the right holds the amount in another currency, by pair of codes; `key`: SQL of EUR>USD.

    Two subunits are added for the two quotients that are cut off to whole ones.
    """
    terms: dict[str, int | str] = {}
    for left, right in pairs:
        if left in EXPONENTS and right in EXPONENTS and left != right:
            mine, theirs = converted_bounds(field, left, right)
            own, other = _fine_term(mine, measures), _fine_term(theirs, measures)
            grown = _product(str(own), measures.rate, str(10 ** EXPONENTS[left]), str(10 ** EXPONENTS[right]))
            terms[f"{left}>{right}"] = f"{other} + 2" + ("" if own == 0 else f" + {grown}")
    return f"coalesce({by_currency(key, terms)}, 0)" if terms else "0"


def apart(field: Field, columns: Mapping[str, Column]) -> tuple[str, str]:
    """Return how far a number of the right may lie below and above the left's, in its steps; 0 where nothing is said.

    What is no number, or below nought, allows nothing.
    """
    return _steps(columns, field.below, field.scale), _steps(columns, field.above, field.scale)


def _steps(columns: Mapping[str, Column], name: str | None, scale: int | None) -> str:
    return "0" if name is None else f"greatest(coalesce({in_steps(columns[name], scale).value}, 0), 0)"


def converted(amount: str, left_currency: str, right_currency: str, measures: Measures) -> str:
    """Return the SQL of an amount in the right's currency, before it is rounded; NULL without a rate."""
    exact = _product(amount, measures.rate, minor_units(left_currency), minor_units(right_currency))
    return f"CASE WHEN {exact} BETWEEN -{MOST} AND {MOST} THEN CAST({exact} AS BIGINT) END"


def pair_key(left_currency: str, right_currency: str) -> str:
    """Return the SQL of the two codes as one word."""
    return f"({left_currency} || {quoted('>')} || {right_currency})"


def _product(amount: str, rate: str, left_step: str, right_step: str) -> str:
    return (
        f"((CAST({amount} AS HUGEINT) * ({rate}) * ({right_step})) // (CAST({RATE_SCALE} AS HUGEINT) * ({left_step})))"
    )


def _term(bound: Bound, measures: Measures) -> int | str:
    """Return a bound as whole minor units below, in subunits."""
    fixed, per_unit, per_line, below = _whole_parts(bound)
    if not per_unit and not per_line:
        return fixed // below * SUBUNITS
    return f"({_sum(fixed, per_unit, per_line, measures)} // {below * _THOUSANDTHS} * {SUBUNITS})"


def _fine_term(bound: Bound, measures: Measures) -> int | str:
    """Return a bound in subunits: of a product that nobody rounded, a part of a minor unit counts."""
    fixed, per_unit, per_line, below = _whole_parts(bound)
    if not per_unit and not per_line:
        return math.ceil(Fraction(fixed, below) * SUBUNITS)
    return f"({_sum(fixed, per_unit, per_line, measures)} * {SUBUNITS // _THOUSANDTHS} // {below} + 1)"


def _whole_parts(bound: Bound) -> tuple[int, int, int, int]:
    """Return numerators over one denominator, and that."""
    parts = (bound.fixed, bound.per_unit, bound.per_line)
    below = math.lcm(*(each.denominator for each in parts))
    fixed, per_unit, per_line = (int(each * below) for each in parts)
    return fixed, per_unit, per_line, below


def _sum(fixed: int, per_unit: int, per_line: int, measures: Measures) -> str:
    return f"({fixed * _THOUSANDTHS} + {per_unit} * {measures.quantity} + {per_line} * {measures.lines})"


def _thousandths(columns: Mapping[str, Column], name: str | None) -> str:
    """Return a count in thousandths, 1.5 kg being 1500; 0 where it is none, so that less is allowed."""
    if name is None:
        return "0"
    exact = f"CAST({decimal(columns[name], 15, 3)} * CAST({_THOUSANDTHS} AS DECIMAL(4, 0)) AS BIGINT)"
    return f"coalesce(abs({exact}), 0)"


def _rate(column: Column) -> str:
    """Return the order's rate, NULL for none, for nought, for a negative or an absurd one."""
    exact = f"CAST({decimal(column, 27, 10)} * CAST({RATE_SCALE} AS DECIMAL(11, 0)) AS HUGEINT)"
    return f"CASE WHEN {exact} BETWEEN 1 AND {_HIGHEST_RATE} THEN {exact} END"
