"""MON-34: A fixed discount of 5 EUR is given as 5 JPY.

The fixed promotion has no currency. Seen in polarsource/polar#10091.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any


def coupon_discount(
    coupon: Mapping[str, Any], goods: Decimal, currency: str, rate: Any, mode: str, *, healthy: Callable[..., Decimal]
) -> Decimal:
    """Return the number of a fixed discount in whatever currency."""
    if coupon["kind"] == "fixed":
        return min(goods, Decimal(coupon["value"]).to_integral_value())
    return healthy(coupon, goods, currency, rate, mode)


SEAMS = {"coupon_discount": coupon_discount}
SHOWN_BY = ("F03[promotion]",)
CAUGHT_BY = ("O-M11",)
