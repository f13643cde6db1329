"""SEC-02: The log is written though logging is switched off.

The switch is ignored. Seen in angelleye/paypal-woocommerce#1125.
"""


def is_logged(switched_on: bool, what: str) -> bool:
    """Write always."""
    return True


SEAMS = {"is_logged": is_logged}
WAITS_FOR = "O-Z1 over a log that is switched off"
