"""What stands on a page, as values: amounts without guessing which mark is the decimal one, instants with a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from assay.errors import UsageError
from assay.money import Money

_GROUPS = " \u00a0\u202f'’_"


def read_amount(text: str, currency: str, *, decimal: str = ".") -> Money:
    """Return the one amount in a text, ``€ 1.234,50`` or ``JPY 2,331``, as money of this currency.

    decimal: the mark before the decimals on this page, ``.`` or ``,``; the other one, blanks and apostrophes only group
    digits. `UsageError` for no amount, several, or more decimals than the currency has: nothing is rounded.
    """
    if decimal not in (".", ","):
        raise UsageError("the decimal mark is '.' or ','", seen=repr(decimal))
    group = "," if decimal == "." else "."
    found = re.findall(rf"[-−]?\d[\d{re.escape(group + decimal + _GROUPS)}]*", text)
    if len(found) != 1:
        raise UsageError(
            f"there is {'no' if not found else 'more than one'} amount in that text",
            expected=f"one amount of {currency}, as in 1{group}234{decimal}50",
            seen=repr(text[:80]),
            hint="choose a selector that matches the amount alone",
        )
    digits = re.sub(f"[{re.escape(group + _GROUPS)}]", "", found[0]).replace("−", "-").rstrip(decimal)
    if digits.count(decimal) > 1:
        raise UsageError(
            f"'{decimal}' stands twice in that amount", seen=repr(text[:80]), hint=f"decimal='{group}' may be meant"
        )
    return Money.of(digits.replace(decimal, "."), currency)


def read_instant(text: str) -> datetime:
    """Return an ISO 8601 instant of a page in UTC; `UsageError` for one without a zone, which could be any."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError("that is no instant", expected="2026-03-02T09:00:00+01:00", seen=repr(text[:80])) from None
    if instant.tzinfo is None:
        raise UsageError(
            "an instant without a zone could be any", expected="2026-03-02T09:00:00+01:00", seen=repr(text[:80]),
            hint="read it with the shop's zone: datetime(…, tzinfo=ZoneInfo('Europe/Paris'))",
        )  # fmt: skip
    return instant.astimezone(UTC)
