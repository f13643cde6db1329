"""CAR-17: The US state is missing and the carrier refuses.

The state is not handed over. Seen in nopSolutions/FedEx-plugin-for-nopcommerce#21 and gabrielbull/php-ups-api#129.
"""


def label_region(country: str, region: str) -> str:
    """Return no region."""
    return ""


SEAMS = {"label_region": label_region}
SHOWN_BY = ("zip_04101",)
CAUGHT_BY = ("O-K2",)
