"""OData: a service's metadata becomes its calls, and its types the JSON of version 2 and of version 4."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from assay.contracts.model import Document, Problem
from assay.contracts.reading import read_document
from assay.errors import UsageError

V2 = """<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"
 xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
 xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices>
<Schema Namespace="SHOP" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
 <EntityType Name="OrderType"><Key><PropertyRef Name="Order"/></Key>
  <Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="10"/>
  <Property Name="Net" Type="Edm.Decimal" Precision="6" Scale="2"/>
  <Property Name="Placed" Type="Edm.DateTime"/><Property Name="Count" Type="Edm.Int16"/>
  <Property Name="Paid" Type="Edm.Boolean"/><Property Name="Odd" Type="SHOP.Missing"/>
  <NavigationProperty Name="to_Item" Relationship="SHOP.a" FromRole="from" ToRole="to"/></EntityType>
 <EntityType Name="ItemType"><Key><PropertyRef Name="Order"/><PropertyRef Name="Item"/></Key>
  <Property Name="Order" Type="Edm.String" Nullable="false"/>
  <Property Name="Item" Type="Edm.String" Nullable="false"/></EntityType>
 <ComplexType Name="Done"><Property Name="Ok" Type="Edm.Boolean" Nullable="false"/></ComplexType>
 <Association Name="a"><End Role="from" Type="SHOP.OrderType" Multiplicity="1"/>
  <End Role="to" Type="SHOP.ItemType" Multiplicity="*"/></Association>
 <EntityContainer Name="C" m:IsDefaultEntityContainer="true">
  <EntitySet Name="Orders" EntityType="SHOP.OrderType" sap:deletable="false"/>
  <EntitySet Name="Items" EntityType="SHOP.ItemType" sap:creatable="false" sap:updatable="false"/>
  <EntitySet Name="Ghosts" EntityType="SHOP.GhostType"/>
  <FunctionImport Name="Release" ReturnType="SHOP.Done" m:HttpMethod="POST">
   <Parameter Name="Order" Type="Edm.String" Nullable="false"/></FunctionImport></EntityContainer>
 <atom:link rel="self" href="https://erp.example/odata/SHOP/$metadata" xmlns:atom="http://www.w3.org/2005/Atom"/>
</Schema></edmx:DataServices></edmx:Edmx>"""
V4 = """<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="shop" xmlns="http://docs.oasis-open.org/odata/ns/edm">
 <EnumType Name="State"><Member Name="Open"/><Member Name="Sent"/></EnumType>
 <TypeDefinition Name="Sku" UnderlyingType="Edm.String" MaxLength="4"/>
 <EntityType Name="Base" Abstract="true"><Key><PropertyRef Name="Id"/></Key>
  <Property Name="Id" Type="Edm.Guid" Nullable="false"/></EntityType>
 <EntityType Name="Order" BaseType="shop.Base"><Property Name="Total" Type="Edm.Decimal" Scale="2"/>
  <Property Name="State" Type="shop.State" Nullable="false"/>
  <Property Name="Skus" Type="Collection(shop.Sku)" Nullable="false"/>
  <Property Name="Placed" Type="Edm.DateTimeOffset"/>
  <NavigationProperty Name="Lines" Type="Collection(shop.Line)"/></EntityType>
 <EntityType Name="Line" OpenType="true" BaseType="shop.Base"/>
 <EntityType Name="Loop" BaseType="shop.Loop"/>
 <Action Name="Ship" IsBound="true"><Parameter Name="it" Type="shop.Order"/>
  <Parameter Name="Carrier" Type="Edm.String" Nullable="false"/></Action>
 <Function Name="Best"><Parameter Name="n" Type="Edm.Int32"/><ReturnType Type="Collection(shop.Order)"/></Function>
 <EntityContainer Name="C"><EntitySet Name="Orders" EntityType="shop.Order"/>
  <FunctionImport Name="Best" Function="shop.Best"/></EntityContainer>
 <Annotations Target="shop.C/Orders"><Annotation Term="Org.OData.Capabilities.V1.DeleteRestrictions"><Record>
  <PropertyValue Property="Deletable" Bool="false"/></Record></Annotation></Annotations>
</Schema></edmx:DataServices></edmx:Edmx>"""
ORDER: dict[str, Any] = {
    "__metadata": {"uri": "u", "type": "SHOP.OrderType"}, "Order": "1", "Net": "12.30", "Count": 3, "Paid": True,
    "Placed": "/Date(1700000000000)/", "to_Item": {"__deferred": {"uri": "u"}},
}  # fmt: skip
SENT: dict[str, Any] = {
    "Id": "0f0a6d1c-8f4e-4d4f-9d59-0c1f5b1a2b3c", "Total": 12.5, "State": "Open", "Skus": ["a1"], "Placed": None,
    "Lines": [{"Id": "0f0a6d1c-8f4e-4d4f-9d59-0c1f5b1a2b3c", "anything": 1}], "@odata.etag": "W/1",
}  # fmt: skip


@pytest.fixture(scope="module")
def v2() -> Document:
    """A service of version 2, with SAP's annotations and two mistakes."""
    return read_document(V2.encode(), source="shop.edmx")


@pytest.fixture(scope="module")
def v4() -> Document:
    """A service of version 4, with a type that is made from itself."""
    return read_document(V4.encode(), source="shop.xml")


def _answered(document: Document, method: str, path: str, body: object, status: int = 200) -> list[tuple[Problem, str]]:
    operation = document.find(method, path)
    assert operation is not None
    answer = operation.answer(status)
    assert answer is not None
    shape = answer.shapes["application/json"]
    assert shape is not None
    return [(each.problem, each.path) for each in shape.deviations(orjson.dumps(body))]


