"""MON-20: PayPal refuses the order: the tax of its items does not make up its tax.

Tax is rounded for each line, and the sum the gateway is told once for each rate. Seen in coreshop/CoreShop#2804 and
aimeos/aimeos-core#270.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


def tax_told(lines: Sequence[Mapping[str, Any]], taxes: Sequence[Decimal]) -> Decimal:
    """Return the taxes contained in the lines of each rate, rounded once a rate."""
    told = Decimal(0)
    for rate in {line["tax_rate"] for line in lines}:
        gross = sum((Decimal(line["total"]) for line in lines if line["tax_rate"] == rate), Decimal(0))
        exact = gross * Decimal(rate) / (100 + Decimal(rate))
        told += exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return told


SEAMS = {"tax_told": tax_told}
SHOWN_BY = ("F02[coupon_paypal]",)
CAUGHT_BY = ("O-M5",)
