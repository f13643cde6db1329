"""ORD-26: A quantity cancelled before shipping is still sent to the warehouse.

The shipper reads the original quantity. Seen in woocommerce/woocommerce#24033.
"""


def quantity_to_ship(ordered: int, cancelled: int) -> int:
    """Return what was ordered."""
    return ordered


SEAMS = {"quantity_to_ship": quantity_to_ship}
SHOWN_BY = ("inn-16[partial_capture]",)
CAUGHT_BY = ("O-K4", "O-O6")
