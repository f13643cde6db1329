"""STK-04: A bounced direct debit leaves the stock reduced.

The way from on-hold to failed restores nothing. Seen in woocommerce/woocommerce#66244.
"""


def stock_after_failed_debit(order_id: str) -> bool:
    """Give nothing back."""
    return False


SEAMS = {"stock_after_failed_debit": stock_after_failed_debit}
WAITS_FOR = "F10: a direct debit that bounces, O-S1"
