"""UPS as a witness: what UPS's Tracking API says of a parcel.

Follows UPS's OAuth Client Credentials and Tracking documents. Instants are UTC, weights whole grams.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn
from urllib.parse import quote

from assay.errors import InfrastructureError
from assay.http import Answer, basic_authorization
from assay.records import Address, Call, CreationRule, LabelRequest, ReferenceRule, Shipment, ShipmentEvent
from assay.roles import Bearer, ConnectorHead, Http, Reply


def _rule(method: str, path: str, *strong: str) -> ReferenceRule:
    return ReferenceRule(method=method, path=path, strong=strong)


_SHIPMENT = "ShipmentRequest.Shipment"
_RESULTS = "ShipmentResponse.ShipmentResults"
_TRACKED = "trackResponse.shipment.*.package.*"

HEAD = ConnectorHead(
    vendor="ups",
    role="carrier",
    live="https://onlinetools.ups.com",
    sandbox="https://wwwcie.ups.com",
    hosts=("onlinetools.ups.com", "wwwcie.ups.com"),
    credentials=("client_id", "client_secret"),
    references=(
        # UPS takes one element or a list of them, in the request by the caller's choice, in the answer by version.
        _rule(
            "POST",
            r"^/api/shipments/[^/]+/ship$",
            f"{_SHIPMENT}.ReferenceNumber.Value",
            f"{_SHIPMENT}.ReferenceNumber.*.Value",
            f"{_SHIPMENT}.Package.ReferenceNumber.Value",
            f"{_SHIPMENT}.Package.ReferenceNumber.*.Value",
            f"{_SHIPMENT}.Package.*.ReferenceNumber.Value",
            f"{_SHIPMENT}.Package.*.ReferenceNumber.*.Value",
            f"{_RESULTS}.ShipmentIdentificationNumber",
            f"{_RESULTS}.PackageResults.TrackingNumber",
            f"{_RESULTS}.PackageResults.*.TrackingNumber",
        ),
        _rule(
            "DELETE",
            r"^/api/shipments/[^/]+/void/cancel/(?P<number>[^/]+)$",
            "path:number",
            "query:trackingnumber",
        ),
        _rule("POST", r"^/api/track/[^/]+/subscription/", "trackingNumberList.*", "validTrackingNumbers.*"),
        _rule("POST", r"^/api/labels/[^/]+/recovery$", "LabelRecoveryRequest.TrackingNumber"),
        _rule(
            "GET",
            r"^/api/track/v1/(?:shipment/)?details/(?P<number>[^/]+)$",
            "path:number",
            f"{_TRACKED}.trackingNumber",
            f"{_TRACKED}.referenceNumber.*.number",
        ),
        _rule(
            "GET",
            r"^/api/track/v1/reference/details/(?P<reference>[^/]+)$",
            "path:reference",
            f"{_TRACKED}.trackingNumber",
        ),
        # Track Alert's webhook: whatever path the platform gave its endpoint.
        _rule("POST", r".*", "trackingNumber"),
    ),
    creations=(
        # UPS has no idempotency key: a reference is what makes a parcel recognisable.
        CreationRule(
            kind="label",
            method="POST",
            path=r"^/api/shipments/[^/]+/ship$",
            key="",
            purpose=(f"{_SHIPMENT}.ReferenceNumber.Value", f"{_SHIPMENT}.ReferenceNumber.*.Value"),
        ),
    ),
    documents=(
        "https://developer.ups.com/tag/Tracking",
        "https://developer.ups.com/tag/Shipping",
        "https://developer.ups.com/tag/OAuth-Client-Credentials",
    ),
)

# UPS's package status codes in our words: three digits, the same in currentStatus.code and in status.statusCode.
_CODES = {
    "created": "003 044 045 065",
    "voided": "007 043",
    # A parcel that waits for its customer at an access point (040) has not reached him.
    "in_transit": "005 006 010 012 014 016 017 018 019 020 021 025 027 028 038 039 040 041 042 054 055 056 057 063",
    "delivered": "011 026",
    "exception": "013 022 023 024 029 030 032 033 034 035 036 037 046 047 048 049 050 051 052 053 058 059 060 061 062 "
    "064 066 067 068 069",
}
_BY_STATUS_CODE = {code: word for word, codes in _CODES.items() for code in codes.split()}
# The type of an activity, coarser, for codes that table does not hold.
_BY_TYPE = {
    "M": "created",
    "MV": "voided",
    "P": "in_transit",
    "I": "in_transit",
    "O": "in_transit",
    "D": "delivered",
    "X": "exception",
    "RS": "exception",
}
_SHIP_PATH = re.compile(r"^/api/shipments/[^/]+/ship$")
_GRAMS = {"KGS": Decimal(1000), "LBS": Decimal("453.59237"), "OZS": Decimal("28.349523125"), "GRM": Decimal(1)}
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


class Ups:
    """Tracks parcels with one UPS application's credentials; errors carry UPS's own code and message."""

    parcels_kept = timedelta(days=120)  # UPS Tracking API: later a number is answered as one that never was

    def __init__(
        self, http: Http, credentials: Mapping[str, str], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._basic = basic_authorization(credentials["client_id"], credentials["client_secret"])
        self._token = Bearer(self._fetch_token, monotonic=monotonic)
        self._calls = itertools.count(1)

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which UPS knows a call as ours: the client's own for a token, else a token."""
        return {"authorization": self._basic if path.startswith("/security/") else self._token.authorization}

    def track(self, tracking_number: str) -> Shipment:
        """Return what UPS says of a parcel; `LookupError` when UPS does not know the number."""
        path = f"/api/track/v1/details/{quote(tracking_number, safe='')}"
        return decode_track(self._read(path, f"parcel {tracking_number}"), tracking_number)

    def parcels_of(self, reference: str) -> Sequence[Shipment]:
        """Return every parcel UPS finds under a reference of the shipper's; none is no error.

        UPS searches the last 14 days by date of pickup where no dates are asked for.
        """
        try:
            answer = self._read(
                f"/api/track/v1/reference/details/{quote(reference, safe='')}", f"reference {reference}"
            )
        except LookupError:
            return []
        return decode_parcels(answer)

    def label_requests(self, call: Call) -> Sequence[LabelRequest]:
        """Return the parcels a shipping call of the journal asked labels for; see `decode_label_requests`."""
        return decode_label_requests(call)

    def _read(self, path: str, what: str) -> Answer:
        reply = self._get(path)
        if reply.status == 401:  # the token died early: UPS revoked it, or its clock runs ahead of ours
            self._token.forget()
            reply = self._get(path)
        if reply.status != 200:
            _refuse(reply, f"GET {path}", what)
        return Answer.of(reply, system="ups", operation=f"GET {path}")

    def _get(self, path: str) -> Reply:
        headers = {
            "authorization": self._token.authorization,
            "transid": f"assay-{next(self._calls):08d}",
            "transactionsrc": "assay",
            "accept": "application/json",
        }
        return self._http.request("GET", path, headers=headers)

    def _fetch_token(self) -> tuple[str, Decimal]:
        path = "/security/v1/oauth/token"
        operation = f"POST {path}"
        reply = self._http.request(
            "POST", path, headers={"authorization": self._basic}, form=(("grant_type", "client_credentials"),)
        )
        if reply.status != 200:
            _refuse(reply, operation, "application with this client_id")
        answer = Answer.of(reply, system="ups", operation=operation)
        return answer.text("access_token"), answer.decimal("expires_in")


