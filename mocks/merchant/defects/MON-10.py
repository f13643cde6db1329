"""MON-10: 19.99 is billed as 19.98.

The amount is multiplied as a float and cut off. Seen in BasedHardware/omi#10158 and ingenesis/shopp#3217.
"""

from collections.abc import Callable
from decimal import Decimal


def to_minor_units(amount: Decimal, currency: str, gateway: str, *, healthy: Callable[..., int]) -> int:
    """Return the truncated product of a float and one hundred."""
    exact = healthy(amount, currency, gateway)
    return int(float(amount) * 100) if exact == amount.scaleb(2) else exact


SEAMS = {"to_minor_units": to_minor_units}
SHOWN_BY = ("eur",)
CAUGHT_BY = ("O-M1",)
