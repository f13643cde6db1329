"""CAR-08: a long street is cut at 35 characters; the house number is lost and the label printed all the same."""

from __future__ import annotations

from tests.apps.other_shop.parcel import LONGEST_LINE

REPLACES = "parcel:address_lines"


def address_lines(street: str) -> list[str]:
    """Return as much of the street as one line holds."""
    return [street[:LONGEST_LINE]]
