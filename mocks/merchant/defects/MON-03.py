"""MON-03: KWD 92 is displayed as KWD 920.

The display formatter assumes two decimals, the charge does not. Seen in stripe/stripe-ios#2141 and
medusajs/medusa#6833.
"""

from collections.abc import Callable
from decimal import Decimal


def display_exponent(currency: str) -> int:
    """Return two decimals for every currency."""
    return 2


def api_amount(amount: str, currency: str, *, healthy: Callable[[str, str], str]) -> str:
    """Return the smallest units read with two decimals."""
    three = currency in ("KWD", "BHD", "OMR", "TND", "JOD")
    return healthy(f"{Decimal(amount) * 10:f}", currency) if three else healthy(amount, currency)


SEAMS = {"display_exponent": display_exponent, "api_amount": api_amount}
SHOWN_BY = ("kwd",)
CAUGHT_BY = ("O-M3",)
