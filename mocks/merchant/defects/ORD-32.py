"""ORD-32: A coupon with one use is used by several checkouts.

Its limit is not looked at when it is used. Seen in vendurehq/vendure#4660.
"""


def is_used_up(uses: int, limit: int | None) -> bool:
    """Take every coupon for unused."""
    return False


SEAMS = {"is_used_up": is_used_up}
WAITS_FOR = "O-M11: a coupon with one use in two checkouts at once"
