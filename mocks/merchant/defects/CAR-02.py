"""CAR-02: An order of 5 kg is labelled as 0.05 kg.

Grams and kilograms are mixed up by a factor. Seen in dpdconnect/woocommerce-shipping#3.
"""

from collections.abc import Callable


def carrier_weight(weight_g: int, unit: str, *, healthy: Callable[[int, str], str]) -> str:
    """Return a hundredth of the weight."""
    return healthy(weight_g // 100, unit)


SEAMS = {"carrier_weight": carrier_weight}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K1",)
