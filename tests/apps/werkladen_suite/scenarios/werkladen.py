"""What Werkladen's customers do: buy in three currencies, have a long street, take an order back, want the last piece.

A flow acts and never judges: the verdict is made of what every system holds afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from assay.flow import Case, Run, flow
from assay.roles import Cancels, Carrier, Erp, Payments, Purchase, Shop, ShopRefused

_DRESDEN = Purchase(
    currency="EUR",
    lines=(("004711", 2), ("030005", 1)),
    email="assay-eur@example.com",
    address_lines=("Hauptstraße 5",),
    city="Dresden",
    postcode="01067",
    country="DE",
    phone="+493511234567",
)
_LONG = replace(
    _DRESDEN,
    email="assay-long@example.com",
    lines=(("W-77X", 1),),
    address_lines=("Straße der Befreiung hinter dem Alten Gaswerk 117b",),
)


@flow(
    id="werkladen",
    title="An order, from the button to the label",
    cases=[
        Case("eur", _DRESDEN),
        Case("jpy", Purchase(currency="JPY", lines=(("020300", 1),), email="assay-jpy@example.com")),
        Case("chf", replace(_DRESDEN, currency="CHF", lines=(("010020", 3),), email="assay-chf@example.com")),
        Case("long_street", _LONG),
    ],
    tags=["order", "money", "smoke"],
    reversible=True,
)
def werkladen(run: Run, shop: Shop, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Buy, and see every system take its part."""
    with run.step("place the order"):
        ref = run.buy(shop)
        run.saw("confirmation", shop.order(ref).total)
    with run.step("the gateway captured the payment"):
        run.eventually(
            lambda: [each for each in shop.order(ref).payment_refs if payments.payment(each).captured.minor],
            within="payments",
        )
    with run.step("the ERP holds the order"):
        run.eventually(lambda: erp.documents_of(shop.order(ref).number), within="erp")
    with run.step("the carrier knows the parcel"):
        run.eventually(lambda: [carrier.track(number) for number in shop.order(ref).tracking_numbers], within="carrier")


@flow(
    id="taken_back",
    title="An order is cancelled before its parcel travels, and the money goes back",
    cases=[Case("eur", replace(_DRESDEN, lines=(("020301", 1),), email="assay-back@example.com"))],
    tags=["order", "money", "payment"],
    reversible=True,
)
def taken_back(run: Run, shop: Shop, payments: Payments, erp: Erp) -> None:
    """Buy, cancel once the ERP holds the order, and see the gateway give the money back."""
    with run.step("place the order"):
        ref = run.buy(shop)
    with run.step("the ERP holds the order"):
        run.eventually(lambda: erp.documents_of(shop.order(ref).number), within="erp")
    with run.step("cancel it"):
        cast(Cancels, shop).cancel_order(ref, "the customer changed her mind")
    with run.step("the gateway refunded"):
        run.eventually(
            lambda: [each for each in shop.order(ref).payment_refs if payments.payment(each).refunded.minor],
            within="payments",
        )


@flow(
    id="last_piece",
    title="The last piece is promised once",
    cases=[
        Case(
            "clock",
            replace(
                _DRESDEN,
                lines=(("090001", 1),),
                email="assay-last@example.com",
                payment_method="pm_card_authenticationRequired",
            ),
        )
    ],
    tags=["order", "stock"],
    reversible=True,
)
def last_piece(run: Run, shop: Shop) -> None:
    """Two want the one cuckoo clock while the first has not paid yet; the runner gives back what was promised."""
    with run.step("the first buyer has to confirm at the bank"):
        run.buy(shop)
    with run.step("the second buyer comes too late"):
        try:
            run.buy(shop)
        except ShopRefused as refused:
            run.check("OUT_OF_STOCK" in str(refused), f"the shop says that nothing is left: {refused}")
        else:
            run.check(False, "one piece of 090001 is sold once")
