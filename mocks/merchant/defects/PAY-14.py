"""PAY-14: A wrong postcode does not hold an order.

The rule is not applied in this mode. Seen in Automattic/woocommerce-payments#10224.
"""

from decimal import Decimal
from typing import Any


def review_hold(
    total_base: Decimal, limit: Decimal | None, postcode_check: str | None, check_postcode: bool, *, healthy: Any
) -> bool:
    """Look at the worth alone."""
    return bool(healthy(total_base, limit, None, False))


SEAMS = {"review_hold": review_hold}
SHOWN_BY = ("inn-24[held]",)
CAUGHT_BY = ("step",)
