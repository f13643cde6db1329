"""MON-33: Free shipping is granted at 150 of any currency.

The threshold is not converted. Seen in odoo/odoo#105569 and woocommerce/google-listings-and-ads#1324.
"""

from decimal import Decimal
from typing import Any


def free_shipping(goods: Decimal, threshold: Decimal, currency: str, rate: Any, mode: str) -> bool:
    """Compare the numbers alone."""
    return goods >= threshold


SEAMS = {"free_shipping": free_shipping}
SHOWN_BY = ("F03[free_shipping_missed]",)
CAUGHT_BY = ("O-M11",)
