"""CAR-14: A new carrier status stops the tracking.

The list of codes is closed: a parcel whose code is not in it is given up. Seen in itsvic-dev/deliveries#170.
"""

from collections.abc import Callable


def may_track_move(current: str, new: str, *, healthy: Callable[[str, str], bool]) -> bool:
    """Take a parcel with an unknown code out of the ones that are followed."""
    return current != "unknown" and (new == "unknown" or healthy(current, new))


SEAMS = {"may_track_move": may_track_move}
SHOWN_BY = ("new_scan",)
CAUGHT_BY = ("O-K5",)
