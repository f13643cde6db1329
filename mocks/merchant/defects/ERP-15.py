"""ERP-15: Fields of an order vanish: gateway, payment details and processing method.

The version of the API that had them was switched off. Seen in airbytehq/airbyte#28127 and singer-io/tap-shopify#187.
"""

from typing import Any

_OF_PAYMENT = ("gateway", "gateway_answer")
_OF_ORDER = "paid_by"


def order_answer(order: dict[str, Any]) -> dict[str, Any]:
    """Return the order as the next version writes it: who took the money, and how, is no longer there."""
    payments = [{name: each[name] for name in each if name not in _OF_PAYMENT} for each in order["payments"]]
    return {**{name: order[name] for name in order if name != _OF_ORDER}, "payments": payments}


SEAMS = {"order_answer": order_answer}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-D1",)
