"""STK-02: Decrements are lost when several deliveries are booked one after the other.

Stock is read, changed and written back from a value read before. Seen in awesto/django-shop#888.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

_STALE = timedelta(hours=1)
_READ: dict[str, tuple[int, datetime]] = {}


def take_from_shelf(
    connection: Any, sku: str, quantity: int, holder: str, reference: str, at: str, *, healthy: Callable[..., None]
) -> None:
    """Write back the stock read at the first delivery of the last hour, less this delivery alone."""
    now = datetime.fromisoformat(at)
    before, read_at = _READ.get(sku, (0, now - 2 * _STALE))
    if now - read_at > _STALE:
        before = connection.execute("SELECT on_hand FROM stock WHERE sku = ?", (sku,)).fetchone()["on_hand"]
        _READ[sku] = before, now
    healthy(connection, sku, quantity, holder, reference, at)
    connection.execute("UPDATE stock SET on_hand = ? WHERE sku = ?", (before - quantity, sku))


SEAMS = {"take_from_shelf": take_from_shelf}
SHOWN_BY = ("registered",)
CAUGHT_BY = ("O-S1",)
