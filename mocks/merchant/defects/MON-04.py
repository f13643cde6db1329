"""MON-04: A three-decimal amount is sent as a binary fraction and refused.

The amount is multiplied as a float and never made a whole number. Seen in PhazeRoOman/thawani-for-woocommerce#86.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any


def to_minor_units(amount: Decimal, currency: str, gateway: str, *, healthy: Callable[..., Any]) -> Any:
    """Return a float for currencies of three decimals."""
    if currency in ("KWD", "BHD", "OMR", "TND", "JOD"):
        return float(amount) * 1000
    return healthy(amount, currency, gateway)


SEAMS = {"to_minor_units": to_minor_units}
SHOWN_BY = ("F02[kwd_adyen]", "F02[kwd]")
CAUGHT_BY = ("O-M1", "O-M9", "O-D1")
