"""The cases of F06 as data: what was bought, in which currency and by which gateway, and how the money goes back.

Every case buys goods of its own and a customer of its own, so that all may run side by side; those that change a
setting of the shop run alone.
"""

from __future__ import annotations

from typing import Any, Literal

from assay.flow import Case
from scenarios.buying import ADYEN, PAYPAL, paid_by

Back = Literal[
    "full",
    "part",
    "lines",
    "shipping",
    "twice",
    "rest",
    "console",
    "console_part",
    "later",
    "after_part",
    "return",
]
"""How the money goes back; see `f06_ways`."""


def _case(name: str, currency: str, back: Back, /, *lines: tuple[str, int], **more: Any) -> Case:
    return paid_by("F06", name, currency, *lines, alone=back == "after_part", notes={"back": back}, **more)


AMOUNTS = (
    _case("full", "EUR", "full", ("0017", 2)),
    _case("part", "EUR", "part", ("A-102", 1)),
    _case("lines", "EUR", "lines", ("E-500", 3), ("D-404", 2)),
    _case("coupon", "EUR", "lines", ("00420", 3), coupon="WELCOME10"),
    _case("shipping", "EUR", "shipping", ("D-402", 1), standard_delivery=True),
    _case("twice", "EUR", "twice", ("G-702", 2)),
    _case("rest", "EUR", "rest", ("E-502", 2)),
    _case("after_part", "EUR", "after_part", ("D-401", 2), ("D-406", 1)),
)
CURRENCIES = (
    _case("jpy", "JPY", "lines", ("B-200", 3), to="JP", coupon="FIVE"),
    _case("kwd", "KWD", "part", ("J-013", 3), to="KW"),
    _case("huf", "HUF", "lines", ("F-605", 2), to="DE"),
    _case("isk", "ISK", "full", ("I-900", 2), to="IS"),
    _case("gbp", "GBP", "rest", ("H-803", 2), to="GB"),
    _case("later", "JPY", "later", ("C-303", 1), to="JP"),
    _case("return", "GBP", "return", ("E-501", 2), to="GB"),
)
CONSOLES = (
    _case("console", "EUR", "console", ("F-601", 2)),
    _case("console_part", "JPY", "console_part", ("B-202", 2), to="JP"),
    _case("console_usd", "USD", "console_part", ("H-804", 1), to="US"),
)
GATEWAYS = (
    _case("adyen", "EUR", "lines", ("C-304", 3), gateway=ADYEN),
    _case("adyen_isk", "ISK", "part", ("F-602", 2), to="IS", gateway=ADYEN),
    _case("adyen_console", "JPY", "console_part", ("G-700", 2), to="JP", gateway=ADYEN),
    _case("paypal", "EUR", "lines", ("J-011", 3), gateway=PAYPAL),
    _case("paypal_huf", "HUF", "part", ("D-403", 2), to="DE", gateway=PAYPAL),
    _case("paypal_console", "JPY", "console_part", ("I-904", 1), to="JP", gateway=PAYPAL),
)
CASES = (*AMOUNTS, *CURRENCIES, *CONSOLES, *GATEWAYS)
