"""ORD-17: One click refunds twice.

A repeated request makes a second refund. Seen in woocommerce/woocommerce-gateway-stripe#838.
"""


def is_same_refund(request_key: str, known: str | None) -> bool:
    """Take every request for a new one."""
    return False


SEAMS = {"is_same_refund": is_same_refund}
SHOWN_BY = ("F06[twice]",)
CAUGHT_BY = ("O-M6",)
