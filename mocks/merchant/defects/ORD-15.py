"""ORD-15: A refunded order is marked paid again by an event.

The status is read without the refunds. Seen in mollie/Shopware#65.
"""

from collections.abc import Callable


def is_old_news(payment_status: str, intent_status: str) -> bool:
    """Take every success for news."""
    return intent_status != "succeeded"


def may_pay_move(current: str, new: str, *, healthy: Callable[[str, str], bool]) -> bool:
    """Let a success follow everything."""
    return new == "paid" or healthy(current, new)


SEAMS = {"is_old_news": is_old_news, "may_pay_move": may_pay_move}
SHOWN_BY = ("inn-13[refund_first]",)
CAUGHT_BY = ("O-O4",)
