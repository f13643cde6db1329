"""Why two numbers differ: units of measure, decimals cut off, a constant change."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from assay.drift.pairs.causes.hint import Facing, Hint
from assay.drift.pairs.causes.written import number, plain
from assay.drift.pairs.model import Cause

# What one measure is in another: exact by definition, or near enough that three digits tell it.
_UNITS = (
    (Fraction(1000), "kilo"),
    (Fraction(100), "hundreds"),
    (Fraction(10), "tens"),
    (Fraction(12), "dozens"),
    (Fraction(60), "sixties"),
    (Fraction(3600), "seconds and hours"),
    (Fraction(24), "days and hours"),
    (1 / Fraction("0.45359237"), "pounds and kilograms"),
    (Fraction("28.349523125"), "ounces and grams"),
    (Fraction("453.59237"), "pounds and grams"),
    (Fraction("2.54"), "inches and centimetres"),
    (Fraction("25.4"), "inches and millimetres"),
    (Fraction("0.3048"), "feet and metres"),
)
_NEAR = Fraction(1, 500)
_MOST_DECIMALS = 6


def hints(facing: Facing) -> Iterator[Hint]:
    """Give what would make the right's number of the left's."""
    left, right = number(facing.apart.left), number(facing.apart.right)
    if left is None or right is None:
        return
    yield from _beyond(facing, left, right)
    if right == 0 or left == 0:
        if right == 0:
            yield Hint(Cause.UNKNOWN, "0", "0", 0.5)
        return
    for factor, what in _UNITS:
        for times, word in ((factor, "times"), (1 / factor, "divided by")):
            if left * times == right or (abs(left) > 1 and abs(right / (left * times) - 1) < _NEAR):
                exact = left * times == right
                phrase = f"{facing.master} {word} {plain(factor)} ({what})"
                yield Hint(Cause.UNIT, f"{word} {plain(factor)}", phrase, 0.9 if exact else 0.7, alone=exact)
    if right == int(left) != left:
        yield Hint(Cause.TRUNCATED, "no decimals", f"{facing.master} without its decimals", 0.86)
    for places in range(_MOST_DECIMALS):
        if right == round(left, places) != left:
            digits = f"{places} decimal{'s' * (places != 1)}"
            yield Hint(Cause.ROUNDING, f"to {places}", f"{facing.master} rounded to {digits}", 0.8)
            break
    if right == -left:
        yield Hint(Cause.UNKNOWN, "sign", f"{facing.master} with the other sign", 0.85)
    yield from same_change(left, right, Fraction(1, 10**6), "")


def _beyond(facing: Facing, left: Fraction, right: Fraction) -> Iterator[Hint]:
    """Give by how much the right lies beyond what a column of the left allows."""
    column = facing.field.below if right < left else facing.field.above
    allowed = number(facing.of_left(column)) if column else None
    if allowed is not None and facing.field.bounded:
        off = abs(right - left)
        phrase = f"{plain(off)} {'less' if right < left else 'more'}, of which {column} allows {plain(allowed)}"
        yield Hint(Cause.UNKNOWN, f"beyond by {off - allowed}", phrase, 0.46)


def same_change(left: Fraction, right: Fraction, step: Fraction, unit: str) -> Iterator[Hint]:
    """Give the change itself, by difference and by ratio: many records with the same one have the same reason."""
    off = right - left
    if not off:
        return  # what cannot be compared may be equal all the same
    words = f"{plain(abs(off))}{' ' * bool(unit)}{unit} {'more' if off > 0 else 'less'}"
    yield Hint(Cause.UNKNOWN, f"by {off}", f"exactly {words}", 0.45)
    ratio = right / left
    if abs(right) >= 100 * step and abs(off) >= 3 * step:
        yield Hint(Cause.UNKNOWN, f"ratio {float(ratio):.3g}", f"about {float(ratio):.3g} times as much", 0.35)
