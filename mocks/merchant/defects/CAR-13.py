"""CAR-13: The parcel is delivered and the order never is.

The carrier's code is missing in the map. Seen in karrioapi/karrio#125.
"""

from collections.abc import Callable


def track_status(kind: str, code: str, *, healthy: Callable[[str, str], str]) -> str:
    """Return in transit for a delivery."""
    status = healthy(kind, code)
    return "in_transit" if status == "delivered" else status


SEAMS = {"track_status": track_status}
SHOWN_BY = ("eur",)
CAUGHT_BY = ("O-K5",)
