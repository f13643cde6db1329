"""What the SAP simulator does by itself as time passes: approval, deliveries by plant, goods issue, stock."""

from __future__ import annotations

from typing import Any

from tests.mocks.sap_caller import DELIVERY, SALES, STOCK, SapCaller, SapServer, item


def deliveries(sap: SapCaller, order: str) -> list[dict[str, Any]]:
    """Return the items of all deliveries of an order."""
    return sap.get("A_OutbDeliveryItem", DELIVERY, filter=f"ReferenceSDDocument eq '{order}'").rows


def stock(sap: SapCaller, material: str, plant: str = "1010") -> str:
    """Return the unrestricted stock of a material."""
    rows = sap.get("A_MatlStkInAcctMod", STOCK, filter=f"Material eq '{material}' and Plant eq '{plant}'").rows
    return str(rows[0]["MatlWrhsStkQtyInMatlBaseUnit"])


def status(order: dict[str, Any]) -> tuple[str, str, str]:
    """Return approval, delivery and overall status."""
    return order["SalesDocApprovalStatus"], order["OverallDeliveryStatus"], order["OverallSDProcessStatus"]


def test_an_order_is_approved_delivered_and_issued_by_itself(sap_server: SapServer, sap: SapCaller) -> None:
    """After 120 s approved, 600 s later a delivery, 600 s later its goods have left and stock is down."""
    number = sap.order()["SalesOrder"]
    assert status(sap.read(number)) == ("A", "A", "A")
    sap_server.advance(seconds=119)
    assert status(sap.read(number)) == ("A", "A", "A")
    sap_server.advance(seconds=1)
    assert status(sap.read(number)) == ("B", "A", "A")
    sap_server.advance(seconds=600)
    assert status(sap.read(number)) == ("B", "B", "B")
    (line,) = deliveries(sap, number)
    assert (line["DeliveryDocument"], line["ReferenceSDDocumentItem"]) == ("80000000", "10")
    assert (line["Material"], line["ActualDeliveryQuantity"], line["Plant"]) == ("0017", "2.000", "1010")
    header = sap.get(f"A_OutbDeliveryHeader('{line['DeliveryDocument']}')", DELIVERY).d
    assert (header["OverallGoodsMovementStatus"], header["ActualGoodsMovementDate"]) == ("A", None)
    assert stock(sap, "0017") == "100"
    sap_server.advance(seconds=600)
    header = sap.get(f"A_OutbDeliveryHeader('{line['DeliveryDocument']}')", DELIVERY).d
    assert (header["OverallGoodsMovementStatus"], header["OverallPickingStatus"]) == ("C", "C")
    assert header["ActualGoodsMovementTime"] == sap_server.now.strftime("PT%HH%MM%SS")
    assert status(sap.read(number)) == ("B", "C", "C")
    assert stock(sap, "0017") == "98"


def test_a_clock_moved_by_a_day_gives_the_same_history(sap_server: SapServer, sap: SapCaller) -> None:
    """Documents carry the time each step was due, not the time the clock was looked at."""
    number, began = sap.order()["SalesOrder"], sap_server.now
    sap_server.advance(days=1)
    (line,) = deliveries(sap, number)
    header = sap.get(f"A_OutbDeliveryHeader('{line['DeliveryDocument']}')", DELIVERY).d
    seconds = (began.hour * 60 + began.minute) * 60 + began.second + 720
    assert header["CreationTime"] == f"PT{seconds // 3600:02}H{seconds % 3600 // 60:02}M{seconds % 60:02}S"
    assert header["OverallGoodsMovementStatus"] == "C"
    changed = sap.read(number)["LastChangeDateTime"]
    assert int(changed[6:-7]) >= int(sap_server.now.timestamp() * 1000)


