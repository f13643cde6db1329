"""PAY-04: A failed authentication leads to a completed order.

The result of 3D Secure is not read. Seen in craftcms/commerce#419 and firesale/firesale#420.
"""

from collections.abc import Callable


def outcome_of_return(intent_status: str) -> str | None:
    """Decline nothing."""
    return None


def outcome_of(intent_status: str, declined: str | None, *, healthy: Callable[..., str]) -> str:
    """Complete a payment that still wants a method."""
    if declined is None and intent_status == "requires_payment_method":
        return "completed"
    return healthy(intent_status, declined)


def payment_status_of(intent_status: str, *, healthy: Callable[[str], str]) -> str:
    """Call it paid."""
    return "paid" if intent_status == "requires_payment_method" else healthy(intent_status)


SEAMS = {"outcome_of_return": outcome_of_return, "outcome_of": outcome_of, "payment_status_of": payment_status_of}
SHOWN_BY = ("authentication_failed",)
CAUGHT_BY = ("O-P2",)
