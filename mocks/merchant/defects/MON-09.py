"""MON-09: USD 100 is charged as USD 10,000 after the display precision was raised to 4.

The display precision is used as the exponent of the smallest unit. Seen in odoo/odoo#106130.
"""

from collections.abc import Callable
from decimal import Decimal


def to_minor_units(amount: Decimal, currency: str, gateway: str, *, healthy: Callable[..., int]) -> int:
    """Return ten-thousandths of dollars, hundredths of nothing."""
    return int(amount.scaleb(4)) if currency == "USD" else healthy(amount, currency, gateway)


SEAMS = {"to_minor_units": to_minor_units}
SHOWN_BY = ("zip_04101",)
CAUGHT_BY = ("O-M1",)