def test_two_plants_give_two_deliveries(sap_server: SapServer, sap: SapCaller) -> None:
    """Items kept at two plants leave in two deliveries, each pointing back to its order items."""
    number = sap.order(to_Item=[item(), item("SKU-2", "1"), item("0017", "3")])["SalesOrder"]
    sap_server.advance(days=1)
    lines = deliveries(sap, number)
    assert {line["Plant"]: line["DeliveryDocument"] for line in lines} == {"1010": "80000000", "1020": "80000001"}
    assert sorted(line["ReferenceSDDocumentItem"] for line in lines) == ["10", "20", "30"]
    flow = sap.get(f"A_SalesOrder('{number}')/to_SubsequentProcFlowDoc").rows
    assert {each["SubsequentDocument"] for each in flow} == {"80000000", "80000001"}
    assert {each["SubsequentDocumentCategory"] for each in flow} == {"J"}
    of_item = sap.get(f"A_SalesOrderItem(SalesOrder='{number}',SalesOrderItem='20')/to_SubsequentProcFlowDocItem").rows
    assert [(each["SubsequentDocument"], each["SubsequentDocumentItem"]) for each in of_item] == [("80000001", "10")]


def test_a_delivery_carries_partners_and_the_ship_to_address(sap_server: SapServer, sap: SapCaller) -> None:
    """The address given with the order is the delivery's, reachable by expand."""
    address = {
        "AddresseeFullName": "Zoë 李",
        "PostalCode": "04101",
        "CityName": "Łódź",
        "Country": "PL",
        "StreetName": "Ul. 1",
    }
    sap.order(to_Partner=[{"PartnerFunction": "SH", "Customer": "10100001", "to_Address": [address]}])
    sap_server.advance(days=1)
    header = sap.get(
        "A_OutbDeliveryHeader('80000000')",
        DELIVERY,
        expand="to_DeliveryDocumentPartner/to_Address,to_DeliveryDocumentItem",
    ).d
    partners = {each["PartnerFunction"]: each for each in header["to_DeliveryDocumentPartner"]["results"]}
    assert partners["SH"]["to_Address"]["FullName"] == "Zoë 李"
    assert partners["SH"]["to_Address"]["PostalCode"] == "04101"
    assert header["HeaderGrossWeight"] == "2.400"
    assert header["to_DeliveryDocumentItem"]["results"][0]["InternationalArticleNumber"] == "4006381333931"


def test_a_delivery_block_holds_the_delivery_until_it_is_lifted(sap_server: SapServer, sap: SapCaller) -> None:
    """A blocked order is approved but not delivered; without the block its delivery comes 600 s later."""
    number = sap.order(DeliveryBlockReason="01")["SalesOrder"]
    sap_server.advance(days=1)
    assert status(sap.read(number)) == ("B", "A", "A")
    assert deliveries(sap, number) == []
    assert sap.sign_in().patch(f"A_SalesOrder('{number}')", {"DeliveryBlockReason": ""}).status == 204
    sap_server.advance(seconds=600)
    assert len(deliveries(sap, number)) == 1


def test_short_stock_waits_for_a_goods_receipt(sap_server: SapServer, sap: SapCaller) -> None:
    """An order beyond stock waits; the next try after a receipt delivers it, each receipt posted once."""
    number = sap.order(to_Item=[item("SKU-2", "8")])["SalesOrder"]
    assert sap.read(number)["to_Item"]["results"][0]["ConfdDelivQtyInOrderQtyUnit"] == "5"
    sap_server.advance(hours=3)
    assert deliveries(sap, number) == []
    sap_server.admin("settings", goods_receipts=[{"id": "r1", "product": "SKU-2", "plant": "1020", "quantity": "4"}])
    assert stock(sap, "SKU-2", "1020") == "9"
    assert stock(sap, "SKU-2", "1020") == "9"
    sap_server.advance(hours=2)
    assert len(deliveries(sap, number)) == 1
    sap_server.advance(hours=1)
    assert stock(sap, "SKU-2", "1020") == "1"


