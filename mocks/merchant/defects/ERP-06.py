"""ERP-06: Orders from a country without a tax account never arrive in the ERP.

A missing mapping rejects the document. Seen in frappe/ecommerce_integrations#194.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any


def sales_order(
    shop: Any, row: Any, part: Mapping[str, Any], *, healthy: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """Refuse what goes to a country without an account."""
    country = json.loads(row["body"])["address"]["country"]
    if country not in ("FR", "DE", "BE"):
        raise ValueError(f"no tax account for {country}")
    return healthy(shop, row, part)


SEAMS = {"sales_order": sales_order}
SHOWN_BY = ("cjk",)
CAUGHT_BY = ("O-O2", "O-O8")
