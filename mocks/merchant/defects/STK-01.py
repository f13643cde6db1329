"""STK-01: Two buyers get the last unit.

Stock is checked against a reading some moments old. Seen in magento/magento2#6363 and saleor/saleor#543.
"""

from collections.abc import Mapping
from time import monotonic
from typing import Any

from mocks.merchant.hub.stock import level

_STALE_S = 2.0
_READINGS: dict[str, tuple[int | None, float]] = {}


def reserve(
    connection: Any, shop: Any, needed: Mapping[str, int], holder: str, expires_at: str | None, *, healthy: Any
) -> None:
    """Reserve what was there when the reader last looked: whatever has been reserved since is not seen."""
    now = shop.now_iso()
    for sku, quantity in sorted(needed.items()):
        seen, at = _READINGS.get(sku, (None, 0.0))
        if seen is None or monotonic() - at > _STALE_S:
            seen = level(connection, shop.settings, sku)["sellable"]
            _READINGS[sku] = (seen, monotonic())
        if quantity > seen:
            healthy(connection, shop, {sku: quantity}, holder, expires_at)
        else:
            connection.execute(
                "INSERT INTO reservations (sku, quantity, holder, state, expires_at, at)"
                " VALUES (?, ?, ?, 'open', ?, ?)",
                (sku, quantity, holder, expires_at, now),
            )


SEAMS = {"reserve": reserve}
SHOWN_BY = ("last-pieces[eur]",)
CAUGHT_BY = ("O-S2",)
