"""PAY-12: A gateway's fee is booked in the order's currency instead of the one it was taken in.

The currency of settlement is ignored. Seen in drastik/com.drastikbydesign.stripe#100,
woocommerce/woocommerce-gateway-stripe#84 and #1463.
"""


def fee_currency(settled: str, ordered: str) -> str:
    """Take the order's currency for the fee's."""
    return ordered


SEAMS = {"fee_currency": fee_currency}
SHOWN_BY = ("F15[fee]",)
CAUGHT_BY = ("O-M8",)
