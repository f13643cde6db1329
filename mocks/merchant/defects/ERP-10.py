"""ERP-10: An order at 00:30 local time is booked on the day before.

The day is taken in UTC. Seen in GratefulGarmentProject/StockAid#799 and shopware/shopware#739.
"""

from datetime import datetime


def accounting_date(placed_at: str, now: datetime, zone: str) -> str:
    """Return the day of the stored instant."""
    return placed_at[:10]


SEAMS = {"accounting_date": accounting_date}
SHOWN_BY = ("midnight",)
CAUGHT_BY = ("O-E3",)
