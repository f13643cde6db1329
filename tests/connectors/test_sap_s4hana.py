"""SAP's connector against answers in the shape of SAP's OData V2 documents."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay.connectors.sap_s4hana import SapS4hana, quoted
from assay.errors import InfrastructureError
from assay.roles import Erp, Http, StockKeeper

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "sap_s4hana"
ORDERS = "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder"
DELIVERIES = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV;v=0002"
STOCK = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV/A_MaterialStock"
ITEM = {
    "SalesOrder": "17",
    "SalesOrderItem": "10",
    "Material": "0017",
    "SalesOrderItemText": "Tasse „Zoë“ & <Co>",
    "RequestedQuantity": "2.000",
    "NetAmount": "80.00",
}
DELIVERY_ITEM = {
    "DeliveryDocument": "80000003",
    "DeliveryDocumentItem": "10",
    "ReferenceSDDocument": "17",
    "Material": "0017",
    "ActualDeliveryQuantity": "2",
    "DeliveryDocumentItemText": "Tasse",
}
HEADER = {
    "DeliveryDocument": "80000003",
    "OverallGoodsMovementStatus": "C",
    "DocumentDate": "/Date(1772323200000)/",
    "CreationDate": "/Date(1772323200000)/",
    "CreationTime": "PT13H05M09S",
}
STOCK_ROW = {
    "Material": "0017",
    "Plant": "1010",
    "StorageLocation": "101A",
    "InventoryStockType": "01",
    "InventorySpecialStockType": "",
    "MatlWrhsStkQtyInMatlBaseUnit": "40.500",
}


def order(ref: str = "17", **changes: Any) -> dict[str, Any]:
    """A sales order with its items expanded."""
    return {
        "SalesOrder": ref,
        "PurchaseOrderByCustomer": "R-1001",
        "OverallSDProcessStatus": "A",
        "SalesDocApprovalStatus": "",
        "OverallSDDocumentRejectionSts": "A",
        "TotalNetAmount": "160.00",
        "TransactionCurrency": "EUR",
        "SalesOrderDate": "/Date(1772323200000)/",
        "CreationDate": "/Date(1772323200000)/",
        "to_Item": {"results": [ITEM]},
        **changes,
    }


def page(*rows: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    """A page of a collection with SAP's inline count."""
    return {"d": {"__count": str(len(rows) if total is None else total), "results": list(rows)}}


@pytest.fixture
def sap(http: Http) -> SapS4hana:
    """The connector under test."""
    return SapS4hana(http, {"user": "ASSAY", "password": "canary:é"})


def test_reads_an_order_with_its_deliveries(vendor: Any, sap: SapS4hana) -> None:
    """The order is found by the shop's number, its delivery by the order, each as a document with SAP's status code."""
    vendor.on("GET", ORDERS, page(order()))
    vendor.on("GET", f"{DELIVERIES}/A_OutbDeliveryItem", page(DELIVERY_ITEM))
    vendor.on("GET", f"{DELIVERIES}/A_OutbDeliveryHeader('80000003')", {"d": HEADER})
    sales, delivery = sap.documents_of("R-1001")
    assert (sales.kind, sales.ref, sales.order_ref, sales.status) == ("sales_order", "17", "R-1001", "A")
    assert (sales.total, sales.currency, sales.document_date) == (Decimal("160.00"), "EUR", date(2026, 3, 1))
    assert (sales.lines[0].sku, sales.lines[0].quantity) == ("0017", Decimal(2))
    assert sales.lines[0].name == "Tasse „Zoë“ & <Co>"
    assert (delivery.kind, delivery.ref, delivery.parent_ref) == ("delivery", "80000003", "17")
    assert (delivery.order_ref, delivery.status) == ("R-1001", "C")
    assert delivery.created_at == datetime(2026, 3, 1, 13, 5, 9, tzinfo=UTC)
    assert delivery.lines[0].quantity == Decimal(2)
    assert vendor.asked[0].query["$filter"] == (
        "PurchaseOrderByCustomer eq 'R-1001' or PurchaseOrderByShipToParty eq 'R-1001'"
    )
    assert vendor.asked[1].query["$filter"] == "ReferenceSDDocument eq '17'"
    assert vendor.asked[0].headers["authorization"] == "Basic QVNTQVk6Y2FuYXJ5OsOp"
    assert isinstance(sap, Erp)
    assert isinstance(sap, StockKeeper)


