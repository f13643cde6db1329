"""CAR-14: A new carrier status stops the tracking.

The list of codes is closed. Seen in itsvic-dev/deliveries#170.
"""


def track_status(kind: str, code: str) -> str:
    """Return the status of a known type; fail for any other."""
    return {"M": "created", "I": "in_transit", "D": "delivered"}[kind]


SEAMS = {"track_status": track_status}
