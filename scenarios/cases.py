"""The cases of F01 as data: what is bought, in which currency, by whom, where it goes, and how the checkout goes.

Every case buys articles of its own and goes to a customer of its own, so that all of them may run side by side on one
landscape; where a fault would reach other customers too, the case runs alone.
"""

from __future__ import annotations

from typing import Any, Literal

from assay.flow import Case
from assay.roles import Purchase

Way = Literal[
    "once",
    "twice",
    "reload",
    "double_submit",
    "abandon",
    "late",
    "walk_away",
    "second_tab",
    "webhook_first",
    "events_twice",
    "declined_first",
    "authentication_failed",
    "back_button",
    "card_as_coupon",
    "answer_lost",
    "label_answer_lost",
    "outage",
    "midnight",
    "new_scan",
]
"""How the customer, the gateway, the ERP or the carrier behaves on the way to the order; see `f01_variants`."""

_PLACES: dict[str, dict[str, Any]] = {
    "FR": {},
    "DE": {
        "address_lines": ("Schönhauser Allee 7",),
        "city": "Berlin",
        "postcode": "10119",
        "country": "DE",
        "phone": "+4930123456",
    },
    "GB": {
        "address_lines": ("12 Baker Street",),
        "city": "London",
        "postcode": "W1U 3BH",
        "country": "GB",
        "phone": "+442071234567",
    },
    "IS": {
        "address_lines": ("Laugavegur 22",),
        "city": "Reykjavík",
        "postcode": "101",
        "country": "IS",
        "phone": "+3545551234",
    },
    "IN": {
        "address_lines": ("14 Residency Road",),
        "city": "Bengaluru",
        "postcode": "560025",
        "country": "IN",
        "phone": "+918025581234",
    },
    "JP": {
        "address_lines": ("1-2-3 Marunouchi",),
        "city": "Tokyo",
        "postcode": "100-0005",
        "country": "JP",
        "phone": "+81312345678",
    },
    "KW": {
        "address_lines": ("Salem Al Mubarak Street 5",),
        "city": "Salmiya",
        "postcode": "22001",
        "country": "KW",
        "phone": "+96522201234",
    },
    "US": {
        "address_lines": ("389 Congress Street",),
        "city": "Portland",
        "postcode": "04101",
        "country": "US",
        "region": "ME",
        "phone": "+12078748300",
    },
}


ALONE: frozenset[str] = frozenset(
    {"reload", "webhook_first", "events_twice", "outage", "answer_lost", "label_answer_lost"}
)
"""The ways that put a fault in front of a system: it would meet every customer who is there at that time."""


def buys(
    case: str,
    currency: str,
    /,
    *lines: tuple[str, int],
    to: str = "FR",
    way: Way = "once",
    registered: bool = False,
    to_the_door: bool = False,
    standard_delivery: bool = False,
    after_days: int = 0,
    **more: Any,
) -> Purchase:
    """Return a purchase of these (SKU, quantity), sent to a country's usual address; `more` replaces any field.

    standard_delivery: take what the shop sends with by itself, at its own price, instead of the carrier's cheapest.
    after_days: come when the shop has been open for so many days of the landscape's clock, with the rates of that day.
    to_the_door: follow the parcel for the two days it takes; otherwise a label and a tracking number are the end.
    """
    fields = {"email": f"f01-{case.replace('_', '-')}@example.com", **_PLACES[to], **more}
    extra = {
        "way": way,
        "as": "registered" if registered else "guest",
        "until": "door" if to_the_door else "label",
        "ship": "standard" if standard_delivery else "cheapest",
        "after_days": str(after_days),
    }
    return Purchase(currency=currency, lines=lines, extra=extra, **fields)


def _case(
    name: str, currency: str, /, *lines: tuple[str, int], way: Way = "once", parts: tuple[str, ...] = (), **more: Any
) -> Case:
    return Case(
        name,
        buys(name, currency, *lines, way=way, **more),
        parts=parts,
        alone=way in ALONE,
        orders=2 if way == "twice" else 1,
    )


