"""MON-24: Exchange rates are never fetched again.

The scheduled import is missing after a configuration change. Seen in magento/magento2#23846.
"""


def is_switched_on(job: str) -> bool:
    """Leave the rate import unscheduled."""
    return job != "rates"


SEAMS = {"is_switched_on": is_switched_on}
SHOWN_BY = ("F03[jpy]",)
CAUGHT_BY = ("O-M4", "O-M7")
