"""MON-18: Orders in a foreign currency cannot be refunded.

The plug-in disables refunds when the order currency is not the base currency. Seen in MultiSafepay/Magento2Msp#133.
"""


def refund_allowed(currency: str, base_currency: str) -> bool:
    """Allow refunds in the base currency alone."""
    return currency == base_currency


SEAMS = {"refund_allowed": refund_allowed}
SHOWN_BY = ("F06[jpy]",)
CAUGHT_BY = ("step",)
