"""MON-36: 1.234,50 written in German is read as 1.23.

The parser knows English marks alone. Seen in dm4t2/vue-currency-input#102 and salte-io/ng-currency#149.
"""

import re
from decimal import ROUND_DOWN, Decimal


def parse_amount(text: str, currency: str, language: str) -> Decimal:
    """Read what stands before the first letter that is no English number, to the cent."""
    number = re.match(r"-?\d+(?:\.\d+)?", text.strip())
    if number is None:
        raise ValueError(f"'{text}' is no amount in {currency}")
    return Decimal(number.group()).quantize(Decimal("0.01"), ROUND_DOWN)


SEAMS = {"parse_amount": parse_amount}
SHOWN_BY = ("F03[usd]", "F03[jpy]")
CAUGHT_BY = ("O-M10",)