def test_a_listed_order_says_whose_part_it_is_and_when_it_changed(vendor: Any, sap: SapS4hana) -> None:
    """What a population is compared by: the whole order's number, the last change to the millisecond, tax by line."""
    part: dict[str, Any] = {
        "PurchaseOrderByCustomer": "R-1001-2",
        "PurchaseOrderByShipToParty": "R-1001",
        "LastChangeDateTime": "/Date(1772375109250+0000)/",
        "to_Item": {"results": [{**ITEM, "NetAmount": "160.00", "TaxAmount": "32.00"}]},
    }
    vendor.on("GET", ORDERS, page(order(**part), order("18")))
    day = datetime(2026, 3, 1, tzinfo=UTC)
    found, bare = sap.documents(day, day + timedelta(days=1))
    assert (found.reference, found.whole_ref) == ("R-1001-2", "R-1001")
    assert found.changed_at == datetime(2026, 3, 1, 14, 25, 9, 250_000, tzinfo=UTC)
    assert (found.lines[0].net, found.lines[0].net_tax) == (Decimal("160.00"), Decimal("32.00"))
    assert (bare.whole_ref, bare.changed_at, bare.lines[0].net_tax) == (None, None, None)


def test_one_order_may_have_two_deliveries(vendor: Any, sap: SapS4hana) -> None:
    """Items of one sales order in two deliveries give two documents, each with its own items."""
    other = {**DELIVERY_ITEM, "DeliveryDocument": "80000004", "Material": "0018"}
    vendor.on("GET", ORDERS, page(order()))
    vendor.on("GET", f"{DELIVERIES}/A_OutbDeliveryItem", page(other, DELIVERY_ITEM))
    for ref in ("80000003", "80000004"):
        vendor.on("GET", f"{DELIVERIES}/A_OutbDeliveryHeader('{ref}')", {"d": {**HEADER, "DeliveryDocument": ref}})
    found = sap.documents_of("R-1001")
    assert [(each.ref, [line.sku for line in each.lines]) for each in found[1:]] == [
        ("80000003", ["0017"]),
        ("80000004", ["0018"]),
    ]


def test_a_quote_in_a_reference_is_doubled(vendor: Any, sap: SapS4hana) -> None:
    """A reference cannot leave its literal in a filter."""
    vendor.on("GET", ORDERS, page())
    assert sap.documents_of("R' or '1' eq '1") == []
    assert vendor.asked[0].query["$filter"] == (
        "PurchaseOrderByCustomer eq 'R'' or ''1'' eq ''1' or PurchaseOrderByShipToParty eq 'R'' or ''1'' eq ''1'"
    )
    assert quoted("O'Neill") == "'O''Neill'"


def test_status_says_approval_and_rejection(vendor: Any, sap: SapS4hana) -> None:
    """The process status is followed by approval and rejection where SAP has set them."""
    vendor.on("GET", f"{ORDERS}('1')", {"d": order("1", SalesDocApprovalStatus="A")})
    vendor.on("GET", f"{ORDERS}('2')", {"d": order("2", OverallSDDocumentRejectionSts="C")})
    assert sap.sales_order("1").status == "A approval=A"
    assert sap.sales_order("2").status == "A rejection=C"


