"""MON-07: ISK 2790 is taken as ISK 27.90 by the gateway.

The hub counts by ISO 4217 where the gateway's own table differs: ISK has two decimals there and none in ISO 4217, IDR
none there and two. Seen in Adyen/adyen-commercetools#1085 and Adyen/adyen-web#2811.
"""

from collections.abc import Callable

_TWO_IN_ISO = ("IDR", "CVE")


def gateway_exponent(gateway: str, currency: str, *, healthy: Callable[[str, str], int]) -> int:
    """Return the decimals of ISO 4217 for Adyen."""
    if gateway == "adyen" and currency in ("ISK", "CLP"):
        return 0
    return 2 if gateway == "adyen" and currency in _TWO_IN_ISO else healthy(gateway, currency)


SEAMS = {"gateway_exponent": gateway_exponent}
SHOWN_BY = ("F02[isk_adyen]", "F02[idr_adyen]")
CAUGHT_BY = ("O-M1",)
