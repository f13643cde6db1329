"""The cases of F02 as data: every currency sold at every gateway that takes it, and baskets on which arithmetic parts.

Cases buy articles of their own as far as there are enough, so that most of them act side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.flow import Case
from scenarios.buying import ADYEN, CURRENCIES, PAYPAL, STRIPE, paid_by

_FLOW = "F02"
_AT_HOME: Mapping[str, dict[str, Any]] = {
    "EUR": {"to": "DE"},
    "USD": {"to": "US"},
    "GBP": {"to": "GB"},
    "JPY": {"to": "JP"},
    "INR": {"to": "IN"},
    "KWD": {"to": "KW"},
    "ISK": {"to": "IS"},
    "KRW": {
        "address_lines": ("110 Sejong-daero",),
        "city": "Seoul",
        "postcode": "04524",
        "country": "KR",
        "phone": "+8227311234",
    },
    "HUF": {
        "address_lines": ("Váci utca 11",),
        "city": "Budapest",
        "postcode": "1052",
        "country": "HU",
        "phone": "+3612345678",
    },
    "CHF": {
        "address_lines": ("Bahnhofstrasse 21",),
        "city": "Zürich",
        "postcode": "8001",
        "country": "CH",
        "phone": "+41442111234",
    },
    "IDR": {
        "address_lines": ("Jalan Thamrin 10",),
        "city": "Jakarta",
        "postcode": "10230",
        "country": "ID",
        "phone": "+62213141234",
    },
}
_GOODS: Mapping[str, Mapping[str, tuple[tuple[str, int], ...]]] = {
    STRIPE: {
        "EUR": (("0017", 1), ("D-402", 2)),
        "USD": (("A-100", 3),),
        "GBP": (("A-101", 1),),
        "JPY": (("A-102", 2),),
        "KRW": (("B-200", 3),),
        "KWD": (("B-201", 1),),
        "INR": (("B-202", 3),),
        "ISK": (("B-203", 1),),
        "HUF": (("C-300", 7),),
        "CHF": (("C-301", 1),),
        "IDR": (("C-303", 1),),
    },
    ADYEN: {
        "EUR": (("C-304", 3),),
        "USD": (("D-400", 1),),
        "GBP": (("D-401", 2),),
        "JPY": (("D-403", 3),),
        "KRW": (("D-404", 2),),
        "KWD": (("D-406", 1),),
        "INR": (("E-500", 1),),
        "ISK": (("E-501", 2),),
        "HUF": (("E-502", 3),),
        "CHF": (("F-600", 1),),
        "IDR": (("F-601", 1),),
    },
    PAYPAL: {
        "EUR": (("F-602", 3), ("D-405", 1)),
        "USD": (("F-603", 1),),
        "GBP": (("F-604", 1),),
        "JPY": (("F-606", 2),),
        "HUF": (("G-700", 1),),
        "CHF": (("G-701", 3),),
    },
}

EACH_CURRENCY: tuple[Case, ...] = tuple(
    paid_by(
        _FLOW,
        currency.lower() if gateway == STRIPE else f"{currency.lower()}_{gateway}",
        currency,
        *_GOODS[gateway][currency],
        gateway=gateway,
        **_AT_HOME[currency],
    )
    for gateway, currencies in CURRENCIES.items()
    for currency in currencies
)
"""Every currency at every gateway that lists it; the gateway's name is left out where it is Stripe."""

