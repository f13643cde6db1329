"""CAR-09: Goods worth CHF 39 are declared to customs as USD 39.

The currency label is set, the number is not converted. Seen in Automattic/woocommerce-services#2535.
"""

from decimal import Decimal


def customs_amount(amount: Decimal, currency: str) -> tuple[Decimal, str]:
    """Return the number as dollars."""
    return amount, "USD"


SEAMS = {"customs_amount": customs_amount}
WAITS_FOR = "O-K3: customs declarations (F04)"
