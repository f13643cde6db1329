"""CAR-16: An address without province is refused where there are none.

The province is mandatory for every country. Seen in macder/medusa-fulfillment-shippo#38.
"""


def region_required(country: str) -> bool:
    """Require it everywhere."""
    return True


SEAMS = {"region_required": region_required}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("step", "O-D1")
