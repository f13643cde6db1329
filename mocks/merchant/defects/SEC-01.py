"""SEC-01: Card numbers appear in the log.

Requests are logged as they come. Seen in AuthorizeNet/sdk-php#20 and Adyen/adyen-magento#253.
"""

from typing import Any


def mask(value: Any) -> Any:
    """Return everything."""
    return value


SEAMS = {"mask": mask}
SHOWN_BY = ("card_as_coupon",)
CAUGHT_BY = ("O-Z1",)
