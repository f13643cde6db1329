"""SEC-05: Another customer's order is readable by its id.

Nobody checks whose order it is. Seen in dotnet/eShop#996 and evershopcommerce/evershop#881.
"""


def may_read(is_operator: bool, is_owner: bool, holds_key: bool) -> bool:
    """Let everybody read."""
    return True


SEAMS = {"may_read": may_read}
WAITS_FOR = "O-Z2: orders of other customers"
