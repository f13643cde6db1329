"""The UPS simulator over HTTP: token, prices, labels and voids."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
from PIL import Image

from mocks.ups.barcode import SYMBOLS, code128
from mocks.ups.service import SERVICES, ZONES
from mocks.ups.tracking_number import check_digit, is_tracking_number
from tests.mocks.conftest import SimulatedClock, serving
from tests.mocks.ups_caller import BERLIN, NEW_YORK, PARIS, Json, UpsCaller, error, package, party, shipment

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedClock]:
    """One simulator for all tests of this module, by its clock, which only ever moves on."""
    folder = tmp_path_factory.mktemp("ups")
    clock = SimulatedClock(folder / "clock.json")
    with serving(folder, clock) as serve:
        serve("ups")
        yield clock


@pytest.fixture
def sim_clock(server: SimulatedClock) -> SimulatedClock:
    """The clock of the shared simulator."""
    return server


@pytest.fixture
def ups(server: SimulatedClock) -> Iterator[UpsCaller]:
    """A caller of the emptied simulator with its default settings."""
    url = server.urls[0]
    httpx.post(f"{url}/__admin/settings", json={"negotiated_percent": None, "rate_limit_per_s": None}, trust_env=False)
    httpx.post(f"{url}/__admin/reset", json={}, trust_env=False)
    caller = UpsCaller(url)
    yield caller
    caller.http.close()


def settings(ups: UpsCaller, **changed: Any) -> None:
    """Change settings at run time."""
    ups.http.post("/__admin/settings", json=changed).raise_for_status()


def changed(path: str, value: Any) -> Json:
    """Return a shipment with one value replaced, or taken out when it is None."""
    whole = deepcopy(shipment())
    *parents, last = path.split(".")
    node = whole
    for name in parents:
        node = node[name][0] if isinstance(node[name], list) else node[name]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return whole


def test_check_digits_are_those_of_known_numbers() -> None:
    """Published example numbers have the check digit we compute; one changed character is noticed."""
    for number in ("1Z999AA10123456784", "1Z204W4R0308071865", "1Z2220060294314162", "1ZCIETST0422222228"):
        assert is_tracking_number(number), number
    assert not is_tracking_number("1Z999AA10123456785")
    assert not is_tracking_number("1Z999aa10123456784")
    assert check_digit("999AA1012345678") == 4


def test_barcode_symbols_are_code_128() -> None:
    """Every symbol is eleven modules wide, none occurs twice, and the check symbol is the known one."""
    assert (len(SYMBOLS), len(set(SYMBOLS))) == (107, 107)
    assert {sum(map(int, symbol)) for symbol in SYMBOLS[:-1]} == {11}
    # The well-known example "PJJ123C" has check symbol 54 in set A, whose start symbol counts one less than that of B.
    assert "".join(map(str, code128("PJJ123C")[-13:-7])) == SYMBOLS[55]


def test_service_table_names_known_relations() -> None:
    """Every relation a service runs in has a zone, and every service runs somewhere."""
    assert all(service.relations and service.relations <= set(ZONES) for service in SERVICES.values())


def test_token_is_strings_and_expires_with_the_clock(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """Every field of a token is a string, as UPS types them, its numbers read as numbers, and its end is kept."""
    token = ups.authorize()
    assert {type(value) for value in token.values()} == {str}
    assert float(token["expires_in"]) == 14_399
    issued = datetime.fromtimestamp(int(token["issued_at"]) / 1000, tz=sim_clock.at.tzinfo)
    assert issued == sim_clock.at
    sim_clock.advance(seconds=14_398)
    assert ups.rate(shipment()).status_code == 200
    sim_clock.advance(seconds=1)
    assert error(ups.rate(shipment())) == (401, "251004")
    ups.authorize()
    assert ups.rate(shipment()).status_code == 200


def test_wrong_credentials_are_refused(ups: UpsCaller) -> None:
    """Client, secret, grant type, header and token are each checked, with UPS's codes."""
    path, grant = "/security/v1/oauth/token", {"grant_type": "client_credentials"}
    with httpx.Client(base_url=ups.http.base_url, trust_env=False) as plain:
        assert error(plain.post(path, auth=("assay-client", "wrong"), data=grant)) == (401, "10401")
        assert error(plain.post(path, auth=("nobody", "assay-secret"), data=grant)) == (401, "10401")
        assert error(plain.post(path, auth=("assay-client", "assay-secret"), data={})) == (400, "10400")
        assert error(plain.post(path, data=grant)) == (400, "10400")
        assert error(plain.post(path, content=b"\xff\xfe", headers={"Authorization": "Basic !!"})) == (400, "10400")
        assert error(plain.post("/api/rating/v2409/Shop", json={})) == (401, "250002")
        bearer = {"Authorization": "Bearer nobodys"}
        assert error(plain.post("/api/shipments/v2409/ship", json={}, headers=bearer)) == (401, "250002")


