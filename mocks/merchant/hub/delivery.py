"""Outbound deliveries: polled with a cursor, page by page; goods issue takes the stock and makes parcels."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mocks.merchant.clients.sap_client import DELIVERIES, text_literal
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.database import pack, unpack
from mocks.merchant.hub.outbox import still_wanted
from mocks.merchant.hub.stock import record_movement
from mocks.merchant.ids import next_id
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.catalogue import components, unit_weight_g
from mocks.merchant.storefront.progress import find_order, move

_CURSOR = "delivery_cursor"


@seam("polling and paging")
def delivery_cursor(now_date: str, last: str | None, overlap_days: int) -> str:
    """Return the date from which deliveries are asked for: that of the last complete poll less the overlap, in UTC."""
    return (date.fromisoformat(last or now_date) - timedelta(days=overlap_days)).isoformat()


@seam("batch")
def after_bad_delivery(number: str, error: Exception) -> bool:
    """Say whether the poll goes on after a delivery that cannot be taken over."""
    return True


@seam("shipping and labels")
def ships_partially(delivered: int, ordered: int) -> bool:
    """Say whether a delivery of part of an order makes a parcel of its own."""
    return True


@seam("shipping and labels")
def parcels_of(lines: list[dict[str, Any]], most_g: int, packaging_g: int) -> list[list[dict[str, Any]]]:
    """Return how a delivery is packed: lines with unit weights, filled into parcels of at most so many grams."""
    parcels: list[list[dict[str, Any]]] = [[]]
    room = most_g - packaging_g
    for line in lines:
        left = line["quantity"]
        while left > 0:
            fits = left if line["unit_g"] == 0 else min(left, room // line["unit_g"])
            if fits == 0 and parcels[-1]:
                parcels.append([])
                room = most_g - packaging_g
                continue
            take = max(fits, 1)
            parcels[-1].append({**line, "quantity": take})
            room -= take * line["unit_g"]
            left -= take
    return [parcel for parcel in parcels if parcel]


def has_open_deliveries(shop: Shop) -> bool:
    """Say whether a document the ERP approved waits for goods issue."""
    waiting = "SELECT 1 FROM erp_documents WHERE kind = 'sales_order' AND status = 'approved' LIMIT 1"
    return shop.database.one(waiting) is not None


def poll_deliveries(shop: Shop) -> int:
    """Read the deliveries with goods issue posted since the cursor and take over the new ones; return how many."""
    today = shop.now_iso()[:10]
    row = shop.database.one("SELECT value FROM meta WHERE key = ?", _CURSOR)
    since = delivery_cursor(today, row["value"] if row else None, shop.settings["delivery_overlap_days"])
    wanted = f"OverallGoodsMovementStatus eq 'C' and LastChangeDate ge datetime'{since}T00:00:00'"
    taken = 0
    try:
        for page in shop.sap.pages(
            DELIVERIES,
            "A_OutbDeliveryHeader",
            filter_=wanted,
            order="DeliveryDocument",
            page_size=shop.settings["page_size"],
            select="DeliveryDocument",
        ):
            new = [header["DeliveryDocument"] for header in page if _is_new(shop, header["DeliveryDocument"])]
            taken += len(new)
            if not all(shop.for_each(lambda number: _take_over(shop, number), new)):
                return taken
    except (Unreachable, Refused) as error:
        shop.log.write("delivery_poll_failed", error=str(error))
        return taken
    with shop.database.write() as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_CURSOR, today))
    return taken


def _is_new(shop: Shop, number: str) -> bool:
    return shop.database.one("SELECT 1 FROM erp_documents WHERE kind = 'delivery' AND number = ?", number) is None


def _take_over(shop: Shop, number: str) -> bool:
    """Take over one delivery; return whether the poll goes on."""
    try:
        document = shop.sap.read(
            DELIVERIES, f"A_OutbDeliveryHeader({text_literal(number)})", expand="to_DeliveryDocumentItem"
        )
        if document is not None:
            with shop.database.write() as connection:
                _book(connection, shop, number, document["to_DeliveryDocumentItem"]["results"])
    except (Refused, KeyError, ValueError, sqlite3.IntegrityError) as error:
        shop.log.write("delivery_refused", delivery=number, error=repr(error))
        return after_bad_delivery(number, error)
    return True


def _book(connection: sqlite3.Connection, shop: Shop, number: str, items: list[Mapping[str, Any]]) -> None:
    """Book one delivery's goods issue: document, stock, parcels, order status; each once."""
    source = str(items[0]["ReferenceSDDocument"]).lstrip("0")
    found = connection.execute(
        "SELECT order_id FROM erp_documents WHERE kind = 'sales_order' AND number = ?", (source,)
    ).fetchone()
    now = shop.now_iso()
    order_id = found["order_id"] if found else ""
    new = connection.execute(
        "INSERT OR IGNORE INTO erp_documents VALUES ('delivery', ?, ?, ?, 'goods issued', ?)",
        (number, order_id, source, now),
    )
    if new.rowcount == 0 or found is None:
        return
    order = find_order(connection, order_id)
    delivered: dict[str, int] = {}
    for item in items:
        quantity = int(Decimal(item["ActualDeliveryQuantity"]))
        delivered[item["Material"]] = delivered.get(item["Material"], 0) + quantity
    for sku, quantity in delivered.items():
        take_from_shelf(connection, sku, quantity, order["checkout_id"], number, now)
    body = unpack(order["body"])
    lines = _lines_of(shop, connection, order_id, body, delivered)
    ordered = sum(line["quantity"] for line in body["lines"])
    if not still_wanted(order["status"]):
        shop.log.write("issued_after_cancel", order=order["number"], delivery=number, alarm=True)
        return
    if ships_partially(sum(line["quantity"] for line in lines), ordered):
        _write_parcels(connection, shop, order, number, lines)
    complete = is_fully_issued(connection, shop, order_id, body)
    if complete:
        connection.execute(
            "UPDATE erp_documents SET status = 'delivered' WHERE kind = 'sales_order' AND order_id = ?", (order_id,)
        )
    move(connection, shop, order_id, "shipped" if complete else "partially_shipped", f"goods issue of {number}")


