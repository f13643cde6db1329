"""CAT-03: A deleted product is still on sale months later.

Its mark for deletion is not read. Seen in facebook/facebook-for-woocommerce#1151 and #1530.
"""


def is_taken_off(marked: bool) -> bool:
    """Take nothing off."""
    return False


SEAMS = {"is_taken_off": is_taken_off}
WAITS_FOR = "F11: catalogue between systems, O-C3 (the pair catalogue finds it)"
