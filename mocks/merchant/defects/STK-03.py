"""STK-03: A reservation remains after the payment failed.

Nothing releases it on failure. Seen in woocommerce/woocommerce#66303.
"""

from collections.abc import Callable
from typing import Any


def release_reservation(connection: Any, holder: str, reason: str, *, healthy: Callable[..., None]) -> None:
    """Keep what a failed payment had reserved."""
    if reason != "payment failed":
        healthy(connection, holder, reason)


SEAMS = {"release_reservation": release_reservation}
SHOWN_BY = ("declined_first", "authentication_failed")
CAUGHT_BY = ("O-S3",)