def test_the_calls_of_a_service_are_its_sets_less_what_annotations_forbid(v2: Document, v4: Document) -> None:
    """Lists, entities, navigation, functions and actions; no delete and no create where the document forbids it."""
    base = "/odata/SHOP"
    assert all(each.path.startswith(base) and each.hosts == ("erp.example",) for each in v2.operations)
    for method, path in (
        ("GET", "Orders"), ("POST", "Orders"), ("GET", "Orders('1')"), ("PATCH", "Orders('1')"),
        ("MERGE", "Orders('1')"), ("GET", "Orders('1')/to_Item"), ("POST", "Orders('1')/to_Item"),
        ("GET", "Orders/$count"), ("GET", "Items(Item='1',Order='2')"), ("POST", "Release"), ("POST", "$batch"),
        ("GET", "$metadata"),
    ):  # fmt: skip
        assert v2.find(method, f"{base}/{path}") is not None, (method, path)
    for method, path in (("DELETE", "Orders('1')"), ("POST", "Items"), ("PUT", "Items(Item='1',Order='2')")):
        assert v2.find(method, f"{base}/{path}") is None, (method, path)
    for method, path in (("GET", "/Best(n=3)"), ("POST", "/Orders(1)/shop.Ship"), ("PATCH", "/Orders(1)")):
        assert v4.find(method, path) is not None, (method, path)
    assert v4.find("DELETE", "/Orders(1)") is None and v4.find("MERGE", "/Orders(1)") is None


def test_what_is_wrong_with_the_metadata_is_listed(v2: Document, v4: Document) -> None:
    """A set and a property of types that are not there, and a circular type, are faults; the rest is read."""
    assert {each.problem for each in v2.faults} == {
        "entity set of 'GhostType', which is not in the document",
        "type 'SHOP.Missing' is not in the document",
    }
    assert {each.problem for each in v4.faults} == {"type 'Loop' is made from itself (circular)"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"Odd": {"anything": 1}}, []),
        ({"to_Item": {"results": [{"__metadata": {"type": "x"}, "Order": "1", "Item": "2"}]}}, []),
        ({"Net": 12.3}, [(Problem.TYPE, "Net")]),
        ({"Net": "12345.678"}, [(Problem.LIMIT, "Net")]),
        ({"Order": None}, [(Problem.NULL, "Order")]),
        ({"Order": "12345678901"}, [(Problem.LIMIT, "Order")]),
        ({"Placed": "2024-01-01T00:00:00"}, [(Problem.LIMIT, "Placed")]),
        ({"Count": 40_000}, [(Problem.LIMIT, "Count")]),
        ({"Colour": "red"}, [(Problem.FIELD, "Colour")]),
        (
            {"to_Item": {"results": [{"__metadata": {"type": "x"}, "Item": None}]}},
            [(Problem.NULL, "to_Item.results[].Item")],
        ),
    ],
)
def test_an_entity_of_version_2_is_judged(
    v2: Document, change: dict[str, Any], expected: list[tuple[Problem, str]]
) -> None:
    """Decimals are text, dates are /Date(…)/, facets hold, and navigation may be deferred or expanded."""
    entity = ORDER | change
    one = [(problem, f"d.{path}") for problem, path in expected]
    many = [(problem, f"d.results[].{path}") for problem, path in expected]
    assert _answered(v2, "GET", "/odata/SHOP/Orders('1')", {"d": entity}) == one
    assert _answered(v2, "GET", "/odata/SHOP/Orders", {"d": {"results": [entity], "__count": "1"}}) == many


def test_functions_and_errors_of_version_2_are_judged(v2: Document) -> None:
    """A function answers its type under its name, an error has its code and message."""
    assert _answered(v2, "POST", "/odata/SHOP/Release", {"d": {"Release": {"Ok": True}}}) == []
    assert _answered(v2, "POST", "/odata/SHOP/Release", {"d": {"Release": {"Ok": "X"}}}) != []
    error = {"error": {"code": "A/1", "message": {"lang": "en", "value": "no"}, "innererror": {"x": 1}}}
    assert _answered(v2, "GET", "/odata/SHOP/Orders", error, 404) == []
    assert _answered(v2, "GET", "/odata/SHOP/Orders", {"error": {}}, 404) != []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"Total": "12.50"}, []),
        ({"State": "Lost"}, [(Problem.ENUM, "State")]),
        ({"Skus": ["long1"]}, [(Problem.LIMIT, "Skus[]")]),
        ({"Id": "1"}, [(Problem.LIMIT, "Id")]),
        ({"Placed": "/Date(1)/"}, [(Problem.LIMIT, "Placed")]),
        ({"Colour": "red"}, [(Problem.FIELD, "Colour")]),
    ],
)
def test_an_entity_of_version_4_is_judged(
    v4: Document, change: dict[str, Any], expected: list[tuple[Problem, str]]
) -> None:
    """Enums, definitions, collections and what is inherited hold; annotations and open types may hold anything."""
    entity = SENT | change
    assert _answered(v4, "GET", "/Orders(1)", entity) == expected
    many = [(problem, f"value[].{path}") for problem, path in expected]
    assert _answered(v4, "GET", "/Orders", {"@odata.context": "c", "value": [entity]}) == many


def test_metadata_without_a_schema_is_refused() -> None:
    """EDMX that holds no Schema is named with what to do, not read as a service without calls."""
    text = '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"/>'
    with pytest.raises(UsageError, match="no Schema"):
        read_document(text.encode(), source="a.xml")
