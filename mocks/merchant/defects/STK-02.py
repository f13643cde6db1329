"""STK-02: Decrements are lost when several deliveries are booked at once.

Stock is read, changed and written back from a value read before. Seen in awesto/django-shop#888.
"""

from collections.abc import Callable
from typing import Any

_READ: dict[tuple[str, str], int] = {}


def take_from_shelf(
    connection: Any, sku: str, quantity: int, holder: str, reference: str, at: str, *, healthy: Callable[..., None]
) -> None:
    """Write back the stock read at the first delivery of the same instant, less this delivery alone."""
    read = connection.execute("SELECT on_hand FROM stock WHERE sku = ?", (sku,)).fetchone()["on_hand"]
    before = _READ.setdefault((sku, at), read)
    healthy(connection, sku, quantity, holder, reference, at)
    connection.execute("UPDATE stock SET on_hand = ? WHERE sku = ?", (before - quantity, sku))


SEAMS = {"take_from_shelf": take_from_shelf}
SHOWN_BY = ("registered",)
CAUGHT_BY = ("O-S1",)
