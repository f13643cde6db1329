"""What SAP does by itself after an order came: approval, outbound deliveries by plant, picking and goods issue.

Each step is a job at its simulated due time; documents carry the due time, so that a clock moved by a day gives the
same history as one that ran. Change stamps carry the instant of the change, so that a delta poll misses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from assay.simkit import from_us, to_us
from assay.simkit.odata import ODataFault, Row
from assay.simkit.odata.values import decimal_text, wire_time
from mocks.sap_s4hana.master import address_of
from mocks.sap_s4hana.model_delivery import (
    DELIVERY,
    DELIVERY_ADDRESS,
    DELIVERY_FLOW,
    DELIVERY_ITEM,
    DELIVERY_PARTNER,
)
from mocks.sap_s4hana.model_master import PRODUCT, STOCK
from mocks.sap_s4hana.model_sales import FLOW, ITEM, ITEM_FLOW, PARTNER, PARTNER_ADDRESS, SALES_ORDER, SCHEDULE_LINE
from mocks.sap_s4hana.state import SapState, business_error, changed, today

_FIRST_DELIVERY = 80_000_000
_FIRST_MATERIAL_DOCUMENT = 4_900_000_000
_UNRESTRICTED = "01"


# ── approval ───────────────────────────────────────────────────────────────────────────────────────────────────────


def start_approval(state: SapState, number: str) -> dict[str, str]:
    """Plan the approval of a new order (its delivery where settings `approval_s` is null); return its status."""
    now = state.world.now()
    if state.world.settings.get("approval_s", 120) is None:
        plan_delivery(state, number, now)
        return {"SalesDocApprovalStatus": ""}
    due = now + state.seconds("approval_s", 120)
    state.world.at(due, "approve", {"order": number, "due_us": to_us(due)})
    return {"SalesDocApprovalStatus": "A", "SalesOrderApprovalReason": "APRV"}


def approve(state: SapState, payload: Mapping[str, Any]) -> None:
    """Job: approve an order that still waits for it."""
    order = state.store.get(SALES_ORDER, {"SalesOrder": payload["order"]})
    if order is not None and order["SalesDocApprovalStatus"] == "A":
        _approved(state, order, from_us(payload["due_us"]))


def release(state: SapState, values: Mapping[str, Any]) -> dict[str, Any]:
    """Function import: approve an order now."""
    _approved(state, _waiting(state, values["SalesOrder"]), state.world.now())
    return {"Boolean": True}


def reject(state: SapState, values: Mapping[str, Any]) -> dict[str, Any]:
    """Function import: refuse an order; it will never be delivered."""
    changed(state, _waiting(state, values["SalesOrder"]), SalesDocApprovalStatus="C")
    return {"Boolean": True}


def _waiting(state: SapState, number: str) -> Row:
    order = state.store.get(SALES_ORDER, {"SalesOrder": number})
    if order is None:
        raise business_error("V1/302", f"The sales document {number} does not exist", target="SalesOrder")
    if order["SalesDocApprovalStatus"] != "A":
        raise business_error("SD_APM/010", f"Sales document {number} is not in approval", target="SalesOrder")
    return order


def _approved(state: SapState, order: Row, at: datetime) -> None:
    changed(state, order, SalesDocApprovalStatus="B")
    plan_delivery(state, order["SalesOrder"], at)


# ── deliveries ─────────────────────────────────────────────────────────────────────────────────────────────────────


def plan_delivery(state: SapState, number: str, after: datetime) -> None:
    """Have deliveries of an order created settings `delivery_s` after an instant."""
    due = after + state.seconds("delivery_s", 600)
    state.world.at(due, "deliver", {"order": number, "due_us": to_us(due)})


def plan_open_items(state: SapState, order: Row) -> None:
    """Have what an approved order still needs delivered, after a change that may have opened an item."""
    if order["SalesDocApprovalStatus"] in ("", "B") and open_items(state, order["SalesOrder"]):
        plan_delivery(state, order["SalesOrder"], state.world.now())


def deliver(state: SapState, payload: Mapping[str, Any]) -> None:
    """Job: create the deliveries of an approved, unblocked order, a plant each; try again where stock is short."""
    order = state.store.get(SALES_ORDER, {"SalesOrder": payload["order"]})
    if order is None or order["SalesDocApprovalStatus"] not in ("", "B") or order["DeliveryBlockReason"]:
        return  # a lifted block plans the delivery anew
    due = from_us(payload["due_us"])
    by_plant: dict[str, list[Row]] = {}
    for item in open_items(state, order["SalesOrder"]):
        by_plant.setdefault(item["ProductionPlant"], []).append(item)
    if not by_plant:
        return
    short = {plant: items for plant, items in by_plant.items() if not _sufficient(state, plant, items)}
    ready = (
        {} if short and order["CompleteDeliveryIsDefined"] else {p: i for p, i in by_plant.items() if p not in short}
    )
    for plant, items in ready.items():
        number = create_delivery(state, order, plant, items, due)
        plan_goods_issue(state, number, due)
    if len(ready) < len(by_plant):
        again = max(due, state.world.now()) + state.seconds("delivery_retry_s", 3_600)
        state.world.at(again, "deliver", {"order": order["SalesOrder"], "due_us": to_us(again)})


def plan_goods_issue(state: SapState, number: str, after: datetime) -> None:
    """Have the goods issue of a delivery posted settings `goods_issue_s` after an instant."""
    due = after + state.seconds("goods_issue_s", 600)
    state.world.at(due, "issue", {"delivery": number, "due_us": to_us(due)})


def open_items(state: SapState, number: str) -> list[Row]:
    """Return the items of an order that still need a delivery."""
    delivered = {each["ReferenceSDDocumentItem"] for each in delivery_items_of(state, number)}
    return [
        item
        for item in state.store.find(ITEM, {"SalesOrder": number})
        if item["SalesOrder"] == number
        and item["SalesOrderItem"] not in delivered
        and not item["SalesDocumentRjcnReason"]
        and Decimal(item["RequestedQuantity"]) > 0
    ]


def delivery_items_of(state: SapState, number: str) -> list[Row]:
    """Return the delivery items that refer to an order."""
    found = state.store.find(DELIVERY_ITEM, {"ReferenceSDDocument": number})
    return [each for each in found if each["ReferenceSDDocument"] == number]


def _sufficient(state: SapState, plant: str, items: list[Row]) -> bool:
    wanted: dict[str, Decimal] = {}
    for item in items:
        wanted[item["Material"]] = wanted.get(item["Material"], Decimal(0)) + Decimal(item["RequestedQuantity"])
    return all(available(state, material, plant) >= quantity for material, quantity in wanted.items())


def create_delivery(state: SapState, order: Row, plant: str, items: list[Row], at: datetime) -> str:
    """Create one delivery for these items of an order and return its number."""
    number = str(state.world.ids.number("DeliveryDocument", _FIRST_DELIVERY))
    weight = sum((Decimal(item["ItemGrossWeight"]) for item in items), Decimal(0))
    ship_to = state.store.get(PARTNER, {"SalesOrder": order["SalesOrder"], "PartnerFunction": "SH"})
    header = DELIVERY.row(
        DeliveryDocument=number,
        DeliveryDocumentType="LF",
        SDDocumentCategory="J",
        DeliveryVersion="0001",
        CreatedByUser=order["CreatedByUser"],
        CreationDate=today(at),
        CreationTime=wire_time(at),
        DocumentDate=today(at),
        LastChangeDate=today(state.world.now()),
        DeliveryDate=order["RequestedDeliveryDate"],
        PlannedGoodsIssueDate=today(at + state.seconds("goods_issue_s", 600)),
        PickingDate=today(at),
        SalesOrganization=order["SalesOrganization"],
        ShippingPoint=plant,
        ShippingCondition=order["ShippingCondition"],
        SoldToParty=order["SoldToParty"],
        ShipToParty=ship_to["Customer"] if ship_to else order["SoldToParty"],
        HeaderGrossWeight=format(weight.quantize(Decimal("0.001")), "f"),
        HeaderNetWeight=format(weight.quantize(Decimal("0.001")), "f"),
        HeaderWeightUnit="KG",
        TransactionCurrency=order["TransactionCurrency"],
        OverallGoodsMovementStatus="A",
        OverallPickingStatus="A",
        OverallPackingStatus="",
        OverallSDProcessStatus="A",
        OverallDelivReltdBillgStatus="A",
        Shippinglocationtimezone="UTC",
        Receivinglocationtimezone="UTC",
    )
    state.store.put(DELIVERY, header)
    for position, item in enumerate(items, 1):
        _create_delivery_item(state, order, header, str(position * 10), item, at)
    _copy_partners(state, order, number)
    _link(state, order, FLOW, {"SubsequentDocument": number, "SubsequentDocumentCategory": "J"}, at)
    _follow(state, order, "B")
    return number


def _create_delivery_item(state: SapState, order: Row, header: Row, position: str, item: Row, at: datetime) -> None:
    quantity = format(Decimal(item["RequestedQuantity"]).quantize(Decimal("0.001")), "f")
    product = state.store.get(PRODUCT, {"Product": item["Material"]}) or {}
    weight = format(Decimal(item["ItemGrossWeight"]).quantize(Decimal("0.001")), "f")
    row = DELIVERY_ITEM.row(
        DeliveryDocument=header["DeliveryDocument"],
        DeliveryDocumentItem=position,
        DeliveryDocumentItemCategory=item["SalesOrderItemCategory"],
        DeliveryDocumentItemText=item["SalesOrderItemText"],
        DeliveryVersion="0001",
        SDDocumentCategory="J",
        CreatedByUser=header["CreatedByUser"],
        CreationDate=today(at),
        CreationTime=wire_time(at),
        ActualDeliveryQuantity=quantity,
        ActualDeliveredQtyInBaseUnit=quantity,
        OriginalDeliveryQuantity=quantity,
        DeliveryQuantityUnit=item["RequestedQuantityUnit"],
        DeliveryToBaseQuantityNmrtr="1",
        DeliveryToBaseQuantityDnmntr="1",
        BaseUnit=product.get("BaseUnit", item["RequestedQuantityUnit"]),
        InternationalArticleNumber=product.get("ProductStandardID", ""),
        ItemGrossWeight=weight,
        ItemNetWeight=weight,
        ItemWeightUnit="KG",
        Material=item["Material"],
        OriginallyRequestedMaterial=item["Material"],
        Plant=header["ShippingPoint"],
        StorageLocation=item["StorageLocation"],
        DistributionChannel=order["DistributionChannel"],
        Division=order["OrganizationDivision"],
        GoodsMovementType="601",
        GoodsMovementStatus="A",
        PickingStatus="A",
        SDProcessStatus="A",
        ReferenceSDDocument=order["SalesOrder"],
        ReferenceSDDocumentItem=item["SalesOrderItem"],
        ReferenceSDDocumentCategory="C",
    )
    put_item(state, row)
    state.store.put(ITEM, {**item, "DeliveryStatus": "C", "SDProcessStatus": "B"})
    flow = {
        "SalesOrderItem": item["SalesOrderItem"],
        "SubsequentDocument": header["DeliveryDocument"],
        "SubsequentDocumentItem": position,
        "SubsequentDocumentCategory": "J",
        "SubsqntDocItmPrecdgDocument": order["SalesOrder"],
        "SubsqntDocItmPrecdgDocItem": item["SalesOrderItem"],
        "SubsqntDocItmPrecdgDocCategory": "C",
    }
    _link(state, order, ITEM_FLOW, flow, at)


def _copy_partners(state: SapState, order: Row, number: str) -> None:
    for partner in list(state.store.find(PARTNER, {"SalesOrder": order["SalesOrder"]})):
        name = partner["PartnerFunction"]
        key = {"SalesOrder": order["SalesOrder"], "PartnerFunction": name, "AddressRepresentationCode": ""}
        address = state.store.get(PARTNER_ADDRESS, key)
        values = address_of(state, partner["Customer"])[1] if address is None else address
        address_id = str(state.world.ids.number("DeliveryAddress", 30_000))
        row = DELIVERY_ADDRESS.row(AddressID=address_id, **_delivery_address(values))
        state.store.put(DELIVERY_ADDRESS, row)
        fields = {each: partner[each] for each in ("Customer", "ContactPerson", "Supplier", "Personnel")}
        state.store.put(
            DELIVERY_PARTNER,
            DELIVERY_PARTNER.row(
                SDDocument=number, PartnerFunction=name, AddressID=address_id, SDDocumentItem="0", **fields
            ),
        )


_RENAMED = {
    "BusinessPartnerName1": "OrganizationName1",
    "BusinessPartnerName2": "OrganizationName2",
    "FullName": "AddresseeFullName",
    "District": "DistrictName",
    "StreetPrefixName": "StreetPrefixName1",
    "AdditionalStreetPrefixName": "StreetPrefixName2",
    "StreetSuffixName": "StreetSuffixName1",
    "AdditionalStreetSuffixName": "StreetSuffixName2",
}
_SAME = ("CityName", "Country", "HouseNumber", "POBox", "PhoneNumber", "PostalCode", "Region", "StreetName")


def _delivery_address(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the address of a sales document in the names of a delivery."""
    renamed = {ours: values.get(theirs, "") for ours, theirs in _RENAMED.items()}
    return {**renamed, **{name: values.get(name, "") for name in _SAME}}


