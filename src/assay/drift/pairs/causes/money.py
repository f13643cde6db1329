"""Why two amounts differ: places of the point, conversions, tax, rounding. Amounts are exact fractions of a unit."""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from assay.drift.pairs.causes.hint import Facing, Hint, Rates
from assay.drift.pairs.causes.number import same_change
from assay.drift.pairs.causes.written import amount, decimals, instant, moment, number, plain
from assay.drift.pairs.model import Amounts, Cause, Kind

_POWERS = (1, 2, 3, 4, -1, -2, -3, -4)
_TAX_WORDS = ("tax", "vat", "mwst", "ust", "gst", "tva", "iva", "btw", "moms")
_TELLING = 3
"""A change must be so many times what rounding could make of it, or it is not told from rounding."""
_FEW_STEPS, _SMALL_PART = 5, 200
_FLOAT_SLACK = 1e-9
_CASH_STEPS = (Fraction(1, 20), Fraction(1, 10), Fraction(1, 2), Fraction(1), Fraction(5), Fraction(10), Fraction(100))
_OTHER_RATE = Fraction(15, 100)
_WRAP = 2**32


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Both amounts in units of their currencies; step: the right's smallest unit; rate: right = left x rate."""

    left: Fraction
    right: Fraction
    left_currency: str | None
    right_currency: str | None
    step: Fraction
    rate: Fraction | None

    @property
    def converted(self) -> bool:
        """Whether the right is meant to be in another currency."""
        return self.left_currency != self.right_currency and None not in (self.left_currency, self.right_currency)

    @property
    def due(self) -> Fraction:
        """What the right should hold, before rounding."""
        return self.left * self.rate if self.converted and self.rate is not None else self.left

    def is_near(self, expected: Fraction) -> bool:
        """Whether the right is that amount, rounded once, and that amount is no mere rounding of what is due."""
        return abs(self.right - expected) <= self.step and abs(expected - self.due) >= _TELLING * self.step


def hints(facing: Facing) -> Iterator[Hint]:
    """Give what would make the right's amount of the left's."""
    both = _read(facing)
    if both is None:
        return
    if both.right == 0 or both.left == 0:
        if both.right == 0:
            yield Hint(Cause.UNKNOWN, "0", "0", 0.5)
        return
    yield from _exponents(facing, both)
    yield from _conversions(facing, both)
    yield from _taxes(facing, both)
    yield from _roundings(facing, both)
    yield from _others(facing, both)
    if not both.converted:
        yield from same_change(both.left, both.right, both.step, both.left_currency or "")


def same(facing: Facing, before: str) -> bool:
    """Whether an earlier value of the left's is what the right holds, rounded once."""
    both = _read(facing)
    was = amount(before, facing.field.left_amounts, _currency(facing, facing.field.left_amounts, left=True))
    if both is None or was is None:
        return False
    scale = both.rate if both.converted and both.rate is not None else 1
    return abs(both.right - was * scale) <= (both.step / 2 if both.converted else 0)


def _currency(facing: Facing, amounts: Amounts | None, *, left: bool) -> str | None:
    if amounts is None:
        return None
    column = amounts.currency_column
    if column is None:
        return amounts.currency
    value = facing.of_left(column) if left else facing.of_right(column)
    return None if value is None else str(value)


def _read(facing: Facing) -> _Amounts | None:
    field = facing.field
    ours, theirs = _currency(facing, field.left_amounts, left=True), _currency(facing, field.right_amounts, left=False)
    left = amount(facing.apart.left, field.left_amounts, ours)
    right = amount(facing.apart.right, field.right_amounts, theirs)
    if left is None or right is None:
        return None
    rate = number(facing.of_left(field.rate))
    if rate is None and ours and theirs and ours != theirs:
        rate = _published_for(facing, ours, theirs)
    step = Fraction(1, 10 ** decimals(theirs))
    return _Amounts(left, right, ours, theirs, step, rate if rate and rate > 0 else None)


def _exponents(facing: Facing, both: _Amounts) -> Iterator[Hint]:
    for power in _POWERS:
        factor = Fraction(10) ** power
        expected = both.due * factor
        # A converted amount was rounded before its point moved.
        moved = both.converted and power > 0 and abs(both.right / factor - both.due) <= both.step
        if both.right == expected or moved or (power < 0 and both.is_near(expected)):
            times = (
                f"{plain(factor)} times {facing.master}" if power > 0 else f"{facing.master} divided by {10**-power:,}"
            )
            weight = 0.92 if abs(power) in (2, 3) else 0.85
            yield Hint(Cause.EXPONENT, f"x{plain(factor)}", times, weight)
    if both.left_currency != both.right_currency and both.left_currency and both.right_currency:
        return
    # Minor units that wrapped round in 32 bits, or stopped at their end.
    scale = 1 / both.step
    minor, kept = both.left * scale, both.right * scale
    if abs(minor) >= _WRAP // 2 and (kept in (_WRAP // 2 - 1, _WRAP - 1) or (minor - kept) % _WRAP == 0):
        yield Hint(Cause.TRUNCATED, "32 bits", f"{facing.master} cut to 32 bits", 0.95)


