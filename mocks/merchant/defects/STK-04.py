"""STK-04: A bounced direct debit leaves the stock reduced.

The way from on-hold to failed restores nothing. Seen in woocommerce/woocommerce#66244.
"""


def stock_after_failed_debit(order_id: str) -> bool:
    """Give nothing back."""
    return False


SEAMS = {"stock_after_failed_debit": stock_after_failed_debit}
SHOWN_BY = ("F10[bounced]",)
CAUGHT_BY = ("O-S1", "O-S3")