def _link(state: SapState, order: Row, entity: Any, values: Mapping[str, Any], at: datetime) -> None:
    """Store one line of the document flow after an order."""
    row = entity.row(
        SalesOrder=order["SalesOrder"],
        DocRelationshipUUID=state.uuid("flow"),
        ProcessFlowLevel="01",
        CreationDate=today(at),
        CreationTime=wire_time(at),
        **values,
    )
    state.store.put(entity, row)


def _follow(state: SapState, order: Row, status: str) -> None:
    """Bring an order's delivery status in line: C when nothing is open and every delivery has left, else B."""
    number = order["SalesOrder"]
    current = state.store.get(SALES_ORDER, order)
    if current is None:
        return
    left = all(each["GoodsMovementStatus"] == "C" for each in delivery_items_of(state, number))
    done = "C" if status == "C" and left and not open_items(state, number) else "B"
    changed(state, current, OverallDeliveryStatus=done, OverallTotalDeliveryStatus=done, OverallSDProcessStatus=done)


# ── goods issue and stock ──────────────────────────────────────────────────────────────────────────────────────────


def issue(state: SapState, payload: Mapping[str, Any]) -> None:
    """Job: pick a delivery and post its goods issue, unless somebody did or blocked it."""
    delivery = state.store.get(DELIVERY, {"DeliveryDocument": payload["delivery"]})
    if delivery is None or delivery["OverallGoodsMovementStatus"] == "C" or delivery["DeliveryBlockReason"]:
        return
    try:
        post_goods_issue(state, delivery, from_us(payload["due_us"]))
    except ODataFault:  # a deficit, found before anything was posted
        again = state.world.now() + state.seconds("delivery_retry_s", 3_600)
        state.world.at(again, "issue", {"delivery": payload["delivery"], "due_us": to_us(again)})


