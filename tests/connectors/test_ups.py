"""UPS's connector against answers in the shape of UPS's own documents."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.connectors.ups import Ups
from assay.errors import InfrastructureError
from assay.roles import Carrier, Http

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "ups"
NUMBER = "1Z023E2X0214323462"
TRACK = f"/api/track/v1/details/{NUMBER}"
TOKEN = "/security/v1/oauth/token"


def activity(kind: str, status_code: str, day: str, clock: str, **changes: Any) -> dict[str, Any]:
    """One scan as UPS writes it."""
    status = {"type": kind, "description": f"scan {status_code}", "code": "XX", "statusCode": status_code}
    return {"status": status, "gmtDate": day, "gmtTime": clock, "gmtOffset": "-05:00", **changes}


DELIVERED = activity("D", "011", "20260303", "74700")
ON_THE_WAY = activity("I", "005", "20260302", "23:10:00")
LABEL = activity("M", "003", "20260301", "120000")


def tracked(**changes: Any) -> dict[str, Any]:
    """A tracking answer with one package, newest activity first."""
    package = {
        "trackingNumber": NUMBER,
        "currentStatus": {"code": "011", "description": "Delivered"},
        "activity": [DELIVERED, ON_THE_WAY, LABEL],
        "referenceNumber": [{"type": "PACKAGE", "number": "R-1001"}],
        "weight": {"unitOfMeasurement": "KGS", "weight": "1.20"},
        **changes,
    }
    return {"trackResponse": {"shipment": [{"inquiryNumber": NUMBER, "package": [package]}]}}


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Seconds so far."""
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """The connector's clock."""
    return Clock()


@pytest.fixture
def ups(vendor: Any, http: Http, clock: Clock) -> Ups:
    """The connector under test, against a UPS that hands out numbered tokens of an hour."""
    numbers: Iterator[int] = iter(range(1, 99))
    vendor.on("POST", TOKEN, lambda _: (200, {"access_token": f"token-{next(numbers)}", "expires_in": "3600"}))
    return Ups(http, {"client_id": "id", "client_secret": "canary"}, monotonic=clock)


def tokens(vendor: Any) -> list[str]:
    """The bearer tokens that tracking calls carried, in order."""
    return [asked.headers["authorization"] for asked in vendor.asked if asked.method == "GET"]


def test_reads_a_delivered_parcel(vendor: Any, ups: Ups) -> None:
    """Status, events in UTC and in order, weight in grams and the reference come from UPS's answer."""
    vendor.on("GET", TRACK, tracked())
    shipment = ups.track(NUMBER)
    assert (shipment.status, shipment.status_code, shipment.tracking_number) == ("delivered", "011", NUMBER)
    assert (shipment.weight_g, shipment.order_ref) == (1200, "R-1001")
    assert [event.code for event in shipment.events] == ["003", "005", "011"]
    assert shipment.events[1].at == datetime(2026, 3, 2, 23, 10, tzinfo=UTC)
    assert shipment.delivered_at == datetime(2026, 3, 3, 7, 47, tzinfo=UTC)
    assert isinstance(ups, Carrier)


def test_a_local_clock_is_turned_into_utc_by_its_offset(vendor: Any, ups: Ups) -> None:
    """Without GMT fields the local clock and its offset give the instant; without an offset there is no event."""
    local = {"date": "20260303", "time": "023000", "gmtOffset": "-05:00", "status": DELIVERED["status"]}
    adrift = {"date": "20260303", "time": "023000", "status": ON_THE_WAY["status"]}
    vendor.on("GET", TRACK, tracked(activity=[local, adrift]))
    shipment = ups.track(NUMBER)
    assert [event.at for event in shipment.events] == [datetime(2026, 3, 3, 7, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"statusCode": "003", "type": "M"}, "created"),
        ({"code": "021"}, "in_transit"),
        ({"code": "040"}, "in_transit"),
        ({"code": "007"}, "voided"),
        ({"type": "MV"}, "voided"),
        ({"code": "SR", "type": "X"}, "exception"),
        ({"code": "034"}, "exception"),
        ({"code": "888", "description": "something new"}, "unknown"),
    ],
)
def test_status_codes_become_our_words(vendor: Any, ups: Ups, status: dict[str, str], word: str) -> None:
    """UPS's codes are mapped, the coarse type where the code is not known, and what neither knows is unknown."""
    vendor.on("GET", TRACK, tracked(currentStatus=status))
    assert ups.track(NUMBER).status == word


