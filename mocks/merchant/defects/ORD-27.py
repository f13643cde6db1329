"""ORD-27: An item added in a second tab while paying is in the order, and was not paid.

The cart is read at the return from the bank, not at the payment. Seen in snipcart/snipcart-v3-feedback#97 and
Adyen/adyen-prestashop#151.
"""

from collections.abc import Mapping
from typing import Any


def order_lines_at_completion(snapshot: list[dict[str, Any]], cart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the paid lines with the quantities the cart holds by now, and its new lines at no price."""
    by_id = {line["id"]: line for line in snapshot}
    lines = []
    for entry in cart["lines"]:
        zero = dict.fromkeys(("unit_price", "gross", "discount", "total", "tax"), "0")
        known = by_id.get(entry["id"]) or {
            **snapshot[0],
            **zero,
            "id": entry["id"],
            "sku": entry["sku"],
            "name": entry["sku"],
        }
        lines.append({**known, "quantity": entry["quantity"]})
    return lines


SEAMS = {"order_lines_at_completion": order_lines_at_completion}
SHOWN_BY = ("second_tab",)
CAUGHT_BY = ("O-O11",)
