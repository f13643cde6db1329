"""ERP-03: SAP is sent prices with tax as if they were net, and adds the tax once more."""

from __future__ import annotations

from decimal import Decimal

from tests.apps.other_shop.order import Line

REPLACES = "erp:net_price"


def net_price(line: Line) -> Decimal:
    """Return the shelf price."""
    return line.unit_price
