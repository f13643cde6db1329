"""Sales orders: creation with everything nested in it, changes, prices, deletion. See also `logistics`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from assay.simkit.odata import EntitySet, ODataFault, Row
from assay.simkit.odata.errors import malformed
from assay.simkit.odata.values import decimal_text, is_number
from mocks.sap_s4hana import logistics
from mocks.sap_s4hana.master import Material, address_of, customer, material
from mocks.sap_s4hana.model_delivery import DELIVERY_ITEM
from mocks.sap_s4hana.model_sales import (
    FLOW,
    HEADER_CONDITION,
    ITEM,
    ITEM_CONDITION,
    ITEM_FLOW,
    ITEM_PARTNER,
    ITEM_TEXT,
    PARTNER,
    PARTNER_ADDRESS,
    SALES_ORDER,
    SCHEDULE_LINE,
    TEXT,
)
from mocks.sap_s4hana.pricing import money, price
from mocks.sap_s4hana.state import SapState, business_error, changed, today

_ORDER_TYPES = {"OR": "TA", "TA": "TA", "SO": "SO", "CBFD": "CBFD", "SDF": "SDF"}
_REQUIRED = {
    "SalesOrderType": ("V1/300", "Enter a sales document type"),
    "SalesOrganization": ("V1/312", "Enter a sales organization"),
    "DistributionChannel": ("V1/313", "Enter a distribution channel"),
    "OrganizationDivision": ("V1/314", "Enter a division"),
    "SoldToParty": ("V1/301", "Enter a sold-to party"),
}
_FUNCTIONS = {"SP": "AG", "SH": "WE", "BP": "RE", "PY": "RG", "CP": "AP", "ER": "ZM"}
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_PIECES = frozenset({"PC", "ST", "EA", "PCE"})
_CHILDREN = (ITEM, PARTNER, PARTNER_ADDRESS, HEADER_CONDITION, TEXT, FLOW)
_ITEM_CHILDREN = (ITEM_CONDITION, ITEM_PARTNER, ITEM_TEXT, SCHEDULE_LINE, ITEM_FLOW)


def create_order(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Create an order with items, partners, conditions and texts nested in `values`; start its approval."""
    for name, (code, message) in _REQUIRED.items():
        if not values.get(name):
            raise business_error(code, message, target=name)
    order_type = str(values["SalesOrderType"])
    known = {**_ORDER_TYPES, **state.world.settings.get("sales_order_types", {})}
    if order_type not in known:
        raise business_error("V1/310", f"Sales document type {order_type} is not defined", target="SalesOrderType")
    if values.get("SalesOrder"):
        raise business_error("V1/304", "External number assignment is not allowed for this sales document type")
    sold_to = customer(state, values["SoldToParty"], _sales_area(values))
    now = state.world.now()
    currency = values.get("TransactionCurrency") or state.world.settings.get("company_currency", "EUR")
    if not _CURRENCY.match(currency):
        raise business_error("SG/105", f"Enter rate: currency {currency} is not defined", target="TransactionCurrency")
    number = str(state.world.ids.number("SalesOrder"))
    day = today(now)
    row = SALES_ORDER.row(**{name: value for name, value in values.items() if name in SALES_ORDER.by_name})
    row.update(
        SalesOrder=number,
        SalesOrderTypeInternalCode=known[order_type],
        CreationDate=day,
        CreatedByUser=str(state.world.settings.get("created_by", "CC0000000001")),
        TransactionCurrency=currency,
        SalesOrderDate=row["SalesOrderDate"] or day,
        PricingDate=row["PricingDate"] or day,
        RequestedDeliveryDate=row["RequestedDeliveryDate"] or day,
        ShippingCondition=row["ShippingCondition"] or "01",
        OverallDeliveryStatus="A",
        OverallTotalDeliveryStatus="A",
        OverallSDProcessStatus="A",
        OverallSDDocumentRejectionSts="A",
        TotalCreditCheckStatus="A",
    )
    row.update(logistics.start_approval(state, number))
    state.store.put(SALES_ORDER, row)
    _create_partners(state, row, sold_to, values.get("to_Partner", ()))
    for text in values.get("to_Text", ()):
        _put_text(state, TEXT, {**text, "SalesOrder": number})
    for given in values.get("to_Item", ()):
        _create_item(state, row, given)
    _price_header(state, row, values.get("to_PricingElement", ()))
    return totals(state, row)