def post_goods_issue(state: SapState, delivery: Row, at: datetime) -> None:
    """Take the delivered quantities out of stock and complete delivery and order."""
    number = delivery["DeliveryDocument"]
    items = [
        each
        for each in state.store.find(DELIVERY_ITEM, {"DeliveryDocument": number})
        if each["DeliveryDocument"] == number
    ]
    _refuse_deficit(state, items)
    document = str(state.world.ids.number("MaterialDocument", _FIRST_MATERIAL_DOCUMENT))
    orders: dict[str, None] = {}
    for item in items:
        _take(state, item)
        done = {"GoodsMovementStatus": "C", "PickingStatus": "C", "SDProcessStatus": "C", "IsCompletelyDelivered": True}
        put_item(state, {**next_version(state, item), **done})
        _complete_order_item(state, item)
        flow = DELIVERY_FLOW.row(
            PrecedingDocument=number,
            PrecedingDocumentItem=item["DeliveryDocumentItem"],
            PrecedingDocumentCategory="J",
            Subsequentdocument=document,
            SubsequentDocumentItem=item["DeliveryDocumentItem"],
            SubsequentDocumentCategory="R",
            QuantityInBaseUnit=item["ActualDeliveredQtyInBaseUnit"],
            SDFulfillmentCalculationRule="+",
        )
        state.store.put(DELIVERY_FLOW, flow)
        orders[item["ReferenceSDDocument"]] = None
    values = {
        "ActualGoodsMovementDate": today(at),
        "ActualGoodsMovementTime": wire_time(at),
        "GoodsIssueTime": wire_time(at),
        "PickingTime": wire_time(at),
        "OverallGoodsMovementStatus": "C",
        "OverallPickingStatus": "C",
        "OverallSDProcessStatus": "B",
    }
    state.store.put(DELIVERY, {**next_version(state, delivery), **values})
    for order in orders:
        found = state.store.get(SALES_ORDER, {"SalesOrder": order})
        if found is not None:
            _follow(state, found, "C")


