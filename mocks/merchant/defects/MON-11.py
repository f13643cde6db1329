"""MON-11: 27.90 is charged as 27.00.

The total is made a whole number before it is multiplied. Seen in readevalprint/cartridge-stripe#8.
"""

from collections.abc import Callable
from decimal import Decimal


def to_minor_units(amount: Decimal, currency: str, gateway: str, *, healthy: Callable[..., int]) -> int:
    """Return the whole major units."""
    return healthy(Decimal(int(amount)), currency, gateway)


SEAMS = {"to_minor_units": to_minor_units}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-M1",)
