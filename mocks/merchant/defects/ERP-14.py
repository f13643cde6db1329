"""ERP-14: Orders in another currency than the partner's price list are refused.

A guard compares the currencies. Seen in OCA/edi#33.
"""

from collections.abc import Callable, Mapping
from typing import Any


def sales_order(
    shop: Any, row: Any, part: Mapping[str, Any], *, healthy: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """Refuse what is not in euros."""
    if row["currency"] != "EUR":
        raise ValueError(f"the price list is in EUR, the order in {row['currency']}")
    return healthy(shop, row, part)


SEAMS = {"sales_order": sales_order}
SHOWN_BY = ("cjk",)
CAUGHT_BY = ("O-O2", "O-O8")
