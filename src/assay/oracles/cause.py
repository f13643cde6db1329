"""Why an amount is wrong: the classifier of the specification, over the ratio of what is seen to what was expected.

Amounts were rounded before they are compared, so a ratio is recognised within half a step of either amount. Near
parity (USD/CHF) several causes coincide: all that fit are named, the first of the table first. Each cause holds
the name of its class: exponent, none, double, inverse, stale, tax, level, mode, truncation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_DOWN, Decimal

_POWERS = tuple(Decimal(10) ** power for power in (-3, -2, -1, 1, 2, 3))
_UNITS = (
    (Decimal("2.2046"), "kilograms were turned into pounds and kept their unit, or pounds were sent as kilograms"),
    (Decimal("0.4536"), "pounds were taken for kilograms"),
    (Decimal(1000), "grams were taken for kilograms"),
    (Decimal("0.001"), "kilograms were taken for grams"),
    (Decimal(100), "a factor of 100 between units"),
    (Decimal("0.01"), "a factor of 100 between units"),
    (Decimal("2.54"), "inches and centimetres were mixed up"),
    (Decimal(1) / Decimal("2.54"), "inches and centimetres were mixed up"),
)
_UNIT_TOLERANCE = Decimal("0.02")
UNKNOWN = "no known pattern"
"""What a cause begins with where the table has none."""
NOT_CONVERTED = "not converted (none): the base amount carries the foreign code"
TWICE = "double: converted one time too many"
INVERSE = "inverse: converted in the inverse direction, divided by the rate"
OTHER_DAY = "stale: converted at another day's rate"
DIGITS = "truncation: the rate was rounded before it was used"
MIXED_TAX = "tax: included and excluded were mixed up"
LEVEL_OR_MODE = "rounding on another level or in another mode"


def money_cause(
    seen: Decimal,
    expected: Decimal,
    *,
    step: Decimal,
    rate: Decimal | None = None,
    other_rates: Sequence[Decimal] = (),
    tax_rates: Sequence[Decimal] = (),
    units: int = 0,
) -> str:
    """Say in words why `seen` is not `expected`, both in major units.

    step: the smallest step of the currency. rate: what one unit of the base currency was worth; other_rates: what it
    was on other days. tax_rates are percentages. units: how many roundings lie between the two.
    """
    if expected == 0:
        return "something is charged where nothing was expected" if seen else UNKNOWN
    found = dict.fromkeys(_money_causes(seen, expected, step, rate, other_rates, tax_rates, units))
    return " or ".join(list(found)[:2]) or f"{UNKNOWN}: {seen / expected:.4f} times what was expected"


def unit_cause(seen: Decimal, expected: Decimal, *, step: Decimal = Decimal(0)) -> str:
    """Say in words why a weight or length is not what was expected, both in the same unit, stated in whole steps."""
    if expected == 0:
        return UNKNOWN
    near = [
        (abs(seen - expected * factor), words)
        for factor, words in _UNITS
        if abs(seen - expected * factor) <= max(expected * factor * _UNIT_TOLERANCE, step)
    ]
    return min(near)[1] if near else f"{UNKNOWN}: {seen / expected:.3f} times what was expected"


def _money_causes(
    seen: Decimal,
    expected: Decimal,
    step: Decimal,
    rate: Decimal | None,
    other_rates: Sequence[Decimal],
    tax_rates: Sequence[Decimal],
    units: int,
) -> Iterator[str]:
    if seen / expected in _POWERS:
        yield "exponent or scale: the decimal point moved"
    if rate is not None and rate != 1:
        yield from _rate_causes(seen, expected, step, rate, other_rates)
    for tax in tax_rates:
        factor = 1 + tax / 100
        if tax and (_near(seen, expected, factor, step) or _near(seen, expected, 1 / factor, step)):
            yield MIXED_TAX
    if seen != expected and seen == expected.to_integral_value(ROUND_DOWN):
        yield "truncation: everything after the decimal point was cut off"
    elif 0 < abs(seen - expected) <= units * step:
        yield LEVEL_OR_MODE
    elif 0 < expected - seen <= step:
        yield "truncation: a part of a unit was cut off"


def _rate_causes(
    seen: Decimal, expected: Decimal, step: Decimal, rate: Decimal, other_rates: Sequence[Decimal]
) -> Iterator[str]:
    if _near(seen, expected, 1 / rate, step):
        yield NOT_CONVERTED
    if _near(seen, expected, rate, step):
        yield TWICE
    if _near(seen, expected, 1 / (rate * rate), step):
        yield INVERSE
    if _near(seen, expected, rate * rate, step):
        yield "double: converted two times too many"
    for other in other_rates:
        if other != rate and _near(seen, expected, other / rate, step):
            yield OTHER_DAY
            return


def _near(seen: Decimal, expected: Decimal, factor: Decimal, step: Decimal) -> bool:
    """Say whether seen is expected times the factor, but for the rounding of either."""
    return abs(seen - expected * factor) <= step * (1 + factor) / 2
