"""Master data: materials with their plants and stock, business partners with addresses; seeding and creation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from assay.simkit.odata import ODataFault, Row
from assay.simkit.odata.errors import malformed
from assay.simkit.odata.values import decimal_text, wire_time
from mocks.sap_s4hana.model_master import (
    ADDRESS,
    BUSINESS_PARTNER,
    CUSTOMER,
    DESCRIPTION,
    EMAIL,
    IDENTIFICATION,
    MATERIAL_STOCK,
    PHONE,
    PLANT,
    PRODUCT,
    ROLE,
    SALES_DELIVERY,
    STOCK,
    STORAGE_LOCATION,
    TAX_NUMBER,
    UNIT,
)
from mocks.sap_s4hana.state import SapState, business_error, today

MATERIALS_FILE = Path(__file__).with_name("materials.json")
COLLECTIVE_CUSTOMER = "10100001"
_FIRST_PARTNER = 10_100_002
_FIRST_ADDRESS = 1_001
_CUSTOMER_ROLES = frozenset({"FLCU00", "FLCU01"})
_GTIN_CATEGORY = {12: "UC", 13: "HE", 14: "IC", 8: "HK"}
_FOREVER = "/Date(253402300799000+0000)/"
_COLLECTIVE = {
    "BusinessPartnerCategory": "2",
    "BusinessPartnerGrouping": "BP02",
    "OrganizationBPName1": "Web shop customers",
    "CorrespondenceLanguage": "EN",
    "SearchTerm1": "WEBSHOP",
}
_COLLECTIVE_ADDRESS = {
    "StreetName": "Rue de la Paix",
    "HouseNumber": "1",
    "PostalCode": "75002",
    "CityName": "Paris",
    "Country": "FR",
    "Language": "EN",
}


@dataclass(frozen=True, slots=True)
class Material:
    """What an order item needs of a material in one plant."""

    product: str
    name: str
    base_unit: str
    weight_kg: Decimal
    plant: str
    storage_location: str


def seed(state: SapState) -> None:
    """Store the configured materials and the collective customer where they are not there yet."""
    for entry in _configured(state.world.settings):
        _seed_material(state, entry)
    if state.store.get(BUSINESS_PARTNER, {"BusinessPartner": COLLECTIVE_CUSTOMER}) is None:
        values = {
            **_COLLECTIVE,
            "BusinessPartner": COLLECTIVE_CUSTOMER,
            "to_BusinessPartnerRole": [{"BusinessPartnerRole": "FLCU00"}, {"BusinessPartnerRole": "FLCU01"}],
            "to_BusinessPartnerAddress": [dict(_COLLECTIVE_ADDRESS)],
        }
        _store_partner(state, values)


def _configured(settings: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if "materials" in settings:
        return list(settings["materials"])
    path = Path(settings.get("materials_file") or MATERIALS_FILE)
    if "materials_file" not in settings and not path.exists():
        return []
    entries = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list):
        raise TypeError(f"{path}: a JSON list of materials is expected, is {type(entries).__name__}")
    return entries


def _seed_material(state: SapState, entry: Mapping[str, Any]) -> None:
    product, plant = str(entry["product"]), str(entry.get("plant", "1010"))
    location, unit = str(entry.get("storage_location", "101A")), str(entry.get("base_unit", "PC"))
    now = state.world.now()
    store = state.store
    if store.get(PRODUCT, {"Product": product}) is None:
        weight = format((Decimal(entry.get("weight_g", 0)) / 1000).quantize(Decimal("0.001")), "f")
        gtin = str(entry.get("gtin") or "")
        row = PRODUCT.row(
            Product=product,
            ProductType=str(entry.get("product_type", "HAWA")),
            CreationDate=today(now),
            LastChangeDate=today(now),
            LastChangeDateTime=_instant(now),
            GrossWeight=decimal_text(Decimal(weight)),
            NetWeight=decimal_text(Decimal(weight)),
            WeightUnit="KG",
            BaseUnit=unit,
            ItemCategoryGroup="NORM",
            ProductStandardID=gtin,
            InternationalArticleNumberCat=_GTIN_CATEGORY.get(len(gtin), ""),
        )
        store.put(PRODUCT, row)
        name = str(entry.get("name", product))[:40]
        store.put(DESCRIPTION, DESCRIPTION.row(Product=product, Language="EN", ProductDescription=name))
        _store_unit(state, product, unit, weight, gtin)
        store.put(MATERIAL_STOCK, MATERIAL_STOCK.row(Material=product, MaterialBaseUnit=unit))
    if store.get(PLANT, {"Product": product, "Plant": plant}) is not None:
        return
    store.put(
        PLANT,
        PLANT.row(Product=product, Plant=plant, MRPType="ND", AvailabilityCheckType="SR", BaseUnit=unit),
    )
    store.put(STORAGE_LOCATION, STORAGE_LOCATION.row(Product=product, Plant=plant, StorageLocation=location))
    quantity = decimal_text(Decimal(str(entry.get("stock", 0))))
    store.put(
        STOCK,
        STOCK.row(
            Material=product,
            Plant=plant,
            StorageLocation=location,
            InventoryStockType="01",
            MaterialBaseUnit=unit,
            MatlWrhsStkQtyInMatlBaseUnit=quantity,
        ),
    )


def _store_unit(state: SapState, product: str, unit: str, weight: str, gtin: str) -> None:
    state.store.put(
        UNIT,
        UNIT.row(
            Product=product,
            AlternativeUnit=unit,
            QuantityNumerator="1",
            QuantityDenominator="1",
            GrossWeight=decimal_text(Decimal(weight)),
            WeightUnit="KG",
            GlobalTradeItemNumber=gtin,
            GlobalTradeItemNumberCategory=_GTIN_CATEGORY.get(len(gtin), ""),
            BaseUnit=unit,
        ),
    )
    organisation = str(state.world.settings.get("sales_organization", "1010"))
    state.store.put(
        SALES_DELIVERY,
        SALES_DELIVERY.row(Product=product, ProductSalesOrg=organisation, ProductDistributionChnl="10", BaseUnit=unit),
    )


# ── what orders ask ────────────────────────────────────────────────────────────────────────────────────────────────


def material(state: SapState, product: str, plant: str = "") -> Material | None:
    """Return a material in a plant (its first one when none is named), or None when it is not kept there."""
    row = state.store.get(PRODUCT, {"Product": product})
    if row is None or row["IsMarkedForDeletion"]:
        return None
    plants = [each for each in state.store.find(PLANT, {"Product": product}) if each["Product"] == product]
    chosen = next((each for each in plants if not plant or each["Plant"] == plant), None)
    if chosen is None:
        return None
    found = state.store.find(STORAGE_LOCATION, {"Product": product, "Plant": chosen["Plant"]})
    location = next((each["StorageLocation"] for each in found), "")
    description = state.store.get(DESCRIPTION, {"Product": product, "Language": "EN"})
    name = description["ProductDescription"] if description else product
    return Material(product, name, row["BaseUnit"], Decimal(row["GrossWeight"]), chosen["Plant"], location)


def customer(state: SapState, number: str, area: tuple[str, str, str]) -> Row:
    """Return the customer of that number; raises `ODataFault` in SAP's words when it is none or blocked."""
    row = state.store.get(CUSTOMER, {"Customer": number})
    if row is None:
        raise business_error("VP/204", f"Sold-to party {number} not maintained for sales area {' '.join(area)}")
    if row["OrderIsBlockedForCustomer"]:
        raise business_error("VP/110", f"Customer {number} is blocked for orders")
    return row


