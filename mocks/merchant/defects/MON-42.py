"""MON-42: The exchange-rate notice names the store currency instead of the order currency.

The label is read from the configuration when the page is made. Seen in woocommerce/woocommerce-gateway-stripe#5086.
"""

from decimal import Decimal


def rate_label(order_currency: str, base_currency: str, rate: Decimal) -> str:
    """Return a label with the base currency on both sides."""
    return f"1 {base_currency} = {rate.normalize():f} {base_currency}"


SEAMS = {"rate_label": rate_label}
SHOWN_BY = ("F03[jpy]",)
CAUGHT_BY = ("O-M10",)
