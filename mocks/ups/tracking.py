"""The Tracking API: where a parcel is, by its number, by a reference printed on it, or with its whole shipment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from assay.simkit import Answer, Call, from_us
from mocks.ups.account import Ups
from mocks.ups.label import signature
from mocks.ups.place import local_time
from mocks.ups.refusal import Json, day, refused
from mocks.ups.walk import Scan, past

_INQUIRY = re.compile(r"[0-9A-Za-z]{7,34}")
_RETENTION = timedelta(days=120)
_REFERENCE_DAYS = 14
_NOT_FOUND = {"code": "TW0001", "message": "Tracking Information Not Found"}
_PAGE = 50


def by_number(state: Ups, call: Call) -> Answer:
    """Answer GET /api/track/v1/details/{inquiryNumber}.

    An unknown number is no error to UPS: 200 with a warning and without a package.
    """
    number = _inquiry(call, "inquiryNumber")
    parcel = _parcel(state, number)
    if parcel is None:
        return _answer([{"inquiryNumber": number, "warnings": [_NOT_FOUND]}])
    return _answer([_shipment(state, call, number, [parcel], parcel["of"])])


def by_shipment(state: Ups, call: Call) -> Answer:
    """Answer GET /api/track/v1/shipment/details/{inquiryNumber}: all parcels, `count` of them from `offset`."""
    number = _inquiry(call, "inquiryNumber")
    parcel = _parcel(state, number)
    if parcel is None:
        return _answer([{"inquiryNumber": number, "warnings": [_NOT_FOUND]}])
    query = dict(call.query)
    offset, count = _whole(query.get("offset", ""), 0), _whole(query.get("count", ""), _PAGE)
    numbers = state.shipments[parcel["shipment"]]["parcels"]
    page = [state.parcels[each] for each in numbers[offset : offset + count]]
    return _answer([_shipment(state, call, number, page, len(numbers))])


def by_reference(state: Ups, call: Call) -> Answer:
    """Answer GET /api/track/v1/reference/details/{referenceNumber}; without dates, of the last 14 days."""
    _check_headers(call)
    reference = call.params["referenceNumber"]
    query = dict(call.query)
    today = state.world.now().date()
    first = _picked_up(query, "fromPickUpDate") or today - timedelta(days=_REFERENCE_DAYS)
    last = _picked_up(query, "toPickUpDate") or today
    found = []
    for number in state.references.get(reference, []):
        parcel = _parcel(state, number)
        if parcel is None or not first <= from_us(parcel["made_us"]).date() <= last:
            continue
        if query.get("shipperNum", parcel["shipper_number"]) == parcel["shipper_number"]:
            found.append(_shipment(state, call, reference, [parcel], parcel["of"]))
    return _answer(found or [{"inquiryNumber": reference, "warnings": [_NOT_FOUND]}])


def _picked_up(query: Mapping[str, str], name: str) -> date | None:
    """Return the day a parameter names, None where it is left out."""
    found = day(query.get(name, ""))
    if query.get(name) and found is None:
        # UPS publishes no code for it: the one of an inquiry that cannot be.
        raise refused("TV1002", f"Invalid {name}")
    return found


def _answer(shipments: list[Json]) -> Answer:
    return Answer({"trackResponse": {"shipment": shipments}})


def _check_headers(call: Call) -> None:
    if not call.headers.get("transid"):
        raise refused("TV0010", "Missing transId")
    if not call.headers.get("transactionsrc"):
        raise refused("TV0011", "Missing transactionSrc")


def _inquiry(call: Call, name: str) -> str:
    _check_headers(call)
    number = call.params[name]
    if not _INQUIRY.fullmatch(number):
        raise refused("TV1002", "Invalid inquiry number")
    return number.upper()


def _parcel(state: Ups, number: str) -> Json | None:
    parcel: Json | None = state.parcels.get(number)
    if parcel is None or state.world.now() - from_us(parcel["made_us"]) > _RETENTION:
        return None
    return parcel


def _shipment(state: Ups, call: Call, inquiry: str, parcels: list[Json], count: int) -> Json:
    signs = dict(call.query).get("returnSignature", "").lower() == "true"
    packages = [_package(parcel, state.world.now(), count, signs=signs) for parcel in parcels]
    return {"inquiryNumber": inquiry, "package": packages, "userRelation": ["SHIPPER"]}


def _package(parcel: Json, now: datetime, count: int, *, signs: bool) -> Json:
    had = past(parcel, now)
    last = had[-1]
    package: Json = {
        "trackingNumber": parcel["tracking"],
        "deliveryDate": [_delivery_date(parcel, had)],
        "deliveryTime": _delivery_time(parcel, last),
        "activity": [_activity(parcel, scan) for scan in reversed(had)],
        "currentStatus": {
            "type": last.type,
            "code": last.status_code,
            "description": last.description,
            "simplifiedTextDescription": last.simple,
            "statusCode": last.status_code,
        },
        "packageAddress": [_address("ORIGIN", parcel["from"]), _address("DESTINATION", parcel["to"])],
        "weight": {"unitOfMeasurement": parcel["unit"], "weight": parcel["weight"]},
        "service": {
            "code": parcel["service"],
            "levelCode": f"0{parcel['service']}",
            "description": parcel["service_name"],
        },
        "referenceNumber": [
            *({"type": "SHIPMENT", "number": value} for _, value in parcel["shipment_references"]),
            *({"type": "PACKAGE", "number": value} for _, value in parcel["package_references"]),
        ],
        "packageCount": count,
    }
    if parcel["dimensions"]:
        length, width, height = parcel["dimensions"]
        sides = {"length": length, "width": width, "height": height}
        package["dimension"] = {**sides, "unitOfDimension": parcel["dimension_unit"]}
    if last.type == "D":
        receiver = parcel["to"]["attention"] or parcel["to"]["name"]
        package["deliveryInformation"] = {"location": "Front Door", "receivedBy": receiver}
        if signs:
            package["deliveryInformation"]["signature"] = {"image": signature(receiver)}
    return package


def _delivery_date(parcel: Json, had: list[Scan]) -> Json:
    delivered = next((scan.at for scan in had if scan.type == "D"), None)
    instant = delivered or from_us(parcel["scheduled_us"])
    local = local_time(instant, parcel["to"]["country"]).date
    return {"type": "DEL" if delivered else "SDD", "date": local}


def _delivery_time(parcel: Json, last: Scan) -> Json:
    if last.type != "D":
        return {"type": "EOD"}
    return {"type": "DEL", "endTime": local_time(last.at, parcel["to"]["country"]).time}


def _activity(parcel: Json, scan: Scan) -> Json:
    party = parcel["from"] if scan.place == "origin" else parcel["to"]
    when = local_time(scan.at, party["country"])
    address = {"countryCode": party["country"], "country": party["country"]}
    if scan.type not in ("M", "MV"):  # before UPS has the parcel it knows only the country
        address = {"city": party["city"], **({"stateProvince": party["state"]} if party["state"] else {}), **address}
    return {
        "location": {"address": address},
        "status": {
            "type": scan.type,
            "code": scan.code,
            "description": scan.description,
            "statusCode": scan.status_code,
            "simplifiedTextDescription": scan.simple,
        },
        "date": when.date,
        "time": when.time,
        "gmtDate": when.gmt_date,
        "gmtOffset": when.offset,
        "gmtTime": f"{when.gmt_time[:2]}:{when.gmt_time[2:4]}:{when.gmt_time[4:]}",
    }


def _address(kind: str, party: Json) -> Json:
    address = {
        "city": party["city"],
        "stateProvince": party["state"],
        "postalCode": party["postcode"],
        "countryCode": party["country"],
        "country": party["country"],
    }
    lines = {f"addressLine{place}": line for place, line in enumerate(party["lines"], start=1)}
    return {"type": kind, "name": party["name"], "attentionName": party["attention"], "address": {**lines, **address}}


def _whole(words: str, default: int) -> int:
    return int(words) if words.isascii() and words.isdigit() and len(words) < 7 else default
