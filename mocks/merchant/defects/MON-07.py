"""MON-07: ISK 2790 is taken as ISK 27.90 by the gateway.

The hub uses the ISO exponent (0) where the gateway's own is 2. Seen in Adyen/adyen-commercetools#1085.
"""

from collections.abc import Callable
from decimal import Decimal


def gateway_exponent(gateway: str, currency: str, *, healthy: Callable[[str, str], int]) -> int:
    """Return the ISO exponent for the currencies a gateway treats specially."""
    return 0 if currency in ("ISK", "UGX") else healthy(gateway, currency)


def from_minor_units(units: int, currency: str, gateway: str, *, healthy: Callable[..., Decimal]) -> Decimal:
    """Return the units as they were sent."""
    return Decimal(units) if currency in ("ISK", "UGX") else healthy(units, currency, gateway)


def gateway_granularity(gateway: str, currency: str, *, healthy: Callable[[str, str], Decimal]) -> Decimal:
    """Return whole units for those currencies."""
    return Decimal(1) if currency in ("ISK", "UGX") else healthy(gateway, currency)


SEAMS = {
    "gateway_exponent": gateway_exponent,
    "from_minor_units": from_minor_units,
    "gateway_granularity": gateway_granularity,
}
SHOWN_BY = ("isk",)
CAUGHT_BY = ("O-M1",)
