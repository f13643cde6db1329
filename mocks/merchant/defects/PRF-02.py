"""PRF-02: A page of one row is fast, and a page of seventy is slow.

The database is asked once more for each row. Seen in medusajs/medusa#1497 and saleor/saleor#13743.
"""

import time
from collections.abc import Callable
from decimal import Decimal

_ONE_QUERY_S = 0.04


def displayed_price(
    sku: str, amount: Decimal, currency: str, *, healthy: Callable[[str, Decimal, str], tuple[Decimal, str]]
) -> tuple[Decimal, str]:
    """Take as long for each row as one more query does."""
    time.sleep(_ONE_QUERY_S)
    return healthy(sku, amount, currency)


SEAMS = {"displayed_price": displayed_price}
WAITS_FOR = "O-L3: how long pages take (monitor latency)"