def test_reads_every_page(vendor: Any, sap: SapS4hana) -> None:
    """All rows that SAP counted are read, even when it answers with fewer than asked."""

    def pages(asked: Any) -> tuple[int, Any]:
        skip = int(asked.query["$skip"])
        return 200, page(*(order(str(number)) for number in range(skip, min(skip + 3, 7))), total=7)

    vendor.on("GET", ORDERS, pages)
    found = sap.documents(datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert [document.ref for document in found] == [str(number) for number in range(7)]
    assert vendor.asked[0].query["$filter"] == (
        "CreationDate ge datetime'2026-03-01T00:00:00' and CreationDate le datetime'2026-03-02T00:00:00'"
    )
    assert vendor.asked[0].query["$inlinecount"] == "allpages"


def test_rows_that_never_come_are_refused(vendor: Any, sap: SapS4hana) -> None:
    """Fewer rows than counted is an error: a silent gap would judge a healthy order."""
    vendor.on(
        "GET", ORDERS, lambda asked: (200, page(order(), total=2) if asked.query["$skip"] == "0" else page(total=2))
    )
    with pytest.raises(InfrastructureError, match="shape") as refused:
        sap.documents(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    assert "d.results" in str(refused.value)


def test_stock_counts_what_may_be_promised(vendor: Any, sap: SapS4hana) -> None:
    """Unrestricted stock is summed by location; inspection stock and other people's stock are left out."""
    rows = [
        STOCK_ROW,
        {**STOCK_ROW, "MatlWrhsStkQtyInMatlBaseUnit": "0.5"},
        {**STOCK_ROW, "InventoryStockType": "02"},
        {**STOCK_ROW, "InventorySpecialStockType": "K"},
        {**STOCK_ROW, "Plant": "1020", "StorageLocation": "", "MatlWrhsStkQtyInMatlBaseUnit": "7"},
    ]
    vendor.on("GET", f"{STOCK}('0017')", {"d": {"Material": "0017", "to_MatlStkInAcctMod": {"results": rows}}})
    levels = sap.stock("0017")
    assert [(level.location, level.on_hand) for level in levels] == [("1010/101A", Decimal(41)), ("1020", Decimal(7))]


def test_errors_carry_saps_code_and_message(vendor: Any, sap: SapS4hana) -> None:
    """An unknown key is a LookupError, a refusal an InfrastructureError, both in SAP's own words."""
    unknown = {"error": {"code": "SLS_LORD/001", "message": {"lang": "en", "value": "Sales order 9 does not exist"}}}
    vendor.on("GET", f"{ORDERS}('9')", unknown, status=404)
    with pytest.raises(LookupError, match=r"SLS_LORD/001: Sales order 9 does not exist"):
        sap.sales_order("9")
    vendor.on("GET", f"{ORDERS}('8')", unknown, status=500)
    with pytest.raises(InfrastructureError, match="SLS_LORD/001"):
        sap.sales_order("8")
    vendor.on("GET", f"{ORDERS}('7')", b"<html>Logon failed</html>", status=401)
    with pytest.raises(InfrastructureError, match="HTTP 401") as refused:
        sap.sales_order("7")
    assert "communication user" in str(refused.value)


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        ("d.TotalNetAmount", order(TotalNetAmount="160,00")),
        ("d.SalesOrderDate", order(SalesOrderDate="2026-03-01")),
        ("d.to_Item.results", order(to_Item={"__deferred": {"uri": "…"}})),
        ("d.to_Item.results.0.RequestedQuantity", order(to_Item={"results": [{**ITEM, "RequestedQuantity": None}]})),
    ],
)
def test_an_undocumented_shape_names_the_field(vendor: Any, sap: SapS4hana, path: str, broken: Any) -> None:
    """What SAP's document does not have is refused with vendor, operation and path of the field."""
    vendor.on("GET", f"{ORDERS}('17')", {"d": broken})
    with pytest.raises(InfrastructureError) as refused:
        sap.sales_order("17")
    assert path in str(refused.value).splitlines()[1]
    assert "sap_s4hana" in str(refused.value)


@pytest.mark.parametrize(
    ("file", "entity", "members"),
    [
        ("API_SALES_ORDER_SRV", "A_SalesOrderType", order(PurchaseOrderByShipToParty="", LastChangeDateTime="")),
        ("API_SALES_ORDER_SRV", "A_SalesOrderItemType", {**ITEM, "TaxAmount": ""}),
        ("API_OUTBOUND_DELIVERY_SRV_0002", "A_OutbDeliveryHeaderType", HEADER),
        ("API_OUTBOUND_DELIVERY_SRV_0002", "A_OutbDeliveryItemType", DELIVERY_ITEM),
        ("API_MATERIAL_STOCK_SRV", "A_MaterialStockType", {"Material": "", "to_MatlStkInAcctMod": []}),
        ("API_MATERIAL_STOCK_SRV", "A_MatlStkInAcctModType", STOCK_ROW),
    ],
)
def test_every_member_used_here_is_in_saps_document(file: str, entity: str, members: dict[str, Any]) -> None:
    """The members these tests and the connector speak of are declared by SAP's own EDMX."""
    if not (SPECS / f"{file}.edmx").exists():
        pytest.skip("SAP's EDMX documents are not on this machine (../shared/specs/sap_s4hana)")
    from lxml import etree

    tree = etree.parse(str(SPECS / f"{file}.edmx"))
    declared = {
        member.get("Name")
        for kind in tree.iterfind(".//{*}EntityType")
        if kind.get("Name") == entity
        for member in kind
        if member.get("Name")
    }
    assert set(members) <= declared
