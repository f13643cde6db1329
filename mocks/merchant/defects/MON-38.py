"""MON-38: Paid orders over 999 stay unpaid, in currencies without decimals alone.

A thousands separator leaks into the comparison of amounts. Seen in PrestaShop/PrestaShop#27902.
"""

from collections.abc import Callable


def matches_order(
    units: int, currency: str, expected_units: int, expected_currency: str, *, healthy: Callable[..., bool]
) -> bool:
    """Compare formatted texts where the currency has no decimals."""
    if currency.upper() in ("JPY", "KRW", "VND"):
        return str(units) == f"{expected_units:,}"
    return healthy(units, currency, expected_units, expected_currency)


SEAMS = {"matches_order": matches_order}
SHOWN_BY = ("abandon_jpy",)
CAUGHT_BY = ("O-O2", "O-O4")
