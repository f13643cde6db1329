"""The catalogue from the ERP: marks for deletion and names are taken over, of each material told otherwise before."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mocks.merchant.clients.sap_client import MATERIALS
from mocks.merchant.clients.transport import Refused, Unreachable
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

_LANGUAGE = "EN"
_COLUMNS = "Product,IsMarkedForDeletion,to_Description/Language,to_Description/ProductDescription"


@seam("catalogue")
def is_taken_off(marked: bool) -> bool:
    """Say whether an article is taken off sale for what the ERP says of it: where it is marked for deletion."""
    return marked


@seam("catalogue")
def comes_back(marked: bool) -> bool:
    """Say whether an article of the shop's own catalogue that is off sale is put back: not while the ERP marks it."""
    return not marked


def sync_catalogue(shop: Shop) -> int:
    """Read the ERP's materials and take over what changed; return how many articles did."""
    told: dict[str, Mapping[str, Any]] = {}
    try:
        for page in shop.sap.pages(
            MATERIALS,
            "A_Product",
            filter_="",
            order="Product",
            page_size=shop.settings["page_size"],
            select=_COLUMNS,
            expand="to_Description",
        ):
            told.update({row["Product"]: row for row in page if row["Product"] in shop.catalogue.products})
    except (Unreachable, Refused) as error:
        shop.log.write("catalogue_sync_failed", error=str(error))
        return 0
    with shop.database.write() as connection:
        back = _put_back(connection)
        return back + sum(_take_over(connection, shop, row) for row in told.values())


def _put_back(connection: sqlite3.Connection) -> int:
    """Offer what the shop's own catalogue holds, as far as nothing is against it."""
    off = connection.execute("SELECT sku, marked FROM materials WHERE on_sale = 0").fetchall()
    wanted = [row["sku"] for row in off if comes_back(bool(row["marked"]))]
    for sku in wanted:
        connection.execute("UPDATE materials SET on_sale = 1 WHERE sku = ?", (sku,))
    return len(wanted)


def _take_over(connection: sqlite3.Connection, shop: Shop, row: Mapping[str, Any]) -> int:
    sku, marked, name = row["Product"], bool(row["IsMarkedForDeletion"]), _name(row)
    if name == shop.catalogue.product(sku).name:
        name = None
    known = connection.execute("SELECT * FROM materials WHERE sku = ?", (sku,)).fetchone()
    if known and (bool(known["marked"]), known["name"]) == (marked, name):
        return 0
    on_sale = not is_taken_off(marked)
    connection.execute(
        "INSERT OR REPLACE INTO materials (sku, marked, on_sale, name) VALUES (?, ?, ?, ?)",
        (sku, int(marked), int(on_sale), name),
    )
    before = (bool(known["on_sale"]), known["name"]) if known else (True, None)
    if before == (on_sale, name):
        return 0
    shop.log.write("article", sku=sku, on_sale=on_sale, name=name)
    return 1


def _name(row: Mapping[str, Any]) -> str | None:
    described = (row.get("to_Description") or {}).get("results") or []
    return next((each["ProductDescription"] or None for each in described if each["Language"] == _LANGUAGE), None)
