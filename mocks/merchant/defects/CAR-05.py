"""CAR-05: The weight ignores the quantity.

Lines are summed, not units. Seen in woocommerce/woocommerce-ios#4643 and woocommerce/woocommerce-android#12596.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def parcel_weight_g(lines: Sequence[Mapping[str, Any]], packaging_g: int) -> int:
    """Return one unit of each line, and the packaging."""
    return packaging_g + sum(int(line["unit_g"]) for line in lines)


SEAMS = {"parcel_weight_g": parcel_weight_g}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K1",)