BASKETS: tuple[Case, ...] = (
    # A tenth of 17.45 is 1.745, and the tax in 18.75 is 3.125: half of the smallest step, twice.
    paid_by(_FLOW, "tie", "EUR", ("G-702", 1), coupon="WELCOME10"),
    paid_by(_FLOW, "tie_tax", "EUR", ("F-605", 1)),
    paid_by(_FLOW, "mixed_tax", "EUR", ("H-800", 3), ("E-503", 1), ("G-703", 1), gateway=PAYPAL),
    paid_by(_FLOW, "coupon", "GBP", ("H-801", 1), ("I-904", 2), coupon="WELCOME10", **_AT_HOME["GBP"]),
    paid_by(_FLOW, "coupon_fixed", "USD", ("H-802", 3), coupon="FIVE", **_AT_HOME["USD"]),
    paid_by(_FLOW, "coupon_paypal", "EUR", ("H-803", 3), ("H-804", 1), coupon="WELCOME10", gateway=PAYPAL),
    paid_by(_FLOW, "coupon_adyen", "JPY", ("I-900", 2), coupon="WELCOME10", gateway=ADYEN, **_AT_HOME["JPY"]),
)
"""Baskets that make a difference: halves of the smallest step, several tax rates, a discount to spread."""

COMPANY: tuple[Case, ...] = (
    paid_by(
        _FLOW,
        "b2b_1920",
        "EUR",
        ("E-504", 1920),
        company="Werkzeug Nord GmbH",
        notes={"vat_id": "DE136695976"},
        to="DE",
    ),
    # The tax in 2.95 is no whole cents: rounded a piece, or all together, 1,920 of them differ by euros.
    paid_by(_FLOW, "b2b_1920_paypal", "EUR", ("G-704", 1920), gateway=PAYPAL, company="Atelier du Nord"),
)
"""What companies buy: so many pieces, light enough for one parcel, that rounding each or all differs by euros."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "prices without tax": {"tax_included": False},
    "shillings by a list": {
        "currencies": ["EUR", "UGX"],
        "price_list_currencies": ["KWD", "UGX"],
        "shipping_table_manual": {"KWD": "8.250", "UGX": "40000"},
        "card_gateways": {"default": [STRIPE]},
    },
}
"""Other shops than the usual one, by the name a case gives in ``extra["shop"]``."""

OTHER_SHOPS: tuple[Case, ...] = (
    paid_by(_FLOW, "tax_on_top", "EUR", ("I-901", 3), ("J-013", 2), alone=True, notes={"shop": "prices without tax"}),
    paid_by(
        _FLOW,
        "tax_on_top_paypal",
        "GBP",
        ("I-902", 1),
        ("I-905", 3),
        gateway=PAYPAL,
        alone=True,
        notes={"shop": "prices without tax"},
    ),
    # Stripe counts UGX with two decimals that must be 00, where ISO 4217 has none.
    paid_by(
        _FLOW,
        "ugx",
        "UGX",
        ("0017", 2),
        alone=True,
        notes={"shop": "shillings by a list"},
        standard_delivery=True,
        address_lines=("Plot 12 Kampala Road",),
        city="Kampala",
        postcode="00256",
        country="UG",
        phone="+256414123456",
    ),
)
"""Cases in shops configured otherwise: each runs by itself, because every customer meets the settings."""

CASES = (*EACH_CURRENCY, *BASKETS, *COMPANY, *OTHER_SHOPS)

BOUNDARIES: tuple[Case, ...] = (
    paid_by("F02-boundary", "jpy_999", "JPY", ("I-903", 1), to="JP", notes={"rest": "999"}),
    paid_by("F02-boundary", "jpy_1000", "JPY", ("J-010", 1), to="JP", notes={"rest": "1000"}),
    paid_by("F02-boundary", "jpy_1000_adyen", "JPY", ("J-011", 2), to="JP", gateway=ADYEN, notes={"rest": "1000"}),
    paid_by("F02-boundary", "jpy_1000_paypal", "JPY", ("E-503", 3), to="JP", gateway=PAYPAL, notes={"rest": "1000"}),
    paid_by("F02-boundary", "krw_1000", "KRW", ("A-100", 1), ("F-601", 3), notes={"rest": "1000"}, **_AT_HOME["KRW"]),
)
"""A gateway gets 999 or 1,000 of a currency without decimals to charge, where a separator of thousands begins."""
