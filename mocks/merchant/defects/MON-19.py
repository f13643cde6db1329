"""MON-19: A company's order is refused: its lines differ from its total by up to two euros.

The gateway is told the price of one piece, rounded, while the shop rounds the line. Seen in mollie/PrestaShop#1055 and
mollie/PrestaShop#1264.
"""

from decimal import ROUND_HALF_UP, Decimal


def pieces_told(net: Decimal, tax: Decimal, quantity: int, step: Decimal) -> tuple[int, Decimal, Decimal]:
    """Return the pieces, with price and tax of one rounded."""
    return quantity, _of_one(net, quantity, step), _of_one(tax, quantity, step)


def _of_one(amount: Decimal, quantity: int, step: Decimal) -> Decimal:
    return (amount / quantity / step).quantize(Decimal(1), ROUND_HALF_UP) * step


SEAMS = {"pieces_told": pieces_told}
SHOWN_BY = ("F02[b2b_1920_paypal]",)
CAUGHT_BY = ("O-M5",)
