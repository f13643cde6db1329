"""Stock: what is on hand, what is spoken for, what may be sold. All changes are movements or reservations."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant.errors import Refusal
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.catalogue import components

_LIVE = "('open', 'committed')"


def seed_stock(connection: sqlite3.Connection, shop: Shop) -> None:
    """Book the catalogue's opening stock where none is booked."""
    if connection.execute("SELECT 1 FROM stock LIMIT 1").fetchone():
        return
    now = shop.now_iso()
    for product in shop.catalogue.products.values():
        if not product.bundle:
            connection.execute("INSERT INTO stock VALUES (?, ?, ?)", (product.sku, product.stock, now))
            record_movement(connection, product.sku, "opening", product.stock, "catalogue", now)


def record_movement(
    connection: sqlite3.Connection, sku: str, kind: str, quantity: int, reference: str, at: str
) -> None:
    """Write one movement; the caller changes the stock in the same transaction."""
    connection.execute(
        "INSERT INTO movements (sku, kind, quantity, reference, at) VALUES (?, ?, ?, ?, ?)",
        (sku, kind, quantity, reference, at),
    )


@seam("stock and bundles")
def sellable(on_hand: int, reserved: int, safety: int) -> int:
    """Return how many may still be sold: on hand less reserved less the safety stock."""
    return on_hand - reserved - safety


def safety_of(settings: Mapping[str, Any], sku: str) -> int:
    """Return the safety stock kept of a SKU."""
    return int(settings["safety_stock_by_sku"].get(sku, settings["safety_stock"]))


def level(connection: sqlite3.Connection, settings: Mapping[str, Any], sku: str) -> dict[str, int]:
    """Return on hand, reserved, safety and sellable of one SKU that is no bundle."""
    row = connection.execute(
        "SELECT on_hand, (SELECT COALESCE(SUM(quantity), 0) FROM reservations WHERE sku = stock.sku"
        " AND state IN ('open', 'committed')) AS reserved FROM stock WHERE sku = ?",
        (sku,),
    ).fetchone()
    safety = safety_of(settings, sku)
    return {
        "on_hand": row["on_hand"],
        "reserved": row["reserved"],
        "safety": safety,
        "sellable": sellable(row["on_hand"], row["reserved"], safety),
    }


@seam("stock and bundles")
def reserve(
    connection: sqlite3.Connection, shop: Shop, needed: Mapping[str, int], holder: str, expires_at: str | None
) -> None:
    """Reserve all or nothing for a holder, inside the caller's write transaction. Raises `Refusal` 409 when short."""
    now = shop.now_iso()
    for sku, quantity in sorted(needed.items()):
        available = level(connection, shop.settings, sku)["sellable"]
        if quantity > available and not shop.catalogue.product(sku).backorder:
            raise Refusal(
                409,
                "out_of_stock",
                f"Only {max(available, 0)} of '{sku}' are left.",
                sku=sku,
                available=max(available, 0),
            )
        connection.execute(
            "INSERT INTO reservations (sku, quantity, holder, state, expires_at, at) VALUES (?, ?, ?, 'open', ?, ?)",
            (sku, quantity, holder, expires_at, now),
        )


@seam("stock and bundles")
def commit_reservation(connection: sqlite3.Connection, holder: str) -> None:
    """Turn a holder's open reservations into committed ones that never expire: the order exists."""
    connection.execute(
        "UPDATE reservations SET state = 'committed', expires_at = NULL WHERE holder = ? AND state = 'open'", (holder,)
    )


@seam("stock and bundles")
def release_reservation(connection: sqlite3.Connection, holder: str, reason: str) -> None:
    """Give back what a holder has reserved: the payment failed, the order was cancelled or the time is up."""
    connection.execute(
        f"UPDATE reservations SET state = 'released' WHERE holder = ? AND state IN {_LIVE}",  # noqa: S608
        (holder,),
    )


@seam("stock and bundles")
def reservation_expiry(now_plus_ttl: str) -> str | None:
    """Return when an open reservation lapses; None would be never."""
    return now_plus_ttl


@seam("stock and bundles")
def shelf_needs(shop: Shop, lines: list[dict[str, Any]]) -> dict[str, int]:
    """Return what order lines take from the shelf, by SKU of the components."""
    needed: dict[str, int] = {}
    for line in lines:
        for sku, quantity in components(shop.catalogue.product(line["sku"]), line["quantity"]).items():
            needed[sku] = needed.get(sku, 0) + quantity
    return needed


def holds(connection: sqlite3.Connection, holder: str) -> bool:
    """Say whether the holder still has a live reservation."""
    found = connection.execute(
        f"SELECT 1 FROM reservations WHERE holder = ? AND state IN {_LIVE} LIMIT 1",  # noqa: S608
        (holder,),
    ).fetchone()
    return found is not None
