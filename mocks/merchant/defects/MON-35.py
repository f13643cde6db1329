"""MON-35: Credit in dollars, euros and pounds is all deducted from one order, number for number.

Wallets of all currencies are taken together. Seen in spree/spree#10944 and spree/spree#10939.
"""

from collections.abc import Mapping
from decimal import Decimal


def credit_takes(balances: Mapping[str, Decimal], currency: str, due: Decimal) -> list[tuple[str, Decimal]]:
    """Take from one balance after the other, whatever its currency."""
    taken, left = [], due
    for wallet, balance in balances.items():
        part = min(balance, left)
        if part > 0:
            taken.append((wallet, part))
            left -= part
    return taken


SEAMS = {"credit_takes": credit_takes}
SHOWN_BY = ("F03[credit]", "F03[credit_jpy]")
CAUGHT_BY = ("O-M11",)