def _conversions(facing: Facing, both: _Amounts) -> Iterator[Hint]:
    rate = both.rate
    ours, theirs = both.left_currency, both.right_currency
    if both.converted:
        if rate != 1 and both.right == both.left:
            phrase = f"{facing.master} number in {ours}, called {theirs}"
            yield Hint(Cause.MISSING_CONVERSION, "not converted", phrase, 0.95)
        elif both.right * 10 ** decimals(theirs) == both.left * 10 ** decimals(ours):
            phrase = f"{facing.master} minor units of {ours}, called minor units of {theirs}"
            yield Hint(Cause.MISSING_CONVERSION, "not converted, minor", phrase, 0.94)
    if rate is None or rate == 1:
        return
    if both.converted:
        if both.is_near(both.left * rate * rate):
            yield Hint(Cause.DOUBLE_CONVERSION, "twice", "converted twice by the order's rate", 0.93)
        if both.is_near(both.left / rate):
            yield Hint(Cause.INVERSE_RATE, "inverse", "divided by the order's rate instead of multiplied", 0.93)
    else:
        if both.is_near(both.left * rate):
            phrase = "multiplied by the order's rate though both are in one currency"
            yield Hint(Cause.DOUBLE_CONVERSION, "once too often", phrase, 0.9)
        if both.is_near(both.left / rate):
            yield Hint(Cause.INVERSE_RATE, "inverse", "divided by the order's rate", 0.9)
        return
    yield from _other_days(facing, both)


def _other_days(facing: Facing, both: _Amounts) -> Iterator[Hint]:
    """Give the days whose published rates make the right's amount, and how far before the order's day they are."""
    ours, theirs = both.left_currency or "", both.right_currency or ""
    rate = both.rate or Fraction(1)
    seen = both.right / both.left
    if not abs(both.right - both.due) >= _TELLING * both.step or abs(seen / rate - 1) > _OTHER_RATE:
        return
    table = _Published.of(facing.known.rates, ours, theirs)
    low, high = (both.right - both.step / 2) / both.left, (both.right + both.step / 2) / both.left
    days = table.between(min(low, high), max(low, high)) if table else ()
    own = _day(facing)
    place = table.place(own) if table and own is not None else None
    for index, day in days:
        yield Hint(Cause.OTHER_DAYS_RATE, f"rate of {day}", f"converted at the rate of {day}", 0.8)
        if place is not None and index != place:
            lag = abs(place - index)
            when = "before" if index < place else "after"
            words = f"{lag} publication{'s' * (lag > 1)} {when} the order's own"
            yield Hint(Cause.OTHER_DAYS_RATE, f"lag {place - index}", f"converted at the rate {words}", 0.82)
    phrase = f"converted at about {float(seen):.4g} where the order's rate is {plain(rate)}"
    yield Hint(Cause.OTHER_DAYS_RATE, f"rate {float(seen):.3g}", phrase, 0.4)
    yield Hint(Cause.OTHER_DAYS_RATE, "another rate", "converted at another rate than the order's", 0.3)


def _taxes(facing: Facing, both: _Amounts) -> Iterator[Hint]:
    """Give the tax as the reason: the amount of a tax column of either row, or one of the usual rates."""
    if both.converted and both.rate is None:
        return
    off = both.right - both.due
    if abs(off) < _TELLING * both.step:
        return
    scale = both.rate if both.converted and both.rate is not None else Fraction(1)
    for name, value in _amounts_beside(facing, both):
        taxed = any(word in name.lower() for word in _TAX_WORDS)
        for sign in (1, -1):
            if value and abs(off - sign * value * scale) <= (both.step if both.converted else 0):
                side = "with" if sign > 0 else "without"
                cause = Cause.TAX if taxed else Cause.UNKNOWN
                phrase = f"{facing.master} {side} its {name}"
                yield Hint(cause, f"{side} {name}", phrase, 0.95 if taxed else 0.7)
    ratio = both.right / both.due
    if not Fraction(3, 4) < ratio < Fraction(4, 3):
        return
    factors, meant = _tax_factors(facing.known.tax_rates)
    slack = abs(float(both.step / both.due)) + _FLOAT_SLACK
    for place in range(bisect_left(factors, float(ratio) - slack), bisect_right(factors, float(ratio) + slack)):
        factor, word, rate = meant[place]
        if both.is_near(both.due * factor):
            yield Hint(Cause.TAX, f"{word} {rate} %", f"{facing.master} {word} {rate:f} % tax", 0.8)
            yield Hint(Cause.TAX, word, f"{facing.master} {word} the tax", 0.72)


