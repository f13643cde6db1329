"""Every kind of answer of the UPS simulator against UPS's published documents and against our own contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from tests.conformance.openapi_judge import ROOT, OpenApiJudge, spec_file
from tests.mocks.conftest import SimulatedClock
from tests.mocks.ups_caller import listening

Call = tuple[str, str, httpx.Response]

FRANCE = {"AddressLine": ["12 rue de la Paix"], "City": "Paris", "PostalCode": "75002", "CountryCode": "FR"}
GERMANY = {"AddressLine": ["Hauptstr. 5"], "City": "Berlin", "PostalCode": "10115", "CountryCode": "DE"}
NEW_YORK = {
    "AddressLine": ["1 Main St"],
    "City": "New York",
    "StateProvinceCode": "NY",
    "PostalCode": "10001",
    "CountryCode": "US",
}


def _party(name: str, address: dict[str, Any]) -> dict[str, Any]:
    return {"Name": name, "AttentionName": name, "Phone": {"Number": "+33102030405"}, "Address": address}


def _package(packaging: str, weight: str = "1.2", size: str = "CM") -> dict[str, Any]:
    return {
        packaging: {"Code": "02"},
        "Dimensions": {"UnitOfMeasurement": {"Code": size}, "Length": "20", "Width": "15", "Height": "10"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "KGS"}, "Weight": weight},
        "ReferenceNumber": [{"Code": "PO", "Value": "1001-1"}],
    }


def _shipment(to: dict[str, Any], packaging: str, **more: Any) -> dict[str, Any]:
    return {
        "Description": "Books",
        "Shipper": {**_party("Assay", FRANCE), "ShipperNumber": "A1B2C3"},
        "ShipTo": _party("Buyer", to),
        "PaymentInformation": {"ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": "A1B2C3"}}]},
        "ReferenceNumber": [{"Value": "1001"}],
        "Service": {"Code": "11"},
        "Package": [_package(packaging)],
        "TaxInformationIndicator": "",
        **more,
    }


def _ship(kind: str, shipment: dict[str, Any]) -> dict[str, Any]:
    specification = {"LabelImageFormat": {"Code": kind}, "LabelStockSize": {"Height": "6", "Width": "4"}}
    request = {"RequestOption": "nonvalidate", "TransactionReference": {"CustomerContext": "conformance"}}
    return {"ShipmentRequest": {"Request": request, "Shipment": shipment, "LabelSpecification": specification}}


def _rate(shipment: dict[str, Any]) -> dict[str, Any]:
    return {"RateRequest": {"Request": {"TransactionReference": {"CustomerContext": "c"}}, "Shipment": shipment}}


EXPORT = {
    "Service": {"Code": "65"},
    "ShipmentServiceOptions": {
        "InternationalForms": {
            "FormType": ["01"],
            "CurrencyCode": "EUR",
            "InvoiceNumber": "INV-1",
            "InvoiceDate": "20260302",
            "ReasonForExport": "SALE",
            "Product": [
                {
                    "Description": ["Book"],
                    "Unit": {"Number": "2", "UnitOfMeasurement": {"Code": "PCS"}, "Value": "10.00"},
                    "CommodityCode": "490199",
                    "OriginCountryCode": "FR",
                }
            ],
        }
    },
}


class Ledger:
    """A client that keeps every call and answer."""

    def __init__(self, base_url: str) -> None:
        self.client = httpx.Client(base_url=base_url, trust_env=False)
        self.calls: list[Call] = []
        answer = self.send("POST", "/security/v1/oauth/token", auth=("assay-client", "assay-secret"), data=GRANT)
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self.client.headers.update({"transId": "t-1", "transactionSrc": "conformance"})

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a call and keep it."""
        answer = self.client.request(method, path, **options)
        assert answer.status_code < 500, answer.text
        self.calls.append((method, path.partition("?")[0], answer))
        return answer


GRANT = {"grant_type": "client_credentials"}
DOCUMENTS = ("OAuthClientCredentials", "Rating", "Shipping", "Tracking", "UPSTrackAlert")


