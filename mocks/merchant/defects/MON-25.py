"""MON-25: Rates are days old though every update looks successful.

The upstream feed serves old numbers under a new date. Seen in PrestaShop/PrestaShop#36362.
"""

from collections.abc import Mapping
from decimal import Decimal


def accepted_rates(published: Mapping[str, Decimal], current: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the numbers already known for every currency published."""
    return {currency: current.get(currency, rate) for currency, rate in published.items()}


SEAMS = {"accepted_rates": accepted_rates}
SHOWN_BY = ("F01[new_rates]",)
CAUGHT_BY = ("O-M4", "O-M7")