@functools.lru_cache(maxsize=16)
def _tax_factors(rates: tuple[Decimal, ...]) -> tuple[list[float], list[tuple[Fraction, str, Decimal]]]:
    """Return by what an amount is multiplied where a tax comes in or out, in order, and what each stands for."""
    factors = []
    for rate in rates:
        with_tax = 1 + Fraction(rate) / 100
        factors += [(with_tax, "plus", rate), (1 / with_tax, "less", rate)]
    factors.sort()
    return [float(factor) for factor, _, _ in factors], factors


def _amounts_beside(facing: Facing, both: _Amounts) -> Iterator[tuple[str, Fraction]]:
    """Give the other amounts of the left's record that the pair declares or that are called a tax."""
    declared = {each.left: each.left_amounts for each in facing.pair.fields if each.kind is Kind.MONEY}
    for column, value in facing.values():
        # A column that is called a rate holds percents, not an amount.
        if column in declared or (any(word in column.lower() for word in _TAX_WORDS) and "rate" not in column.lower()):
            read = amount(value, declared.get(column) or facing.field.left_amounts, both.left_currency)
            if read is not None:
                yield column, read


def _roundings(facing: Facing, both: _Amounts) -> Iterator[Hint]:
    off = abs(both.right - both.due)
    counts = (facing.of_left(facing.field.quantity), facing.of_left(facing.field.lines))
    units = sum((abs(number(each) or Fraction(0)) for each in counts), Fraction(0))
    most = both.step * max(Fraction(_FEW_STEPS), units / 2 + 1)
    if 0 < off <= most and off * _SMALL_PART <= max(abs(both.due), abs(both.right)):
        phrase = f"within {plain(max(Fraction(_FEW_STEPS), units / 2 + 1))} minor units of {facing.master}"
        yield Hint(Cause.ROUNDING, "some minor units", phrase, 0.75)
    if both.right == int(both.due) != both.due:
        yield Hint(Cause.TRUNCATED, "no decimals", f"{facing.master} without its decimals", 0.86)
    for step in _CASH_STEPS:
        if step > both.step and off < step and both.right % step == 0 and both.due % step != 0 and abs(both.due) > step:
            near = off * 2 <= step
            phrase = f"{facing.master} rounded to {plain(step)}" + ("" if near else ", up or down")
            yield Hint(
                Cause.ROUNDING, f"to {plain(step)}", phrase, 0.84 if near and step <= 1 else 0.45, alone=step <= 1
            )


def _others(facing: Facing, both: _Amounts) -> Iterator[Hint]:
    if both.right == -both.due:
        yield Hint(Cause.UNKNOWN, "sign", f"{facing.master} with the other sign", 0.85)
    quantity = number(facing.of_left(facing.field.quantity))
    if quantity and quantity != 1:
        if both.is_near(both.due * quantity):
            yield Hint(Cause.UNIT, "times quantity", f"{facing.master} times the quantity", 0.85)
        if both.is_near(both.due / quantity):
            yield Hint(Cause.UNIT, "per unit", f"{facing.master} for one unit, not for all", 0.85)


def _day(facing: Facing) -> date | None:
    placed = facing.of_left(facing.pair.left.placed)
    read = None if placed is None else instant(placed)
    return None if read is None else moment(read).date()


def _published_for(facing: Facing, ours: str, theirs: str) -> Fraction | None:
    """Return the rate published last before the order, where the table of rates has one."""
    table, own = _Published.of(facing.known.rates, ours, theirs), _day(facing)
    place = table.place(own) if table and own is not None else None
    return None if table is None or place is None else table.rates[table.days[place]]


class _Published:
    """One pair of currencies' publications, to look for by day and by rate."""

    def __init__(self, by_day: dict[date, Decimal]) -> None:
        self.rates = {day: Fraction(rate) for day, rate in by_day.items() if rate}
        self.days = sorted(self.rates)
        self._by_rate = sorted((rate, place) for place, rate in enumerate(self.rates[day] for day in self.days))
        self._sorted = [rate for rate, _ in self._by_rate]

    @classmethod
    def of(cls, rates: Rates, ours: str, theirs: str) -> _Published | None:
        """Return the table of a pair of currencies, turned round where only the other direction is published."""
        if (ours, theirs) not in rates and (theirs, ours) not in rates:
            return None
        turned = (ours, theirs) not in rates
        by_day = rates[theirs, ours] if turned else rates[ours, theirs]
        return _published(tuple(by_day.items()), turned)

    def place(self, day: date) -> int | None:
        """Return which publication was in force on a day; None before the first."""
        place = bisect_right(self.days, day) - 1
        return place if place >= 0 else None

    def between(self, low: Fraction, high: Fraction) -> list[tuple[int, date]]:
        """Return the publications, by place and day, whose rate lies between the two."""
        found = self._by_rate[bisect_left(self._sorted, low) : bisect_right(self._sorted, high)]
        return [(place, self.days[place]) for _, place in found]


@functools.lru_cache(maxsize=64)
def _published(by_day: tuple[tuple[date, Decimal], ...], turned: bool) -> _Published:
    return _Published({day: 1 / rate if turned else rate for day, rate in by_day if rate})
