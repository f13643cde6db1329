"""CAR-08: A long address is cut, and the label is printed without the house number.

Lines are truncated silently. Seen in Shopify/active_shipping#290.
"""


def address_lines(line1: str, line2: str, limit: int) -> list[str]:
    """Return the first characters of each line."""
    return [line[:limit] for line in (line1, line2) if line]


SEAMS = {"address_lines": address_lines}
SHOWN_BY = ("long_name",)
CAUGHT_BY = ("O-K2",)
