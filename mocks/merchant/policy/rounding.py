"""What is rounded, to which step and how: the declared mode for one amount, and shares that sum to a rounded whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from mocks.merchant.policy.money import quantum
from mocks.merchant.seams import seam

MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
_HALF = Fraction(1, 2)


@seam("rounding")
def round_amount(amount: Decimal | Fraction, step: Decimal, mode: str) -> Decimal:
    """Return the amount rounded to a multiple of `step` in the declared mode (half_up, half_even or down)."""
    if isinstance(amount, Decimal):
        return (amount / step).quantize(Decimal(1), rounding=MODES[mode]) * step
    # A sum of taxes of several rates ends in no decimal: it is rounded from its exact fraction.
    exact = amount / Fraction(step)
    whole = math.trunc(exact)
    rest = abs(exact - whole)
    if mode != "down" and (rest > _HALF or (rest == _HALF and (mode == "half_up" or whole % 2))):
        whole += 1 if exact > 0 else -1
    return whole * step


@seam("rounding")
def round_line(amount: Decimal, currency: str, mode: str) -> Decimal:
    """Return an amount of one line rounded to the currency's smallest step."""
    return round_amount(amount, quantum(currency), mode)


@seam("rounding")
def round_total(total: Decimal, currency: str, step: Decimal, mode: str) -> Decimal:
    """Return the total to be paid, a multiple of `step` (cash rounding or the gateway's granularity)."""
    return round_amount(total, step, mode)


def allocate(amount: Decimal, weights: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """Return the amount spread over weights in whole steps: shares sum to the amount, largest remainders first."""
    total = sum(weights, Decimal(0))
    if total == 0 or amount == 0:
        return [Decimal(0)] * len(weights)
    exact = [amount * weight / total for weight in weights]
    shares = [round_amount(share, step, "down") for share in exact]
    missing = int((amount - sum(shares, Decimal(0))) / step)
    order = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in order[:missing]:
        shares[place] += step
    return shares
