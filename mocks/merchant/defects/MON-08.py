"""MON-08: UGX 100 is treated as UGX 1, and may be refused as less than the least amount.

The hub counts by ISO 4217, where the shilling has no decimals; the gateway keeps two for it. Seen in odoo/odoo#227688.
"""

from collections.abc import Callable
from decimal import Decimal


def gateway_exponent(gateway: str, currency: str, *, healthy: Callable[[str, str], int]) -> int:
    """Return no decimals for the shilling."""
    return 0 if currency == "UGX" else healthy(gateway, currency)


def gateway_granularity(gateway: str, currency: str, *, healthy: Callable[[str, str], Decimal]) -> Decimal:
    """Return whole shillings."""
    return Decimal(1) if currency == "UGX" else healthy(gateway, currency)


SEAMS = {"gateway_exponent": gateway_exponent, "gateway_granularity": gateway_granularity}
SHOWN_BY = ("F02[ugx]",)
CAUGHT_BY = ("O-M1",)
