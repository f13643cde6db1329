"""The Rating API: what a shipment would cost, by one service or by all that run, with days in transit if asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from assay.simkit import Answer, Call
from mocks.ups import form, place
from mocks.ups.account import Ups
from mocks.ups.charge import Price, negotiated_percent, parcel_price, total_price
from mocks.ups.parcel import Parcel, read_parcels
from mocks.ups.party import Party, read_party
from mocks.ups.refusal import Json, day, mapping, optional_mapping, read_body, refused, text
from mocks.ups.service import SERVICES, ZONES, Service, relation, running

_OPTIONS = {"rate": False, "shop": True, "ratetimeintransit": False, "shoptimeintransit": True}
_ALERT = {"Code": "110971", "Description": "Your invoice may vary from the displayed reference rates"}
_UNIT_NAMES = {"KGS": "Kilograms", "LBS": "Pounds"}


def rate(state: Ups, call: Call) -> Answer:
    """Answer POST /api/rating/{version}/{requestoption}."""
    option = call.params["requestoption"].lower()
    if option not in _OPTIONS:
        raise refused("111544", "Invalid Request Option: expected Rate, Shop, Ratetimeintransit or Shoptimeintransit")
    request = read_body(call, "RateRequest")
    shipment = mapping(request, "RateRequest", "Shipment")
    shipper, ship_to = read_party(shipment, "Shipper"), read_party(shipment, "ShipTo")
    ship_from = read_party(shipment, "ShipFrom") if shipment.get("ShipFrom") else shipper
    _check_places(ship_from, ship_to)
    parcels = read_parcels(shipment, ship_from.country, "11")
    form.check(request, form.REQUEST, "RateRequest")
    services = _services(shipment, ship_from.country, ship_to.country, shops=_OPTIONS[option])
    query = {name.lower(): value.lower() for name, value in call.query}
    timed = option.endswith("timeintransit") or query.get("additionalinfo") == "timeintransit"
    rated = [_rated(state, shipment, service, parcels, ship_from, ship_to, shipper.country) for service in services]
    if timed:
        _add_transit(state, shipment, services, rated)
    return Answer({"RateResponse": {"Response": response_head(request), "RatedShipment": rated}})


def response_head(request: Json) -> Json:
    """Return the Response container of a success, with the caller's own context."""
    head: Json = {"ResponseStatus": {"Code": "1", "Description": "Success"}}
    reference = optional_mapping(request.get("Request") or {}, "Request", "TransactionReference")
    context = text(reference, "CustomerContext")
    if context:
        head["TransactionReference"] = {"CustomerContext": context[:512]}
    return head


def _check_places(ship_from: Party, ship_to: Party) -> None:
    if ship_from.country not in place.COUNTRIES:
        raise refused("110308", "Missing or invalid ship from country or territory code")
    if ship_to.country not in place.COUNTRIES:
        raise refused("110208", "Missing or invalid ship to country or territory code")
    if not place.has_valid_postcode(ship_from.country, ship_from.postcode):
        raise refused("113020", "Missing or invalid ship from postal code")
    if not place.has_valid_postcode(ship_to.country, ship_to.postcode):
        raise refused("113021", "Missing or invalid ship to postal code")


def _services(shipment: Json, origin: str, destination: str, *, shops: bool) -> list[Service]:
    offered = running(origin, destination)
    if shops:
        return offered
    code = text(optional_mapping(shipment, "Shipment", "Service"), "Code").zfill(2)
    if code not in SERVICES:
        raise refused("110500" if code == "00" else "111100", "Missing or invalid service code")
    if SERVICES[code] not in offered:
        raise refused("111210", "The requested service is unavailable between the selected locations.")
    return [SERVICES[code]]


