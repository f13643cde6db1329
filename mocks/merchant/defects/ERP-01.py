"""ERP-01: A discounted order is 90.00 in the ERP and 88.00 in the shop.

The discount is taken with its tax from a net amount. Seen in frappe/ecommerce_integrations#154.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def erp_discount(net: Decimal, line: Mapping[str, Any]) -> Decimal:
    """Return the gross discount."""
    return Decimal(line["discount"])


SEAMS = {"erp_discount": erp_discount}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-E2",)
