"""ORD-04: Orders are missing after a peak though the cards are charged.

A lock wait rolls the order back after the gateway was called. Seen in magento/magento2#25862.
"""

import sqlite3


def before_order_is_written(number: str) -> None:
    """Fail for every third order number."""
    if int(number[1:]) % 3 == 0:
        raise sqlite3.OperationalError("database is locked")


SEAMS = {"before_order_is_written": before_order_is_written}
SHOWN_BY = ("coupon", "emoji", "sku_0017")
CAUGHT_BY = ("O-O2",)
