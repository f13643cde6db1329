"""CAT-05: The same article is not matched between EAN-13 and UPC-A.

GTINs are compared as they are written. Seen in openlinker-project/openlinker#208.
"""


def gtin_14(gtin: str) -> str:
    """Return the number as it is."""
    return gtin


SEAMS = {"gtin_14": gtin_14}
WAITS_FOR = "F11: catalogue between systems, O-C2 (the pair catalogue finds it)"
