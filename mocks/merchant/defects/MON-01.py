"""MON-01: JPY 80 is charged as JPY 8000.

The exponent is hard-coded to 2 when the amount is turned into the gateway's smallest unit, so every zero-decimal
currency is charged a hundredfold. Seen in Paymenter/Paymenter#1258 and alexmorrisnz/moodle-paygw_stripe#2.
"""

from decimal import Decimal


def to_minor_units(amount: Decimal, currency: str, gateway: str) -> int:
    """Return the amount in hundredths, whatever the currency."""
    return int(amount.scaleb(2))


SEAMS = {"to_minor_units": to_minor_units}
SHOWN_BY = ("cjk",)
CAUGHT_BY = ("O-M1",)
