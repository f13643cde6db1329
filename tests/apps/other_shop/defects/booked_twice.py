"""ORD-30: a repeated attempt books a second sales order: only finished ones are looked for, the first is not."""

from __future__ import annotations

REPLACES = "erp:same_order_filter"


def same_order_filter(number: str) -> str:
    """Return a filter that finds completely processed sales orders only."""
    return f"PurchaseOrderByCustomer eq '{number}' and OverallSDProcessStatus eq 'C'"