@seam("stock and bundles")
def take_from_shelf(
    connection: sqlite3.Connection, sku: str, quantity: int, holder: str, reference: str, at: str
) -> None:
    """Take shipped goods off the stock and close as much of the holder's reservation; a movement records it."""
    connection.execute("UPDATE stock SET on_hand = on_hand - ?, changed_at = ? WHERE sku = ?", (quantity, at, sku))
    record_movement(connection, sku, "shipped", -quantity, reference, at)
    left = quantity
    for row in connection.execute(
        "SELECT id, quantity FROM reservations WHERE holder = ? AND sku = ? AND state = 'committed'", (holder, sku)
    ).fetchall():
        used = min(left, row["quantity"])
        state = "shipped" if used == row["quantity"] else "committed"
        rest = row["quantity"] if state == "shipped" else row["quantity"] - used
        connection.execute("UPDATE reservations SET state = ?, quantity = ? WHERE id = ?", (state, rest, row["id"]))
        left -= used


def wanted_quantities(body: Mapping[str, Any]) -> dict[str, int]:
    """Return how many of each line are to be shipped: ordered less cancelled."""
    cancelled = body["cancelled_lines"]
    return {line["id"]: line["quantity"] - cancelled.get(line["id"], 0) for line in body["lines"]}


def issued_quantities(connection: sqlite3.Connection, order_id: str) -> dict[str, int]:
    """Return how many of each SKU left the shelf for an order."""
    rows = connection.execute(
        "SELECT m.sku, -SUM(m.quantity) AS quantity FROM movements m JOIN erp_documents d ON d.kind = 'delivery'"
        " AND d.number = m.reference WHERE m.kind = 'shipped' AND d.order_id = ? GROUP BY m.sku",
        (order_id,),
    ).fetchall()
    return {row["sku"]: row["quantity"] for row in rows}


def is_fully_issued(connection: sqlite3.Connection, shop: Shop, order_id: str, body: Mapping[str, Any]) -> bool:
    """Say whether everything an order is to get has left the shelf."""
    needed: dict[str, int] = {}
    wanted = wanted_quantities(body)
    for line in body["lines"]:
        for sku, quantity in components(shop.catalogue.product(line["sku"]), wanted[line["id"]]).items():
            needed[sku] = needed.get(sku, 0) + quantity
    issued = issued_quantities(connection, order_id)
    return all(issued.get(sku, 0) >= quantity for sku, quantity in needed.items())


def _lines_of(
    shop: Shop, connection: sqlite3.Connection, order_id: str, body: Mapping[str, Any], delivered: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return what a delivery holds by order line; a bundle counts with its first component."""
    left = dict(delivered)
    shipped: dict[str, int] = {}
    for row in connection.execute("SELECT body FROM shipments WHERE order_id = ? AND state != 'voided'", (order_id,)):
        for line in unpack(row["body"])["lines"]:
            shipped[line["line"]] = shipped.get(line["line"], 0) + line["quantity"]
    lines = []
    for line in body["lines"]:
        product = shop.catalogue.product(line["sku"])
        sku, each = next(iter(components(product, 1).items()))
        quantity = min(left.get(sku, 0) // each, line["quantity"] - shipped.get(line["id"], 0))
        if quantity > 0:
            for part, number in components(product, quantity).items():
                left[part] = left.get(part, 0) - number
            unit_g = unit_weight_g(shop.catalogue, product)
            lines.append({"line": line["id"], "sku": line["sku"], "quantity": quantity, "unit_g": unit_g})
    return lines


def _write_parcels(
    connection: sqlite3.Connection, shop: Shop, order: sqlite3.Row, delivery: str, lines: list[dict[str, Any]]
) -> None:
    most, packaging = shop.settings["parcel_max_g"], shop.settings["packaging_g"]
    for place, parcel in enumerate(parcels_of(lines, most, packaging), 1):
        body = {"lines": parcel, "events": []}
        connection.execute(
            "INSERT INTO shipments (id, order_id, delivery, parcel, state, carrier, status, due_at, body)"
            " VALUES (?, ?, ?, ?, 'queued', 'ups', 'none', ?, ?)",
            (next_id(connection, "shp", shop.config.seed), order["id"], delivery, place, shop.now_iso(), pack(body)),
        )
