"""MON-22: Items of EUR 1 are told to the gateway as 0.85 where a cart holds several tax rates.

One average rate is taken off all lines. Seen in nopSolutions/nopCommerce#5974.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


def item_tax(line: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Decimal:
    """Return the line's share of all tax by its price."""
    tax, gross = (sum((Decimal(each[name]) for each in lines), Decimal(0)) for name in ("tax", "total"))
    if gross == 0:
        return Decimal(line["tax"])
    return (Decimal(line["total"]) * tax / gross).quantize(Decimal("0.01"), ROUND_HALF_UP)


SEAMS = {"item_tax": item_tax}
SHOWN_BY = ("F02[mixed_tax]",)
CAUGHT_BY = ("O-M5",)
