"""MON-23: PayPal refuses the order, and only where a coupon is used: the parts do not make up the amount.

What evens rounding out is worked out without the discount. Seen in woocommerce/woocommerce-paypal-payments#1508.
"""

from decimal import Decimal


def left_over(amount: Decimal, items: Decimal, tax: Decimal, shipping: Decimal, discount: Decimal) -> Decimal:
    """Return what is missing between the parts and the amount, the discount forgotten."""
    return amount - (items + tax + shipping)


SEAMS = {"left_over": left_over}
SHOWN_BY = ("F02[coupon_paypal]",)
CAUGHT_BY = ("O-M5",)
