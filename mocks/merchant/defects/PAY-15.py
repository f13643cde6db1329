"""PAY-15: Card testers place orders by the thousand.

There is no limit of attempts. Seen in BrianHenryIE/bh-wc-checkout-rate-limiter#26 and woocommerce/woocommerce-
gateway-stripe#918.
"""


def too_many_attempts(recent: int, limit: int) -> bool:
    """Allow any number."""
    return False


SEAMS = {"too_many_attempts": too_many_attempts}
WAITS_FOR = "O-P5: card testers (load)"