def _drive(ledger: Ledger, clock: SimulatedClock) -> None:
    """Call every operation, well and badly."""
    send = ledger.send
    send("POST", "/security/v1/oauth/token", auth=("assay-client", "wrong"), data=GRANT)
    send("POST", "/security/v1/oauth/token", auth=("assay-client", "assay-secret"), data={"grant_type": "password"})
    for option in ("Rate", "Shop", "Ratetimeintransit", "Shoptimeintransit"):
        for to in (FRANCE, GERMANY, NEW_YORK):
            send("POST", f"/api/rating/v2409/{option}", json=_rate(_shipment(to, "PackagingType")))
    send("POST", "/api/rating/v2205/Shop?additionalinfo=timeintransit", json=_rate(_shipment(FRANCE, "PackagingType")))
    send("POST", "/api/rating/v2409/Guess", json=_rate(_shipment(FRANCE, "PackagingType")))
    send("POST", "/api/rating/v2409/Rate", content=b"{", headers={"Content-Type": "application/json"})
    send("POST", "/api/rating/v2409/Rate", json={}, headers={"Authorization": "Bearer none"})
    numbers = [
        send("POST", "/api/shipments/v2409/ship", json=_ship(kind, shipment)).json()
        for kind, shipment in (
            ("GIF", _shipment(GERMANY, "Packaging")),
            ("PNG", _shipment(FRANCE, "Packaging", Package=[_package("Packaging"), _package("Packaging", "0.3")])),
            ("ZPL", _shipment(NEW_YORK, "Packaging", **EXPORT)),
            ("EPL", _shipment(GERMANY, "Packaging")),
        )
    ]
    ids = [each["ShipmentResponse"]["ShipmentResults"]["ShipmentIdentificationNumber"] for each in numbers]
    second = numbers[1]["ShipmentResponse"]["ShipmentResults"]["PackageResults"][1]["TrackingNumber"]
    send("POST", "/api/shipments/v1801/ship", json=_ship("GIF", _shipment(GERMANY, "Packaging")))
    send("POST", "/api/shipments/v2409/ship", json=_ship("SPL", _shipment(GERMANY, "Packaging")))
    send("POST", "/api/shipments/v2409/ship", json=[])
    subscription = {"locale": "en_US", "countryCode": "FR", "trackingNumberList": [*ids, "1Z$"]}
    send("POST", "/api/track/v2/subscription/standard/package", json=subscription)
    send("POST", "/api/track/v2/subscription/enhanced/package", json={**subscription, "eventPreferences": ["D"]})
    send("POST", "/api/track/v2/subscription/standard/package", json={"locale": "en_US", "trackingNumberList": ["x"]})
    send(
        "POST",
        "/api/track/v2/subscription/standard/package",
        json={"trackingNumberList": ids},
        headers={"Authorization": ""},
    )
    account = {"locale": "en_US", "shipperAccountNumber": "A1B2C3"}
    send("POST", "/api/track/v2/subscription/standard/account", json=account)
    send("POST", "/api/track/v2/subscription/standard/account", json={"locale": "en_US"})
    send("DELETE", "/api/track/v2/subscription/standard/account?shipper_account_number=A1B2C3")
    send("DELETE", "/api/track/v2/subscription/standard/account?shipper_account_number=A1B2C3")
    send("DELETE", f"/api/shipments/v2409/void/cancel/{ids[1]}?trackingnumber={second}")
    send("DELETE", f"/api/shipments/v2409/void/cancel/{ids[3]}")
    send("DELETE", f"/api/shipments/v1/void/cancel/{ids[3]}")
    for _ in range(8):
        for number in (*ids, "1Z999AA10123456784"):
            send("GET", f"/api/track/v1/details/{number}?returnSignature=true")
        send("GET", f"/api/track/v1/shipment/details/{ids[1]}")
        send("GET", "/api/track/v1/reference/details/1001")
        clock.advance(hours=8)
    send("GET", "/api/track/v1/details/no")
    send("DELETE", f"/api/shipments/v2409/void/cancel/{ids[0]}")