def test_the_parcel_asked_for_is_chosen(vendor: Any, ups: Ups) -> None:
    """Of a shipment with several parcels the one asked for is returned, and another one is never taken for it."""
    answer = tracked()
    package = answer["trackResponse"]["shipment"][0]["package"][0]
    answer["trackResponse"]["shipment"][0]["package"] = [{**package, "trackingNumber": "1ZOTHER"}, package]
    vendor.on("GET", TRACK, answer)
    assert ups.track(NUMBER).tracking_number == NUMBER
    vendor.on("GET", TRACK, tracked(trackingNumber="1ZOTHER"))
    with pytest.raises(InfrastructureError, match="shape"):
        ups.track(NUMBER)


def test_a_token_serves_until_shortly_before_it_expires(vendor: Any, ups: Ups, clock: Clock) -> None:
    """One token serves many calls and is renewed before UPS's date, not after."""
    vendor.on("GET", TRACK, tracked())
    ups.track(NUMBER)
    clock.seconds = 3500
    ups.track(NUMBER)
    clock.seconds = 3550
    ups.track(NUMBER)
    assert tokens(vendor) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    first = vendor.asked[0]
    assert (first.body, first.headers["authorization"]) == (b"grant_type=client_credentials", "Basic aWQ6Y2FuYXJ5")


def test_a_revoked_token_is_renewed_once(vendor: Any, ups: Ups) -> None:
    """A 401 renews the token and asks again, once; a second 401 is UPS's refusal."""
    denied = {"response": {"errors": [{"code": "250002", "message": "Invalid Authentication Information."}]}}
    vendor.on(
        "GET", TRACK, lambda asked: (401, denied) if "token-1" in asked.headers["authorization"] else (200, tracked())
    )
    assert ups.track(NUMBER).status == "delivered"
    assert tokens(vendor) == ["Bearer token-1", "Bearer token-2"]
    vendor.on("GET", TRACK, denied, status=401)
    with pytest.raises(InfrastructureError, match=r"250002: Invalid Authentication Information\."):
        ups.track(NUMBER)
    assert len(tokens(vendor)) == 4


def test_an_unknown_parcel_is_a_lookup_error(vendor: Any, ups: Ups) -> None:
    """UPS says "unknown" by a 404 or by a warning in a 200; both are a LookupError in its words."""
    vendor.on("GET", TRACK, {"response": {"errors": [{"code": "TV1002", "message": "Invalid"}]}}, status=404)
    with pytest.raises(LookupError, match="TV1002"):
        ups.track(NUMBER)
    warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
    vendor.on("GET", TRACK, {"trackResponse": {"shipment": [{"inquiryNumber": NUMBER, "warnings": [warning]}]}})
    with pytest.raises(LookupError, match="TW0001: Tracking Information Not Found"):
        ups.track(NUMBER)


def test_wrong_credentials_are_named(vendor: Any, ups: Ups) -> None:
    """A refused token names the credentials to check, and not their values."""
    denied = {"response": {"errors": [{"code": "10401", "message": "ClientId is Invalid"}]}}
    vendor.on("POST", TOKEN, denied, status=401)
    with pytest.raises(InfrastructureError, match="10401: ClientId is Invalid") as refused:
        ups.track(NUMBER)
    assert "client_secret" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("weight.unitOfMeasurement", {"weight": {"unitOfMeasurement": "STONE", "weight": "1"}}),
        ("weight.weight", {"weight": {"unitOfMeasurement": "KGS", "weight": "light"}}),
        ("activity.0.gmtTime", {"activity": [activity("I", "005", "20260303", "256100")]}),
    ],
)
def test_an_undocumented_shape_names_the_field(vendor: Any, ups: Ups, path: str, changes: dict[str, Any]) -> None:
    """What UPS's document does not have is refused with vendor, operation and path of the field."""
    vendor.on("GET", TRACK, tracked(**changes))
    with pytest.raises(InfrastructureError) as refused:
        ups.track(NUMBER)
    assert f"{TRACK}: trackResponse.shipment.0.package.0.{path}" in str(refused.value)


@functools.cache
def document() -> dict[str, Any]:
    """UPS's tracking document; it holds tabs, which YAML forbids."""
    import yaml

    loader = type("Loader", (yaml.CSafeLoader,), {})
    loader.yaml_implicit_resolvers = {  # type: ignore[attr-defined]
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    text = (SPECS / "Tracking.yaml").read_text().replace("\t", "  ")
    loaded: dict[str, Any] = yaml.load(text, loader)
    return loaded


def test_the_answers_used_here_are_valid_by_upss_document() -> None:
    """The tracking answers of these tests validate against UPS's own schema."""
    if not (SPECS / "Tracking.yaml").exists():
        pytest.skip("UPS's documents are not on this machine (../shared/specs/ups)")
    import jsonschema_rs

    components = json.loads(json.dumps(document()["components"]))
    schema = {"$ref": "#/components/schemas/TrackApiResponse", "components": components}
    validator = jsonschema_rs.Draft4Validator(schema)
    assert [error.message for error in validator.iter_errors(tracked())] == []
