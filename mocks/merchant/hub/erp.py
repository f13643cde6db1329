"""The ERP side of orders: which documents an order becomes, how they look, how they are found, posted and cancelled."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mocks.merchant import times
from mocks.merchant.clients.sap_client import ORDERS, SapClient, text_literal
from mocks.merchant.clients.transport import Unreachable
from mocks.merchant.database import unpack
from mocks.merchant.policy.address import stored_postcode
from mocks.merchant.policy.composition import tax_of, without_tax
from mocks.merchant.policy.money import quantum
from mocks.merchant.policy.rounding import allocate
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.catalogue import Catalogue, Product, components
from mocks.merchant.storefront.progress import move

_UNIT = "PC"
_REJECTED = "50"


@seam("ERP documents and tax")
def order_parts(
    catalogue: Catalogue, number: str, lines: Sequence[Mapping[str, Any]], *, split: bool
) -> list[dict[str, Any]]:
    """Return the documents an order becomes: one, or one for each plant with child references ``number-1``, ``-2``."""
    plants = sorted({_plant(catalogue, line["sku"]) for line in lines})
    if not split or len(plants) == 1:
        return [{"reference": number, "lines": [line["id"] for line in lines], "first": True}]
    return [
        {
            "reference": f"{number}-{place}",
            "lines": [line["id"] for line in lines if _plant(catalogue, line["sku"]) == plant],
            "first": place == 1,
        }
        for place, plant in enumerate(plants, 1)
    ]


@seam("ERP documents and tax")
def erp_currency(order_currency: str) -> str:
    """Return the currency of the ERP's document: the order's."""
    return order_currency


@seam("dates and schedules")
def accounting_date(placed_at: str, now: datetime, zone: str) -> str:
    """Return the document date, YYYY-MM-DD: the day of the order in the accounting time zone."""
    return times.parse(placed_at).astimezone(ZoneInfo(zone)).date().isoformat()


@seam("ERP documents and tax")
def line_net(line: Mapping[str, Any], included: bool) -> Decimal:
    """Return a line's value without tax: its discounted total, less the tax contained where prices hold it."""
    return without_tax(line, included)


@seam("ERP documents and tax")
def erp_goods(net: Decimal, line: Mapping[str, Any]) -> Decimal:
    """Return the value of a line's goods in the ERP, without tax and before discounts."""
    return net


@seam("ERP documents and tax")
def erp_discount(net: Decimal, line: Mapping[str, Any]) -> Decimal:
    """Return a line's discount in the ERP, without tax."""
    return net


@seam("ERP documents and tax")
def erp_tax(tax: Decimal, line: Mapping[str, Any]) -> Decimal:
    """Return a line's tax in the ERP."""
    return tax


@seam("ERP documents and tax")
def shipping_net(shipping: Mapping[str, Any], included: bool) -> Decimal:
    """Return the freight without tax."""
    return without_tax(shipping, included)


@seam("formatting and parsing")
def erp_text(text: str) -> str:
    """Return a text as it is handed to the ERP: unchanged."""
    return text


@seam("ERP documents and tax")
def erp_material(sku: str) -> str:
    """Return the ERP's material of a SKU: the same text."""
    return sku


