"""CAR-01: Kilograms are printed and billed as pounds.

The unit is fixed, the number is not converted. Seen in netresearch/dhl-module-shipping-m2#33 and
magento/magento2#39187.
"""

from collections.abc import Callable


def weight_units(country: str) -> tuple[str, str]:
    """Return pounds and inches."""
    return "LBS", "IN"


def carrier_weight(weight_g: int, unit: str, *, healthy: Callable[[int, str], str]) -> str:
    """Return the number of kilograms."""
    return healthy(weight_g, "KGS")


SEAMS = {"weight_units": weight_units, "carrier_weight": carrier_weight}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K4",)
