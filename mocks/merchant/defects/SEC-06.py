"""SEC-06: Another customer can cancel one's order.

Nobody checks whose order is changed. Seen in dotnet/eShop#996.
"""


def may_write(is_operator: bool, is_owner: bool, holds_key: bool) -> bool:
    """Let everybody write."""
    return True


SEAMS = {"may_write": may_write}
WAITS_FOR = "O-Z2: orders of other customers"
