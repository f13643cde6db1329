"""CAT-08: An article deleted in the ERP comes back from the shop.

The sync goes both ways and keeps no tombstone. Seen in frappe/erpnext_shopify#74.
"""


def comes_back(marked: bool) -> bool:
    """Put back whatever the shop's own catalogue holds."""
    return True


SEAMS = {"comes_back": comes_back}
WAITS_FOR = "F11: catalogue between systems, O-C3 (the pair catalogue finds it)"
