"""PAY-17: A way to pay is offered for a currency it cannot take and fails with a general error.

Its capability is not checked. Seen in woocommerce/woocommerce-paypal-payments#82.
"""


def is_supported(kind: str, currency: str, gateway: str) -> bool:
    """Offer everything."""
    return True


SEAMS = {"is_supported": is_supported}
SHOWN_BY = ("F03[paypal_kwd]",)
CAUGHT_BY = ("O-M9", "step")
