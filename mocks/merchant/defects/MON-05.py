"""MON-05: A checkout in yen fails at a gateway of decimal strings: 705.00 is refused.

Every amount is written with two decimals, whatever the gateway takes.
Seen in woocommerce/woocommerce-gateway-amazon-pay#148.
"""

from decimal import Decimal


def decimal_text(amount: Decimal, currency: str, gateway: str) -> str:
    """Return the amount with two decimals."""
    return f"{amount:.2f}"


SEAMS = {"decimal_text": decimal_text}
SHOWN_BY = ("F02[jpy_paypal]", "F02[huf_paypal]")
CAUGHT_BY = ("O-M1", "O-M9")
