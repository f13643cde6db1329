"""MON-06: The wallet's sheet shows JPY 1624 for a total of JPY 16.24, a hundred times what is charged.

The amount is counted with the decimals the shop's people chose and read with those of ISO 4217.
Seen in Automattic/woocommerce-payments#11134.
"""

from decimal import Decimal


def wallet_amount(amount: Decimal, currency: str, decimals: int) -> str:
    """Return the amount with the chosen decimals, their point lost."""
    return f"{amount.scaleb(decimals):.0f}" if decimals and currency in ("JPY", "KRW", "ISK", "IDR") else f"{amount:f}"


SEAMS = {"wallet_amount": wallet_amount}
SETTINGS = {"currency_decimals": {"JPY": 2}}
SHOWN_BY = ("F03[wallet]",)
CAUGHT_BY = ("O-M3",)