def test_open_deliveries_are_not_promised_twice(sap_server: SapServer, sap: SapCaller) -> None:
    """Of two orders for more than the stock together, one is delivered and stock never falls below zero."""
    first = sap.order(to_Item=[item("SKU-2", "3")])["SalesOrder"]
    second = sap.order(to_Item=[item("SKU-2", "3")])["SalesOrder"]
    sap_server.advance(days=2)
    assert len(deliveries(sap, first)) == 1
    assert deliveries(sap, second) == []
    assert stock(sap, "SKU-2", "1020") == "2"


def test_complete_delivery_waits_for_the_last_item(sap_server: SapServer, sap: SapCaller) -> None:
    """An order marked for complete delivery sends nothing while one plant is short; another sends what it has."""
    lines = [item(), item("SKU-2", "50")]
    whole = sap.order(to_Item=lines, CompleteDeliveryIsDefined=True)["SalesOrder"]
    parts = sap.order(to_Item=lines)["SalesOrder"]
    sap_server.advance(hours=2)
    assert deliveries(sap, whole) == []
    assert [line["Material"] for line in deliveries(sap, parts)] == ["0017"]
    assert status(sap.read(parts)) == ("B", "B", "B")


def test_rejected_and_deleted_orders_are_never_delivered(sap_server: SapServer, sap: SapCaller) -> None:
    """Rejection of every item, deletion, and a refused approval each stop the delivery."""
    rejected = sap.order()["SalesOrder"]
    path = f"A_SalesOrderItem(SalesOrder='{rejected}',SalesOrderItem='10')"
    assert sap.patch(path, {"SalesDocumentRjcnReason": "00"}).status == 204
    deleted = sap.order()["SalesOrder"]
    assert sap.delete(f"A_SalesOrder('{deleted}')").status == 204
    refused = sap.order()["SalesOrder"]
    answer = sap.send("POST", SALES, f"rejectApprovalRequest?SalesOrder='{refused}'")
    assert answer.d["rejectApprovalRequest"]["Boolean"] is True
    sap_server.advance(days=2)
    assert sap.get("A_OutbDeliveryHeader/$count", DELIVERY).text == "0"
    assert sap.read(refused)["SalesDocApprovalStatus"] == "C"
    assert sap.read(rejected)["OverallSDDocumentRejectionSts"] == "C"


def test_an_order_can_be_released_before_its_time(sap_server: SapServer, sap: SapCaller) -> None:
    """The function import approves at once, and only once."""
    number = sap.order()["SalesOrder"]
    assert sap.send("POST", SALES, f"releaseApprovalRequest?SalesOrder='{number}'").status == 200
    assert sap.read(number)["SalesDocApprovalStatus"] == "B"
    again = sap.send("POST", SALES, f"releaseApprovalRequest?SalesOrder='{number}'")
    assert (again.status, "not in approval" in again.message) == (400, True)
    sap_server.advance(days=1)
    assert len(deliveries(sap, number)) == 1


def test_an_order_with_a_delivery_cannot_be_deleted(sap_server: SapServer, sap: SapCaller) -> None:
    """Subsequent documents protect the order, its items and their quantity."""
    number = sap.order()["SalesOrder"]
    sap_server.advance(seconds=720)
    path = f"A_SalesOrderItem(SalesOrder='{number}',SalesOrderItem='10')"
    assert sap.delete(f"A_SalesOrder('{number}')").status == 400
    assert sap.delete(path).status == 400
    assert sap.patch(path, {"RequestedQuantity": "9"}).status == 400


