"""MON-40: A return of a GBP order is shown in the store currency.

The currency comes from the store configuration. Seen in spree/spree#10925.
"""


def return_currency(order_currency: str, store_currency: str) -> str:
    """Return the store's currency."""
    return store_currency


SEAMS = {"return_currency": return_currency}
SHOWN_BY = ("F06[return]",)
CAUGHT_BY = ("O-M2", "O-M6")
