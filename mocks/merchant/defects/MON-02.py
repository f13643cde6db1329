"""MON-02: KWD 35.20 is charged as KWD 3.52.

A three-decimal currency is sent with two decimals. Seen in woocommerce/woocommerce-gateway-stripe#2720.
"""

from collections.abc import Callable
from decimal import Decimal


def to_minor_units(amount: Decimal, currency: str, gateway: str, *, healthy: Callable[..., int]) -> int:
    """Return hundredths for currencies of three decimals."""
    return (
        int(amount.scaleb(2)) if currency in ("KWD", "BHD", "OMR", "TND", "JOD") else healthy(amount, currency, gateway)
    )


SEAMS = {"to_minor_units": to_minor_units}
SHOWN_BY = ("kwd",)
CAUGHT_BY = ("O-M1",)
