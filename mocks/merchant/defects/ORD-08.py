"""ORD-08: A late notification sets a paid order back to pending.

Events are taken over whatever state they are of. Seen in Adyen/adyen-magento#425.
"""


def is_old_news(payment_status: str, intent_status: str) -> bool:
    """Take every event for news."""
    return False


def may_pay_move(current: str, new: str) -> bool:
    """Allow every move."""
    return True


SEAMS = {"is_old_news": is_old_news, "may_pay_move": may_pay_move}
SHOWN_BY = ("inn-13[refund_first]",)
CAUGHT_BY = ("O-O4",)