def address_of(state: SapState, number: str) -> tuple[str, dict[str, Any]]:
    """Return address number and address of a partner, in the names a sales document uses."""
    found = [
        each for each in state.store.find(ADDRESS, {"BusinessPartner": number}) if each["BusinessPartner"] == number
    ]
    partner = state.store.get(BUSINESS_PARTNER, {"BusinessPartner": number})
    if not found or partner is None:
        return "", {}
    address = found[0]
    emails = state.store.find(EMAIL, {"AddressID": address["AddressID"]})
    phones = state.store.find(PHONE, {"AddressID": address["AddressID"]})
    values = {
        "OrganizationName1": partner["BusinessPartnerFullName"][:40],
        "AddresseeFullName": partner["BusinessPartnerFullName"][:80],
        "CorrespondenceLanguage": partner["CorrespondenceLanguage"],
        "EmailAddress": next((each["EmailAddress"] for each in emails), ""),
        "PhoneNumber": next((each["PhoneNumber"] for each in phones), ""),
        "DistrictName": address["District"],
        **{
            name: address[name] for name in ("CityName", "PostalCode", "StreetName", "HouseNumber", "Country", "Region")
        },
    }
    return address["AddressID"], values


# ── changes of materials ──────────────────────────────────────────────────────────────────────────────────────────


