"""MON-31: A visitor sees another visitor's currency on the product page.

The cache key of the page lacks the currency. Seen in ampproject/amphtml#5376 and woocommerce/woocommerce#9122.
"""

from decimal import Decimal

_CACHE: dict[str, tuple[Decimal, str]] = {}


def displayed_price(sku: str, amount: Decimal, currency: str) -> tuple[Decimal, str]:
    """Return the price the first visitor of the page saw."""
    return _CACHE.setdefault(sku, (amount, currency))


SEAMS = {"displayed_price": displayed_price}
SHOWN_BY = ("registered",)
CAUGHT_BY = ("O-M3",)
