"""PAY-11: A payment of 0.01 marks an order of 100 as paid.

Amount and currency of the event are not compared. Seen in antiwork/gumroad#7126 and spookylukey/django-paypal#126.
"""


def matches_order(units: int, currency: str, expected_units: int, expected_currency: str) -> bool:
    """Take any amount for the right one."""
    return True


SEAMS = {"matches_order": matches_order}
SHOWN_BY = ("F10[less]", "F10[paypal_less]")
CAUGHT_BY = ("O-P4",)
