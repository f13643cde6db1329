"""The UPS simulator over HTTP: the way of a parcel by the clock, and its Track Alert events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.mocks.conftest import SimulatedClock
from tests.mocks.ups_caller import NEW_YORK, Hook, Json, UpsCaller, error, listening, package, shipment

LONG = {"token_lifetime_s": 100_000_000}
STANDARD = "/api/track/v2/subscription/standard/package"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook receiver."""
    with listening() as hook:
        yield hook


@pytest.fixture
def ups(serve_simulator: Callable[..., str], hook: Hook) -> Iterator[UpsCaller]:
    """A caller of a fresh simulator whose registered webhook is the receiver."""
    caller = UpsCaller(serve_simulator("ups", {**LONG, "webhook_url": hook.url, "webhook_credential": "let-me-in"}))
    yield caller
    caller.http.close()


def codes(found: Json) -> list[str]:
    """Return the activity codes of a package, newest first."""
    return [activity["status"]["code"] for activity in found["activity"]]


def heard(hook: Hook) -> list[Json]:
    """Return the events in the order of their scans; sent at once, they may overtake each other."""
    return sorted(hook.events, key=lambda event: (event["gmtActivityDate"], event["gmtActivityTime"]))


def subscribe(ups: UpsCaller, *numbers: str, path: str = STANDARD, **more: Any) -> httpx.Response:
    """Subscribe to parcels."""
    return ups.http.post(path, json={"locale": "en_US", "trackingNumberList": list(numbers), **more})


