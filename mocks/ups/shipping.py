"""The Shipping API: a shipment with labels out of one request, and its void."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from assay.simkit import Answer, Call, to_us
from mocks.ups import form
from mocks.ups.account import Ups
from mocks.ups.alert import announce_void, watch_account_parcel
from mocks.ups.booking import Booking, read_booking
from mocks.ups.charge import Price, negotiated_percent, total_price
from mocks.ups.label import invoice, label
from mocks.ups.rating import billing_weight, priced, response_head
from mocks.ups.refusal import Json, mapping, read_body, refused
from mocks.ups.tracking_number import tracking_number
from mocks.ups.walk import is_picked_up, planned, scheduled

_BILLING_WEIGHT_LENGTH = 8  # ShipmentResults_BillingWeight.Weight has minLength and maxLength 8


def ship(state: Ups, call: Call) -> Answer:
    """Answer POST /api/shipments/{version}/ship."""
    request = read_body(call, "ShipmentRequest")
    shipment = mapping(request, "ShipmentRequest", "Shipment")
    booking = read_booking(request, shipment, state.is_shipper)
    form.check(request, form.REQUEST, "ShipmentRequest")
    documents = _book(state, booking)
    origin, destination = booking.ship_from.country, booking.ship_to.country
    prices = priced(
        booking.service,
        booking.parcels,
        booking.shipper.country,
        origin,
        destination,
        residential=booking.ship_to.residential,
    )
    total = total_price(prices, origin, destination)
    packages = [
        _package_result(document, price, booking.label_kind) for document, price in zip(documents, prices, strict=True)
    ]
    results: Json = {
        "ShipmentCharges": _charges(total, taxed="TaxInformationIndicator" in shipment),
        "RatingMethod": "01",
        "BillableWeightCalculationMethod": "02",
        "BillingWeight": billing_weight(booking.parcels, width=_BILLING_WEIGHT_LENGTH),
        "ShipmentIdentificationNumber": documents[0]["tracking"],
        "PackageResults": packages,
    }
    percent = negotiated_percent(state.settings, shipment)
    if percent is not None:
        reduced = total.reduced(percent)
        results["NegotiatedRateCharges"] = {"TotalCharge": reduced.money(reduced.total)}
    if booking.invoice_lines:
        results["Form"] = _form(booking, documents[0])
    return Answer({"ShipmentResponse": {"Response": response_head(request), "ShipmentResults": results}})


def _book(state: Ups, booking: Booking) -> list[Json]:
    """Give every parcel its number and its way, and remember it."""
    made = state.world.now()
    steps = planned(state.settings, made)
    documents: list[Json] = []
    for position, parcel in enumerate(booking.parcels, start=1):
        sequence = state.world.ids.number(f"parcel:{booking.shipper_number}", 1)
        documents.append(
            {
                "shipment": "",
                "tracking": tracking_number(booking.shipper_number, booking.service.code, sequence),
                "made_us": to_us(made),
                "shipper_number": booking.shipper_number,
                "service": booking.service.code,
                "service_name": booking.service.name,
                "number": position,
                "of": len(booking.parcels),
                "weight": f"{parcel.weight:f}",
                "unit": parcel.unit,
                "dimensions": [f"{side:.2f}" for side in parcel.dimensions or ()],
                "dimension_unit": parcel.dimension_unit,
                "from": booking.ship_from.as_document(),
                "to": booking.ship_to.as_document(),
                "shipment_references": [list(pair) for pair in booking.references],
                "package_references": [list(pair) for pair in parcel.references],
                "steps": steps,
                "scheduled_us": to_us(scheduled(state.settings, made)),
                "voided_us": None,
            }
        )
    numbers = [document["tracking"] for document in documents]
    state.shipments[numbers[0]] = {"made_us": to_us(made), "parcels": numbers}
    for document in documents:
        document["shipment"] = numbers[0]
        state.parcels[document["tracking"]] = document
        for _, value in [*document["shipment_references"], *document["package_references"]]:
            _refer(state, value, document["tracking"])
        watch_account_parcel(state, document)
    return documents


def _refer(state: Ups, value: str, tracking: str) -> None:
    known = state.references.get(value, [])
    if value and tracking not in known:
        state.references[value] = [*known, tracking]


def _charges(total: Price, *, taxed: bool) -> Json:
    charges: Json = {
        "BaseServiceCharge": total.money(total.base),
        "TransportationCharges": total.money(total.transportation),
        "ItemizedCharges": total.itemized(),
        "ServiceOptionsCharges": total.money(total.options),
        "TotalCharges": total.money(total.total),
    }
    if taxed and total.tax:
        charges["TaxCharges"] = total.taxes()
        charges["TotalChargesWithTaxes"] = total.money(total.total + total.tax)
    return charges


def _package_result(document: Json, price: Price, kind: str) -> Json:
    return {
        "TrackingNumber": document["tracking"],
        "BaseServiceCharge": price.money(price.base),
        "ServiceOptionsCharges": price.money(price.options),
        "ItemizedCharges": price.itemized(),
        "ShippingLabel": {
            "ImageFormat": {"Code": kind, "Description": kind},
            "GraphicImage": label(document, kind),
        },
    }


def _form(booking: Booking, document: Json) -> Json:
    return {
        "Code": "01",
        "Description": "All Requested International Forms",
        "Image": {
            "ImageFormat": {"Code": "PDF", "Description": "PDF"},
            "GraphicImage": invoice([*booking.invoice_lines, "", f"TRACKING {document['tracking']}"]),
        },
        "FormGroupId": f"{document['made_us']}",
    }


def void(state: Ups, call: Call) -> Answer:
    """Answer DELETE /api/shipments/{version}/void/cancel/{shipmentidentificationnumber}: a shipment or its parcels."""
    shipment = state.shipments.get(call.params["shipmentidentificationnumber"])
    if shipment is None:
        raise refused("190102", "No shipment found within the allowed void period")
    asked = _asked_numbers(call)
    chosen = asked or shipment["parcels"]
    if any(number not in shipment["parcels"] for number in chosen):
        raise refused("190109", "The tracking number is not one of the shipment")
    now = state.world.now()
    open_ones = [number for number in chosen if state.parcels[number]["voided_us"] is None]
    if not open_ones:
        raise refused("190102", "No shipment found within the allowed void period")
    if any(is_picked_up(state.parcels[number], now) for number in open_ones):
        raise refused("190117", "The Pickup Request associated with this shipment has already been completed")
    for number in open_ones:
        state.parcels[number] = {**state.parcels[number], "voided_us": to_us(now)}
        announce_void(state, number)
    whole = all(state.parcels[number]["voided_us"] is not None for number in shipment["parcels"])
    # "Partially Voided", as UPS answers, is one letter longer than its own document allows.
    summary = {"Code": "1", "Description": "Voided" if whole else "Partial Void"}
    answer: Json = {
        "Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}},
        "SummaryResult": {"Status": summary},
    }
    if asked:
        answer["PackageLevelResults"] = [_void_result(number, number in open_ones) for number in asked]
    return Answer({"VoidShipmentResponse": answer})


def _void_result(number: str, done: bool) -> Json:
    status = {"Code": "1", "Description": "Voided"} if done else {"Code": "0", "Description": "Already Voided"}
    return {"TrackingNumber": number, "Status": status}


def _asked_numbers(call: Call) -> Sequence[str]:
    """Return the parcels named in the query: one number, several with commas, or a JSON array."""
    numbers: list[str] = []
    for name, value in call.query:
        if name.lower() != "trackingnumber" or not value.strip():
            continue
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            parsed = value.split(",")
        listed = parsed if isinstance(parsed, list) else [parsed]
        numbers += [str(number).strip() for number in listed]
    return list(dict.fromkeys(numbers))
