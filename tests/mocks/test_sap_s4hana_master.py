"""Products, stock and business partners of the SAP simulator, asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mocks.sap_caller import PARTNER, PRODUCT, STOCK, SapCaller, SapServer

COMPANY = {
    "BusinessPartnerCategory": "2",
    "BusinessPartnerGrouping": "BP02",
    "OrganizationBPName1": "Müller & Söhne",
    "OrganizationBPName2": "GmbH",
    "to_BusinessPartnerRole": [{"BusinessPartnerRole": "FLCU00"}, {"BusinessPartnerRole": "FLCU01"}],
    "to_BusinessPartnerTax": [{"BPTaxType": "DE0", "BPTaxNumber": "DE811907980"}],
    "to_BusinessPartnerAddress": [
        {
            "StreetName": "Hauptstraße",
            "HouseNumber": "5",
            "PostalCode": "01067",
            "CityName": "Dresden",
            "Country": "DE",
            "to_EmailAddress": [{"EmailAddress": "einkauf@mueller.example"}],
            "to_PhoneNumber": [{"PhoneNumber": "351 123"}],
            "to_MobilePhoneNumber": [{"PhoneNumber": "170 555"}],
        }
    ],
}


def test_products_keep_leading_zeros_and_characters(sap: SapCaller) -> None:
    """A product number is text, its description comes back letter by letter, weight and GTIN with it."""
    expand = "to_Description,to_Plant/to_StorageLocation,to_ProductUnitsOfMeasure,to_SalesDelivery"
    row = sap.get("A_Product('0017')", PRODUCT, expand=expand).d
    assert (row["Product"], row["ProductStandardID"], row["GrossWeight"], row["WeightUnit"]) == (
        "0017",
        "4006381333931",
        "1.2",
        "KG",
    )
    assert row["to_Description"]["results"][0]["ProductDescription"] == "Théière & 茶 <grande>"
    assert row["to_Plant"]["results"][0]["to_StorageLocation"]["results"][0]["StorageLocation"] == "101A"
    assert row["to_ProductUnitsOfMeasure"]["results"][0]["GlobalTradeItemNumber"] == "4006381333931"
    assert sap.get("A_Product('17')", PRODUCT).status == 404


def test_a_product_can_be_created_and_changed(sap: SapCaller) -> None:
    """A new product with a description is there to read; a second of its number is refused."""
    new = {"Product": "NEW-1", "BaseUnit": "PC", "to_Description": [{"Language": "EN", "ProductDescription": "Neu"}]}
    assert sap.post("A_Product", new, PRODUCT).status == 201
    assert sap.post("A_Product", new, PRODUCT).status == 400
    assert sap.post("A_Product", {"BaseUnit": "PC"}, PRODUCT).status == 400
    assert sap.patch("A_Product('NEW-1')", {"GrossWeight": "0.5"}, PRODUCT, None).status == 204
    row = sap.get("A_Product('NEW-1')", PRODUCT, expand="to_Description").d
    assert (row["GrossWeight"], row["to_Description"]["results"][0]["ProductDescription"]) == ("0.5", "Neu")


def test_a_change_of_a_product_is_dated(sap_server: SapServer, sap: SapCaller) -> None:
    """A mark for deletion, and a new description, are there to read, with the instant of the change."""
    before = sap.get("A_Product('0017')", PRODUCT).d["LastChangeDateTime"]
    sap_server.advance(minutes=5)
    assert sap.patch("A_Product('0017')", {"IsMarkedForDeletion": True}, PRODUCT, None).status == 204
    marked = sap.get("A_Product('0017')", PRODUCT).d
    assert marked["IsMarkedForDeletion"] is True and marked["LastChangeDateTime"] > before
    sap_server.advance(minutes=5)
    key = "A_ProductDescription(Product='0017',Language='EN')"
    assert sap.patch(key, {"ProductDescription": "Neu"}, PRODUCT, None).status == 204
    row = sap.get("A_Product('0017')", PRODUCT, expand="to_Description").d
    assert row["LastChangeDateTime"] > marked["LastChangeDateTime"]
    assert row["to_Description"]["results"][0]["ProductDescription"] == "Neu"


def test_stock_is_read_by_material_and_plant(sap: SapCaller) -> None:
    """Stock stands by material, with its quantities in account model by plant and stock type."""
    row = sap.get("A_MaterialStock('0017')", STOCK, expand="to_MatlStkInAcctMod").d
    (held,) = row["to_MatlStkInAcctMod"]["results"]
    assert (held["Plant"], held["InventoryStockType"], held["MatlWrhsStkQtyInMatlBaseUnit"]) == ("1010", "01", "100")
    key = held["__metadata"]["uri"].partition(STOCK + "/")[2]
    assert sap.get(key, STOCK).d["MaterialBaseUnit"] == "PC"
    assert len(sap.get("A_MatlStkInAcctMod", STOCK, filter="MatlWrhsStkQtyInMatlBaseUnit gt 50").rows) == 1


def test_a_business_partner_is_created_with_all_below_it(sap: SapCaller) -> None:
    """Addresses, e-mail, telephones, roles and tax numbers nested in a partner are stored with it."""
    reply = sap.post("A_BusinessPartner", COMPANY, PARTNER)
    assert reply.status == 201, reply.text
    number = reply.d["BusinessPartner"]
    expand = (
        "to_BusinessPartnerAddress/to_EmailAddress,to_BusinessPartnerAddress/to_PhoneNumber,"
        "to_BusinessPartnerAddress/to_MobilePhoneNumber,to_BusinessPartnerRole,to_BusinessPartnerTax,to_Customer"
    )
    row = sap.get(f"A_BusinessPartner('{number}')", PARTNER, expand=expand).d
    assert (row["BusinessPartnerFullName"], row["Customer"]) == ("Müller & Söhne GmbH", number)
    (address,) = row["to_BusinessPartnerAddress"]["results"]
    assert (address["PostalCode"], address["StreetName"]) == ("01067", "Hauptstraße")
    assert address["to_EmailAddress"]["results"][0]["EmailAddress"] == "einkauf@mueller.example"
    assert [each["PhoneNumber"] for each in address["to_PhoneNumber"]["results"]] == ["351 123"]
    assert [each["PhoneNumber"] for each in address["to_MobilePhoneNumber"]["results"]] == ["170 555"]
    assert row["to_BusinessPartnerTax"]["results"][0]["BPTaxNumber"] == "DE811907980"
    assert row["to_Customer"]["CustomerName"] == "Müller & Söhne GmbH"
    found = sap.get("A_AddressEmailAddress", PARTNER, filter="EmailAddress eq 'einkauf@mueller.example'").rows
    assert [each["AddressID"] for each in found] == [address["AddressID"]]


def test_a_new_customer_can_be_sold_to_and_a_plain_partner_cannot(sap: SapCaller) -> None:
    """Only a partner with a customer role is taken as sold-to party; a blocked customer is refused."""
    number = sap.post("A_BusinessPartner", COMPANY, PARTNER).d["BusinessPartner"]
    assert sap.order(SoldToParty=number)["SoldToParty"] == number
    plain = {"BusinessPartnerCategory": "1", "LastName": "Doe", "FirstName": "Jo"}
    person = sap.post("A_BusinessPartner", plain, PARTNER).d
    assert (person["BusinessPartnerFullName"], person["Customer"]) == ("Jo Doe", "")
    payload = {"SoldToParty": person["BusinessPartner"]}
    base = {
        "SalesOrderType": "OR",
        "SalesOrganization": "1010",
        "DistributionChannel": "10",
        "OrganizationDivision": "00",
    }
    assert sap.post("A_SalesOrder", {**base, **payload}).status == 400
    role = {"BusinessPartnerRole": "FLCU01"}
    assert (
        sap.post(f"A_BusinessPartner('{person['BusinessPartner']}')/to_BusinessPartnerRole", role, PARTNER).status
        == 201
    )
    assert sap.post("A_SalesOrder", {**base, **payload}).status == 201
    assert sap.patch(f"A_Customer('{number}')", {"OrderIsBlockedForCustomer": "01"}, PARTNER, None).status == 204
    assert sap.post("A_SalesOrder", {**base, "SoldToParty": number}).status == 400


def test_names_and_addresses_can_be_changed(sap: SapCaller) -> None:
    """A changed name shows in all composed names; addresses and e-mails change, come and go."""
    number = sap.post("A_BusinessPartner", COMPANY, PARTNER).d["BusinessPartner"]
    path = f"A_BusinessPartner('{number}')"
    assert sap.patch(path, {"OrganizationBPName1": "Meier"}, PARTNER, None).status == 204
    assert sap.get(path + "/to_Customer", PARTNER).d["CustomerName"] == "Meier GmbH"
    (address,) = sap.get(path + "/to_BusinessPartnerAddress", PARTNER).rows
    key = f"BusinessPartner='{number}',AddressID='{address['AddressID']}'"
    assert sap.patch(f"A_BusinessPartnerAddress({key})", {"PostalCode": "01069"}, PARTNER, None).status == 204
    mail = sap.post(f"A_BusinessPartnerAddress({key})/to_EmailAddress", {"EmailAddress": "b@x.example"}, PARTNER)
    assert (mail.status, mail.d["OrdinalNumber"]) == (201, "2")
    assert sap.get(f"A_BusinessPartnerAddress({key})", PARTNER).d["PostalCode"] == "01069"
    second = sap.post(path + "/to_BusinessPartnerAddress", {"Country": "FR"}, PARTNER)
    assert second.status == 201
    gone = f"A_BusinessPartnerAddress(BusinessPartner='{number}',AddressID='{second.d['AddressID']}')"
    assert sap.delete(gone, PARTNER, None).status == 204
    assert len(sap.get(path + "/to_BusinessPartnerAddress", PARTNER).rows) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"BusinessPartnerCategory": None}, "category"),
        ({"OrganizationBPName1": ""}, "OrganizationBPName1"),
        ({"OrganizationBPName1": "x" * 41}, "MaxLength=40"),
        ({"BusinessPartner": "10100001"}, "already exists"),
        ({"to_BusinessPartnerAddress": [{"CityName": "X"}]}, "country"),
        ({"to_BusinessPartnerRole": [{}]}, "BusinessPartnerRole"),
    ],
)
def test_partners_sap_would_refuse_are_refused(sap: SapCaller, changes: dict[str, object], expected: str) -> None:
    """A missing category, name or country, a taken number or a long name answers 400 and stores nothing."""
    before = sap.get("A_BusinessPartner/$count", PARTNER).text
    reply = sap.post("A_BusinessPartner", {**COMPANY, **changes}, PARTNER)
    assert (reply.status, expected in reply.message) == (400, True), reply.text
    assert sap.get("A_BusinessPartner/$count", PARTNER).text == before


def test_materials_come_from_a_file(serve_simulator: Callable[..., str], tmp_path: Path) -> None:
    """Settings name a JSON list of materials; one product at two plants is one product."""
    entries = [
        {"product": "007", "name": "x" * 60, "gtin": "012345678905", "weight_g": 5, "stock": 3, "plant": "1010"},
        {"product": "007", "stock": 4, "plant": "1020", "storage_location": "102A"},
    ]
    path = tmp_path / "materials.json"
    path.write_text(json.dumps(entries))
    sap = SapCaller(serve_simulator("sap_s4hana", {"materials_file": str(path)}))
    assert [row["Product"] for row in sap.get("A_Product", PRODUCT).rows] == ["007"]
    assert len(sap.get("A_Product('007')/to_Description", PRODUCT).rows[0]["ProductDescription"]) == 40
    assert [row["Plant"] for row in sap.get("A_MatlStkInAcctMod", STOCK).rows] == ["1010", "1020"]
    sap.close()
