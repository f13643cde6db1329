"""ERP-09: The document date is the day of the sync, not of the order.

The importer uses its own clock. Seen in libracore/WooCommerceConnector#50.
"""

from datetime import datetime


def accounting_date(placed_at: str, now: datetime, zone: str) -> str:
    """Return today."""
    return now.date().isoformat()


SEAMS = {"accounting_date": accounting_date}
SHOWN_BY = ("erp_outage_25h",)
CAUGHT_BY = ("O-E3",)
