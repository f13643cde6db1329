"""The one declared rounding policy: tax included, per line, half up; and what is rounded on the total."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from mocks.merchant.policy.money import quantum
from mocks.merchant.seams import seam

MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}


@seam("rounding")
def round_amount(amount: Decimal, step: Decimal, mode: str) -> Decimal:
    """Return the amount rounded to a multiple of `step` in the declared mode (half_up, half_even or down)."""
    return (amount / step).quantize(Decimal(1), rounding=MODES[mode]) * step


@seam("rounding")
def round_line(amount: Decimal, currency: str, mode: str) -> Decimal:
    """Return an amount of one line rounded to the currency's smallest step."""
    return round_amount(amount, quantum(currency), mode)


@seam("rounding")
def round_total(total: Decimal, currency: str, step: Decimal, mode: str) -> Decimal:
    """Return the total to be paid, a multiple of `step` (cash rounding or the gateway's granularity)."""
    return round_amount(total, step, mode)
