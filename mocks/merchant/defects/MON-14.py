"""MON-14: Switching the currency on the page of an unpaid order keeps the number and changes the code.

The currency switcher is applied to an order that is frozen. Seen in Automattic/woocommerce-payments#3329.
"""

from decimal import Decimal


def pay_page_amount(total: Decimal, order_currency: str, requested: str) -> tuple[Decimal, str]:
    """Return the order's number in the visitor's currency."""
    return total, requested


SEAMS = {"pay_page_amount": pay_page_amount}
SHOWN_BY = ("F03[switch_after]",)
CAUGHT_BY = ("O-M3", "O-M2")
