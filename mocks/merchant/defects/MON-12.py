"""MON-12: Shipping is converted twice, products once.

The carrier plug-in returns a converted cost, and the shop converts it again. Seen in Automattic/woocommerce-
payments#11932.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any


def shipping_price(cost: Decimal, currency: str, rate: Any, mode: str, *, healthy: Callable[..., Decimal]) -> Decimal:
    """Return the cost converted by the square of the rate."""
    return healthy(healthy(cost, currency, rate, mode), currency, rate, mode)


SEAMS = {"shipping_price": shipping_price}
SHOWN_BY = ("below_free_shipping",)
CAUGHT_BY = ("O-M4",)