def _complete_order_item(state: SapState, delivered: Row) -> None:
    key = {"SalesOrder": delivered["ReferenceSDDocument"], "SalesOrderItem": delivered["ReferenceSDDocumentItem"]}
    item = state.store.get(ITEM, key)
    if item is None:
        return
    state.store.put(ITEM, {**item, "SDProcessStatus": "C", "DeliveryStatus": "C"})
    line = state.store.get(SCHEDULE_LINE, {**key, "ScheduleLine": "1"})
    if line is not None:
        quantity = decimal_text(Decimal(delivered["ActualDeliveryQuantity"]))
        state.store.put(
            SCHEDULE_LINE, {**line, "DeliveredQtyInOrderQtyUnit": quantity, "OpenConfdDelivQtyInOrdQtyUnit": "0"}
        )


def put_item(state: SapState, row: Row) -> Row:
    """Store a delivery item; what it will take out of stock is committed until its goods issue."""
    _commit(state, state.store.get(DELIVERY_ITEM, row), -1)
    _commit(state, row, 1)
    return state.store.put(DELIVERY_ITEM, row)


def remove_item(state: SapState, row: Row) -> None:
    """Forget a delivery item and what it had committed."""
    _commit(state, row, -1)
    state.store.remove(DELIVERY_ITEM, row)


