"""Innocent variations of parcels: a letter, a light large box, an address in ASCII, a label bought again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from assay.flow import Run
from assay.roles import Carrier, Erp, FindsParcels, Payments, ReadsLabels, Storefront
from scenarios.innocent_steps import (
    CARRIER,
    TO_THE_SHELF,
    Innocent,
    buy,
    people_of,
    see_booked,
    see_delivered,
)

_LETTER_G = 160

INN_35 = Innocent(
    id="inn-35",
    title="Letter mail without tracking",
    settings={"letter_max_g": _LETTER_G},
    acts="a customer buys a sheet of stamps",
    visible="the ERP delivered, and the carrier knows no parcel of the order",
)
INN_36 = Innocent(
    id="inn-36",
    title="Volumetric weight above the real weight",
    acts="a customer buys a light roll in a large box",
    visible="the carrier bills more than the parcel weighs",
)
INN_37 = Innocent(
    id="inn-37",
    title="Address transliterated to ASCII for the label",
    acts="a customer with umlauts and a sharp s in name and street buys",
    visible="the label asked of the carrier is in ASCII, ss for the sharp s",
)
INN_38 = Innocent(
    id="inn-38",
    title="Label voided and bought again: two labels, one active",
    acts="an operator has the label printed anew before the parcel leaves",
    visible="the carrier holds two parcels of the order, one of them voided",
)


@INN_35.flow(INN_35.case("stamps", "EUR", ("E-504", 1)), tags=["carrier"])
def letter(run: Run, shop: Storefront, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Buy what fits into a letter."""
    with INN_35.in_force(run):
        ref = buy(run, shop, payments)
        see_booked(run, shop, erp, ref)
        run.pass_time(TO_THE_SHELF)
        with run.step("the letter is posted"):
            run.eventually(lambda: shop.order(ref).parcels and shop.order(ref).parcels[0].untracked, within="carrier")
    with run.step("the carrier knows of none"):
        order = shop.order(ref)
        run.check(any(each.kind == "delivery" for each in erp.documents_of(order.number)), "the ERP delivered")
        run.check(not order.tracking_numbers, "no tracking number")
        run.check(isinstance(carrier, FindsParcels) and not carrier.parcels_of(order.number), "no parcel of theirs")


@INN_36.flow(INN_36.case("roll", "EUR", ("H-800", 1)), tags=["carrier"])
def large_box(run: Run, shop: Storefront, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Buy something light and large."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    run.pass_time(TO_THE_SHELF)
    with run.step("more is billed than it weighs"):
        numbers = run.eventually(lambda: shop.order(ref).tracking_numbers, within="carrier")
        real_g = carrier.track(numbers[0]).weight_g or 0
        billed = [weight for weight in _billed_kg(run) if weight * 1000 > real_g]
        run.check(billed, "the carrier bills by the size of the box")


@INN_37.flow(
    INN_37.case(
        "umlauts",
        "EUR",
        ("D-405", 2),
        to="DE",
        name="Jörg Weißmüller",
        address_lines=("Große Straße 7",),
        city="Lübeck",
        postcode="23552",
    ),
    tags=["carrier", "address"],
)
def ascii_label(run: Run, shop: Storefront, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Buy under a name that no old label printer knows."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    run.pass_time(TO_THE_SHELF)
    with run.step("the label is in ASCII"):
        number = shop.order(ref).number
        run.eventually(lambda: shop.order(ref).tracking_numbers, within="carrier")
        labels = [label for label in _labels(run, carrier) if number in label.references]
        texts = [text for label in labels for text in (label.receiver.name, *label.receiver.lines, label.receiver.city)]
        run.check(texts and all(text.isascii() for text in texts), "every letter is ASCII")
        run.check(any("Weiss" in text for text in texts), "ss stands for the sharp s")


@INN_38.flow(INN_38.case("anew", "EUR", ("I-900", 2)), tags=["carrier"])
def label_anew(run: Run, shop: Storefront, payments: Payments, erp: Erp, carrier: Carrier) -> None:
    """Buy; the label is printed anew."""
    ref = buy(run, shop, payments)
    see_booked(run, shop, erp, ref)
    run.pass_time(TO_THE_SHELF)
    with run.step("the label is there"):
        first = run.eventually(lambda: shop.order(ref).tracking_numbers, within="carrier")
    with run.step("have it printed anew"):
        run.check(people_of(shop).buy_labels_again(ref) == 1, "one label is voided")
        run.eventually(lambda: set(_active(shop, ref)) - set(first), within="carrier")
    with run.step("two labels, one active"):
        parcels = carrier.parcels_of(shop.order(ref).number) if isinstance(carrier, FindsParcels) else []
        run.check(len(parcels) == 2, "the carrier holds two parcels")
        run.check(sum(each.status == "voided" for each in parcels) == 1, "one of them is voided")
    see_delivered(run, shop, ref)


def _active(shop: Storefront, ref: str) -> list[str]:
    parcels = shop.order(ref).parcels
    return [each.tracking_number for each in parcels if each.state == "labelled" and each.tracking_number]


def _labels(run: Run, carrier: Carrier) -> Iterator[Any]:
    """Return the labels the shop asked this carrier for."""
    if run.operator is not None and isinstance(carrier, ReadsLabels):
        for call in run.operator.calls(CARRIER):
            yield from carrier.label_requests(call)


def _billed_kg(run: Run) -> Iterator[Decimal]:
    """Return the billing weights the carrier told the shop, in kilograms (UPS Rating: RatedShipment/BillingWeight)."""
    for call in run.operator.calls(CARRIER) if run.operator is not None else ():
        if call.path.startswith("/api/rating/") and call.response_body.startswith("{"):
            rated = json.loads(call.response_body)["RateResponse"]["RatedShipment"]
            for each in rated if isinstance(rated, list) else [rated]:
                if each["BillingWeight"]["UnitOfMeasurement"]["Code"] == "KGS":
                    yield Decimal(each["BillingWeight"]["Weight"])


TABLE = (INN_35, INN_36, INN_37, INN_38)
FLOWS = (letter, large_box, ascii_label, label_anew)