@pytest.fixture
def ledger(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> Ledger:
    """Every operation called, well and badly, over eight times eight hours of a parcel's way."""
    url = serve_simulator(
        "ups",
        {
            "webhook_url": "http://127.0.0.1:9/none",
            "webhook_retries_s": [],
            "negotiated_percent": 80,
            "token_lifetime_s": 999_999,
        },
    )
    ledger = Ledger(url)
    _drive(ledger, sim_clock)
    ledger.client.close()
    return ledger


def _violations(judge: OpenApiJudge, calls: list[Call]) -> list[str]:
    found = []
    for method, path, answer in calls:
        verdict = judge.judge(method, path, answer.status_code, answer.text)
        if not verdict.documented:
            found.append(f"{method} {path} {answer.status_code}: not documented")
        elif verdict.problem:
            found.append(f"{verdict.operation} {answer.status_code}: {verdict.problem}")
    return list(dict.fromkeys(found))


def test_every_answer_validates_against_upss_documents(ledger: Ledger) -> None:
    """Every answer to every operation, successes and refusals, is one UPS's own documents describe."""
    judge = OpenApiJudge(*(spec_file(f"ups/{name}.yaml") for name in DOCUMENTS))
    assert _violations(judge, ledger.calls) == []
    assert len(ledger.calls) > 90


def test_every_answer_validates_against_our_contract(ledger: Ledger) -> None:
    """contract.yaml describes every answer the simulator gives."""
    assert _violations(OpenApiJudge(ROOT / "mocks" / "ups" / "contract.yaml"), ledger.calls) == []


def test_stubs_validate_against_our_contract() -> None:
    """Each WireMock mapping in stubs/ answers as the contract says for its path and status."""
    judge = OpenApiJudge(ROOT / "mocks" / "ups" / "contract.yaml")
    stubs = sorted((ROOT / "mocks" / "ups" / "stubs").glob("*.json"))
    assert len(stubs) >= 4
    for path in stubs:
        stub = json.loads(path.read_text())
        request, response = stub["request"], stub["response"]
        called = request["urlPathTemplate"].replace("{", "").replace("}", "")
        verdict = judge.judge(request["method"], called, response["status"], json.dumps(response["jsonBody"]))
        assert verdict.documented and not verdict.problem, f"{path.name}: {verdict}"


def test_every_event_validates_against_upss_document(
    serve_simulator: Callable[..., str], sim_clock: SimulatedClock
) -> None:
    """Each Track Alert event of each kind of parcel is a TrackingEventRequest of UPS's document."""
    published = yaml.safe_load(spec_file("ups/UPSTrackAlert.yaml").read_text("utf-8"))
    components = json.loads(json.dumps(published["components"], default=str))
    schema = {"$ref": "#/components/schemas/TrackingEventRequest", "components": components}
    validator = jsonschema_rs.Draft202012Validator(schema)
    with listening() as hook:
        url = serve_simulator("ups", {"webhook_url": hook.url, "token_lifetime_s": 999_999})
        ledger = Ledger(url)
        account = {"locale": "en_US", "shipperAccountNumber": "A1B2C3"}
        ledger.send("POST", "/api/track/v2/subscription/enhanced/account", json=account)
        for to in (FRANCE, GERMANY, NEW_YORK):
            ledger.send("POST", "/api/shipments/v2409/ship", json=_ship("ZPL", _shipment(to, "Packaging", **EXPORT)))
        voided = ledger.send("POST", "/api/shipments/v2409/ship", json=_ship("ZPL", _shipment(GERMANY, "Packaging")))
        number = voided.json()["ShipmentResponse"]["ShipmentResults"]["ShipmentIdentificationNumber"]
        sim_clock.settle()
        ledger.send("DELETE", f"/api/shipments/v2409/void/cancel/{number}")
        sim_clock.advance(hours=60)
        ledger.client.close()
    assert len(hook.events) == 3 * 6 + 2
    assert [error.message for event in hook.events for error in validator.iter_errors(event)] == []
