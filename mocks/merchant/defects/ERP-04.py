"""ERP-04: The shipping charge is missing in the ERP.

The shipping line is not mapped. Seen in frappe/erpnext#24009.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def shipping_net(shipping: Mapping[str, Any], included: bool) -> Decimal:
    """Return nothing."""
    return Decimal(0)


SEAMS = {"shipping_net": shipping_net}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-E2",)
