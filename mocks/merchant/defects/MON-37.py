"""MON-37: A bank statement's 53,79 is read as 5379.

The comma before the decimals is dropped on import. Seen in mjebrahimi/SharpMt940Lib.Core#17.
"""

from decimal import Decimal


def statement_amount(text: str) -> Decimal:
    """Take the comma for a mark between thousands."""
    return Decimal(text.replace(",", ""))


SEAMS = {"statement_amount": statement_amount}
SHOWN_BY = ("F15[mt940]",)
CAUGHT_BY = ("O-M8",)
