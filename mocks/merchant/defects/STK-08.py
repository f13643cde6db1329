"""STK-08: An abandoned redirect keeps a unique item out of stock.

The hold has no end. Seen in pfpayments/woocommerce#10.
"""


def reservation_expiry(now_plus_ttl: str) -> str | None:
    """Return no end."""
    return None


SEAMS = {"reservation_expiry": reservation_expiry}
SHOWN_BY = ("walked_away",)
CAUGHT_BY = ("O-S3",)
