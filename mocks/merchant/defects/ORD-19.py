"""ORD-19: One order that cannot be booked blocks all others.

The queue stops at the first failing entry and tries it for ever. Seen in frappe/ecommerce_integrations#338 and
myparcelnl/woocommerce#408.
"""


def may_overtake(failing_entry: int) -> bool:
    """Keep everything behind a failing entry waiting."""
    return False


def is_dead(attempts: int, most: int, error: Exception) -> bool:
    """Never give an entry up."""
    return False


SEAMS = {"may_overtake": may_overtake, "is_dead": is_dead}
WAITS_FOR = "O-O9: an unreadable order among good ones"
