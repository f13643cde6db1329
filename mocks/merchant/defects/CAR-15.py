"""CAR-15: A retry after a time-out buys a second label.

Nobody asks whether the first purchase succeeded. Seen in openlinker-project/openlinker#1917.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def before_second_purchase(shop: Any, references: Sequence[str]) -> Mapping[str, Any] | None:
    """Look for nothing."""
    return None


SEAMS = {"before_second_purchase": before_second_purchase}
SHOWN_BY = ("label_answer_lost",)
CAUGHT_BY = ("O-K4",)
