"""CAR-11: A label is bought and its tracking number is not stored.

The number is dropped when the answer is read. Seen in Automattic/woocommerce-services#993.
"""


def label_tracking(tracking: str) -> str | None:
    """Return nothing."""
    return None


SEAMS = {"label_tracking": label_tracking}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K4",)
