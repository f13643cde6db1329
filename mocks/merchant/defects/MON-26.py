"""MON-26: Only the first store gets new rates.

The job that fetches rates works for one shop of several. Seen in PrestaShop/PrestaShop#29979.
"""

from collections.abc import Sequence


def stores_to_update(stores: Sequence[str]) -> Sequence[str]:
    """Return the default store alone."""
    return stores[:1]


SEAMS = {"stores_to_update": stores_to_update}
SHOWN_BY = ("F25[dynamic]",)
CAUGHT_BY = ("O-M4", "O-M7")
