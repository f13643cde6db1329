"""MON-15: An order is processed in the customer's earlier currency though another was chosen.

The currency sticks to the customer record. Seen in Automattic/woocommerce-payments#8628.
"""


def cart_currency(requested: str, customer_currency: str | None) -> str:
    """Return the currency of the customer's last order."""
    return customer_currency or requested


SEAMS = {"cart_currency": cart_currency}
SHOWN_BY = ("registered",)
CAUGHT_BY = ("O-M3",)
