"""CAR-07: Two address lines are joined and refused as too long.

The lines are merged before they are handed over. Seen in magento/magento2#39212 and DPDBeNeLux/magento-
DPD_Shipping#28.
"""


def address_lines(line1: str, line2: str, limit: int) -> list[str]:
    """Return one line."""
    return [f"{line1} {line2}".strip()]


SEAMS = {"address_lines": address_lines}
SHOWN_BY = ("long_name",)
CAUGHT_BY = ("O-K2",)
