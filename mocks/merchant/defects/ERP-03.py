"""ERP-03: Tax is added on top of a price that holds it already.

The flag for prices including tax does not match. Seen in OCA/connector-magento#109.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def erp_goods(net: Decimal, line: Mapping[str, Any]) -> Decimal:
    """Return the gross value."""
    return Decimal(line["gross"])


SEAMS = {"erp_goods": erp_goods}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-E2",)
