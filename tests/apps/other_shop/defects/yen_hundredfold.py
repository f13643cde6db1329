"""MON-01: the gateway is sent a hundred times the yen, because every currency is thought to have cents."""

from __future__ import annotations

from decimal import Decimal

REPLACES = "money:to_minor"


def to_minor(amount: Decimal, currency: str) -> int:
    """Return the amount times 100, whatever the currency."""
    return int(amount * 100)