def update_product(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change a material, its mark for deletion too, and note when."""
    return state.store.put(PRODUCT, {**row, **changes, **_changed(state)})


def update_description(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Rename a material in a language; that changes the material."""
    product = state.store.get(PRODUCT, {"Product": row["Product"]})
    if product is not None:
        state.store.put(PRODUCT, {**product, **_changed(state)})
    return state.store.put(DESCRIPTION, {**row, **changes})


def _changed(state: SapState) -> dict[str, str]:
    now = state.world.now()
    return {"LastChangeDate": today(now), "LastChangeDateTime": _instant(now)}


def _instant(moment: datetime) -> str:
    return f"/Date({int(moment.timestamp() * 1000)}+0000)/"


# ── business partners ──────────────────────────────────────────────────────────────────────────────────────────────


def create_partner(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Create a business partner with addresses, roles, tax numbers and identifications nested in it."""
    category = values.get("BusinessPartnerCategory")
    if category not in ("1", "2", "3"):
        raise business_error(
            "R11/120", "Business partner category is required (1, 2 or 3)", target="BusinessPartnerCategory"
        )
    names = {"1": ("LastName", "FirstName"), "2": ("OrganizationBPName1",), "3": ("OrganizationBPName1",)}[category]
    if not any(values.get(name) for name in names):
        raise business_error("R11/121", f"Enter a value for {names[0]}", target=names[0])
    given = values.get("BusinessPartner")
    if given and state.store.get(BUSINESS_PARTNER, {"BusinessPartner": given}) is not None:
        raise business_error("R11/125", f"Business partner {given} already exists", target="BusinessPartner")
    values = {**values, "BusinessPartner": given or str(state.world.ids.number("BusinessPartner", _FIRST_PARTNER))}
    return _store_partner(state, values)


def _store_partner(state: SapState, values: Mapping[str, Any]) -> Row:
    now = state.world.now()
    number = values["BusinessPartner"]
    row = BUSINESS_PARTNER.row(**{name: value for name, value in values.items() if name in BUSINESS_PARTNER.by_name})
    row.update(
        BusinessPartnerUUID=state.uuid("partner"),
        CreatedByUser=str(state.world.settings.get("created_by", "CC0000000001")),
        CreationDate=today(now),
        CreationTime=wire_time(now),
    )
    state.store.put(BUSINESS_PARTNER, _named(row))
    for nested in values.get("to_BusinessPartnerAddress", ()):
        create_address(state, {**nested, "BusinessPartner": number}, None)
    for nested in values.get("to_BusinessPartnerRole", ()):
        create_role(state, {**nested, "BusinessPartner": number}, None)
    for entity, name in ((TAX_NUMBER, "to_BusinessPartnerTax"), (IDENTIFICATION, "to_BuPaIdentification")):
        for nested in values.get(name, ()):
            state.store.put(entity, entity.row(**{**nested, "BusinessPartner": number}))
    return state.store.get(BUSINESS_PARTNER, row) or row


def _named(row: Row) -> Row:
    """Return a partner with the names SAP composes."""
    if row["BusinessPartnerCategory"] == "1":
        name = " ".join(filter(None, (row["FirstName"], row["MiddleName"], row["LastName"])))
    else:
        name = " ".join(filter(None, (row["OrganizationBPName1"], row["OrganizationBPName2"])))
    return {**row, "BusinessPartnerFullName": name[:81], "BusinessPartnerName": name[:81]}


def update_partner(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change a business partner and the customer that carries its name."""
    now = state.world.now()
    stamp = {"LastChangeDate": today(now), "LastChangeTime": wire_time(now)}
    row = state.store.put(BUSINESS_PARTNER, _named({**row, **changes, **stamp}))
    as_customer = state.store.get(CUSTOMER, {"Customer": row["Customer"]}) if row["Customer"] else None
    if as_customer is not None:
        state.store.put(CUSTOMER, {**as_customer, **_customer_names(row)})
    return row


def create_role(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Give a business partner a role; a customer role makes it a customer of the same number."""
    partner = _partner(state, values)
    if not values.get("BusinessPartnerRole"):
        raise malformed("Property 'BusinessPartnerRole' is missing", target="BusinessPartnerRole")
    row = ROLE.row(**{"ValidTo": _FOREVER, **values})
    state.store.put(ROLE, row)
    if row["BusinessPartnerRole"] in _CUSTOMER_ROLES and not partner["Customer"]:
        number = partner["BusinessPartner"]
        partner = state.store.put(BUSINESS_PARTNER, {**partner, "Customer": number})
        new = CUSTOMER.row(Customer=number, CreationDate=partner["CreationDate"], **_customer_names(partner))
        state.store.put(CUSTOMER, {**new, "CreatedByUser": partner["CreatedByUser"], "CustomerAccountGroup": "CUST"})
    return row


def _customer_names(partner: Row) -> dict[str, str]:
    name = partner["BusinessPartnerFullName"]
    return {"CustomerFullName": name, "BPCustomerFullName": name, "CustomerName": name[:80], "BPCustomerName": name}


def create_address(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Add an address with e-mail addresses and telephone numbers to a business partner."""
    partner = _partner(state, values)
    if not values.get("Country"):
        raise business_error("AM/010", "Enter a country/region for the address", target="Country")
    number = str(state.world.ids.number("AddressID", _FIRST_ADDRESS))
    row = ADDRESS.row(**{name: value for name, value in values.items() if name in ADDRESS.by_name})
    row.update(AddressID=number, AddressUUID=state.uuid("address"), FullName=partner["BusinessPartnerFullName"][:80])
    row["ValidityEndDate"] = row["ValidityEndDate"] or _FOREVER
    state.store.put(ADDRESS, row)
    for nested in values.get("to_EmailAddress", ()):
        create_email(state, {**nested, "AddressID": number}, None)
    for name, kind in (("to_PhoneNumber", "1"), ("to_MobilePhoneNumber", "3")):
        for nested in values.get(name, ()):
            create_phone(state, {**nested, "AddressID": number, "PhoneNumberType": kind}, None)
    return row


def create_email(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Add an e-mail address to an address."""
    number = _ordinal(state, EMAIL, values)
    row = EMAIL.row(**{**values, "OrdinalNumber": number, "Person": values.get("Person", "")})
    row["SearchEmailAddress"] = row["EmailAddress"].upper()[:20]
    return state.store.put(EMAIL, row)


def create_phone(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Add a telephone (type 1) or mobile (type 3) number to an address."""
    number = _ordinal(state, PHONE, values)
    kind = values.get("PhoneNumberType") or "1"
    row = PHONE.row(**{**values, "OrdinalNumber": number, "Person": values.get("Person", ""), "PhoneNumberType": kind})
    row["InternationalPhoneNumber"] = row["PhoneNumber"]
    return state.store.put(PHONE, row)


def _ordinal(state: SapState, entity: Any, values: Mapping[str, Any]) -> str:
    address = values.get("AddressID")
    if not address:
        raise malformed("Property 'AddressID' is missing", target="AddressID")
    taken = [
        int(each["OrdinalNumber"])
        for each in state.store.find(entity, {"AddressID": address})
        if each["AddressID"] == address
    ]
    return str(max(taken, default=0) + 1)


def _partner(state: SapState, values: Mapping[str, Any]) -> Row:
    number = values.get("BusinessPartner", "")
    row = state.store.get(BUSINESS_PARTNER, {"BusinessPartner": number})
    if row is None:
        raise ODataFault(400, "R11/202", f"Business partner {number} does not exist", target="BusinessPartner")
    return row
