"""CAR-06: A bundle weighs nothing.

The weights of its components are not added up. Seen in Automattic/woocommerce-services#1378.
"""

from typing import Any


def unit_weight_g(catalogue: Any, product: Any) -> int:
    """Return the weight of the article itself."""
    return int(product.weight_g)


SEAMS = {"unit_weight_g": unit_weight_g}
SHOWN_BY = ("bundle",)
CAUGHT_BY = ("O-K1",)
