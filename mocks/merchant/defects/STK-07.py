"""STK-07: 80 are shown where 51 may be sold.

What is on hand is offered without what is reserved. Seen in libracore/WooCommerceConnector#41 and
Starktail/woocommerce_fusion#170.
"""


def sellable(on_hand: int, reserved: int, safety: int) -> int:
    """Return what is on hand."""
    return on_hand


SEAMS = {"sellable": sellable}
SHOWN_BY = ("inn-24[held]",)
CAUGHT_BY = ("O-S1",)
