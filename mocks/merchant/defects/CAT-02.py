"""CAT-02: A price changed in the ERP does not reach the shop.

Change is looked for in the articles, not in the price list. Seen in frappe/erpnext_shopify#156.
"""

from collections.abc import Mapping
from typing import Any


def is_taken_over(known: Mapping[tuple[str, str], Any], read: Mapping[tuple[str, str], Any]) -> bool:
    """Take a list over where it names other articles."""
    return known.keys() != read.keys()


SEAMS = {"is_taken_over": is_taken_over}
WAITS_FOR = "F11: prices in time, O-C1 (the pair prices finds it)"
