"""Outbound deliveries by the API: creation for order items, changes, deletion, picking and goods issue on request."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from assay.simkit.odata import Row
from mocks.sap_s4hana import logistics
from mocks.sap_s4hana.model_delivery import DELIVERY, DELIVERY_ADDRESS, DELIVERY_ITEM, DELIVERY_PARTNER
from mocks.sap_s4hana.model_sales import FLOW, ITEM, ITEM_FLOW, SALES_ORDER
from mocks.sap_s4hana.state import SapState, business_error, changed, today


def create(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Create a delivery for the order items named in `to_DeliveryDocumentItem`, all of one order and plant."""
    wanted = values.get("to_DeliveryDocumentItem", ())
    if not wanted:
        raise business_error("VL/001", "Enter at least one item with a reference document")
    numbers = {each.get("ReferenceSDDocument", "") for each in wanted}
    if len(numbers) > 1:
        raise business_error("VL/002", "Items of several sales documents cannot be combined here")
    number = numbers.pop()
    order = state.store.get(SALES_ORDER, {"SalesOrder": number})
    if order is None:
        raise business_error("VL/302", f"Sales document {number} does not exist", target="ReferenceSDDocument")
    if order["SalesDocApprovalStatus"] not in ("", "B") or order["DeliveryBlockReason"]:
        raise business_error("VL/015", f"Sales document {number} is not approved or is blocked for delivery")
    open_by_position = {each["SalesOrderItem"]: each for each in logistics.open_items(state, number)}
    items = [_wanted_item(open_by_position, number, each) for each in wanted]
    plants = {item["ProductionPlant"] for item in items}
    if len(plants) > 1:
        raise business_error("VL/003", f"Items from several shipping points: {', '.join(sorted(plants))}")
    plant = plants.pop()
    for item in items:
        if logistics.available(state, item["Material"], plant) < Decimal(item["RequestedQuantity"]):
            raise business_error("VL/367", f"Only 0 of material {item['Material']} is available in plant {plant}")
    created = logistics.create_delivery(state, order, plant, items, state.world.now())
    return state.store.get(DELIVERY, {"DeliveryDocument": created}) or {}


def _wanted_item(open_items: Mapping[str, Row], number: str, given: Mapping[str, Any]) -> Row:
    position = given.get("ReferenceSDDocumentItem", "")
    item = open_items.get(position)
    if item is None:
        raise business_error("VL/461", f"Item {position} of sales document {number} is not due for delivery")
    return item