def test_shop_prices_every_service_between_two_places(ups: UpsCaller) -> None:
    """Shop lists what runs between two countries, in the shipper's currency; charges add up."""
    rated = ups.rate(shipment()).json()["RateResponse"]["RatedShipment"]
    assert [each["Service"]["Code"] for each in rated] == ["07", "11", "54", "65", "70"]
    for each in rated:
        assert each["TotalCharges"]["CurrencyCode"] == "EUR"
        base, total = each["BaseServiceCharge"], each["TotalCharges"]
        extras = sum(Decimal(item["MonetaryValue"]) for item in each["ItemizedCharges"])
        assert Decimal(base["MonetaryValue"]) + extras == Decimal(total["MonetaryValue"])
        assert "TimeInTransit" not in each
    american = shipment(NEW_YORK, Shipper=party("Us", NEW_YORK), Package=package("3", "LBS", "IN"))
    rated = ups.rate(american).json()["RateResponse"]["RatedShipment"]
    assert [each["Service"]["Code"] for each in rated] == ["01", "02", "03", "12", "13", "14", "59"]
    assert {each["TotalCharges"]["CurrencyCode"] for each in rated} == {"USD"}


def test_transit_times_are_told_when_asked(ups: UpsCaller) -> None:
    """Days in transit come by request option or by query, counted in weekdays from the pickup."""
    friday = shipment(DeliveryTimeInformation={"PackageBillType": "03", "Pickup": {"Date": "20260306"}})
    rated = ups.rate(friday, "Shoptimeintransit").json()["RateResponse"]["RatedShipment"]
    arrival = next(each for each in rated if each["Service"]["Code"] == "11")["TimeInTransit"]["ServiceSummary"]
    assert arrival["EstimatedArrival"]["Arrival"]["Date"] == "20260310"
    assert arrival["EstimatedArrival"]["BusinessDaysInTransit"] == "2"
    asked = ups.http.post(
        "/api/rating/v2409/Shop", params={"additionalinfo": "timeintransit"}, json={"RateRequest": {"Shipment": friday}}
    )
    assert all("TimeInTransit" in each for each in asked.json()["RateResponse"]["RatedShipment"])


def test_dimensional_weight_is_billed(ups: UpsCaller) -> None:
    """A large light parcel is billed by its size, rounded up to half kilograms, and costs more."""
    sides = {"UnitOfMeasurement": {"Code": "CM"}, "Length": "60", "Width": "40", "Height": "41"}
    large = ups.rate(shipment(Package=package(Dimensions=sides)), "Rate").json()["RateResponse"]["RatedShipment"][0]
    small = ups.rate(shipment(), "Rate").json()["RateResponse"]["RatedShipment"][0]
    assert (large["BillingWeight"]["Weight"], small["BillingWeight"]["Weight"]) == ("20.0", "1.5")
    charges = [Decimal(each["TotalCharges"]["MonetaryValue"]) for each in (large, small)]
    assert charges[0] > charges[1]


def test_contract_prices_and_tax_are_told_when_asked(ups: UpsCaller) -> None:
    """Negotiated charges need a contract and the indicator; tax needs its indicator and a domestic shipment."""
    asked = shipment(PARIS, ShipmentRatingOptions={"NegotiatedRatesIndicator": ""}, TaxInformationIndicator="")
    plain = ups.rate(asked, "Rate").json()["RateResponse"]["RatedShipment"][0]
    assert "NegotiatedRateCharges" not in plain
    tax = Decimal(plain["TotalChargesWithTaxes"]["MonetaryValue"]) / Decimal(plain["TotalCharges"]["MonetaryValue"])
    assert round(tax, 2) == Decimal("1.20")
    settings(ups, negotiated_percent=70)
    contract = ups.rate(asked, "Rate").json()["RateResponse"]["RatedShipment"][0]
    share = Decimal(contract["NegotiatedRateCharges"]["TotalCharge"]["MonetaryValue"])
    assert abs(share / Decimal(contract["TotalCharges"]["MonetaryValue"]) - Decimal("0.7")) < Decimal("0.01")
    assert "TaxCharges" not in contract


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_label_is_a_real_image_with_number_and_address(ups: UpsCaller, kind: str) -> None:
    """An image label decodes, is drawn on, and says its tracking number, receiver and references."""
    results = ups.shipped(kind=kind)
    label = results["PackageResults"][0]["ShippingLabel"]
    assert label["ImageFormat"]["Code"] == kind
    image = Image.open(io.BytesIO(base64.b64decode(label["GraphicImage"])))
    image.load()
    assert (image.format, image.size) == (kind, (1200, 800))
    dark = sum(image.convert("L").histogram()[:128])
    assert 20_000 < dark < 400_000
    text = image.info["comment"].decode() if kind == "GIF" else image.info["Description"]
    number = results["ShipmentIdentificationNumber"]
    assert is_tracking_number(number)
    for words in (number, "Zoë Müller", "Hauptstr. 5", "Berlin 10115", "DE", "WEIGHT 1.2 KGS", "REF: 1001"):
        assert words in text.splitlines() or words in text, words