def test_way_of_a_parcel_follows_the_clock(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """Label, origin scan, departure, arrival, out for delivery, delivered: each at its hour, newest first."""
    number = ups.shipped()["ShipmentIdentificationNumber"]
    made = sim_clock.at
    seen = []
    for hours in (0, 5.99, 6, 10.1, 30, 40.1, 47.99, 48, 200):
        sim_clock.set(made + timedelta(hours=hours))
        found = ups.track(number)
        seen.append((hours, found["currentStatus"]["type"], codes(found)[0], len(found["activity"])))
    assert seen == [
        (0, "M", "MP", 1),
        (5.99, "M", "MP", 1),
        (6, "I", "OR", 2),
        (10.1, "I", "DP", 3),
        (30, "I", "AR", 4),
        (40.1, "I", "OT", 5),
        (47.99, "I", "OT", 5),
        (48, "D", "FS", 6),
        (200, "D", "FS", 6),
    ]


def test_activities_are_in_local_and_greenwich_time(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """An activity has the date and time of its place and those of Greenwich, in UPS's formats."""
    number = ups.shipped(shipment(NEW_YORK, Service={"Code": "65"}))["ShipmentIdentificationNumber"]
    label = ups.track(number)["activity"][0]
    assert [label[name] for name in ("date", "time", "gmtDate", "gmtTime", "gmtOffset")] == [
        "20260302",
        "100000",
        "20260302",
        "09:00:00",
        "+01:00",
    ]
    sim_clock.advance(hours=48)
    delivered = ups.track(number, returnSignature="true")
    assert delivered["activity"][0]["gmtOffset"] == "-05:00"
    assert delivered["activity"][0]["location"]["address"]["stateProvince"] == "NY"
    assert delivered["deliveryDate"] == [{"type": "DEL", "date": "20260304"}]
    assert delivered["deliveryInformation"]["receivedBy"] == "Zoë Müller"
    assert delivered["deliveryInformation"]["signature"]["image"]


def test_unknown_and_old_numbers_are_a_warning(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """A number UPS does not know, or no longer, is answered 200 with a warning and without a package."""
    number = ups.shipped()["ShipmentIdentificationNumber"]

    def asked(wanted: str) -> tuple[int, Json]:
        answer = ups.http.get(f"/api/track/v1/details/{wanted}")
        return answer.status_code, answer.json()["trackResponse"]["shipment"][0]

    warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
    unknown = "1Z999AA10123456784"
    assert asked(unknown) == (200, {"inquiryNumber": unknown, "warnings": [warning]})
    assert "package" in asked(number)[1]
    sim_clock.advance(days=121)
    assert asked(number) == (200, {"inquiryNumber": number, "warnings": [warning]})


def test_parcels_are_found_by_reference_and_by_shipment(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """What the caller printed on the label finds the parcel for 14 days; a shipment pages through its parcels."""
    parcels = [package(ReferenceNumber=[{"Code": "PO", "Value": f"77-{place}"}]) for place in range(3)]
    results = ups.shipped(shipment(Package=parcels, ReferenceNumber=[{"Value": "77"}]))
    numbers = [each["TrackingNumber"] for each in results["PackageResults"]]

    def by(reference: str, **query: str) -> list[str]:
        answer = ups.http.get(f"/api/track/v1/reference/details/{reference}", params=query).json()
        shipments = answer["trackResponse"]["shipment"]
        return [each["package"][0]["trackingNumber"] for each in shipments if "package" in each]

    assert by("77") == numbers
    assert by("77-1") == [numbers[1]]
    assert by("77", shipperNum="OTHER1") == []
    assert by("78") == []
    page = ups.http.get(f"/api/track/v1/shipment/details/{numbers[2]}", params={"offset": "1", "count": "1"})
    found = page.json()["trackResponse"]["shipment"][0]["package"]
    assert [each["trackingNumber"] for each in found] == [numbers[1]]
    assert found[0]["packageCount"] == 3
    sim_clock.advance(days=15)
    assert by("77") == []
    assert by("77", fromPickUpDate="20260301", toPickUpDate="20260303") == numbers


def test_headers_of_tracking_are_required(ups: UpsCaller) -> None:
    """Tracking refuses a call without transId or transactionSrc; an answer repeats the transId."""
    path = "/api/track/v1/details/1Z999AA10123456784"
    assert ups.http.get(path).headers["transid"] == "t-1"
    assert error(ups.http.get(path, headers={"transId": ""})) == (400, "TV0010")
    assert error(ups.http.get(path, headers={"transactionSrc": ""})) == (400, "TV0011")


def test_a_walk_can_hold_exceptions_and_can_end_early(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """Settings add scans with any code, shorten the way, or lose the parcel; labels made before keep theirs."""
    before = ups.shipped()["ShipmentIdentificationNumber"]
    strange = {"after_hours": 2, "type": "X", "code": "ZZ", "status_code": "999", "description": "Moon dust"}
    ups.http.post("/__admin/settings", json={"transit_hours": 8, "extra_scans": [strange]})
    odd = ups.shipped()["ShipmentIdentificationNumber"]
    ups.http.post("/__admin/settings", json={"extra_scans": [], "stops_after": "DP"})
    lost = ups.shipped()["ShipmentIdentificationNumber"]
    sim_clock.advance(hours=9)
    assert codes(ups.track(before)) == ["OR", "MP"]
    assert codes(ups.track(odd)) == ["FS", "OT", "AR", "ZZ", "DP", "OR", "MP"]
    assert codes(ups.track(lost)) == ["DP", "OR", "MP"]
    assert ups.track(lost)["deliveryDate"][0]["type"] == "SDD"


def test_each_scan_is_posted_once(ups: UpsCaller, sim_clock: SimulatedClock, hook: Hook) -> None:
    """A subscriber hears each scan after the subscription, with UPS's headers, however far the clock jumps."""
    number = ups.shipped()["ShipmentIdentificationNumber"]
    sim_clock.advance(hours=7)
    answer = subscribe(ups, number, "1Z$", number).json()
    assert answer == {"validTrackingNumbers": [number], "invalidTrackingNumbers": ["1Z$"]}
    subscribe(ups, number)
    sim_clock.advance(hours=4)
    assert [event["activityStatus"]["code"] for event in heard(hook)] == ["DP"]
    sim_clock.advance(hours=100)
    assert [event["activityStatus"]["code"] for event in heard(hook)] == ["DP", "AR", "OT", "FS"]
    delivered = heard(hook)[-1]
    assert delivered["trackingNumber"] == number
    assert delivered["activityLocation"] == {"city": "Berlin", "country": "DE", "postalCode": "10115"}
    assert (delivered["gmtActivityDate"], delivered["gmtActivityTime"]) == ("20260304", "090000")
    assert (delivered["localActivityTime"], delivered["gmtOffset"]) == ("100000", "+01.00")
    assert (delivered["actualDeliveryDate"], delivered["scheduledDeliveryDate"]) == ("20260304", "20260304")
    assert "actualDeliveryDate" not in heard(hook)[0]
    assert "receivedBy" not in delivered
    headers = hook.headers[0]
    assert headers["user-agent"] == "UPSPubSubTrackingService"
    assert (headers["credential"], headers["x-api-key"]) == ("let-me-in", "assay-client")


def test_refused_events_are_tried_again(ups: UpsCaller, sim_clock: SimulatedClock, hook: Hook) -> None:
    """An event that is not taken with 2xx comes again after a minute, ten minutes and an hour."""
    number = ups.shipped()["ShipmentIdentificationNumber"]
    subscribe(ups, number)
    hook.refuse_next = 2
    sim_clock.advance(hours=6)
    assert hook.events == []
    sim_clock.advance(seconds=60)
    assert hook.events == []
    sim_clock.advance(seconds=600)
    assert [event["activityStatus"]["code"] for event in heard(hook)] == ["OR"]


def test_version_1_names_its_own_destination(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """Version 1 needs url, credential and its type in the request, and posts there."""
    path = STANDARD.replace("v2", "v1")
    number = ups.shipped()["ShipmentIdentificationNumber"]
    assert error(subscribe(ups, number, path=path)) == (400, "VSS500")
    with listening() as other:
        destination = {"url": other.url, "credentialType": "Bearer", "credential": "own"}
        for name, code in (("url", "VSS600"), ("credential", "VSS700"), ("credentialType", "VSS800")):
            lacking = {**destination, name: ""}
            assert error(subscribe(ups, number, path=path, destination=lacking)) == (400, code)
        assert subscribe(ups, number, path=path, destination=destination).status_code == 200
        sim_clock.advance(hours=6)
        assert [headers["credential"] for headers in other.headers] == ["own"]


def test_account_subscription_hears_of_every_new_parcel(ups: UpsCaller, sim_clock: SimulatedClock, hook: Hook) -> None:
    """A subscribed account's parcels are followed from the label on, until it is unsubscribed."""
    path = "/api/track/v2/subscription/enhanced/account"
    request = {"locale": "en_US", "shipperAccountNumber": "A1B2C3", "eventPreferences": ["M", "D"]}
    assert ups.http.post(path, json=request).json() == {"expiryDate": "9999-12-31"}
    first = ups.shipped()["ShipmentIdentificationNumber"]
    query = {"shipper_account_number": "A1B2C3"}
    assert ups.http.delete(path, params=query).status_code == 200
    assert error(ups.http.delete(path, params=query)) == (400, "VSS000")
    ups.shipped()
    sim_clock.advance(hours=60)
    events = [(event["trackingNumber"], event["activityStatus"]["type"]) for event in heard(hook)]
    assert events == [(first, "M"), (first, "D")]
    assert heard(hook)[-1]["receivedBy"] == "Zoë Müller"


def test_void_is_the_last_event(ups: UpsCaller, sim_clock: SimulatedClock, hook: Hook) -> None:
    """Subscribers of a voided parcel hear of the void and of nothing after it."""
    number = ups.shipped()["ShipmentIdentificationNumber"]
    subscribe(ups, number)
    ups.void(number)
    sim_clock.advance(hours=100)
    assert [event["activityStatus"]["type"] for event in heard(hook)] == ["MV"]
    assert codes(ups.track(number)) == ["VP", "MP"]


def test_subscription_ends_after_14_days(ups: UpsCaller, sim_clock: SimulatedClock, hook: Hook) -> None:
    """A parcel still on its way after 14 days is silent from then on."""
    ups.http.post("/__admin/settings", json={"transit_hours": 20 * 24})
    number = ups.shipped()["ShipmentIdentificationNumber"]
    subscribe(ups, number)
    sim_clock.advance(days=21)
    assert [event["activityStatus"]["code"] for event in heard(hook)] == ["OR", "DP", "AR"]


def test_bad_subscriptions_are_refused_with_their_codes(ups: UpsCaller) -> None:
    """Each fault of a subscription has its published code."""
    good = {"locale": "en_US", "trackingNumberList": ["1Z999AA10123456784"]}
    table: list[tuple[Json, str]] = [
        ({**good, "trackingNumberList": []}, "VSS200"),
        ({**good, "trackingNumberList": ["x", 7, None]}, "VSS210"),
        ({**good, "trackingNumberList": ["1Z999AA10123456784"] * 101}, "VSS220"),
        ({**good, "locale": ""}, "VSS300"),
        ({**good, "locale": "english"}, "VSS310"),
        ({**good, "countryCode": "UK"}, "VSS400"),
    ]
    told = {"url": "https://shop.example", "credential": 7, "credentialType": "Bearer"}
    first = ups.http.post(STANDARD.replace("/v2/", "/v1/"), json={**good, "destination": told})
    assert error(first) == (400, "VSS000")
    for request, code in table:
        body = ups.http.post(STANDARD, json=request).json()
        assert body["response"]["errors"][0]["code"] == code, request
    assert error(ups.http.post(STANDARD)) == (400, "VSS110")
    assert error(ups.http.post(STANDARD, json=good, headers={"transId": ""})) == (400, "VSS002")
    assert error(ups.http.post(STANDARD, json=good, headers={"transactionSrc": ""})) == (400, "VSS004")
    assert error(ups.http.post(STANDARD.replace("standard", "golden"), json=good)) == (400, "VSS930")
    ups.http.post("/__admin/settings", json={"webhook_url": None})
    assert error(ups.http.post(STANDARD, json=good)) == (400, "VSS600")
