"""ORD-14: Two confirmation messages for one order.

Checkout and event both announce the order. Seen in woocommerce/woocommerce-gateway-stripe#889.
"""

from itertools import count

_WRITTEN = count()


def message_kinds(kind: str) -> tuple[str, ...]:
    """Write confirmations twice."""
    return (kind, kind) if kind == "order_confirmed" else (kind,)


def message_key(order_id: str, kind: str, occasion: str) -> str:
    """Return a key that never repeats."""
    return f"{order_id}:{kind}:{occasion}:{next(_WRITTEN)}"


SEAMS = {"message_kinds": message_kinds, "message_key": message_key}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-O12",)
