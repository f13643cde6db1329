"""ORD-22: A cancelled order is still created in the ERP and shipped.

The cancellation is not looked at when the entry is pushed. Seen in openlinker-project/openlinker#2284.
"""


def still_wanted(order_status: str) -> bool:
    """Push whatever waits."""
    return True


SEAMS = {"still_wanted": still_wanted}
WAITS_FOR = "F05: cancellations, O-O7 (the pair shipments finds it)"
