"""PAY-13: A payout is booked at a rate of one's own instead of the gateway's.

What the customer paid is converted a second time. Seen in opencollective/opencollective-api#5856.
"""

from decimal import Decimal


def settled_worth(gross: Decimal, presented: Decimal, own_rate: Decimal | None) -> Decimal:
    """Convert what the customer paid by the shop's own table."""
    return presented * own_rate if own_rate is not None else gross


SEAMS = {"settled_worth": settled_worth}
SHOWN_BY = ("F15[fee]",)
CAUGHT_BY = ("O-M8",)
