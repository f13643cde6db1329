"""PAY-03: A partial refund gives the whole payment back.

The gateway is asked to cancel or refund everything. Seen in Adyen/adyen-commercetools#399.
"""

from decimal import Decimal


def refund_target(requested: Decimal, refundable: Decimal) -> Decimal:
    """Return all that can be refunded."""
    return refundable


SEAMS = {"refund_target": refund_target}
SHOWN_BY = ("F06[lines]", "F06[part]")
CAUGHT_BY = ("O-M6",)
