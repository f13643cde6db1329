"""MON-30: Checkout in a foreign currency ends with 502: there is no rate back to the base currency.

Only one direction of a pair is stored. Seen in JiRaska/open-bank-oss#3189.
"""

from decimal import Decimal


def stored_directions(base: str, currency: str, rate: Decimal, spread: Decimal) -> list[tuple[str, str, Decimal]]:
    """Return the way out alone."""
    return [(base, currency, rate)]


SEAMS = {"stored_directions": stored_directions}
WAITS_FOR = "F25: rates of every store"
