"""MON-41: Analytics is told the value in the base currency under the code of the order's.

The value of the event is not converted. Seen in yireo/Yireo_GoogleTagManager2#127.
"""

from decimal import Decimal


def event_value(total: Decimal, base_total: Decimal | None, currency: str) -> tuple[Decimal, str]:
    """Return the base value and the selected currency's code."""
    return total if base_total is None else base_total, currency


SEAMS = {"event_value": event_value}
SHOWN_BY = ("F02[jpy]",)
CAUGHT_BY = ("O-M2",)
