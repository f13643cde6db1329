"""MON-27: Prices are divided by the rate instead of multiplied.

The quotation is read the wrong way round. Seen in Sylius/Sylius#1048 and cubecart/v6#1022.
"""

from decimal import Decimal


def convert(amount: Decimal, rate: Decimal) -> Decimal:
    """Return the amount divided by the rate."""
    return amount / rate


SEAMS = {"convert": convert}
SHOWN_BY = ("zip_04101",)
CAUGHT_BY = ("O-M4",)
