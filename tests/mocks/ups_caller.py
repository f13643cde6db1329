"""Calls the UPS simulator over HTTP as a shop's hub would, and hears its webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.serving import Quiet, serving

Json = dict[str, Any]

PARIS: Json = {"AddressLine": ["12 rue de la Paix"], "City": "Paris", "PostalCode": "75002", "CountryCode": "FR"}
BERLIN: Json = {"AddressLine": ["Hauptstr. 5"], "City": "Berlin", "PostalCode": "10115", "CountryCode": "DE"}
NEW_YORK: Json = {
    "AddressLine": ["1 Main St", "Apt 5"],
    "City": "New York",
    "StateProvinceCode": "NY",
    "PostalCode": "10001",
    "CountryCode": "US",
}


def party(name: str, address: Json, **more: Any) -> Json:
    """Return a party with a contact and a phone number."""
    return {"Name": name, "AttentionName": name, "Phone": {"Number": "+33102030405"}, "Address": address, **more}


def package(weight: str = "1.2", unit: str = "KGS", size: str = "CM", **more: Any) -> Json:
    """Return a parcel that Rating and Shipping both take."""
    return {
        "Packaging": {"Code": "02"},
        "PackagingType": {"Code": "02"},
        "Dimensions": {"UnitOfMeasurement": {"Code": size}, "Length": "20", "Width": "15", "Height": "10"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": unit}, "Weight": weight},
        **more,
    }


def shipment(to: Json = BERLIN, **more: Any) -> Json:
    """Return a shipment from Paris by UPS Standard."""
    return {
        "Description": "Books",
        "Shipper": party("Assay & Söhne", PARIS, ShipperNumber="A1B2C3"),
        "ShipTo": party("Zoë Müller", to),
        "PaymentInformation": {"ShipmentCharge": {"Type": "01", "BillShipper": {"AccountNumber": "A1B2C3"}}},
        "ReferenceNumber": {"Value": "1001"},
        "Service": {"Code": "11"},
        "Package": [package()],
        **more,
    }


class UpsCaller:
    """A client with a bearer token."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False)
        self.http.headers.update({"transId": "t-1", "transactionSrc": "tests"})
        self.authorize()

    def authorize(self) -> Json:
        """Fetch a token, use it from now on, and return the answer."""
        answer = self.http.post(
            "/security/v1/oauth/token", auth=("assay-client", "assay-secret"), data={"grant_type": "client_credentials"}
        )
        token: Json = answer.json()
        self.http.headers["Authorization"] = f"Bearer {token['access_token']}"
        return token

    def rate(self, what: Json, option: str = "Shop", version: str = "v2409") -> httpx.Response:
        """Ask for prices."""
        return self.http.post(f"/api/rating/{version}/{option}", json={"RateRequest": {"Shipment": what}})

    def ship(self, what: Json | None = None, kind: str = "GIF", version: str = "v2409") -> httpx.Response:
        """Book a shipment."""
        request = {"Shipment": what or shipment(), "LabelSpecification": {"LabelImageFormat": {"Code": kind}}}
        return self.http.post(f"/api/shipments/{version}/ship", json={"ShipmentRequest": request})

    def shipped(self, what: Json | None = None, kind: str = "GIF") -> Json:
        """Book a shipment and return its results."""
        answer = self.ship(what, kind)
        assert answer.status_code == 200, answer.text
        results: Json = answer.json()["ShipmentResponse"]["ShipmentResults"]
        return results

    def void(self, number: str, **query: str) -> httpx.Response:
        """Void a shipment or some of its parcels."""
        return self.http.delete(f"/api/shipments/v2409/void/cancel/{number}", params=query)

    def track(self, number: str, **query: str) -> Json:
        """Return the one package of a tracking answer."""
        answer = self.http.get(f"/api/track/v1/details/{number}", params=query)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["trackResponse"]["shipment"][0]["package"][0]
        return found


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of UPS's error body, which it must be."""
    body = answer.json()
    assert list(body["response"]["errors"][0]) == ["code", "message"], body
    assert body["response"]["errors"][0]["message"], body
    return answer.status_code, body["response"]["errors"][0]["code"]


class Hook:
    """A webhook receiver: what came, and how many of the next posts it turns away."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.refuse_next = 0


@contextmanager
def listening() -> Iterator[Hook]:
    """Run a webhook receiver."""

    class Handler(Quiet):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            refused = hook.refuse_next > 0
            if refused:
                hook.refuse_next -= 1
            else:
                hook.events.append(body)
                hook.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(503 if refused else 200)
            self.send_header("content-length", "0")
            self.end_headers()

    with serving(Handler) as url:
        hook = Hook(f"{url}/ups")
        yield hook