CURRENCIES = (
    _case("eur", "EUR", ("0018", 1), ("D-404", 3), to_the_door=True),
    _case("jpy", "JPY", ("A-100", 2), to="JP", to_the_door=True),
    _case("kwd", "KWD", ("J-013", 2), to="KW"),
    _case("isk", "ISK", ("I-900", 1), to="IS"),
    _case("inr", "INR", ("A-101", 2), to="IN"),
)
TEXTS = (
    _case("sku_0017", "EUR", ("0017", 1), to="DE"),
    # Its address of e-mail must not hold the postcode: the ERP keeps both, and the one would be taken for the other.
    _case("zip_04101", "USD", ("F-604", 1), to="US", email="f01-portland@example.com"),
    _case(
        "long_name",
        "EUR",
        ("E-500", 1),
        to="DE",
        name="María-José Fernández de la Peña y Østergård-Źdźbłowska",
        address_lines=("Hinterhaus Gewerbehof Schönhauser Ufer 144a", "c/o Bäckerei Groß, dritter Aufgang rechts"),
    ),
    _case(
        "cjk",
        "JPY",
        ("B-200", 2),
        to="JP",
        name="山田 太郎",
        address_lines=("丸の内一丁目二番三号",),
        city="東京都千代田区",
    ),
    _case("emoji", "EUR", ("C-301", 1), name="Zoë 🐙 Müller"),
)
GOODS = (
    _case("coupon", "EUR", ("00420", 3), coupon="WELCOME10"),
    _case("coupon_fixed", "JPY", ("G-701", 1), coupon="FIVE", to="JP"),
    _case("below_free_shipping", "JPY", ("C-302", 1), to="JP", standard_delivery=True),
    _case("bundle", "EUR", ("SET-02", 2), parts=("G-700", "G-702", "G-704"), to_the_door=True),
)
CUSTOMERS = (
    _case("registered", "EUR", ("A-101", 1), way="twice", registered=True),
    _case("double_submit", "EUR", ("C-304", 1), way="double_submit"),
    _case("abandon_after_pay", "EUR", ("E-501", 1), way="abandon"),
    _case("abandon_jpy", "JPY", ("B-202", 1), to="JP", way="abandon"),
    _case("late_pay", "EUR", ("E-502", 1), way="late"),
    _case("walked_away", "EUR", ("I-905", 1), way="walk_away"),
    _case("second_tab", "EUR", ("F-601", 1), way="second_tab", parts=("F-602",)),
    _case("declined_first", "EUR", ("F-605", 1), way="declined_first"),
    _case("authentication_failed", "EUR", ("J-011", 1), way="authentication_failed"),
    _case("back_button", "EUR", ("H-803", 1), way="back_button"),
    _case("card_as_coupon", "EUR", ("E-503", 1), way="card_as_coupon"),
    _case("midnight", "EUR", ("I-904", 1), way="midnight"),
    _case("new_rates", "JPY", ("C-303", 1), to="JP", after_days=9),
)
TROUBLES = (
    _case("slow_place_order", "EUR", ("C-300", 1), way="reload"),
    _case("events_twice", "EUR", ("I-902", 1), way="events_twice"),
    _case("webhook_first", "EUR", ("F-603", 1), way="webhook_first"),
    _case("answer_lost", "EUR", ("F-606", 1), way="answer_lost"),
    _case("label_answer_lost", "EUR", ("H-804", 1), way="label_answer_lost"),
    _case("new_scan", "EUR", ("D-403", 1), way="new_scan", to_the_door=True),
    _case("erp_outage_25h", "EUR", ("H-802", 1), way="outage", to_the_door=True),
)
CASES = (*CURRENCIES, *TEXTS, *GOODS, *CUSTOMERS, *TROUBLES)