def decode_track(answer: Answer, tracking_number: str) -> Shipment:
    """Turn a tracking answer into the parcel asked for; `LookupError` when UPS answers with a warning instead of it.

    `status` follows the newest status UPS gives; `order_ref` is the first reference on the parcel. An activity whose
    instant cannot be placed in UTC is left out of `events`, which are in order of time.
    """
    return _shipment(_package(answer, tracking_number))


def decode_parcels(answer: Answer) -> list[Shipment]:
    """Turn a tracking answer into all of its parcels; an answer that only warns holds none."""
    shipments = answer.items("trackResponse.shipment")
    return [_shipment(each) for one in shipments if one.has("package") for each in one.items("package")]


def decode_label_requests(call: Call) -> list[LabelRequest]:
    """Read what a journalled shipping call (POST …/ship) asked for: one label a package, receiver and references.

    None where it is another call, or where its body was too long to be kept.
    """
    if call.method != "POST" or not _SHIP_PATH.search(call.path) or not call.request_body.startswith("{"):
        return []
    try:
        content = json.loads(call.request_body, parse_float=Decimal)
    except ValueError:
        return []
    request = Answer(content, system="ups", operation=f"{call.method} {call.path}")
    if not request.has("ShipmentRequest.Shipment"):
        return []
    shipment = request.at("ShipmentRequest.Shipment")
    return [_label_request(shipment, package, call) for package in _several(shipment, "Package")]


def _shipment(package: Answer) -> Shipment:
    activities = package.items("activity") if package.has("activity") else []
    statuses = [activity.at("status") for activity in activities if activity.has("status")]
    current = package.at("currentStatus") if package.has("currentStatus") else None
    deciding = current if current is not None else (statuses[0] if statuses else None)
    events = sorted((event for event in map(_event, activities) if event is not None), key=lambda event: event.at)
    delivered = [event.at for event in events if event.status == "delivered"]
    references = package.items("referenceNumber") if package.has("referenceNumber") else []
    return Shipment(
        system="ups",
        ref=package.text("trackingNumber"),
        order_ref=next((each.text("number") for each in references if each.has("number")), None),
        tracking_number=package.text("trackingNumber"),
        status=_word(deciding) if deciding is not None else "unknown",
        status_code=_code(deciding) if deciding is not None else None,
        weight_g=_weight_g(package),
        events=tuple(events),
        delivered_at=delivered[-1] if delivered else None,
    )


