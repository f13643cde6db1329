"""CAT-01: A sale price is live at once although it is scheduled.

The dates of the price list are ignored. Seen in facebook/facebook-for-woocommerce#193,
facebookarchive/facebook-for-magento2#40 and fontis/fontis_australia#23.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any


def price_at(rows: Sequence[Any], now: datetime) -> Decimal | None:
    """Return the best price there is, whenever it is meant to be."""
    return min((row.price for row in rows), default=None)


SEAMS = {"price_at": price_at}
WAITS_FOR = "F11: prices in time, O-C1 (the pair prices finds it)"
