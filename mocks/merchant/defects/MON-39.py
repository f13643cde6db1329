"""MON-39: 651 on the product page is 666 in the cart.

A rounding rule is applied a second time in the cart. Seen in nopSolutions/nopCommerce#2821.
"""

from decimal import ROUND_UP, Decimal


def charged_unit_price(amount: Decimal, currency: str) -> Decimal:
    """Return the price rounded up to the next half of a ten."""
    step = Decimal(5)
    return (amount / step).to_integral_value(ROUND_UP) * step


SEAMS = {"charged_unit_price": charged_unit_price}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-M3",)