def test_text_labels_hold_number_and_address(ups: UpsCaller) -> None:
    """ZPL and EPL labels are printer text with the number as bar code; commands in an address are harmless."""
    trap = shipment(ShipTo=party('A^XZ~JR "B"', BERLIN))
    for kind, start in (("ZPL", "^XA"), ("EPL", "\r\nN\r\n")):
        results = ups.shipped(trap, kind)
        label = results["PackageResults"][0]["ShippingLabel"]
        words = base64.b64decode(label["GraphicImage"]).decode("utf-8" if kind == "ZPL" else "cp1252")
        assert words.startswith(start)
        assert results["ShipmentIdentificationNumber"] in words
        assert "Hauptstr. 5" in words
        assert words.count("^XZ") == 1  # the end of the ZPL label; in EPL, where it means nothing, the name
        assert ('\\"B\\"' if kind == "EPL" else '_5EXZ_7EJR "B"') in words


def test_every_parcel_has_its_own_number_and_label(ups: UpsCaller) -> None:
    """A shipment of three parcels gives three numbers, labels and prices; the first number names the shipment."""
    results = ups.shipped(shipment(Package=[package(weight) for weight in ("1", "2.5", "0.1")]))
    numbers = [each["TrackingNumber"] for each in results["PackageResults"]]
    assert len(set(numbers)) == 3
    assert all(is_tracking_number(number) and number.startswith("1ZA1B2C311") for number in numbers)
    assert results["ShipmentIdentificationNumber"] == numbers[0]
    assert float(results["BillingWeight"]["Weight"]) == 4.5  # the lightest is billed by its size
    assert len({each["ShippingLabel"]["GraphicImage"] for each in results["PackageResults"]}) == 3
    again = ups.shipped()
    assert again["ShipmentIdentificationNumber"] not in numbers


def test_export_gives_an_invoice_in_its_own_currency(ups: UpsCaller) -> None:
    """International forms come back as a PDF; their currency is kept apart from that of the charges."""
    product = {"Description": "Book", "Unit": {"Number": "2", "Value": "10.50"}, "OriginCountryCode": "FR"}
    forms = {"FormType": "01", "CurrencyCode": "CHF", "InvoiceNumber": "I-1", "Product": product}
    export = shipment(NEW_YORK, Service={"Code": "65"}, ShipmentServiceOptions={"InternationalForms": forms})
    results = ups.shipped(export)
    assert base64.b64decode(results["Form"]["Image"]["GraphicImage"]).startswith(b"%PDF")
    assert results["ShipmentCharges"]["TotalCharges"]["CurrencyCode"] == "EUR"
    assert error(ups.ship(_with_forms(export, CurrencyCode=""))) == (400, "121440")
    assert error(ups.ship(_with_forms(export, Product=[]))) == (400, "121430")


def _with_forms(export: Json, **more: Any) -> Json:
    forms = {**export["ShipmentServiceOptions"]["InternationalForms"], **more}
    return {**export, "ShipmentServiceOptions": {"InternationalForms": forms}}