def update_order(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change header fields of an order; a lifted delivery block lets its deliveries be created."""
    if "SoldToParty" in changes and changes["SoldToParty"] != row["SoldToParty"]:
        customer(state, changes["SoldToParty"], _sales_area(row))
    if changes.get("TransactionCurrency", row["TransactionCurrency"]) != row["TransactionCurrency"]:
        raise business_error("V1/446", "Document currency cannot be changed after items were priced")
    was_blocked = bool(row["DeliveryBlockReason"])
    row = changed(state, row, **changes)
    if was_blocked and not row["DeliveryBlockReason"]:
        logistics.plan_delivery(state, row["SalesOrder"], state.world.now())
    return row


def delete_order(state: SapState, row: Row) -> None:
    """Delete an order no delivery refers to."""
    _refuse_with_deliveries(state, row["SalesOrder"])
    for item in _children(state, ITEM, row["SalesOrder"]):
        _remove_item(state, item)
    for entity in _CHILDREN:
        if entity is not ITEM:
            for child in _children(state, entity, row["SalesOrder"]):
                state.store.remove(entity, child)
    state.store.remove(SALES_ORDER, row)


def create_item(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Add an item to an order."""
    order = order_of(state, values)
    item = _create_item(state, order, values)
    totals(state, order)
    logistics.plan_open_items(state, order)
    return state.store.get(ITEM, item) or item


def update_item(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change an item; quantity, price-relevant fields and rejection change the order's totals."""
    order = order_of(state, row)
    if set(changes) & {"RequestedQuantity", "Material", "ProductionPlant"}:
        _refuse_delivered(state, row)
    values = {**row, **changes}
    stuff = _material_of(state, order, values)
    values.update(_item_facts(state, stuff, values))
    state.store.put(ITEM, values)
    _price_item(state, order, values, _children(state, ITEM_CONDITION, row["SalesOrder"], row["SalesOrderItem"]))
    totals(state, order)
    logistics.plan_open_items(state, order)
    return state.store.get(ITEM, row) or values


def delete_item(state: SapState, row: Row) -> None:
    """Delete an item no delivery refers to."""
    _refuse_delivered(state, row)
    _remove_item(state, row)
    totals(state, order_of(state, row))


def order_of(state: SapState, values: Mapping[str, Any]) -> Row:
    """Return the order a row belongs to; raises `ODataFault` when there is none."""
    number = values.get("SalesOrder")
    if not number:
        raise malformed("Property 'SalesOrder' is missing", target="SalesOrder")
    order = state.store.get(SALES_ORDER, {"SalesOrder": number})
    if order is None:
        raise business_error("V1/302", f"The sales document {number} does not exist", target="SalesOrder")
    return order


def totals(state: SapState, order: Row) -> Row:
    """Store an order's net value and rejection status as its items and header conditions give them."""
    order = state.store.get(SALES_ORDER, order) or order
    number, currency = order["SalesOrder"], order["TransactionCurrency"]
    items = _children(state, ITEM, number)
    net = sum((Decimal(item["NetAmount"]) for item in items if not item["SalesDocumentRjcnReason"]), Decimal(0))
    header = _children(state, HEADER_CONDITION, number)
    given = [_given(each) for each in header]
    priced = price(state.world, HEADER_CONDITION, given, currency=currency, base=net)
    for each in priced.rows:
        state.store.put(HEADER_CONDITION, {**each, "SalesOrder": number})
    rejected = [bool(item["SalesDocumentRjcnReason"]) for item in items]
    status = "A" if not any(rejected) else "C" if all(rejected) else "B"
    values: dict[str, Any] = {
        "TotalNetAmount": money(state.world, net + priced.net, currency),
        "OverallSDDocumentRejectionSts": status,
    }
    if status == "C":
        values["OverallSDProcessStatus"] = "C"
    elif order["OverallSDDocumentRejectionSts"] == "C":
        values["OverallSDProcessStatus"] = "A"
    return changed(state, order, **values)


# ── items ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _create_item(state: SapState, order: Row, given: Mapping[str, Any]) -> Row:
    number = order["SalesOrder"]
    siblings = _children(state, ITEM, number)
    position = given.get("SalesOrderItem") or str(
        max((int(each["SalesOrderItem"]) for each in siblings), default=0) + 10
    )
    if not is_number(position) or int(position) == 0:
        raise malformed(f"Property 'SalesOrderItem' has invalid value '{position}'", target="SalesOrderItem")
    values = ITEM.row(**{name: value for name, value in given.items() if name in ITEM.by_name})
    values.update(SalesOrder=number, SalesOrderItem=position, TransactionCurrency=order["TransactionCurrency"])
    if state.store.get(ITEM, values) is not None:
        raise business_error("V1/350", f"Item {position} already exists in sales document {number}")
    stuff = _material_of(state, order, values)
    values["PricingDate"] = values["PricingDate"] or order["PricingDate"]
    values.update(_item_facts(state, stuff, values), SDProcessStatus="A", DeliveryStatus="A")
    state.store.put(ITEM, values)
    for partner in given.get("to_Partner", ()):
        state.store.put(ITEM_PARTNER, ITEM_PARTNER.row(**{**_flat(ITEM_PARTNER, partner), **_key(values)}))
    for text in given.get("to_Text", ()):
        _put_text(state, ITEM_TEXT, {**text, **_key(values)})
    _price_item(state, order, values, given.get("to_PricingElement", ()))
    _schedule(state, order, values)
    return values


def _material_of(state: SapState, order: Row, values: Mapping[str, Any]) -> Material:
    position = values["SalesOrderItem"]
    if not values["Material"]:
        raise business_error("V1/303", f"Enter a material for item {position}", target="Material")
    stuff = material(state, values["Material"], values["ProductionPlant"])
    if stuff is None:
        area = _sales_area(order)
        raise business_error(
            "V1/382",
            f"Material {values['Material']} is not defined for sales org.{area[0]}, distr.chan.{area[1]}, language EN",
            target="Material",
        )
    if Decimal(values["RequestedQuantity"]) < 0:
        raise business_error("V1/326", f"Enter a positive quantity for item {position}", target="RequestedQuantity")
    unit = values["RequestedQuantityUnit"]
    if unit and unit != stuff.base_unit and not {unit, stuff.base_unit} <= _PIECES:
        raise business_error(
            "VH/105", f"Unit {unit} is not defined for material {values['Material']}", target="RequestedQuantityUnit"
        )
    return stuff


def _item_facts(state: SapState, stuff: Material, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what SAP derives for an item from its material and quantity."""
    quantity = Decimal(values["RequestedQuantity"])
    weight = decimal_text((quantity * stuff.weight_kg).quantize(Decimal("0.001")))
    pieces = stuff.base_unit in _PIECES
    unit = values["RequestedQuantityUnit"] or stuff.base_unit
    facts: dict[str, Any] = {
        "SalesOrderItemText": values["SalesOrderItemText"] or stuff.name,
        "SalesOrderItemCategory": values["SalesOrderItemCategory"] or "TAN",
        "ProductionPlant": stuff.plant,
        "StorageLocation": values["StorageLocation"] or stuff.storage_location,
        "ShippingPoint": values["ShippingPoint"] or stuff.plant,
        "ItemGrossWeight": weight,
        "ItemNetWeight": weight,
        "ItemWeightUnit": "KG",
        "ItemWeightSAPUnit": "KG",
        "ItemWeightISOUnit": "KGM",
        "RequestedQuantityUnit": unit,
        "OrderQuantityUnit": unit,
    }
    for prefix in ("RequestedQuantity", "OrderQuantity"):
        facts[f"{prefix}SAPUnit"] = "ST" if pieces else unit
        facts[f"{prefix}ISOUnit"] = "PCE" if pieces else unit
    confirmed = min(quantity, max(Decimal(0), logistics.available(state, values["Material"], stuff.plant)))
    facts["ConfdDelivQtyInOrderQtyUnit"] = decimal_text(confirmed)
    return facts


def _schedule(state: SapState, order: Row, item: Row) -> None:
    line = SCHEDULE_LINE.row(
        **_key(item),
        ScheduleLine="1",
        RequestedDeliveryDate=order["RequestedDeliveryDate"],
        ConfirmedDeliveryDate=order["RequestedDeliveryDate"],
        OrderQuantityUnit=item["OrderQuantityUnit"],
        OrderQuantitySAPUnit=item["OrderQuantitySAPUnit"],
        OrderQuantityISOUnit=item["OrderQuantityISOUnit"],
        ScheduleLineOrderQuantity=item["RequestedQuantity"],
        ConfdOrderQtyByMatlAvailCheck=item["ConfdDelivQtyInOrderQtyUnit"],
        OpenConfdDelivQtyInOrdQtyUnit=item["ConfdDelivQtyInOrderQtyUnit"],
    )
    state.store.put(SCHEDULE_LINE, line)


def _price_item(state: SapState, order: Row, item: Row, conditions: Iterable[Mapping[str, Any]]) -> None:
    """Price an item by these conditions and store both."""
    currency = order["TransactionCurrency"]
    quantity = Decimal(item["RequestedQuantity"])
    given = [_given(each) for each in conditions]
    unit = item["RequestedQuantityUnit"]
    priced = price(state.world, ITEM_CONDITION, given, currency=currency, quantity=quantity, unit=unit)
    for row in priced.rows:
        state.store.put(ITEM_CONDITION, {**row, **_key(item)})
    tax = priced.tax if priced.tax is not None else Decimal(item["TaxAmount"])
    amounts = {"NetAmount": money(state.world, priced.net, currency), "TaxAmount": money(state.world, tax, currency)}
    state.store.put(ITEM, {**item, **amounts})


def _price_header(state: SapState, order: Row, conditions: Iterable[Mapping[str, Any]]) -> None:
    given = [_given(each) for each in conditions]
    priced = price(state.world, HEADER_CONDITION, given, currency=order["TransactionCurrency"], base=Decimal(0))
    for row in priced.rows:
        state.store.put(HEADER_CONDITION, {**row, "SalesOrder": order["SalesOrder"]})


_INPUTS = frozenset(
    each.name
    for each in ITEM_CONDITION.properties
    if each.creatable and each.name not in ("SalesOrder", "SalesOrderItem")
)


def _given(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a condition what its caller set, so that it can be priced again."""
    return {name: value for name, value in condition.items() if name in _INPUTS}


# ── partners, texts, conditions by themselves ──────────────────────────────────────────────────────────────────────


def _create_partners(state: SapState, order: Row, sold_to: Row, given: Iterable[Mapping[str, Any]]) -> None:
    number = order["SalesOrder"]
    wanted: dict[str, Mapping[str, Any]] = {name: {} for name in ("SP", "SH", "BP", "PY")}
    for partner in given:
        name = str(partner.get("PartnerFunction", ""))
        if not name:
            raise malformed("Property 'PartnerFunction' is missing", target="PartnerFunction")
        wanted[name] = partner
    for name, partner in wanted.items():
        who = partner.get("Customer") or (
            "" if partner.get("ContactPerson") or partner.get("Supplier") else sold_to["Customer"]
        )
        if who and who != sold_to["Customer"]:
            customer(state, who, _sales_area(order))
        row = PARTNER.row(**_flat(PARTNER, partner))
        row.update(
            SalesOrder=number,
            PartnerFunction=name,
            PartnerFunctionInternalCode=_FUNCTIONS.get(name, name),
            Customer=who,
            ReferenceBusinessPartner=who,
        )
        own = list(partner.get("to_Address", ()))
        if own or name in ("SP", "SH"):
            row["AddressID"] = row["AddressID"] or _address(state, row, own)
        state.store.put(PARTNER, row)


def _address(state: SapState, partner: Row, own: list[dict[str, Any]]) -> str:
    """Store the address of a partner in this document, its own or the master record's; return the address number."""
    number, values = address_of(state, partner["Customer"])
    key = {"SalesOrder": partner["SalesOrder"], "PartnerFunction": partner["PartnerFunction"]}
    for address in own or [{}]:
        flat = {**({} if own else values), **_flat(PARTNER_ADDRESS, address), **key}
        flat.setdefault("AddressRepresentationCode", "")
        flat["AddresseeFullName"] = flat.get("AddresseeFullName") or " ".join(
            filter(None, (flat.get("OrganizationName1"), flat.get("OrganizationName2")))
        )
        state.store.put(PARTNER_ADDRESS, PARTNER_ADDRESS.row(**flat))
    return str(state.world.ids.number("AddressID", 20_000)) if own else number


def _put_text(state: SapState, entity: EntitySet, values: Mapping[str, Any]) -> Row:
    for name in ("Language", "LongTextID"):
        if not values.get(name):
            raise malformed(f"Property '{name}' is missing", target=name)
    return state.store.put(entity, entity.row(**_flat(entity, values)))


def create_child(entity: EntitySet) -> Any:
    """Return the rule that adds one text, partner or schedule line to an existing order."""

    def create(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
        order = order_of(state, values)
        for key in entity.keys:
            if values.get(key.name) is None:
                raise malformed(f"Property '{key.name}' is missing", target=key.name)
        row = entity.row(**_flat(entity, values))
        if state.store.get(entity, row) is not None:
            raise business_error("SD_API/005", f"{entity.name}: an entry with this key already exists")
        state.store.put(entity, row)
        changed(state, order)
        return row

    return create


def update_child(entity: EntitySet) -> Any:
    """Return the rule that changes one text, partner, address or schedule line and stamps its order."""

    def update(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
        stored = state.store.put(entity, {**row, **changes})
        changed(state, order_of(state, row))
        return stored

    return update


def delete_child(entity: EntitySet) -> Any:
    """Return the rule that removes one row below an order and stamps the order."""

    def delete(state: SapState, row: Row) -> None:
        state.store.remove(entity, row)
        changed(state, order_of(state, row))

    return delete


def create_condition(state: SapState, values: dict[str, Any], _: Row | None) -> Row:
    """Add a manual condition to an item (when one is named) or to the header, and price the order again."""
    order = order_of(state, values)
    return _reprice(state, order, values, lambda rows: [*rows, values])


def update_condition(state: SapState, row: Row, changes: dict[str, Any]) -> Row:
    """Change a condition's rate and price the order again."""
    return _reprice(
        state, order_of(state, row), row, lambda rows: [{**each, **changes} if each is row else each for each in rows]
    )


def delete_condition(state: SapState, row: Row) -> None:
    """Remove a condition and price the order again."""
    entity = ITEM_CONDITION if "SalesOrderItem" in row else HEADER_CONDITION
    state.store.remove(entity, row)
    _reprice(state, order_of(state, row), row, list)


def _reprice(state: SapState, order: Row, row: Mapping[str, Any], edit: Any) -> Row:
    """Price an item or the header again with its conditions edited; return the condition that `row` became."""
    if "SalesOrderItem" not in row:
        _price_header(state, order, edit(_children(state, HEADER_CONDITION, order["SalesOrder"])))
        totals(state, order)
        return _condition_like(_children(state, HEADER_CONDITION, order["SalesOrder"]), row)
    item = state.store.get(ITEM, row)
    if item is None:
        raise business_error(
            "V1/306", f"Item {row['SalesOrderItem']} does not exist in sales document {row['SalesOrder']}"
        )
    _price_item(state, order, item, edit(_children(state, ITEM_CONDITION, order["SalesOrder"], item["SalesOrderItem"])))
    totals(state, order)
    return _condition_like(_children(state, ITEM_CONDITION, order["SalesOrder"], item["SalesOrderItem"]), row)


def _condition_like(rows: list[Row], wanted: Mapping[str, Any]) -> Row:
    same = [each for each in rows if each["ConditionType"] == wanted.get("ConditionType")]
    return same[-1] if same else (rows[-1] if rows else dict(wanted))


# ── small readers ──────────────────────────────────────────────────────────────────────────────────────────────────


def _children(state: SapState, entity: EntitySet, order: str, item: str | None = None) -> list[Row]:
    equal = {"SalesOrder": order} if item is None else {"SalesOrder": order, "SalesOrderItem": item}
    return [
        each for each in state.store.find(entity, equal) if all(each[name] == value for name, value in equal.items())
    ]


def _remove_item(state: SapState, item: Row) -> None:
    for entity in _ITEM_CHILDREN:
        for child in _children(state, entity, item["SalesOrder"], item["SalesOrderItem"]):
            state.store.remove(entity, child)
    state.store.remove(ITEM, item)


def _refuse_with_deliveries(state: SapState, number: str) -> None:
    if any(
        each["ReferenceSDDocument"] == number
        for each in state.store.find(DELIVERY_ITEM, {"ReferenceSDDocument": number})
    ):
        raise business_error("V1/409", f"Sales document {number} has subsequent documents and cannot be deleted")


def _refuse_delivered(state: SapState, item: Row) -> None:
    found = state.store.find(DELIVERY_ITEM, {"ReferenceSDDocument": item["SalesOrder"]})
    if any(each["ReferenceSDDocumentItem"] == item["SalesOrderItem"] for each in found):
        raise ODataFault(400, "V1/493", f"Item {item['SalesOrderItem']} has a delivery; change it there")


def _sales_area(values: Mapping[str, Any]) -> tuple[str, str, str]:
    return values["SalesOrganization"], values["DistributionChannel"], values["OrganizationDivision"]


def _flat(entity: EntitySet, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in entity.by_name}


def _key(item: Mapping[str, Any]) -> dict[str, str]:
    return {"SalesOrder": item["SalesOrder"], "SalesOrderItem": item["SalesOrderItem"]}
