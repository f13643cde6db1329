"""How far two honest amounts may lie apart: the bound that follows from how each side says it rounds.

Both sides start from the same prices; each rounds them in its own place, and every rounding moves an amount by at most
half a step, or by a whole one where it cuts off. What is counted here is how many roundings stand between the prices
and the amount, by the steps of `assay.rounding.compose`: so many for each unit, for each line, and once for the whole.
The bound is never a share of the amount: of two orders over 10 and over 10,000 the same number of cents is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from assay.drift.pairs.model import Amounts, Bound, Field, Kind
from assay.money import exponent
from assay.rounding import Rounding

HIGHEST_TAX = Fraction(27, 100)
"""The highest rate of value added tax that is usual anywhere in the European Union; a rounded price is taxed, too."""
MOST_RATES = 3
"""How many tax rates one order holds at most, where sums are rounded for each rate."""
EXACT = Bound()
_CONTAINED = Fraction(11, 50)
"""Above 27/127, the part of a price with tax that is tax, with a small denominator."""
_HALF, _ZERO, _ONE = Fraction(1, 2), Fraction(0), Fraction(1)
_PROBES = ("EUR", "JPY", "KWD")


def bound_of(field: Field, currency: str) -> Bound:
    """Return how far the two amounts of a money field may lie apart, in minor units of their common currency.

    Nothing where the two round alike in this currency, and where one of them does not say how it rounds: then it is
    taken to copy the other. `UsageError` for no currency of ISO 4217.
    """
    exponent(currency)
    left, right = _declared(field)
    if left is None or right is None:
        return EXACT
    if _as_applied(left, currency) == _as_applied(right, currency):
        cash = {each.cash_step(currency): _cash(each, field, currency) for each in (left, right)}
        return Bound(fixed=sum(cash.values(), _ZERO)) if len(cash) > 1 else EXACT
    return _counted(_sum(_share(left, field, currency), _share(right, field, currency)), field)


def bounds_of(field: Field, currencies: Iterable[str]) -> Iterator[tuple[Bound, Sequence[str]]]:
    """Yield each bound with the currencies it holds in: those that a side rounds to the same step have one."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for currency in currencies:
        policies = [each for each in _declared(field) if each is not None]
        steps = [(each.step(currency), each.cash_step(currency)) for each in policies]
        alike.setdefault((exponent(currency), *steps), []).append(currency)
    for codes in alike.values():
        yield bound_of(field, codes[0]), codes


def converted_bounds(field: Field, left_currency: str, right_currency: str) -> tuple[Bound, Bound]:
    """Return both shares of the bound where the right holds the amount in another currency, by the order's rate.

    The left's is in its own minor units and grows with the rate, the right's in its own. They bound the distance of
    the right's amount from the left's times the rate before that product is rounded: where nobody says how it rounds,
    half a minor unit of the right's, the one rounding that no conversion can do without.
    """
    if left_currency == right_currency:
        return EXACT, bound_of(field, right_currency)
    exponent(left_currency)
    exponent(right_currency)
    left, right = _declared(field)
    if left is None or right is None:
        return EXACT, Bound(fixed=_HALF)
    mine = _counted(_share(right, field, right_currency), field)
    return _counted(_share(left, field, left_currency), field), mine


def share_of(rounding: Rounding, field: Field, currency: str) -> Bound:
    """Return how far one side's amount may lie from the exact one, in minor units; its lines are not folded."""
    return _share(rounding, field, currency)


def missing_column(field: Field) -> str | None:
    """Return which column a bound that grows with units or lines lacks: `quantity`, `lines`, or None where none is.

    A bound per line is held by the units where lines are not counted: an order has at least as many.
    """
    if field.kind is not Kind.MONEY or field.quantity is not None:
        return None
    for currency in _PROBES:
        bounds = [bound_of(field, currency)]
        if field.rate is not None:
            bounds += converted_bounds(field, currency, next(each for each in _PROBES if each != currency))
        for each in bounds:
            if each.per_unit:
                return "quantity" if field.lines is not None or _per_unit(field) else "lines"
    return None


def largest(bound: Bound, quantity: int, lines: int) -> int:
    """Return how many whole minor units two amounts of so many units and lines may lie apart."""
    return int(bound.fixed + bound.per_unit * abs(quantity) + bound.per_line * lines)


def bound_text(bound: Bound) -> str:
    """Write a bound as people read it: `1.5 + 0.5 a unit`."""
    parts = [(bound.fixed, ""), (bound.per_unit, " a unit"), (bound.per_line, " a line")]
    written = [f"{float(value):.4g}{what}" for value, what in parts if value]
    return " + ".join(written) if written else "exact"


