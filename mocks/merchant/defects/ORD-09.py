"""ORD-09: An order exists only if the customer comes back to the shop.

Nothing completes a paid checkout but the browser. Seen in duncanmcclean/statamic-cargo#139.
"""

from collections.abc import Mapping
from typing import Any


def completes_alone(status: str) -> bool:
    """Leave every checkout to the browser."""
    return False


def on_event(shop: Any, event: Mapping[str, Any]) -> str:
    """Acknowledge events and do nothing."""
    return "not needed"


SEAMS = {"completes_alone": completes_alone, "on_event": on_event}
SHOWN_BY = ("abandon_after_pay",)
CAUGHT_BY = ("O-O2",)
