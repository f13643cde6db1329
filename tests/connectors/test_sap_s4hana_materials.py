"""SAP's materials as the connector tells them, against answers in the shape of API_PRODUCT_SRV."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from assay.connectors.sap_s4hana import SapS4hana
from assay.connectors.sap_s4hana.materials import MATERIALS_READ
from assay.errors import InfrastructureError
from assay.roles import Http, KeepsMaterials

METADATA = Path(__file__).parents[2].parent / "shared" / "specs" / "sap_s4hana" / "API_PRODUCT_SRV.edmx"
PATH = "/sap/opu/odata/sap/API_PRODUCT_SRV/A_Product"


def product(sku: str = "0017", *names: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """A product with its descriptions expanded."""
    described = [{"Language": code, "ProductDescription": text} for code, text in names or [("EN", "Enamel mug")]]
    return {
        "Product": sku,
        "ProductStandardID": "4006381000000",
        "IsMarkedForDeletion": False,
        "GrossWeight": "0.340",
        "WeightUnit": "KG",
        "CreationDate": "/Date(1772323200000)/",
        "LastChangeDateTime": "/Date(1772370309000+0000)/",
        "to_Description": {"results": described},
        **changes,
    }


@pytest.fixture
def sap(http: Http) -> SapS4hana:
    """The connector under test."""
    return SapS4hana(http, {"user": "ASSAY", "password": "secret"})


def answer(*rows: dict[str, Any]) -> dict[str, Any]:
    """A page of products."""
    return {"d": {"__count": str(len(rows)), "results": list(rows)}}


def test_a_material_is_told_with_what_identifies_it(vendor: Any, sap: SapS4hana) -> None:
    """Number and trade item number keep their zeros, weight is in grams, and the mark and the change are there."""
    gone = product("0018", IsMarkedForDeletion=True, ProductStandardID="036000290042", GrossWeight="2", WeightUnit="LB")
    vendor.on("GET", PATH, answer(product(), gone))
    mug, other = sap.materials()
    assert (mug.sku, mug.gtin, mug.name, mug.deleted) == ("0017", "4006381000000", "Enamel mug", False)
    assert (mug.weight_g, mug.created_on) == (Decimal(340), date(2026, 3, 1))
    assert mug.changed_at == datetime(2026, 3, 1, 13, 5, 9, tzinfo=UTC)
    assert (other.deleted, other.gtin, other.weight_g) == (True, "036000290042", Decimal("907.18474"))
    assert isinstance(sap, KeepsMaterials)
    assert vendor.asked[0].query["$orderby"] == "Product"


def test_its_name_is_the_english_one_else_the_first(vendor: Any, sap: SapS4hana) -> None:
    """A material has a name in each language; one without any has none, nor has one a weight in pieces."""
    bare = product("3", to_Description={"results": []}, ProductStandardID="", WeightUnit="PC")
    vendor.on("GET", PATH, answer(product("1", ("DE", "Becher"), ("EN", "Mug")), product("2", ("FR", "Tasse")), bare))
    found = sap.materials()
    assert [each.name for each in found] == ["Mug", "Tasse", None]
    assert (found[2].gtin, found[2].weight_g) == (None, None)


def test_a_mark_that_is_none_is_refused(vendor: Any, sap: SapS4hana) -> None:
    """Whether it may be sold is not guessed."""
    vendor.on("GET", PATH, answer(product(IsMarkedForDeletion=None)))
    with pytest.raises(InfrastructureError) as refused:
        sap.materials()
    assert "IsMarkedForDeletion" in str(refused.value)


@pytest.mark.skipif(not METADATA.exists(), reason="needs ../shared/specs")
def test_what_is_asked_for_is_in_the_published_metadata() -> None:
    """Every column asked for is a property of A_Product or of its description."""
    properties: dict[str, set[str]] = {}
    for entity in ElementTree.parse(METADATA).iter():
        if entity.tag.endswith("}EntityType"):
            properties[entity.get("Name", "")] = {each.get("Name", "") for each in entity}
    asked = dict(MATERIALS_READ)["$select"].split(",")
    own = {each for each in asked if "/" not in each}
    below = {each.partition("/")[2] for each in asked if "/" in each}
    assert own | {"to_Description"} <= properties["A_ProductType"]
    assert below <= properties["A_ProductDescriptionType"]
