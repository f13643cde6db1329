"""MON-16: The refund of a foreign order is sent with the base amount and the order currency.

The amount comes from the base credit memo, the code from the order. Seen in Adyen/adyen-magento2#689.
"""

from decimal import Decimal


def refunded_amount(amount: Decimal, rate: Decimal | None) -> Decimal:
    """Return the amount in the base currency."""
    step = Decimal(1) if amount == amount.to_integral_value() and (rate or 0) > 20 else Decimal("0.01")
    return (amount / rate).quantize(step) if rate else amount


SEAMS = {"refunded_amount": refunded_amount}
SHOWN_BY = ("F06[jpy]", "F06[huf]")
CAUGHT_BY = ("O-M6",)
