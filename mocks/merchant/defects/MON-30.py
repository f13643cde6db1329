"""MON-30: Checkout in a foreign currency ends with 502: there is no rate back to the base currency.

Only one direction of a pair is stored. Seen in JiRaska/open-bank-oss#3189.
"""


def holds_direction(one: str, other: str, base: str) -> bool:
    """Hold the way out alone."""
    return one == base


SEAMS = {"holds_direction": holds_direction}
SHOWN_BY = ("F02[jpy]", "F25[dynamic]")
CAUGHT_BY = ("step", "O-M7")