def _commit(state: SapState, row: Row | None, sign: int) -> None:
    if row is None or row["GoodsMovementStatus"] == "C":
        return
    table, key = state.world.table("committed"), f"{row['Material']}\t{row['Plant']}"
    table[key] = decimal_text(Decimal(table.get(key, "0")) + sign * Decimal(row["ActualDeliveredQtyInBaseUnit"]))


def next_version(state: SapState, row: Row) -> Row:
    """Return a delivery header or item with its version, its entity tag, counted up."""
    version = f"{int(row['DeliveryVersion'] or '0') + 1:04}"
    return {**row, "DeliveryVersion": version, "LastChangeDate": today(state.world.now())}


def _refuse_deficit(state: SapState, items: list[Row]) -> None:
    """Refuse a goods issue that would post stock below zero, as SAP does."""
    wanted: dict[tuple[str, str], Decimal] = {}
    for item in items:
        place = item["Material"], item["Plant"]
        wanted[place] = wanted.get(place, Decimal(0)) + Decimal(item["ActualDeliveredQtyInBaseUnit"])
    for (material, plant), quantity in wanted.items():
        rows = _unrestricted(state, material, plant)
        held = sum((Decimal(row["MatlWrhsStkQtyInMatlBaseUnit"]) for row in rows), Decimal(0))
        if held < quantity:
            missing = decimal_text(quantity - held)
            raise business_error("M7/021", f"Deficit of SL Unrestricted-use {missing} : {material} {plant}")


def _take(state: SapState, item: Row) -> None:
    """Reduce unrestricted stock by a delivered quantity."""
    left = Decimal(item["ActualDeliveredQtyInBaseUnit"])
    for row in _unrestricted(state, item["Material"], item["Plant"]):
        held = Decimal(row["MatlWrhsStkQtyInMatlBaseUnit"])
        taken = min(held, left)
        if taken > 0:
            state.store.put(STOCK, {**row, "MatlWrhsStkQtyInMatlBaseUnit": decimal_text(held - taken)})
            left -= taken


def _unrestricted(state: SapState, material: str, plant: str) -> list[Row]:
    found = state.store.find(STOCK, {"Material": material, "Plant": plant})
    return [
        row
        for row in found
        if row["Material"] == material and row["Plant"] == plant and row["InventoryStockType"] == _UNRESTRICTED
    ]


def available(state: SapState, material: str, plant: str) -> Decimal:
    """Return unrestricted stock less what deliveries not yet issued will take."""
    receive_goods(state)
    held = sum(
        (Decimal(row["MatlWrhsStkQtyInMatlBaseUnit"]) for row in _unrestricted(state, material, plant)), Decimal(0)
    )
    committed = state.world.table("committed").get(f"{material}\t{plant}", "0")
    return held - Decimal(committed)


def receive_goods(state: SapState) -> None:
    """Post the goods receipts of settings `goods_receipts` that were not posted before; each has its own id."""
    posted = state.world.table("goods_receipts")
    for receipt in state.world.settings.get("goods_receipts", ()):
        identifier = str(receipt["id"])
        if identifier in posted:
            continue
        posted[identifier] = True
        rows = _unrestricted(state, str(receipt["product"]), str(receipt.get("plant", "1010")))
        if rows:
            held = Decimal(rows[0]["MatlWrhsStkQtyInMatlBaseUnit"]) + Decimal(str(receipt["quantity"]))
            state.store.put(STOCK, {**rows[0], "MatlWrhsStkQtyInMatlBaseUnit": decimal_text(held)})