@seam("ERP documents and tax")
def sales_order(shop: Shop, row: sqlite3.Row, part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of one part of an order, everything nested, as API_SALES_ORDER_SRV takes it."""
    body = unpack(row["body"])
    vendor = shop.sap.vendor
    currency = erp_currency(row["currency"])
    day = _sap_date(accounting_date(row["placed_at"], shop.now(), shop.settings["time_zone"]))
    lines = [line for line in body["lines"] if line["id"] in part["lines"]]
    left = Decimal(0)
    if shop.settings["erp_tax_per"] == "rate":
        lines, left = _taxed_per_rate(lines, body["tax_included"], row["currency"], shop.settings["rounding_mode"])
    items = [item for line in lines for item in _items(shop, line, body["tax_included"], currency)]
    for place, item in enumerate(items, 1):
        item["SalesOrderItem"] = str(place * 10)
    document = {
        "SalesOrderType": "OR",
        "SalesOrganization": vendor["sales_organization"],
        "DistributionChannel": vendor["distribution_channel"],
        "OrganizationDivision": vendor["division"],
        "SoldToParty": vendor["customer"],
        "PurchaseOrderByCustomer": part["reference"],
        "PurchaseOrderByShipToParty": row["number"],
        "CustomerPurchaseOrderDate": day,
        "SalesOrderDate": day,
        "PricingDate": day,
        "RequestedDeliveryDate": day,
        "TransactionCurrency": currency,
        "to_Item": items,
        "to_Text": _texts(body),
    }
    header = _header_conditions(shop, body, currency) if part["first"] else []
    if left:
        header = _with_rounding(header, left, currency)
    return {**document, "to_PricingElement": header} if header else document


@seam("outbox")
def push_order(shop: Shop, row: sqlite3.Row, part: Mapping[str, Any], attempts: int) -> dict[str, Any]:
    """Bring one document of an order into the ERP and return it; what was tried before is looked up first."""
    if attempts > 0:
        found = find_erp_orders(shop.sap, [part["reference"]], shop.settings["page_size"]).get(part["reference"])
        if found is not None:
            return found
    return shop.sap.create(ORDERS, "A_SalesOrder", sales_order(shop, row, part))


@seam("outbox")
def find_erp_orders(sap: SapClient, references: Sequence[str], page_size: int) -> dict[str, dict[str, Any]]:
    """Return the ERP's orders with these references, whatever their status: in approval, approved, rejected."""
    wanted = " or ".join(f"PurchaseOrderByCustomer eq {text_literal(reference)}" for reference in references)
    found: dict[str, dict[str, Any]] = {}
    fields = "SalesOrder,PurchaseOrderByCustomer,SalesDocApprovalStatus,OverallSDProcessStatus"
    for page in sap.pages(
        ORDERS, "A_SalesOrder", filter_=wanted, order="SalesOrder", page_size=page_size, select=fields
    ):
        for document in page:
            found.setdefault(document["PurchaseOrderByCustomer"], document)
    return found


@seam("outbox")
def is_approved(document: Mapping[str, Any]) -> bool:
    """Say whether the ERP has approved a document; A is in approval, C rejected."""
    return document.get("SalesDocApprovalStatus", "") not in ("A", "C")


def carry_out(shop: Shop, order: sqlite3.Row, entry: sqlite3.Row) -> None:
    """Do what an outbox entry says and record the outcome. Raises when the ERP cannot be reached or refuses."""
    part = unpack(entry["body"])
    if entry["kind"] in ("cancel", "change"):
        number = _number_of(shop, part["reference"], order["id"])
        if entry["kind"] == "cancel":
            cancel_document(shop, number)
            with shop.database.write() as connection:
                connection.execute(
                    "UPDATE erp_documents SET status = 'cancelled' WHERE kind = 'sales_order' AND number = ?", (number,)
                )
        else:
            reduce_document(shop, number, part["lines"])
        _settled(shop, entry, "confirmed", number, order, None)
        return
    document = push_order(shop, order, part, entry["attempts"])
    _settled(shop, entry, "sent", document["SalesOrder"], order, document)


def withdraw(shop: Shop, entry: sqlite3.Row) -> None:
    """Reject what an unanswered push of a meanwhile cancelled order may have left in the ERP, and close the entry."""
    found = find_erp_orders(shop.sap, [entry["part"]], shop.settings["page_size"]).get(entry["part"])
    if found is not None:
        cancel_document(shop, str(found["SalesOrder"]))
    with shop.database.write() as connection:
        connection.execute("UPDATE outbox SET state = 'cancelled', due_at = NULL WHERE id = ?", (entry["id"],))
        if found is not None:
            connection.execute(
                "INSERT OR IGNORE INTO erp_documents VALUES ('sales_order', ?, ?, ?, 'cancelled', ?)",
                (str(found["SalesOrder"]), entry["order_id"], entry["part"], shop.now_iso()),
            )


def settle_sent(shop: Shop, entry: sqlite3.Row, document: Mapping[str, Any] | None) -> None:
    """Take over what the approval poll found for a sent entry; one the ERP does not hold is queued again."""
    with shop.database.write() as connection:
        if document is None:
            connection.execute(
                "UPDATE outbox SET state = 'queued', due_at = ? WHERE id = ? AND state = 'sent'",
                (shop.now_iso(), entry["id"]),
            )
            shop.outbox_wake.set()
        elif is_approved(document):
            _approved(connection, shop, entry, str(document["SalesOrder"]))


def cancel_document(shop: Shop, number: str) -> None:
    """Reject every item of a sales order, so that nothing more is delivered."""
    for item in _items_of(shop, number):
        if not item.get("SalesDocumentRjcnReason"):
            shop.sap.patch(ORDERS, _item_key(number, item), {"SalesDocumentRjcnReason": _REJECTED})


def reduce_document(shop: Shop, number: str, remaining: Mapping[str, int]) -> None:
    """Bring a sales order's items down to what remains of each shop line; a line that vanished is rejected."""
    for item in _items_of(shop, number):
        line, left = item["UnderlyingPurchaseOrderItem"], None
        if line in remaining:
            sku = item["MaterialByCustomer"]
            left = components(shop.catalogue.product(sku), remaining[line]).get(item["Material"], 0)
        if left is None or Decimal(item["RequestedQuantity"]) == left:
            continue
        change = {"RequestedQuantity": str(left)} if left else {"SalesDocumentRjcnReason": _REJECTED}
        shop.sap.patch(ORDERS, _item_key(number, item), change)


def _items_of(shop: Shop, number: str) -> list[dict[str, Any]]:
    document = shop.sap.read(ORDERS, f"A_SalesOrder({text_literal(number)})", expand="to_Item")
    return list(document["to_Item"]["results"]) if document else []


def _item_key(number: str, item: Mapping[str, Any]) -> str:
    return f"A_SalesOrderItem(SalesOrder={text_literal(number)},SalesOrderItem={text_literal(item['SalesOrderItem'])})"


def _number_of(shop: Shop, reference: str, order_id: str) -> str:
    row = shop.database.one(
        "SELECT number FROM erp_documents WHERE kind = 'sales_order' AND order_id = ? AND part = ?", order_id, reference
    )
    if row is None:
        raise Unreachable(f"the ERP's document of {reference} is not known yet")
    return str(row["number"])


def _settled(
    shop: Shop, entry: sqlite3.Row, state: str, number: str, order: sqlite3.Row, document: Mapping[str, Any] | None
) -> None:
    with shop.database.write() as connection:
        connection.execute(
            "UPDATE outbox SET state = ?, reference = ?, due_at = NULL, error = NULL WHERE id = ?",
            (state, number, entry["id"]),
        )
        if document is None:
            return
        connection.execute(
            "INSERT OR IGNORE INTO erp_documents VALUES ('sales_order', ?, ?, ?, 'in approval', ?)",
            (number, order["id"], entry["part"], shop.now_iso()),
        )
        if is_approved(document):
            _approved(connection, shop, entry, number)
    shop.log.write("erp_order", reference=entry["part"], number=number)


def _approved(connection: sqlite3.Connection, shop: Shop, entry: sqlite3.Row, number: str) -> None:
    connection.execute("UPDATE outbox SET state = 'confirmed' WHERE id = ?", (entry["id"],))
    connection.execute(
        "UPDATE erp_documents SET status = 'approved'"
        " WHERE kind = 'sales_order' AND number = ? AND status = 'in approval'",
        (number,),
    )
    waiting = connection.execute(
        "SELECT 1 FROM outbox WHERE kind = 'order' AND order_id = ? AND state != 'confirmed' LIMIT 1",
        (entry["order_id"],),
    ).fetchone()
    if waiting is None:
        move(connection, shop, entry["order_id"], "processing", "approved by the ERP")


def _plant(catalogue: Catalogue, sku: str) -> str:
    return catalogue.product(sku).plant


def _items(shop: Shop, line: Mapping[str, Any], included: bool, currency: str) -> list[dict[str, Any]]:
    """Return the items of a line: one, or one for each component of a bundle with its share of the value."""
    product = shop.catalogue.product(line["sku"])
    needed = components(product, line["quantity"])
    parts = [(shop.catalogue.product(sku), quantity) for sku, quantity in needed.items()]
    weights = [part.price * quantity for part, quantity in parts]
    step = quantum(currency)
    net = gross_net = line_net(line, included)
    if Decimal(line["discount"]):
        gross, percent = Decimal(line["gross"]), Decimal(line["tax_rate"])
        mode = shop.settings["rounding_mode"]
        gross_net = gross - (tax_of(gross, percent, True, currency, mode) if included else 0)
    values = {
        "net": allocate(erp_goods(gross_net, line), weights, step),
        "discount": allocate(erp_discount(gross_net - net, line), weights, step),
        "tax": allocate(erp_tax(Decimal(line.get("erp_tax", line["tax"])), line), weights, step),
    }
    return [
        _item(line, part, quantity, currency, *(shares[place] for shares in values.values()))
        for place, (part, quantity) in enumerate(parts)
    ]


def _item(
    line: Mapping[str, Any], part: Product, quantity: int, currency: str, net: Decimal, discount: Decimal, tax: Decimal
) -> dict[str, Any]:
    conditions = [_condition("PPR0", net / quantity, currency, per=1)]
    if discount:
        conditions.append(_condition("DRV1", -discount, currency))
    conditions.append(_condition("MWST", tax, currency))
    return {
        "Material": erp_material(part.sku),
        "MaterialByCustomer": line["sku"],
        "UnderlyingPurchaseOrderItem": line["id"],
        "SalesOrderItemText": erp_text(part.name)[:40],
        "RequestedQuantity": str(quantity),
        "RequestedQuantityUnit": _UNIT,
        "ProductionPlant": part.plant,
        "to_PricingElement": conditions,
    }


def _condition(kind: str, value: Decimal, currency: str, *, per: int = 0) -> dict[str, Any]:
    """Return a price condition: an amount, or with `per` a price for that many."""
    condition = {
        "ConditionType": kind,
        "ConditionRateValue": f"{value.quantize(Decimal('1.000000000')):f}",
        "ConditionCurrency": currency,
    }
    return {**condition, "ConditionQuantity": str(per), "ConditionQuantityUnit": _UNIT} if per else condition


def _header_conditions(shop: Shop, body: Mapping[str, Any], currency: str) -> list[dict[str, Any]]:
    freight, tax = shipping_net(body["shipping"], body["tax_included"]), Decimal(body["shipping"]["tax"])
    conditions = [_condition("HD00", freight, currency), _condition("MWST", tax, currency)] if freight else []
    rounding = Decimal(body["rounding"])
    if rounding and shop.settings["erp_rounding_line"]:
        conditions.append(_condition("DIFF", rounding, currency))
    return conditions


def _taxed_per_rate(
    lines: Sequence[Mapping[str, Any]], included: bool, currency: str, mode: str
) -> tuple[list[Mapping[str, Any]], Decimal]:
    """Return the lines with the tax of each rate rounded once, as the ERP does, and what is left over in all."""
    taxes: dict[str, Decimal] = {}
    for rate in dict.fromkeys(line["tax_rate"] for line in lines):
        group = [line for line in lines if line["tax_rate"] == rate]
        totals = [Decimal(line["total"]) for line in group]
        whole = tax_of(sum(totals, Decimal(0)), Decimal(rate), included, currency, mode)
        shares = allocate(whole, totals, quantum(currency))
        taxes |= {line["id"]: share for line, share in zip(group, shares, strict=True)}
    left = sum((Decimal(line["tax"]) - taxes[line["id"]] for line in lines), Decimal(0))
    return [{**line, "erp_tax": f"{taxes[line['id']]:f}"} for line in lines], left


def _with_rounding(header: Sequence[Mapping[str, Any]], left: Decimal, currency: str) -> list[dict[str, Any]]:
    """Return header conditions with so much more in the rounding line."""
    others = [dict(each) for each in header if each["ConditionType"] != "DIFF"]
    known = sum((Decimal(each["ConditionRateValue"]) for each in header if each["ConditionType"] == "DIFF"), Decimal(0))
    return [*others, _condition("DIFF", known + left, currency)] if known + left else others


def _texts(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    address = body["address"]
    lines = [
        body["customer"]["name"], address["name"], address["line1"], address["line2"],
        f"{stored_postcode(address['postcode'])} {address['city']}".strip(), address["region"], address["country"],
        address["phone"], body["customer"]["email"],
    ]  # fmt: skip
    return [{"Language": "EN", "LongTextID": "TX01", "LongText": erp_text("\n".join(line for line in lines if line))}]


def _sap_date(day: str) -> str:
    """Return a date as OData V2's JSON writes it: milliseconds since 1970 at midnight UTC."""
    midnight = datetime.combine(datetime.fromisoformat(day).date(), time(), UTC)
    return f"/Date({int(midnight.timestamp()) * 1000})/"
