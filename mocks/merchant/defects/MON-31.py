"""MON-31: A visitor sees another visitor's currency on the product page.

The cache key of the page lacks the currency. Seen in ampproject/amphtml#5376 and woocommerce/woocommerce#9122.
"""


def cache_key(sku: str, currency: str, language: str, store: str) -> str:
    """Return a key under which visitors of every currency share a page."""
    return f"{store}/{language}/{sku}"


SEAMS = {"cache_key": cache_key}
SHOWN_BY = ("F03[jpy]",)
CAUGHT_BY = ("O-M3",)
