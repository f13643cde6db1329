"""MON-32: Revenue adds EUR, USD and JPY as one number.

The aggregation ignores the currency. Seen in mailchimp/mc-magento2#395.
"""

from decimal import Decimal


def revenue(amounts: list[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return the sum of all numbers as euros."""
    return {"EUR": sum((amount for _, amount in amounts), Decimal(0))}


SEAMS = {"revenue": revenue}
SHOWN_BY = ("F02[eur]", "F02[jpy]", "F02[usd]")
CAUGHT_BY = ("O-M12",)
