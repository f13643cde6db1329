"""MON-21: A half cent of tax is rounded to the even cent where the books round it up.

The hub's rounding mode is another one than the shop's. Seen in umbraco/Umbraco.Commerce.Issues#580.
"""

from collections.abc import Callable
from decimal import Decimal


def round_amount(amount: Decimal, step: Decimal, mode: str, *, healthy: Callable[..., Decimal]) -> Decimal:
    """Round half to even, whatever is declared."""
    return healthy(amount, step, "half_even")


SEAMS = {"round_amount": round_amount}
SHOWN_BY = ("declined_first",)
CAUGHT_BY = ("O-M5",)