def update(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change a delivery's header; lifting its block lets the goods issue be posted."""
    was_blocked = bool(row["DeliveryBlockReason"])
    stored = state.store.put(DELIVERY, {**logistics.next_version(state, row), **changes})
    if was_blocked and not stored["DeliveryBlockReason"]:
        logistics.plan_goods_issue(state, stored["DeliveryDocument"], state.world.now())
    return stored


def update_item(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change an item of a delivery whose goods have not left."""
    header = _header(state, row["DeliveryDocument"])
    _refuse_issued(header)
    quantity = changes.get("ActualDeliveryQuantity")
    if quantity is not None:
        if not 0 <= Decimal(quantity) <= Decimal(row["OriginalDeliveryQuantity"]):
            raise business_error("VL/363", "Delivery quantity must not be above the open quantity of the order")
        changes = {**changes, "ActualDeliveredQtyInBaseUnit": quantity}
    state.store.put(DELIVERY, logistics.next_version(state, header))
    return logistics.put_item(state, {**logistics.next_version(state, row), **changes})


def delete(state: SapState, row: Row) -> None:
    """Delete a delivery whose goods have not left; its order items are open again."""
    _refuse_issued(row)
    number = row["DeliveryDocument"]
    for item in _items(state, number):
        _remove_item(state, item)
    for partner in list(state.store.find(DELIVERY_PARTNER, {"SDDocument": number})):
        address = state.store.get(DELIVERY_ADDRESS, partner)
        if address is not None:
            state.store.remove(DELIVERY_ADDRESS, address)
        state.store.remove(DELIVERY_PARTNER, partner)
    state.store.remove(DELIVERY, row)


def delete_item(state: SapState, row: Row) -> None:
    """Delete one item of a delivery whose goods have not left."""
    header = _header(state, row["DeliveryDocument"])
    _refuse_issued(header)
    _remove_item(state, row)
    state.store.put(DELIVERY, logistics.next_version(state, header))


def _remove_item(state: SapState, item: Row) -> None:
    logistics.remove_item(state, item)
    order = item["ReferenceSDDocument"]
    key = {"SalesOrder": order, "SalesOrderItem": item["ReferenceSDDocumentItem"]}
    ordered = state.store.get(ITEM, key)
    if ordered is not None:
        state.store.put(ITEM, {**ordered, "DeliveryStatus": "A", "SDProcessStatus": "A"})
    for entity, equal in ((ITEM_FLOW, key), (FLOW, {"SalesOrder": order})):
        for line in list(state.store.find(entity, equal)):
            if line["SubsequentDocument"] == item["DeliveryDocument"]:
                state.store.remove(entity, line)
    found = state.store.get(SALES_ORDER, {"SalesOrder": order})
    if found is not None:
        logistics.plan_open_items(state, found)
        rest = logistics.delivery_items_of(state, order)
        status = "B" if rest else "A"
        changed(
            state, found, OverallDeliveryStatus=status, OverallTotalDeliveryStatus=status, OverallSDProcessStatus=status
        )


# ── function imports ───────────────────────────────────────────────────────────────────────────────────────────────


def pick_all(state: SapState, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Function import: pick every item of a delivery in full."""
    header = _header(state, values["DeliveryDocument"])
    _refuse_issued(header)
    for item in _items(state, header["DeliveryDocument"]):
        logistics.put_item(state, {**logistics.next_version(state, item), "PickingStatus": "C"})
    now = state.world.now()
    picked = {"OverallPickingStatus": "C", "PickingDate": today(now)}
    state.store.put(DELIVERY, {**logistics.next_version(state, header), **picked})
    return [_report(item, "Picked in full") for item in _items(state, header["DeliveryDocument"])]


def post_goods_issue(state: SapState, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Function import: post the goods issue of a delivery now."""
    header = _header(state, values["DeliveryDocument"])
    _refuse_issued(header)
    logistics.post_goods_issue(state, header, state.world.now())
    return [_report(item, "Goods issue posted") for item in _items(state, header["DeliveryDocument"])]


def _report(item: Row, text: str) -> dict[str, Any]:
    return {
        "SystemMessageIdentification": "VL",
        "SystemMessageNumber": "311",
        "SystemMessageType": "S",
        "SystemMessageVariable1": text,
        "DeliveryDocument": item["DeliveryDocument"],
        "DeliveryDocumentItem": item["DeliveryDocumentItem"],
        "Material": item["Material"],
        "ActualDeliveryQuantity": item["ActualDeliveryQuantity"],
        "DeliveryQuantityUnit": item["DeliveryQuantityUnit"],
    }


def _header(state: SapState, number: str) -> Row:
    header = state.store.get(DELIVERY, {"DeliveryDocument": number})
    if header is None:
        raise business_error("VL/559", f"Delivery {number} does not exist", target="DeliveryDocument")
    return header


def _refuse_issued(header: Row) -> None:
    if header["OverallGoodsMovementStatus"] == "C":
        raise business_error("VL/609", f"Goods issue of delivery {header['DeliveryDocument']} has already been posted")


def _items(state: SapState, number: str) -> list[Row]:
    found = state.store.find(DELIVERY_ITEM, {"DeliveryDocument": number})
    return [each for each in found if each["DeliveryDocument"] == number]