def test_a_delivery_can_be_made_picked_and_issued_by_hand(sap_server: SapServer, sap: SapCaller) -> None:
    """Delivery, picking and goods issue may be asked for by the API; SAP then does not do them again."""
    number = sap.order()["SalesOrder"]
    sap.sign_in(DELIVERY)
    wanted = {"to_DeliveryDocumentItem": [{"ReferenceSDDocument": number, "ReferenceSDDocumentItem": "10"}]}
    assert sap.post("A_OutbDeliveryHeader", wanted, DELIVERY).status == 400
    sap_server.advance(seconds=120)
    made = sap.post("A_OutbDeliveryHeader", wanted, DELIVERY)
    assert (made.status, made.d["DeliveryDocument"]) == (201, "80000000")
    assert sap.send("POST", DELIVERY, "PickAllItems?DeliveryDocument='80000000'").status == 200
    assert sap.send("POST", DELIVERY, "PostGoodsIssue?DeliveryDocument='80000000'").status == 200
    assert sap.send("POST", DELIVERY, "PostGoodsIssue?DeliveryDocument='80000000'").status == 400
    assert stock(sap, "0017") == "98"
    sap_server.advance(days=1)
    assert len(deliveries(sap, number)) == 1
    assert stock(sap, "0017") == "98"


def test_a_deleted_delivery_opens_its_order_again(sap_server: SapServer, sap: SapCaller) -> None:
    """Deleting a delivery before goods issue frees stock and order; after it, it is refused."""
    number = sap.order(to_Item=[item("SKU-2", "5")])["SalesOrder"]
    sap_server.advance(seconds=720)
    sap.sign_in(DELIVERY)
    path = "A_OutbDeliveryHeader('80000000')"
    etag = sap.get(path, DELIVERY).headers["etag"]
    assert sap.patch(path, {"BillOfLading": "B-1"}, DELIVERY, etag).status == 204
    assert sap.delete(path, DELIVERY, etag).status == 412
    assert sap.delete(path, DELIVERY).status == 204
    assert deliveries(sap, number) == []
    assert status(sap.read(number)) == ("B", "A", "A")
    wanted = {"to_DeliveryDocumentItem": [{"ReferenceSDDocument": number, "ReferenceSDDocumentItem": "10"}]}
    made = sap.post("A_OutbDeliveryHeader", wanted, DELIVERY).d["DeliveryDocument"]
    assert sap.send("POST", DELIVERY, f"PostGoodsIssue?DeliveryDocument='{made}'").status == 200
    assert sap.delete(f"A_OutbDeliveryHeader('{made}')", DELIVERY).status == 400


def test_waits_are_settings_read_when_used(sap_server: SapServer, sap: SapCaller) -> None:
    """Durations can be changed while the simulator runs; no approval at all is one of them."""
    sap_server.admin("settings", approval_s=None, delivery_s=1, goods_issue_s=1)
    number = sap.order()["SalesOrder"]
    sap_server.advance(seconds=2)
    assert status(sap.read(number)) == ("", "C", "C")


def test_a_killed_simulator_goes_on_where_it_was(sap_server: SapServer, sap: SapCaller) -> None:
    """Orders acknowledged before a SIGKILL, and the steps planned for them, are there afterwards."""
    number = sap.order()["SalesOrder"]
    sap_server.kill()
    sap_server.advance(days=1)
    again = SapCaller(sap_server.url)
    assert status(again.read(number)) == ("B", "C", "C")
    assert again.get(f"A_SalesOrder('{number}')").d["PurchaseOrderByCustomer"] == "SHOP-1"
    again.close()


def test_an_item_added_after_the_delivery_gets_its_own(sap_server: SapServer, sap: SapCaller) -> None:
    """An order edited after approval and delivery has the added item delivered as well."""
    number = sap.order()["SalesOrder"]
    sap_server.advance(seconds=1500)
    sap.sign_in().post(f"A_SalesOrder('{number}')/to_Item", item(quantity="1"))
    sap_server.advance(seconds=600)
    lines = deliveries(sap, number)
    assert [(each["DeliveryDocument"], each["ReferenceSDDocumentItem"]) for each in lines] == [
        ("80000000", "10"),
        ("80000001", "20"),
    ]
    assert status(sap.read(number)) == ("B", "B", "B")
    sap_server.advance(seconds=600)
    assert status(sap.read(number)) == ("B", "C", "C")
