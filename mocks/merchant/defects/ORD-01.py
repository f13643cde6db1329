"""ORD-01: A second order after the page is reloaded during checkout.

The earlier checkout of the cart is not taken up again. Seen in woocommerce/woocommerce-gateway-stripe#4878.
"""


def resumable(status: str) -> bool:
    """Take up nothing."""
    return False


def cart_is_free(status: str) -> bool:
    """Let a cart that is an order already begin again."""
    return True


SEAMS = {"resumable": resumable, "cart_is_free": cart_is_free}
SHOWN_BY = ("slow_place_order",)
CAUGHT_BY = ("O-O1",)