def _package(answer: Answer, tracking_number: str) -> Answer:
    warnings: list[str] = []
    found: list[Answer] = []
    for shipment in answer.items("trackResponse.shipment"):
        if shipment.has("package"):
            found += shipment.items("package")
        if shipment.has("warnings"):
            warnings += (f"{each.text('code')}: {each.text('message')}" for each in shipment.items("warnings"))
    for package in found:
        if package.text("trackingNumber") == tracking_number:
            return package
    if warnings and not found:
        raise LookupError(f"ups knows no parcel {tracking_number}: {'; '.join(warnings)}")
    return answer.refuse("trackResponse.shipment", f"a package whose trackingNumber is {tracking_number}")


def _label_request(shipment: Answer, package: Answer, call: Call) -> LabelRequest:
    sides = ("Length", "Width", "Height") if package.has("Dimensions") else ()
    references = [*_several(shipment, "ReferenceNumber"), *_several(package, "ReferenceNumber")]
    return LabelRequest(
        system="ups",
        weight=package.decimal("PackageWeight.Weight"),
        weight_unit=package.text("PackageWeight.UnitOfMeasurement.Code"),
        receiver=_receiver(shipment.at("ShipTo")),
        dimensions=tuple(package.decimal(f"Dimensions.{side}") for side in sides),
        length_unit=package.text("Dimensions.UnitOfMeasurement.Code") if sides else "",
        references=tuple(each.text("Value") for each in references),
        accepted=call.status == 200,
    )


def _receiver(party: Answer) -> Address:
    lines = party.at("Address").raw.get("AddressLine") or ()
    return Address(
        name=party.text_or("Name", ""),
        lines=(lines,) if isinstance(lines, str) else tuple(map(str, lines)),
        city=party.text_or("Address.City", ""),
        postcode=party.text_or("Address.PostalCode", ""),
        country=party.text_or("Address.CountryCode", ""),
        region=party.text_or("Address.StateProvinceCode", "") or None,
        phone=party.text_or("Phone.Number", "") or None,
    )


def _several(container: Answer, path: str) -> list[Answer]:
    """Return a list where UPS takes one element or a list of them."""
    if not container.has(path):
        return []
    return container.items(path) if isinstance(container.raw[path], list) else [container.at(path)]


def _code(status: Answer) -> str | None:
    return status.text_or("statusCode", "") or status.text_or("code", "") or status.text_or("type", "") or None


def _word(status: Answer) -> str:
    for member in ("statusCode", "code"):
        word = _BY_STATUS_CODE.get(status.text_or(member, ""))
        if word:
            return word
    return _BY_TYPE.get(status.text_or("type", "").strip(), "unknown")


def _event(activity: Answer) -> ShipmentEvent | None:
    at = _instant(activity)
    if at is None or not activity.has("status"):
        return None
    status = activity.at("status")
    text = status.text_or("description", "").strip()
    return ShipmentEvent(code=_code(status) or "", text=text, at=at, status=_word(status))


def _instant(activity: Answer) -> datetime | None:
    """Read an activity's instant: its GMT fields, else its local clock with the offset; None without either."""
    if activity.has("gmtDate") and activity.has("gmtTime"):
        return _clock(activity, "gmtDate", "gmtTime")
    if not (activity.has("date") and activity.has("time") and activity.has("gmtOffset")):
        return None
    match = _OFFSET.fullmatch(activity.text("gmtOffset"))
    if match is None:
        activity.refuse("gmtOffset", "an offset such as -05:00")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    local = _clock(activity, "date", "time")
    return local + offset if match[1] == "-" else local - offset


def _clock(activity: Answer, day: str, clock: str) -> datetime:
    """Read YYYYMMDD and HHMMSS; UPS drops leading zeros of its GMT time ("74700") and sometimes writes colons."""
    digits = activity.text(clock).replace(":", "").zfill(6)
    try:
        return datetime.strptime(activity.text(day) + digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return activity.refuse(clock, f"a time HHMMSS after a {day} YYYYMMDD ({activity.text(day)!r})")


def _weight_g(package: Answer) -> int | None:
    if not package.has("weight.weight"):
        return None
    unit = package.text("weight.unitOfMeasurement")
    if unit not in _GRAMS:
        package.refuse("weight.unitOfMeasurement", "one of " + ", ".join(_GRAMS))
    return round(package.decimal("weight.weight") * _GRAMS[unit])


def _refuse(reply: Reply, operation: str, what: str) -> NoReturn:
    """Raise for an error answer: UPS has response.errors, each with a code and a message."""
    answer = Answer.of(reply, system="ups", operation=operation)
    errors: Sequence[Answer] = answer.items("response.errors")
    text = "; ".join(f"{each.text('code')}: {each.text('message')}" for each in errors) or "no error named"
    if reply.status == 404:
        raise LookupError(f"ups knows no {what}: {text}")
    raise InfrastructureError(
        f"ups refused: {text}",
        where=operation,
        expected="status 200",
        seen=f"status {reply.status}",
        hint="check the environment variables of ups's client_id and client_secret" if reply.status == 401 else None,
    )
