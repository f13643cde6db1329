"""UPS: one label per order by the Shipping API, found again by Label Recovery or Tracking when an answer was lost.

The lengths are those of the vendor's Shipping document: 35 characters a line, three lines an address.
"""

from __future__ import annotations

import base64
import itertools
import textwrap
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import requests

from tests.apps.other_shop.catalogue import ARTICLES
from tests.apps.other_shop.order import Line, Order
from tests.apps.other_shop.setting import Setting
from tests.apps.other_shop.vendor import Wire

LONGEST_LINE, MOST_LINES, HEAVIEST_G = 35, 3, 70_000
_SHIP = "/api/shipments/v2409/ship"
_VOID = "/api/shipments/v2409/void/cancel/"
_RECOVER = "/api/labels/v1/recovery"
_TRACK = "/api/track/v1/reference/details/"
_ALREADY_VOIDED = "190117"
_SENDER = {
    "AddressLine": ["Lagerstraße 8"],
    "City": "Görlitz",
    "PostalCode": "02826",
    "CountryCode": "DE",
}


@dataclass(frozen=True, slots=True)
class Label:
    """A label that was paid for: the shipment's id, the parcel's tracking number, the picture."""

    shipment: str
    tracking_number: str
    image_format: str
    image: bytes


def weight_g(lines: Sequence[Line]) -> int:
    """Return what all pieces weigh, wrapped."""
    return sum(ARTICLES[line.sku].weight_g * line.quantity for line in lines)


def address_lines(street: str) -> list[str]:
    """Return a street in lines the label has room for, broken between words, nothing left out."""
    return textwrap.wrap(street, LONGEST_LINE, break_long_words=False, break_on_hyphens=False)


def shipment(order: Order, setting: Setting) -> dict[str, Any]:
    """Return the request for a label of UPS Standard, charged to the shop's account."""
    to = order.recipient
    sender = {"Name": "Werkladen", "AttentionName": "Versand", "Address": _SENDER, "Phone": {"Number": "+49358112345"}}
    parcel = {
        "Packaging": {"Code": "02"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "KGS"}, "Weight": f"{weight_g(order.lines) / 1000:.2f}"},
    }
    return {
        "ShipmentRequest": {
            "Request": {"RequestOption": "nonvalidate", "TransactionReference": {"CustomerContext": order.number}},
            "Shipment": {
                "Description": f"Bestellung {order.number}",
                "Shipper": {**sender, "ShipperNumber": setting.ups_account},
                "ShipFrom": sender,
                "ShipTo": {
                    "Name": to.name,
                    "AttentionName": to.name,  # UPS wants it wherever a parcel crosses a border
                    "Phone": {"Number": to.phone},
                    "Address": {
                        "AddressLine": address_lines(to.street),
                        "City": to.city,
                        "PostalCode": to.zip,
                        "CountryCode": to.country,
                    },
                },
                "PaymentInformation": {
                    "ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": setting.ups_account}}]
                },
                "ReferenceNumber": [{"Value": order.number}],
                "Service": {"Code": "11", "Description": "UPS Standard"},
                "Package": [parcel],
            },
            "LabelSpecification": {
                "LabelImageFormat": {"Code": "GIF"},
                "LabelStockSize": {"Height": "6", "Width": "4"},
            },
        }
    }


def find_label(wire: UpsWire, number: str) -> Label | None:
    """Return the label an earlier attempt bought for this order, if UPS knows one: as a label or as a parcel."""
    return wire.recover(number) or wire.track(number)


class UpsWire:
    """The calls the shop makes, under a token of UPS's OAuth client credentials."""

    def __init__(self, setting: Setting) -> None:
        self._wire = Wire("UPS", setting.ups_base, timeout_s=setting.timeout_s)
        self._auth = (setting.ups_client_id, setting.ups_client_secret)
        self._account = setting.ups_account
        self._token = ""
        self._calls = itertools.count(1)
        self._lock = threading.Lock()
        self.close = self._wire.close

    def ship(self, request: dict[str, Any]) -> Label:
        """Buy a label."""
        results = self._read(self._send("POST", _SHIP, json=request))["ShipmentResponse"]["ShipmentResults"]
        parcel = _only(results["PackageResults"])
        picture = parcel.get("ShippingLabel", {})
        return _label(results["ShipmentIdentificationNumber"], parcel["TrackingNumber"], picture)

    def recover(self, number: str) -> Label | None:
        """Return the label bought under a reference number; UPS refuses the question when there is none."""
        request = {
            "LabelRecoveryRequest": {
                "Request": {},
                "ReferenceValues": {"ReferenceNumber": {"Value": number}, "ShipperNumber": self._account},
            }
        }
        answer = self._send("POST", _RECOVER, json=request)
        if not answer.ok:
            return None
        found = self._read(answer)["LabelRecoveryResponse"]
        results = _only(found.get("LabelResults") or [{}])
        tracking_number = results.get("TrackingNumber")
        if not tracking_number:
            return None
        picture = results.get("LabelImage", {})
        return _label(found.get("ShipmentIdentificationNumber") or tracking_number, tracking_number, picture)

    def track(self, number: str) -> Label | None:
        """Return the parcel that travels under a reference number, without the label's picture."""
        answer = self._send("GET", _TRACK + number, params={"shipperNum": self._account})
        if not answer.ok:
            return None
        shipments = self._read(answer)["trackResponse"].get("shipment") or []
        parcels = [parcel for each in shipments for parcel in each.get("package") or []]
        if not parcels:
            return None
        # A shipment of one parcel is known by that parcel's number.
        tracking_number = parcels[0]["trackingNumber"]
        return _label(tracking_number, tracking_number, {})

    def void(self, shipment_id: str) -> None:
        """Give a label back that no parcel will travel with; one that was given back before stays so."""
        answer = self._send("DELETE", _VOID + shipment_id)
        if not answer.ok and _error(answer)[0] != _ALREADY_VOIDED:
            self._read(answer)

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        answer = self._wire.send(method, path, headers=self._headers(""), **arguments)
        if answer.status_code == requests.codes.unauthorized:
            answer = self._wire.send(method, path, headers=self._headers(self._token), **arguments)
        return answer

    def _headers(self, stale: str) -> dict[str, str]:
        """Return headers with a token that is not the stale one."""
        with self._lock:
            if self._token in ("", stale):
                form = {"grant_type": "client_credentials"}
                answer = self._wire.send("POST", "/security/v1/oauth/token", data=form, auth=self._auth)
                self._token = str(self._read(answer)["access_token"])
            call = f"werkladen-{next(self._calls)}"
            return {"Authorization": f"Bearer {self._token}", "transactionSrc": "werkladen", "transId": call}

    def _read(self, answer: requests.Response) -> Any:
        if answer.ok:
            return self._wire.read(answer)
        code, message = _error(answer)
        raise self._wire.refused(answer, f"{code} {message}", code=code)


def _error(answer: requests.Response) -> tuple[str, str]:
    try:
        first = answer.json()["response"]["errors"][0]
        return str(first["code"]), str(first["message"])
    except (requests.JSONDecodeError, KeyError, IndexError, TypeError):
        return "", "no UPS error in the answer"


def _only(results: Any) -> Any:
    """Return the one result, which UPS gives with or without a list around it."""
    return results[0] if isinstance(results, list) else results


def _label(shipment_id: str, tracking_number: str, picture: Any) -> Label:
    image = base64.b64decode(picture.get("GraphicImage", ""))
    kind = picture.get("ImageFormat") or picture.get("LabelImageFormat") or {}
    return Label(shipment_id, tracking_number, kind.get("Code", "GIF"), image)
