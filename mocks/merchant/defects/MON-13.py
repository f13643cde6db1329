"""MON-13: A GBP 10 order is charged GBP for the number of euros.

The amount comes from the base total, the currency code from the order. Seen in opencart/opencart#3981 and
Sylius/Sylius#6258.
"""

from decimal import Decimal


def charged_amount(total: Decimal, base_total: Decimal) -> Decimal:
    """Return the base amount, in whole units where the order has no smaller ones."""
    return base_total.quantize(Decimal(1) if total == total.to_integral_value() else Decimal("0.01"))


SEAMS = {"charged_amount": charged_amount}
SHOWN_BY = ("cjk",)
CAUGHT_BY = ("O-M1", "O-M3")