REFUSALS = [
    ("Shipper.ShipperNumber", "ZZZZZZ", "120100"),
    ("Shipper.ShipperNumber", None, "120100"),
    ("Shipper.Address.AddressLine", ["x" * 36], "120102"),
    ("ShipTo.Name", "x" * 36, "120200"),
    ("ShipTo.Address.AddressLine", ["x" * 36], "120202"),
    ("ShipTo.Address.AddressLine", [], "120202"),
    ("ShipTo.Address.AddressLine", ["a", "x" * 36], "120203"),
    ("ShipTo.Address.AddressLine", ["a", "b", "c", "d"], "120204"),
    ("ShipTo.Address.City", "", "120205"),
    ("ShipTo.Address.CountryCode", "UK", "120208"),
    ("ShipTo.Address.CountryCode", None, "120208"),
    ("ShipTo.Phone", None, "120209"),
    ("ShipTo.AttentionName", None, "120201"),
    ("Service.Code", "99", "120500"),
    ("Service.Code", "08", "121210"),
    ("Service.Code", "03", "121100"),
    ("PaymentInformation", None, "10002"),
    ("PaymentInformation.ShipmentCharge.BillShipper", None, "120410"),
    ("PaymentInformation.ShipmentCharge.BillShipper.AccountNumber", "ZZZZZZ", "120412"),
    ("Package", [], "9120200"),
    ("Package.PackageWeight.Weight", "0", "121030"),
    ("Package.PackageWeight.Weight", "-1", "121030"),
    ("Package.PackageWeight.Weight", "heavy", "121050"),
    ("Package.PackageWeight.Weight", "9" * 5_000, "121050"),
    ("Package.PackageWeight.Weight", "NaN", "121050"),
    ("Package.PackageWeight.Weight", "70.1", "121035"),
    ("Package.PackageWeight.UnitOfMeasurement.Code", "LBS", "120548"),
    ("Package.Dimensions.UnitOfMeasurement.Code", "IN", "120548"),
    ("Package.Dimensions.Length", "271", "121055"),
    ("Package.Packaging", None, "120600"),
    ("Shipper", "me", "10002"),
    # What could be worked with, and is still not as documented.
    ("Package.PackageWeight.Weight", 1.2, "10002"),
    ("Service.Code", 11, "10002"),
    ("Description", "x" * 51, "10002"),
    ("ReferenceNumber.Value", "", "120700"),
]


def test_what_cannot_be_shipped_is_refused_with_upss_code(ups: UpsCaller) -> None:
    """Each bad value alone is refused with UPS's status, shape and code, and books nothing."""
    seen = {(path, str(value)[:20]): error(ups.ship(changed(path, value))) for path, value, _ in REFUSALS}
    assert seen == {(path, str(value)[:20]): (400, code) for path, value, code in REFUSALS}
    assert ups.shipped()["ShipmentIdentificationNumber"].endswith("0000001" + "5")


def test_states_and_units_follow_the_country(ups: UpsCaller) -> None:
    """A state is needed in the US and not in France; the US weighs in pounds, France in kilograms."""
    stateless = {name: value for name, value in NEW_YORK.items() if name != "StateProvinceCode"}
    saver = {"Service": {"Code": "65"}}
    assert error(ups.ship(shipment(stateless, **saver))) == (400, "120206")
    assert error(ups.ship(shipment({**NEW_YORK, "StateProvinceCode": "ZZ"}, **saver))) == (400, "120206")
    assert error(ups.ship(shipment({**NEW_YORK, "PostalCode": "1000"}, **saver))) == (400, "120207")
    ups.shipped(shipment(NEW_YORK, **saver))
    ups.shipped(shipment(PARIS))
    assert error(ups.ship(shipment(Package=package("2", "LBS", "IN")))) == (400, "121057")
    american = {"Shipper": party("Us", NEW_YORK, ShipperNumber="A1B2C3"), "Service": {"Code": "03"}}
    assert error(ups.ship(shipment(NEW_YORK, **american))) == (400, "121057")
    results = ups.shipped(shipment(NEW_YORK, **american, Package=package("2", "LBS", "IN")))
    assert results["ShipmentCharges"]["TotalCharges"]["CurrencyCode"] == "USD"
    assert error(ups.rate(shipment(Package=package("2", "LBS", "CM")))) == (400, "110548")


def test_older_versions_take_and_answer_the_same(ups: UpsCaller) -> None:
    """Every documented version is served alike; one of another form does not exist."""
    for version in ("v1", "v1801", "v2205", "v2403", "v2409"):
        assert ups.ship(version=version).status_code == 200
        assert ups.rate(shipment(), version=version).status_code == 200
    assert error(ups.rate(shipment(), version="latest")) == (404, "404")


