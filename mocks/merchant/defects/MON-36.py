"""MON-36: 1.234,50 written in German is read as 1.23.

The parser knows English marks alone. Seen in dm4t2/vue-currency-input#102 and salte-io/ng-currency#149.
"""

from collections.abc import Callable
from decimal import Decimal


def parse_amount(text: str, currency: str, language: str, *, healthy: Callable[..., Decimal]) -> Decimal:
    """Read every language as if the point were the decimal mark."""
    return healthy(text.split(",")[0], currency, "en").quantize(Decimal("0.01"))


SEAMS = {"parse_amount": parse_amount}
WAITS_FOR = "O-M10: amounts written and read in other languages"
