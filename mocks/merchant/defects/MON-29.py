"""MON-29: Conversions into IDR or JPY are wrong by up to 70 %.

The inverse rate is rounded to four decimals before it is used. Seen in RubyMoney/google_currency#34 and
lineofflight/frankfurter#584.
"""

from decimal import Decimal


def convert(amount: Decimal, rate: Decimal) -> Decimal:
    """Return the amount divided by an inverse rate of four decimals."""
    inverse = (1 / rate).quantize(Decimal("0.0001"))
    return amount / inverse if inverse else Decimal(0)


SEAMS = {"convert": convert}
SHOWN_BY = ("F02[jpy]",)
CAUGHT_BY = ("O-M4",)
