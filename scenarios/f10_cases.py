"""The cases of F10 as data: by which gateway is paid, how the paying goes, and what becomes of the payment.

Every case buys goods of its own and a customer of its own; those that change a setting of the shop run alone.
"""

from __future__ import annotations

from typing import Any, Literal

from assay.flow import Case
from scenarios.buying import ADYEN, PAYPAL, paid_by

Paying = Literal["at_once", "secure", "returns_twice", "declined", "fails_at_bank", "debit"]
"""How the customer gets from the full cart to an order; see `f10_ways`."""
End = Literal["captured", "shipped", "voided", "less", "bounced"]
"""What becomes of the payment: captured at once, captured when the goods leave, given up, taken in part, bounced."""
LATE: frozenset[str] = frozenset({"shipped", "voided", "less"})
"""The ends of a payment that is only authorised at first, which takes another setting of the shop."""


def _case(
    name: str,
    currency: str,
    /,
    *lines: tuple[str, int],
    paying: Paying = "at_once",
    end: End = "captured",
    **more: Any,
) -> Case:
    return paid_by("F10", name, currency, *lines, alone=end in LATE, notes={"paying": paying, "end": end}, **more)


SUCCESSES = (
    _case("stripe", "EUR", ("A-100", 1)),
    _case("adyen", "EUR", ("A-101", 1), gateway=ADYEN),
    _case("paypal", "EUR", ("B-203", 1), gateway=PAYPAL),
    _case("secure", "EUR", ("C-300", 2), paying="secure"),
    _case("adyen_secure", "GBP", ("C-301", 1), to="GB", paying="secure", gateway=ADYEN),
    _case("returns_twice", "EUR", ("D-405", 2), paying="returns_twice"),
    _case("paypal_returns_twice", "USD", ("E-503", 1), to="US", paying="returns_twice", gateway=PAYPAL),
)
FAILURES = (
    _case("declined", "JPY", ("E-504", 3), to="JP", paying="declined"),
    _case("adyen_declined", "EUR", ("F-603", 1), paying="declined", gateway=ADYEN),
    _case("paypal_cancelled", "EUR", ("F-604", 1), paying="fails_at_bank", gateway=PAYPAL),
    _case("fails_at_bank", "EUR", ("F-606", 1), paying="fails_at_bank"),
    _case("adyen_fails_at_bank", "EUR", ("G-703", 1), paying="fails_at_bank", gateway=ADYEN),
    _case("bounced", "EUR", ("G-704", 4), to="DE", paying="debit", end="bounced"),
)
LATER = (
    _case("shipped", "EUR", ("H-800", 1), end="shipped"),
    _case("adyen_shipped", "JPY", ("H-802", 1), to="JP", end="shipped", gateway=ADYEN),
    _case("paypal_shipped", "EUR", ("I-901", 1), end="shipped", gateway=PAYPAL),
    _case("voided", "KWD", ("I-903", 1), to="KW", end="voided"),
    _case("adyen_voided", "EUR", ("I-905", 1), end="voided", gateway=ADYEN),
    _case("paypal_voided", "EUR", ("B-201", 1), end="voided", gateway=PAYPAL),
    _case("less", "EUR", ("J-010", 1), end="less"),
    _case("adyen_less", "EUR", ("F-600", 1), end="less", gateway=ADYEN),
    _case("paypal_less", "EUR", ("H-801", 1), end="less", gateway=PAYPAL),
)
CASES = (*SUCCESSES, *FAILURES, *LATER)
