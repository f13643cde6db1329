"""CAR-15: a repeated attempt after a lost answer buys a second label; nobody asks UPS for the first."""

from __future__ import annotations

from tests.apps.other_shop.parcel import Label, UpsWire

REPLACES = "parcel:find_label"


def find_label(wire: UpsWire, number: str) -> Label | None:
    """Return nothing."""
    return None
