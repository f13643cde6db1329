"""ORD-03: Two orders from one cart on simultaneous submits.

The cart is not locked while it is being paid. Seen in magento/magento2#13952.
"""


def resumable(status: str) -> bool:
    """Take up finished checkouts alone."""
    return status != "paying"


def cart_is_free(status: str) -> bool:
    """Let a cart that is being paid begin again."""
    return status != "ordered"


SEAMS = {"resumable": resumable, "cart_is_free": cart_is_free}
SHOWN_BY = ("double_submit",)
CAUGHT_BY = ("O-O1", "O-O3")
