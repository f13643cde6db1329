"""Stock from the ERP: on-hand quantities are read page by page; what differs and is not in flight is booked."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from mocks.merchant.clients.sap_client import STOCK
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.hub.stock import record_movement
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

_UNRESTRICTED = "01"


@seam("stock and bundles")
def on_hand_from_erp(erp_quantity: int, on_hand: int, in_flight: int) -> int:
    """Return the shop's on-hand for what the ERP holds.

    In flight is what orders have been handed to the ERP and not seen leave: the ERP may have issued any part of it, so
    a shortfall of at most that much is no difference.
    """
    if on_hand - in_flight <= erp_quantity <= on_hand:
        return on_hand
    return erp_quantity


@seam("polling and paging")
def is_synced(sku: str) -> bool:
    """Say whether a SKU takes part in the stock sync."""
    return True


def sync_stock(shop: Shop) -> int:
    """Read the ERP's stock and book what differs; return how many SKUs changed."""
    held: dict[str, int] = {}
    try:
        for page in shop.sap.pages(
            STOCK,
            "A_MatlStkInAcctMod",
            filter_=f"InventoryStockType eq '{_UNRESTRICTED}'",
            order="Material",
            page_size=shop.settings["page_size"],
            select="Material,MatlWrhsStkQtyInMatlBaseUnit",
        ):
            for row in page:
                quantity = int(Decimal(row["MatlWrhsStkQtyInMatlBaseUnit"]))
                held[row["Material"]] = held.get(row["Material"], 0) + quantity
    except (Unreachable, Refused) as error:
        shop.log.write("stock_sync_failed", error=str(error))
        return 0
    return sum(_book(shop, sku, quantity) for sku, quantity in held.items() if is_synced(sku))


def _book(shop: Shop, sku: str, erp_quantity: int) -> int:
    row = shop.database.one("SELECT on_hand FROM stock WHERE sku = ?", sku)
    if row is None or row["on_hand"] == erp_quantity:
        return 0
    with shop.database.write() as connection:
        on_hand = connection.execute("SELECT on_hand FROM stock WHERE sku = ?", (sku,)).fetchone()["on_hand"]
        new = on_hand_from_erp(erp_quantity, on_hand, _in_flight(connection, sku))
        if new == on_hand:
            return 0
        now = shop.now_iso()
        connection.execute("UPDATE stock SET on_hand = ?, changed_at = ? WHERE sku = ?", (new, now, sku))
        kind = "receipt" if new > on_hand else "adjustment"
        record_movement(connection, sku, kind, new - on_hand, "ERP stock", now)
    shop.log.write("stock", sku=sku, was=on_hand, now=new)
    return 1


def _in_flight(connection: sqlite3.Connection, sku: str) -> int:
    row = connection.execute(
        "SELECT COALESCE(SUM(quantity), 0) AS n FROM reservations WHERE sku = ? AND state = 'committed'", (sku,)
    ).fetchone()
    return int(row["n"])