def _rated(
    state: Ups,
    shipment: Json,
    service: Service,
    parcels: Sequence[Parcel],
    ship_from: Party,
    ship_to: Party,
    biller: str,
) -> Json:
    origin, destination = ship_from.country, ship_to.country
    prices = priced(service, parcels, biller, origin, destination, residential=ship_to.residential)
    total = total_price(prices, origin, destination)
    rated: Json = {
        "Service": {"Code": service.code, "Description": service.name},
        "Zone": ZONES[relation(origin, destination)],
        "RatedShipmentAlert": [_ALERT],
        "RatingMethod": "01",
        "BillableWeightCalculationMethod": "02",
        "BillingWeight": billing_weight(parcels),
        "TransportationCharges": total.money(total.transportation),
        "BaseServiceCharge": total.money(total.base),
        "ItemizedCharges": total.itemized(),
        "ServiceOptionsCharges": total.money(total.options),
        "TotalCharges": total.money(total.total),
        "RatedPackage": [_rated_package(price, parcel) for price, parcel in zip(prices, parcels, strict=True)],
    }
    percent = negotiated_percent(state.settings, shipment)
    taxed = "TaxInformationIndicator" in shipment and total.tax
    if percent is not None:
        rated["NegotiatedRateCharges"] = _negotiated(total.reduced(percent), taxed=bool(taxed))
    elif taxed:
        rated["TaxCharges"] = total.taxes()
        rated["TotalChargesWithTaxes"] = total.money(total.total + total.tax)
    if service.guaranteed:
        rated["GuaranteedDelivery"] = {
            "BusinessDaysInTransit": str(service.business_days),
            "DeliveryByTime": f"{service.arrives[:2]}:{service.arrives[2:4]}",
        }
    return rated


def priced(
    service: Service, parcels: Sequence[Parcel], biller: str, origin: str, destination: str, *, residential: bool
) -> list[Price]:
    """Return each parcel's price in the currency of the shipper's country, `biller`."""
    currency_country = biller if biller in place.COUNTRIES else origin
    return [
        parcel_price(service, parcel, (origin, destination), currency_country, residential=residential)
        for parcel in parcels
    ]


def billing_weight(parcels: Sequence[Parcel], *, width: int = 0) -> Json:
    """Return the billed weight of all parcels, padded with zeros to `width` characters."""
    unit = parcels[0].unit
    total = sum(parcel.billed for parcel in parcels)
    weight = f"{total:.1f}" if total < 1_000 or width else f"{total:.0f}"
    return {"UnitOfMeasurement": {"Code": unit, "Description": _UNIT_NAMES[unit]}, "Weight": weight.zfill(width)}


def _rated_package(price: Price, parcel: Parcel) -> Json:
    return {
        "BaseServiceCharge": price.money(price.base),
        "TransportationCharges": price.money(price.transportation),
        "ServiceOptionsCharges": price.money(price.options),
        "TotalCharges": price.money(price.total),
        "ItemizedCharges": price.itemized(),
        "Weight": f"{parcel.weight:.1f}",
        "BillingWeight": billing_weight([parcel]),
    }


def _negotiated(price: Price, *, taxed: bool) -> Json:
    charges: Json = {
        "BaseServiceCharge": [price.money(price.base)],
        "ItemizedCharges": price.itemized(),
        "TotalCharge": price.money(price.total),
    }
    if taxed:
        charges["TaxCharges"] = price.taxes()
        charges["TotalChargesWithTaxes"] = price.money(price.total + price.tax)
    return charges


def _add_transit(state: Ups, shipment: Json, services: Sequence[Service], rated: list[Json]) -> None:
    information = optional_mapping(shipment, "Shipment", "DeliveryTimeInformation") or {}
    pickup = optional_mapping(information, "Shipment.DeliveryTimeInformation", "Pickup")
    pickup_day = day(text(pickup, "Date")) or state.world.now().date()
    for service, each in zip(services, rated, strict=True):
        each["TimeInTransit"] = _transit(service, pickup_day, text(information, "PackageBillType"))
        if "GuaranteedDelivery" in each:
            arrival = business_days_after(pickup_day, service.business_days)
            each["GuaranteedDelivery"]["ScheduledDeliveryDate"] = arrival.strftime("%Y%m%d")


def _transit(service: Service, pickup: date, bill_type: str) -> Json:
    arrival = business_days_after(pickup, service.business_days)
    total_days = (arrival - pickup).days
    summary: Json = {
        "Service": {"Description": service.name},
        "EstimatedArrival": {
            "Arrival": {"Date": arrival.strftime("%Y%m%d"), "Time": service.arrives},
            "BusinessDaysInTransit": str(service.business_days),
            "Pickup": {"Date": pickup.strftime("%Y%m%d"), "Time": "180000"},
            "DayOfWeek": ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")[arrival.weekday()],
            "RestDays": str(total_days - service.business_days),
            "TotalTransitDays": str(total_days),
        },
    }
    if service.guaranteed:
        summary["GuaranteedIndicator"] = "1"
    transit: Json = {"PickupDate": pickup.strftime("%Y%m%d"), "ServiceSummary": summary}
    if bill_type in ("02", "03", "04"):
        transit["PackageBillType"] = bill_type
    return transit


def business_days_after(start: date, count: int) -> date:
    """Return the day that many weekdays later."""
    while count:
        start += timedelta(days=1)
        if start.weekday() < 5:
            count -= 1
    return start
