"""MON-17: A refund made in the gateway's console is booked in the base currency with the foreign number.

The notified amount is copied into the base column. Seen in Adyen/adyen-magento#915.
"""

from decimal import Decimal


def adopted_amount(amount: Decimal, rate: Decimal | None) -> tuple[Decimal, Decimal]:
    """Return the same number for both currencies."""
    return amount, amount


SEAMS = {"adopted_amount": adopted_amount}
SHOWN_BY = ("F06[console_part]", "F06[console_usd]")
CAUGHT_BY = ("O-M6", "O-M8")
