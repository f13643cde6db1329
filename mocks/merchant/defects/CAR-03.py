"""CAR-03: Pounds are sent as kilograms and rates double.

The store's unit is ignored. Seen in verbb/postie#46.
"""

from collections.abc import Callable


def carrier_weight(weight_g: int, unit: str, *, healthy: Callable[[int, str], str]) -> str:
    """Return the number of pounds."""
    return healthy(weight_g, "LBS")


SEAMS = {"carrier_weight": carrier_weight}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K1",)
