"""MON-28: Foreign orders are booked at rate 1.

A placeholder rate is stored instead of the published one. Seen in openlinker-project/openlinker#2102.
"""

from decimal import Decimal


def stored_rate(published: Decimal) -> Decimal:
    """Return the placeholder."""
    return Decimal(1)


SEAMS = {"stored_rate": stored_rate}
SHOWN_BY = ("F02[jpy]",)
CAUGHT_BY = ("O-M4", "O-M7")
