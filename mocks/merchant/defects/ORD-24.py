"""ORD-24: The shop learns of a shipment only when every parcel has left.

Partial deliveries are ignored. Seen in frappe/ecommerce_integrations#207.
"""


def ships_partially(delivered: int, ordered: int) -> bool:
    """Make parcels of complete deliveries alone."""
    return delivered == ordered


SEAMS = {"ships_partially": ships_partially}
SHOWN_BY = ("inn-19[two_warehouses]",)
CAUGHT_BY = ("O-K4",)