def _declared(field: Field) -> tuple[Rounding | None, Rounding | None]:
    left, right = field.left_amounts or Amounts(), field.right_amounts or Amounts()
    return left.rounding, right.rounding


def _per_unit(field: Field) -> bool:
    return any(each is not None and each.level == "unit" for each in _declared(field))


def _as_applied(policy: Rounding, currency: str) -> tuple[object, ...]:
    """Return what of a policy matters in one currency until cash is rounded: two decimals are the euro's own."""
    return policy.tax_included, policy.level, policy.mode, policy.step(currency)


def _cash(policy: Rounding, field: Field, currency: str) -> Fraction:
    """Return how far rounding to coins moves what is paid, in minor units; nothing else of an order is."""
    step = policy.cash_step(currency)
    if step is None or field.part != "total":
        return _ZERO
    minor: int = 10 ** exponent(currency)
    return _error(policy) * Fraction(step) * minor


def _error(policy: Rounding) -> Fraction:
    """Return the part of a step by which one rounding moves an amount at most."""
    return _ONE if policy.mode == "down" else _HALF


def _sum(left: Bound, right: Bound) -> Bound:
    return Bound(
        fixed=left.fixed + right.fixed,
        per_unit=left.per_unit + right.per_unit,
        per_line=left.per_line + right.per_line,
    )


def _counted(bound: Bound, field: Field) -> Bound:
    """Fold what grows per line into units where lines are not counted."""
    if field.lines is not None or not bound.per_line:
        return bound
    return Bound(fixed=bound.fixed, per_unit=bound.per_unit + bound.per_line)


def _share(policy: Rounding, field: Field, currency: str) -> Bound:
    """Return one side's bound in minor units: its steps, then what is rounded once the steps are added up."""
    error = _error(policy)
    steps = _steps(policy, field, error)
    step = Fraction(policy.step(currency)) * 10 ** exponent(currency)
    fixed = steps.fixed * step + _cash(policy, field, currency)
    if step < 1:
        fixed += error  # finer on the way, and written in the currency's decimals at the end
    return Bound(fixed=fixed, per_unit=steps.per_unit * step, per_line=steps.per_line * step)


def _steps(policy: Rounding, field: Field, error: Fraction) -> Bound:
    """Return how many steps an amount may be off, from the roundings of goods, shipping and discount."""
    each = _one_rounding(policy, field.part) * error
    shipped = each if "shipping" in field.extras else _ZERO
    fixed = per_unit = per_line = _ZERO
    if policy.level == "unit":
        per_unit, fixed = each, shipped
    elif policy.level == "line":
        per_line, fixed = each, shipped
    else:
        fixed = each * (MOST_RATES if policy.level == "rate" else 1)
    if "discount" in field.extras:
        off = _discount(policy, field.part, error)
        fixed, per_line = fixed + off.fixed, per_line + off.per_line
    return Bound(fixed=fixed, per_unit=per_unit, per_line=per_line)


def _one_rounding(policy: Rounding, part: str) -> Fraction:
    """Return how many errors one rounded unit, line or sum carries into this part of the amount.

    The price is rounded, and its tax. Where tax is of the rounded price it bears that error, too: per unit and line.
    """
    if part == "tax":
        if policy.level in ("rate", "total"):
            return _ONE
        return _ONE + (_CONTAINED if policy.tax_included else HIGHEST_TAX)
    if policy.tax_included:
        return _ONE if part == "total" else Fraction(2)
    if part == "net":
        return _ONE
    return Fraction(2) if policy.level in ("rate", "total") else 2 + HIGHEST_TAX


def _discount(policy: Rounding, part: str, error: Fraction) -> Bound:
    """Return what a discount of the whole adds: it is rounded once, and shared out over lines of several tax rates.

    A line's share is off by less than a step for its remainder and an error for the worth it is reckoned by; all
    shares together are not, so that only the differences of tax rates tell.
    """
    basis = part == ("total" if policy.tax_included else "net")
    if basis:
        return Bound(fixed=error)
    rate = _CONTAINED if policy.tax_included else HIGHEST_TAX
    per_line = rate * (1 + 2 * error) / 2
    if policy.level == "unit":
        per_line += error  # the tax of each share is rounded by itself
    taxed = rate * error
    fixed = {"tax": taxed, "net": error, "total": error + taxed}[part]
    return Bound(fixed=fixed, per_line=per_line)