def test_void_ends_with_the_pickup(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """A label is voided once, in whole or by parcel, until UPS has scanned the parcel."""
    number = ups.shipped()["ShipmentIdentificationNumber"]
    assert ups.void(number).json()["VoidShipmentResponse"]["SummaryResult"]["Status"]["Description"] == "Voided"
    assert error(ups.void(number)) == (400, "190102")
    assert error(ups.void("1Z999AA10123456784")) == (400, "190102")
    assert ups.track(number)["currentStatus"]["type"] == "MV"
    two = ups.shipped(shipment(Package=[package(), package()]))
    first, second = (each["TrackingNumber"] for each in two["PackageResults"])
    assert error(ups.void(first, trackingnumber=number)) == (400, "190109")
    part = ups.void(first, trackingnumber=f'["{second}"]').json()["VoidShipmentResponse"]
    assert part["SummaryResult"]["Status"]["Description"] == "Partial Void"
    assert part["PackageLevelResults"] == [{"TrackingNumber": second, "Status": {"Code": "1", "Description": "Voided"}}]
    sim_clock.advance(hours=6)
    ups.authorize()
    assert error(ups.void(first)) == (400, "190117")
    assert ups.track(first)["currentStatus"]["type"] == "I"
    assert ups.track(second)["currentStatus"]["type"] == "MV"


def test_garbage_gets_upss_error_and_never_500(ups: UpsCaller) -> None:
    """Whatever is sent where JSON is wanted, the answer is a 4xx in UPS's shape."""
    bodies = [b"", b"{", b"[]", b"null", b"1e999", b'"x"', b"\xff\xfe", b'{"a":' * 2_000, b"{}"]
    bodies += [
        b'{"ShipmentRequest": %s, "RateRequest": %s}' % (body, body) for body in (b"[]", b"3", b'{"Shipment":[1]}')
    ]
    paths = ("/api/shipments/v2409/ship", "/api/rating/v2409/Shop", "/api/track/v2/subscription/standard/package")
    for path in paths:
        for body in bodies:
            answer = ups.http.post(path, content=body, headers={"Content-Type": "application/json"})
            assert error(answer)[0] == 400, (path, body)
        assert error(ups.http.post(path, content=b"a=1", headers={"Content-Type": "text/xml"})) == (400, "10007")
        assert error(ups.http.put(path, json={})) == (405, "405")
    assert error(ups.http.get("/api/nothing")) == (404, "404")
    assert error(ups.http.get("/api/track/v1/details/x")) == (400, "TV1002")


ODD: list[Any] = [None, "", [], {}, -1, 1e308, True, "\u0000", "²", "NaN", "20269999", [None], {"a": 1}]


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of every value of a document."""
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, each in steps:
        yield (*path, step)
        yield from places(each, (*path, step))


def with_value(document: Json, path: tuple[Any, ...], value: Any) -> Json:
    """Return a document with the value at a path replaced."""
    whole = deepcopy(document)
    node: Any = whole
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return whole


def test_an_odd_value_anywhere_is_taken_or_refused(ups: UpsCaller) -> None:
    """Any one value of a request replaced by an odd one gives an answer or UPS's error, never a 500."""
    product = {"Description": "Book", "Unit": {"Number": "2", "Value": "10.50"}, "OriginCountryCode": "FR"}
    more = {
        "DeliveryTimeInformation": {"PackageBillType": "03", "Pickup": {"Date": "20260306"}},
        "ShipmentServiceOptions": {"InternationalForms": {"FormType": "01", "CurrencyCode": "CHF", "Product": product}},
        "TaxInformationIndicator": "",
    }
    whole = shipment(NEW_YORK, Service={"Code": "65"}, **more)
    requests = [("/api/rating/v2409/Shoptimeintransit", {"RateRequest": {"Shipment": whole}})]
    booking = {"Shipment": whole, "LabelSpecification": {"LabelImageFormat": {"Code": "ZPL"}}}
    requests.append(("/api/shipments/v2409/ship", {"ShipmentRequest": booking}))
    for url, request in requests:
        assert ups.http.post(url, json=request).status_code == 200
        for path, value in itertools.product(places(request), ODD):
            answer = ups.http.post(url, content=orjson.dumps(with_value(request, path, value)), headers=JSON)
            assert answer.status_code == 200 or error(answer)[0] == 400, (path, value, answer.text)


def test_rate_limit_is_per_second_of_simulated_time(ups: UpsCaller, sim_clock: SimulatedClock) -> None:
    """Beyond the set number of calls a second comes 429 with Retry-After; a second later all is well."""
    settings(ups, rate_limit_per_s=3)
    answers = [ups.rate(shipment()).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    limited = ups.rate(shipment())
    assert (error(limited), limited.headers["retry-after"]) == ((429, "10429"), "1")
    sim_clock.set(sim_clock.at + timedelta(seconds=1))
    assert ups.rate(shipment()).status_code == 200
